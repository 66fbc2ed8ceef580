//! The JSON form of rules, of subscriptions and of whole rule sets.
//!
//! Invariant: what is written reads back as the same value. Strict: an unknown member is refused.

use contracts::canonical;
use contracts::json::{Object, Value};

use crate::diagnostic::{Diagnostics, Log};
use crate::form::Origin;
use crate::rule::{Rule, RuleSet, Subscription};

/// The rule with all of its keys, defaults too.
pub fn rule_to_object(rule: &Rule) -> Object<'static> {
    let _ = rule;
    Object::new()
}

/// [`rule_to_object`] as text on one line.
pub fn rule_to_json(rule: &Rule) -> String {
    Value::from(rule_to_object(rule)).to_string()
}

/// `name` is what the text is called in diagnostics.
pub fn rule_from_json(name: &str, text: &str) -> Result<Rule, Diagnostics> {
    let _ = (name, text);
    Err(Diagnostics::default())
}

pub fn subscription_to_object(subscription: &Subscription) -> Object<'static> {
    let _ = subscription;
    Object::new()
}

pub fn subscription_from_json(name: &str, text: &str) -> Result<Subscription, Diagnostics> {
    let _ = (name, text);
    Err(Diagnostics::default())
}

/// The body of a rule set as `rule.sets.v1` carries it in parts; its SHA-256 is what the set is known by.
pub fn set_to_json(set: &RuleSet) -> canonical::Text {
    let _ = set;
    canonical::tolerant_text(&Value::from(Object::new()))
}

/// Any JSON text of a set, canonical or not.
pub fn set_from_json(name: &str, text: &str) -> Result<RuleSet, Diagnostics> {
    let _ = (name, text);
    Err(Diagnostics::default())
}

pub(crate) fn rules(log: &mut Log<'_>) -> Vec<(Rule, Origin)> {
    let _ = log;
    Vec::new()
}
