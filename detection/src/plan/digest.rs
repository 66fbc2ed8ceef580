//! What a rule is known by: the SHA-256 of its canonical JSON form, with the parts left out that do not count.
//!
//! Invariant: two rules with the same [`of_rule`] raise the same alerts from the same matches; with the same
//! [`of_state`] they keep the same state.

use contracts::canonical::{Digest, tolerant_text};
use contracts::json::Value;
use contracts::records::{Category, Severity};

use crate::json_form::{rule_to_object, subscription_to_object};
use crate::rule::{Rule, Subscription};

/// Of all that can change an alert: not the tests, the description, nor whether the rule is on.
pub(super) fn of_rule(rule: &Rule) -> Digest {
    let counted = Rule { description: None, enabled: true, tests: Vec::new(), ..rule.clone() };
    tolerant_text(&Value::from(rule_to_object(&counted))).digest()
}

/// Of selection, predicate, windows and scope. `feeding` are the subscriptions that name the rule.
pub(super) fn of_state(rule: &Rule, feeding: &[&Subscription]) -> Digest {
    // Everything else is given one value for all rules.
    let counted = Rule {
        topics: rule.topics.clone(),
        event_types: rule.event_types.clone(),
        filter: rule.filter.clone(),
        group_by: rule.group_by.clone(),
        scope: rule.scope,
        lateness_ms: rule.lateness_ms,
        ..Rule::new(rule.id.clone(), Severity::Info, Category::Security, String::new())
    };
    let mut feeding: Vec<_> = feeding
        .iter()
        .map(|&subscription| {
            let counted = Subscription { id: String::new(), rules: Vec::new(), ..subscription.clone() };
            tolerant_text(&Value::from(subscription_to_object(&counted)))
        })
        .collect();
    feeding.sort_unstable();
    let feeding: Vec<&str> = feeding.iter().map(contracts::canonical::Text::as_str).collect();
    let rule = tolerant_text(&Value::from(rule_to_object(&counted)));
    // Each part is one line, for canonical JSON has no line breaks.
    Digest::of([&[rule.as_str()], feeding.as_slice()].concat().join("\n").as_bytes())
}
