//! `tripline alerts show`: why an alert was raised, what was held back with it, and what became of it.

use std::fmt::Write as _;

use console::explain::{self, Explained};
use contracts::json::{Object, Value};
use contracts::record::Field;

use super::shown_status;
use crate::args::{self, Common, Form};
use crate::failure::Failure;
use crate::place::{self, Access};
use crate::schemas::Schemas;
use crate::view::View;
use crate::{settled, terminal};

pub fn run(args: &args::AlertsShow, common: &Common) -> Result<(), Failure> {
    let config = settled::config(common, args.place.overrides())?;
    let place = place::open(&config, Access::Existing)?;
    let schemas = Schemas::of(config.registry.as_ref())?;
    let view = View::of(&place, &schemas)?;
    for id in &args.ids {
        let explained = explain::explain(&*place.log, &schemas, view.alert(id)?)?;
        terminal::print(match common.output {
            Form::Json => terminal::escaped(&explained.to_json()).into_owned() + "\n",
            Form::Text => terminal::escaped_lines(&text(&explained)).into_owned(),
        })?;
    }
    Ok(())
}

fn text(explained: &Explained) -> String {
    let (alert, summary) = (&explained.alert, &explained.detail.summary);
    let event = &alert.trigger_event;
    let mut page = Page::default();
    page.head(&format!("{} ({}, {})", alert.message, summary.severity, summary.category));
    page.line("alert", alert.alert_id.as_str());
    page.line("status", &status(explained));
    page.line("rule", &format!("{} ({}) of watcher {}", alert.rule_id, alert.rule_name, alert.source));
    page.line("rule set", &format!("{} {}", alert.rule_set.name, alert.rule_set.digest));
    page.line("endpoint", event.endpoint_id.as_str());
    if alert.group_key != "[]" {
        page.line("group", &alert.group_key);
    }
    page.line("triggered", &alert.triggered_at.to_string());
    page.line("raised", &summary.raised_at);
    if let Some(window) = &alert.window {
        page.line("window", &format!("{} matches after {} up to {}", alert.occurrences, window.from, window.to));
    }
    if !alert.complete {
        page.line("incomplete", "events were lost in its window; the count may be too low");
    }
    page.line("action", &action(alert));

    page.head("Because");
    page.line("event", &format!("{} on topic {}", event.event_type, event.topic));
    page.line("observed", &event.observed_at.to_string());
    page.line("source", &event.source);
    for (name, value) in
        [("actor", &event.actor_id), ("session", &event.scope.session_id), ("thread", &event.scope.thread_id)]
    {
        if let Some(value) = value {
            page.line(name, value);
        }
    }
    match &explained.compared {
        Some(compared) => page.members("compared", compared.value().as_object()),
        None => page.line("compared", "no longer kept"),
    }
    page.members("payload", event.payload.value().as_object());

    page.head("Held back with it");
    let held = &explained.detail.held_back;
    if held.is_empty() {
        page.line("nothing", "so far; counts are told when their window closes");
    }
    for held in held {
        page.line(&held.reason, &format!("{} until {}", held.count, held.until));
    }
    page.head("Escalation");
    if explained.detail.escalations.is_empty() {
        page.line("none", "so far");
    }
    for told in &explained.detail.escalations {
        page.line(&told.target, &format!("at {}, priority {}, block {}", told.sent_at, told.priority, told.block));
    }
    page.head("Search for");
    page.line("event id", event.event_id.as_str());
    for (name, value) in [
        ("causation", event.causation_id.as_ref().map(ToString::to_string)),
        ("correlation", event.correlation_id.clone()),
    ] {
        if let Some(value) = value {
            page.line(name, &value);
        }
    }
    page.line("dedup hash", &alert.dedup_hash.to_string());
    let place = explained.detail.place;
    page.line("record", &format!("alerts.v1, partition {}, offset {}", place.partition, place.offset));
    page.text
}

fn status(explained: &Explained) -> String {
    let summary = &explained.detail.summary;
    let acted = explained.detail.resolved.as_ref().or(explained.detail.acknowledged.as_ref());
    let by = acted.map_or_else(String::new, |acted| {
        let reason = acted.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
        format!(" by {}, {}{reason}", acted.by, acted.at)
    });
    let confirmed = if summary.confirmed { "" } else { "; no processor's answer is on the log" };
    format!("{}{by}{confirmed}", shown_status(summary))
}

fn action(alert: &contracts::records::Alert) -> String {
    let mut text = String::new();
    alert.action.write_json(&mut text);
    text
}

#[derive(Default)]
struct Page {
    text: String,
}

/// How far values stand from the edge.
const INDENT: usize = 14;
/// Members shown of a payload; the record has all of them.
const MEMBERS_MAX: usize = 30;
const VALUE_CHARS_MAX: usize = 400;

impl Page {
    fn head(&mut self, text: &str) {
        let gap = if self.text.is_empty() { "" } else { "\n" };
        self.put(format_args!("{gap}{}\n", text.replace('\n', " ")));
    }

    fn line(&mut self, name: &str, value: &str) {
        let value = crate::table::cut(&value.replace('\n', "\\n"), VALUE_CHARS_MAX);
        let gap = " ".repeat(INDENT.saturating_sub(name.chars().count()).max(2));
        self.put(format_args!("  {name}{gap}{value}\n"));
    }

    fn members(&mut self, name: &str, members: Option<&Object<'_>>) {
        let Some(members) = members.filter(|members| !members.is_empty()) else { return };
        for (place, (member, value)) in members.iter().take(MEMBERS_MAX).enumerate() {
            let value = match value {
                Value::String(text) => text.to_string(),
                other => other.to_string(),
            };
            self.line(if place == 0 { name } else { "" }, &format!("{member}: {value}"));
        }
        if members.len() > MEMBERS_MAX {
            self.line("", &format!("and {} more; --output json shows all", members.len() - MEMBERS_MAX));
        }
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        self.text.write_fmt(text).expect("invariant: a String takes text");
    }
}
