//! The JSON form of rules, of subscriptions and of whole rule sets.
//!
//! Invariant: what is written reads back as the same value. Strict: an unknown member is refused.

mod ast;
mod members;
mod node;
mod rule;
mod set;
mod subscription;

use contracts::canonical;
use contracts::json::{Object, Value};
use contracts::settings::Tree;

use crate::diagnostic::{Diagnostics, Log, Reported};
use crate::form::{Node, Origin};
use crate::reading::{File, Form};
use crate::rule::{Rule, RuleSet, Subscription};

/// The rule with its defaults written out; what is empty or absent is left out.
pub fn rule_to_object(rule: &Rule) -> Object<'static> {
    rule::write(rule)
}

/// [`rule_to_object`] as text on one line.
pub fn rule_to_json(rule: &Rule) -> String {
    Value::from(rule_to_object(rule)).to_string()
}

/// `name` is what the text is called in diagnostics.
pub fn rule_from_json(name: &str, text: &str) -> Result<Rule, Diagnostics> {
    read(name, text, |node, log| rule::read(node, log).map(|(rule, _)| rule))
}

pub fn subscription_to_object(subscription: &Subscription) -> Object<'static> {
    subscription::write(subscription)
}

pub fn subscription_from_json(name: &str, text: &str) -> Result<Subscription, Diagnostics> {
    read(name, text, subscription::read)
}

/// A subscription that stands in a topology.
pub(crate) fn subscription_from_tree(tree: &Tree, log: &mut Log<'_>) -> Result<Subscription, Reported> {
    subscription::read(&node::part(tree, log.file.text), log)
}

/// The body of a rule set as `rule.sets.v1` carries it in parts; its SHA-256 is what the set is known by.
pub fn set_to_json(set: &RuleSet) -> canonical::Text {
    canonical::tolerant_text(&Value::from(set::write(set)))
}

/// Any JSON text of a set, canonical or not.
pub fn set_from_json(name: &str, text: &str) -> Result<RuleSet, Diagnostics> {
    read(name, text, set::read)
}

/// The rule of a file of this form.
pub(crate) fn rules(log: &mut Log<'_>) -> Vec<(Rule, Origin)> {
    node::document(log).and_then(|node| rule::read(&node, log)).into_iter().collect()
}

fn read<T>(
    name: &str,
    text: &str,
    read: impl FnOnce(&Node, &mut Log<'_>) -> Result<T, Reported>,
) -> Result<T, Diagnostics> {
    let file = File { name, text, form: Form::Json };
    let mut diagnostics = Diagnostics::default();
    let mut log = Log::new(&file, 0, &mut diagnostics);
    let value = node::document(&mut log).and_then(|node| read(&node, &mut log));
    match value {
        Ok(value) if diagnostics.is_empty() => Ok(value),
        _ => Err(diagnostics.sorted()),
    }
}
