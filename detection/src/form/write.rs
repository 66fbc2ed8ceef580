//! From a rule to keys and values: the inverse of [`super::read`].

use contracts::field::{JsonObject, Millionths, Symbols};
use contracts::record::Field as _;
use contracts::records::AlertAction;

use super::action;
use super::key::{KEYS, Key};
use crate::limits::{DEDUP_WINDOW_MS_DEFAULT, LATENESS_MS_DEFAULT};
use crate::rule::{Expr, Rule, Scope};

/// A value to be written.
#[derive(Debug, Clone)]
pub(crate) enum Output<'r> {
    Text(&'r str),
    /// At least one.
    Texts(Vec<String>),
    Word(&'static str),
    Words(Vec<&'static str>),
    /// By its names in the text form and in JSON.
    Action(&'static str, &'static str),
    Bool(bool),
    Milliseconds(u64),
    Number(String),
    Object(&'r JsonObject),
    /// `None`: every event.
    Filter(Option<&'r Expr>),
}

/// Each key that has something to say, in the order of [`KEYS`], and whether that is its default.
pub(crate) fn write(rule: &Rule) -> impl Iterator<Item = (&'static Key, Output<'_>, bool)> {
    KEYS.iter().filter_map(|key| {
        let (output, is_default) = value(rule, key.name)?;
        Some((key, output, is_default))
    })
}

fn value<'r>(rule: &'r Rule, key: &str) -> Option<(Output<'r>, bool)> {
    use Output::{Bool, Filter, Milliseconds, Text, Word};
    let holdback = &rule.holdback;
    let said = |output| Some((output, false));
    match key {
        "name" => Some((Text(&rule.name), rule.name == rule.id.as_str())),
        "description" => said(Text(rule.description.as_deref()?)),
        "enabled" => Some((Bool(rule.enabled), rule.enabled)),
        "topic" => texts(&rule.topics),
        "event_type" => texts(&rule.event_types),
        "filter" => Some((Filter(rule.filter.as_ref()), rule.filter.is_none())),
        "group_by" => texts(&rule.group_by),
        "scope" => scope(rule.scope),
        "lateness" => Some((Milliseconds(rule.lateness_ms), rule.lateness_ms == LATENESS_MS_DEFAULT)),
        "severity" => said(Word(rule.severity.symbol())),
        "category" => said(Word(rule.category.symbol())),
        "alert" => said(Text(&rule.message)),
        "dedup_window" => {
            let window_ms = holdback.dedup_window_ms;
            Some((Milliseconds(window_ms), window_ms == DEDUP_WINDOW_MS_DEFAULT))
        }
        "dedup_by" => texts(&holdback.dedup_by),
        "dedup_ignore" => texts(&holdback.dedup_ignore),
        "suppression_window" => said(Milliseconds(holdback.suppression_window_ms?)),
        "max_alerts_per_window" => said(Output::Number(holdback.storm?.alerts_max.to_string())),
        "window" => said(Milliseconds(holdback.storm?.window_ms)),
        "escalate_to" => said(Text(rule.escalate_to.as_deref()?)),
        "attack" => texts(&rule.attack),
        "playbook" => said(Text(rule.playbook.as_deref()?)),
        "confidence" => Some(share(rule.confidence)),
        "risk_weight" => Some(share(rule.risk_weight)),
        "tell_matches" => Some((Bool(rule.tell_matches), !rule.tell_matches)),
        "tests" => texts(&rule.tests),
        _ => action_value(rule, key),
    }
}

fn action_value<'r>(rule: &'r Rule, key: &str) -> Option<(Output<'r>, bool)> {
    let said = |output| Some((output, false));
    match (key, &rule.action) {
        ("action", action) => {
            let (text, json) = action::names(action);
            Some((Output::Action(text, json), *action == AlertAction::Notify))
        }
        ("reason", AlertAction::Block { reason }) => said(Output::Text(reason)),
        ("target", AlertAction::Escalate { target, .. }) => {
            Some((Output::Text(target), rule.escalate_to.as_ref() == Some(target)))
        }
        ("priority", AlertAction::Escalate { priority, .. }) => {
            Some((Output::Word(priority.symbol()), *priority == action::priority_of(rule.severity)))
        }
        ("level", AlertAction::LogSignal { level }) => {
            Some((Output::Word(level.symbol()), *level == action::level_of(rule.severity)))
        }
        ("action_type", AlertAction::Guardrail { action_type, .. }) => said(Output::Text(action_type)),
        ("parameters", AlertAction::Guardrail { parameters, .. }) => {
            Some((Output::Object(parameters), *parameters == JsonObject::empty()))
        }
        _ => None,
    }
}

fn texts<T: ToString>(items: &[T]) -> Option<(Output<'static>, bool)> {
    let texts: Vec<String> = items.iter().map(ToString::to_string).collect();
    (!texts.is_empty()).then_some((Output::Texts(texts), false))
}

fn scope(scope: Scope) -> Option<(Output<'static>, bool)> {
    let Scope { fleet, session, thread } = scope;
    let parts = [(fleet, "fleet"), (session, "session"), (thread, "thread")];
    let words: Vec<_> = parts.into_iter().filter(|(is_in, _)| *is_in).map(|(_, word)| word).collect();
    (!words.is_empty()).then_some((Output::Words(words), false))
}

fn share(share: Millionths) -> (Output<'static>, bool) {
    let mut text = String::new();
    share.write_json(&mut text);
    (Output::Number(text), share == Millionths::MAX)
}
