//! What a rule does: one key says which action, others are its parameters.

use contracts::field::JsonObject;
use contracts::records::{AlertAction, LogLevel, Priority, Severity};

use super::item::Items;
use super::read::Keys;
use crate::diagnostic::{Code, Reported, Trouble};
use crate::reading::Form;

/// Each action by its name in the text form and in JSON, with the keys that are its own.
const ACTIONS: [(&str, &str, Which, &[&str]); 5] = [
    ("notify", "Notify", Which::Notify, &[]),
    ("block", "Block", Which::Block, &["reason"]),
    ("escalate", "Escalate", Which::Escalate, &["target", "priority"]),
    ("log_signal", "LogSignal", Which::LogSignal, &["level"]),
    ("guardrail", "Guardrail", Which::Guardrail, &["action_type", "parameters"]),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    Notify,
    Block,
    Escalate,
    LogSignal,
    Guardrail,
}

/// The names of an action, in the text form and in JSON.
pub(super) fn names(action: &AlertAction) -> (&'static str, &'static str) {
    let which = match action {
        AlertAction::Notify => Which::Notify,
        AlertAction::Block { .. } => Which::Block,
        AlertAction::Escalate { .. } => Which::Escalate,
        AlertAction::LogSignal { .. } => Which::LogSignal,
        AlertAction::Guardrail { .. } => Which::Guardrail,
    };
    let known = ACTIONS.iter().find(|(_, _, known, _)| *known == which);
    let (text, json, ..) = known.expect("invariant: the list has them all");
    (text, json)
}

pub(super) fn read(
    keys: &mut Keys<'_, '_>,
    severity: Option<Severity>,
    escalate_to: &Result<Option<String>, Reported>,
) -> Result<AlertAction, Reported> {
    let choices = match keys.items.form {
        Form::Text => ACTIONS.map(|(name, _, action, _)| (name, action)),
        Form::Json => ACTIONS.map(|(_, name, action, _)| (name, action)),
    };
    let action = keys.get("action", |items, node| items.choice(node, &choices));
    let reason = keys.get("reason", Items::string);
    let target = keys.get("target", Items::string);
    let priority = keys.get("priority", Items::symbol::<Priority>);
    let level = keys.get("level", Items::symbol::<LogLevel>);
    let action_type = keys.get("action_type", Items::string);
    let parameters = keys.get("parameters", Items::object);

    let action = action?.unwrap_or(Which::Notify);
    check_keys(keys, action)?;
    let severity = severity.unwrap_or(Severity::Medium);
    Ok(match action {
        Which::Notify => AlertAction::Notify,
        Which::Block => AlertAction::Block { reason: needed(keys, "reason", reason)? },
        Which::Escalate => {
            let target = match (target?, escalate_to) {
                (Some(target), _) => target,
                (None, Ok(Some(target))) => target.clone(),
                (None, Ok(None)) => needed(keys, "escalate_to", Ok(None))?,
                (None, Err(reported)) => return Err(*reported),
            };
            AlertAction::Escalate { target, priority: priority?.unwrap_or_else(|| priority_of(severity)) }
        }
        Which::LogSignal => AlertAction::LogSignal { level: level?.unwrap_or_else(|| level_of(severity)) },
        Which::Guardrail => AlertAction::Guardrail {
            action_type: needed(keys, "action_type", action_type)?,
            parameters: parameters?.unwrap_or_else(JsonObject::empty),
        },
    })
}

/// How urgent an escalation of this severity is if the rule does not say.
pub(super) fn priority_of(severity: Severity) -> Priority {
    match severity {
        Severity::Info | Severity::Low => Priority::Low,
        Severity::Medium => Priority::Normal,
        Severity::High => Priority::High,
        Severity::Critical => Priority::Critical,
    }
}

/// How loud a log signal of this severity is if the rule does not say.
pub(super) fn level_of(severity: Severity) -> LogLevel {
    match severity {
        Severity::Info | Severity::Low => LogLevel::Info,
        Severity::Medium => LogLevel::Warn,
        Severity::High | Severity::Critical => LogLevel::Error,
    }
}

fn needed<T>(keys: &mut Keys<'_, '_>, name: &str, value: Result<Option<T>, Reported>) -> Result<T, Reported> {
    let span = keys.entry("action").map_or_else(|| keys.head.clone(), |entry| entry.span.clone());
    value?.ok_or_else(|| keys.missing(name, span))
}

/// A parameter of another action is a mistake, not a remark.
fn check_keys(keys: &mut Keys<'_, '_>, action: Which) -> Result<(), Reported> {
    let mut checked = Ok(());
    for (text, json, owner, names) in ACTIONS {
        let strangers = names.iter().filter(|_| owner != action).filter_map(|name| keys.entry(name));
        for entry in strangers.collect::<Vec<_>>() {
            let owner = if keys.items.form == Form::Text { text } else { json };
            let trouble = Trouble::new(
                Code::Conflict,
                format!("`{}` is a parameter of another action", keys.shown(entry.key.name)),
            )
            .expected(format!("the action `{owner}` beside it"))
            .help("remove it, or write the action that it belongs to");
            checked = Err(keys.items.log.report(entry.span.clone(), trouble));
        }
    }
    checked
}
