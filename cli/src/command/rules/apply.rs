//! `tripline rules apply`: files, made the rule set that runs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bus::config::Config;
use contracts::json::Value;
use serde_json::json;

use crate::args::{self, Common, Form};
use crate::failure::Failure;
use crate::orders::{Orders, Swapped};
use crate::rule_set::{self, RuleSetFiles};
use crate::{settled, terminal};

pub fn run(args: args::RulesApply, common: &Common) -> Result<(), Failure> {
    let config: Config = settled::config(common, args.order.place.overrides())?;
    let read = match &args.path {
        Some(path) => rule_set::at(path, None, common.output)?,
        None => rule_set::of_topology(&settled::topology(None, &config)?, None, common.output)?,
    };
    let orders = Orders::open(&config, args.order.signed)?;
    let swapped = orders.swap(&read.plan.rule_set, args.order.reason)?;
    tell(common.output, &read, &swapped)
}

fn tell(form: Form, read: &RuleSetFiles, swapped: &Swapped) -> Result<(), Failure> {
    let (name, rules, digest) = (&read.plan.set.name, read.plan.rules.len(), swapped.digest.to_string());
    let offset = swapped.done.offset.0;
    let tasks = swapped.done.answers.iter().filter_map(|answer| Some((answer.position.as_ref()?, answer)));
    terminal::print(match form {
        Form::Text => {
            let mut text = format!(
                "rule set {} ({rules} rules, {}) runs, from control offset {offset} on:\n",
                terminal::escaped(name),
                &digest[..12]
            );
            for (position, answer) in tasks {
                writeln!(text, "  {} from {}", position.task, answer.event.observed_at)
                    .expect("invariant: a String takes text");
            }
            let gone = gone(swapped);
            if !gone.is_empty() {
                let (rules, alerts) = (gone.keys().cloned().collect::<Vec<_>>().join(", "), gone.values().sum::<i64>());
                let rules = terminal::escaped(&rules);
                writeln!(
                    text,
                    "no longer there: {rules}; their switches and mutes are gone, {alerts} open alerts are closed"
                )
                .expect("invariant: a String takes text");
            }
            text
        }
        Form::Json => {
            let tasks = tasks.map(|(position, answer)| {
                json!({
                    "topic": &*position.task.topic, "partition": position.task.index,
                    "from": answer.event.observed_at.to_string(),
                })
            });
            let tasks: Vec<_> = tasks.collect();
            let line = json!({
                "name": name, "digest": digest, "rules": rules, "command_id": swapped.done.command_id.as_str(),
                "control_offset": offset, "tasks": tasks, "gone": gone(swapped),
            });
            format!("{}\n", terminal::escaped(&line.to_string()))
        }
    })
}

/// Rules that ran before and that this set does not have, and how many open alerts each had.
fn gone(swapped: &Swapped) -> BTreeMap<String, i64> {
    let mut gone = BTreeMap::new();
    for answer in &swapped.done.answers {
        let payload = answer.event.payload.value();
        let dropped = payload.as_object().and_then(|payload| payload.get("dropped")).and_then(Value::as_array);
        for rule in dropped.unwrap_or_default().iter().filter_map(Value::as_object) {
            let text = |name| rule.get(name).and_then(Value::as_str);
            if let (Some(rule_id), Some("gone")) = (text("rule_id"), text("why")) {
                let alerts =
                    rule.get("active_alerts").and_then(Value::as_number).and_then(contracts::json::Number::to_i64);
                *gone.entry(rule_id.to_owned()).or_default() += alerts.unwrap_or(0);
            }
        }
    }
    gone
}
