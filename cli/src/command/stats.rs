//! `tripline stats`: detection in numbers.

use std::fmt::Write as _;

use console::wire::view::{NumberJson, RuleJson, Rules, Stats};
use serde_json::json;

use crate::args::{self, Common, Form};
use crate::failure::Failure;
use crate::place::{self, Access};
use crate::schemas::Schemas;
use crate::table::{self, Cell};
use crate::view::View;
use crate::{settled, terminal};

pub fn run(args: &args::Stats, common: &Common) -> Result<(), Failure> {
    let config = settled::config(common, args.place.overrides())?;
    let place = place::open(&config, Access::Existing)?;
    let schemas = Schemas::of(config.registry.as_ref())?;
    let view = View::of(&place, &schemas)?;
    let (stats, rules) = (view.stats()?, view.rules()?);
    terminal::print(match common.output {
        Form::Json => {
            let mut line = json!(stats);
            line["rule_set"] = json!(rules.set);
            line["rules"] = json!(rules.rules);
            terminal::escaped(&line.to_string()).into_owned() + "\n"
        }
        Form::Text => terminal::escaped_lines(&numbers(&stats, &rules)).into_owned() + &table_of(&rules),
    })
}

fn numbers(stats: &Stats, rules: &Rules) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        writeln!(text, "{name:14}{value}").expect("invariant: a String takes text");
    };
    line(
        "rule set",
        rules.set.as_ref().map_or_else(
            || "none was applied".to_owned(),
            |set| {
                let name = set.name.as_deref().unwrap_or("(its parts are not on the log)");
                format!("{name} {}{}", &set.digest[..12], if set.confirmed { "" } else { ", not confirmed" })
            },
        ),
    );
    if let (Some(since), Some(until)) = (&stats.since, &stats.until) {
        line("counted", format!("{since} to {until}"));
    }
    line("alerts", format!("{}{}", stats.alerts, list(&stats.by_severity)));
    let kept =
        if stats.alerts_kept < stats.alerts { format!(", of the newest {}", stats.alerts_kept) } else { String::new() };
    line(
        "of these",
        format!("{} open, {} acknowledged, {} resolved{kept}", stats.open, stats.acknowledged, stats.resolved),
    );
    line("escalations", stats.escalations.to_string());
    line("held back", format!("{}{}", sum(&stats.held_back), list(&stats.held_back)));
    line("not taken", format!("{}{}", sum(&stats.not_taken), list(&stats.not_taken)));
    line("events lost", stats.events_lost.to_string());
    line("breakers open", stats.breakers_open.to_string());
    if stats.unreadable > 0 {
        line("unreadable", format!("{} records; `tripline tail` shows them", stats.unreadable));
    }
    if stats.is_cut {
        line("cut", "older escalations and counts are left out of single alerts".to_owned());
    }
    text
}

fn sum(numbers: &[NumberJson]) -> u64 {
    numbers.iter().map(|number| number.count).sum()
}

fn list(numbers: &[NumberJson]) -> String {
    let some: Vec<String> = numbers
        .iter()
        .filter(|number| number.count > 0)
        .map(|number| format!("{} {}", number.count, number.name))
        .collect();
    if some.is_empty() { String::new() } else { format!(": {}", some.join(", ")) }
}

fn table_of(rules: &Rules) -> String {
    if rules.rules.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<Cell>> = rules.rules.iter().map(row).collect();
    let head = ["RULE", "STATE", "ALERTS", "HELD BACK", "LAST ALERT"];
    format!("\n{}", table::render(&head, &rows, table::width(), false))
}

fn row(rule: &RuleJson) -> Vec<Cell> {
    vec![
        Cell::plain(&*rule.rule_id),
        Cell::plain(state(rule)),
        Cell::plain(rule.alerts.to_string()),
        Cell::plain(rule.held_back.to_string()),
        Cell::plain(rule.last_alert_at.as_deref().unwrap_or("-")),
    ]
}

/// In the order of what silences most.
fn state(rule: &RuleJson) -> String {
    let is_confirmed = rule.switched.as_ref().is_none_or(|switched| switched.confirmed)
        && rule.mutes.iter().all(|mute| mute.confirmed);
    let state = if rule.severity.is_none() {
        "not in set"
    } else if !rule.is_on {
        "off"
    } else if rule.mutes.iter().any(|mute| mute.group_key.is_none() && mute.endpoint_id.is_none()) {
        "muted"
    } else if !rule.mutes.is_empty() {
        "partly muted"
    } else if rule.breakers_open > 0 {
        "breaker open"
    } else {
        "on"
    };
    if is_confirmed { state.to_owned() } else { format!("{state}?") }
}
