//! Which events a subscription selects and a rule sees, before anyone asks what a rule says of them.

use std::collections::BTreeSet;

use contracts::avro::EventView;
use contracts::owner_event::is_owners;

use super::predicate::Node;
use crate::rule::{Rule, Subscription, TopicPattern};

/// A subscription as it runs.
#[derive(Debug)]
pub(super) struct Selector {
    /// All must hold.
    pub filters: Vec<Node>,
    /// Places of the rules that it names, ascending.
    pub rules: Vec<usize>,
}

/// What the rules of a plan name without a wildcard.
#[derive(Debug, Default)]
pub(super) struct Named {
    topics: BTreeSet<String>,
    event_types: BTreeSet<String>,
}

impl Named {
    pub fn of<'r>(rules: impl IntoIterator<Item = &'r Rule>) -> Self {
        let mut named = Self::default();
        for rule in rules {
            named.event_types.extend(rule.event_types.iter().cloned());
            named.topics.extend(rule.topics.iter().filter_map(|pattern| match pattern {
                TopicPattern::Exact(topic) => Some(topic.clone()),
                TopicPattern::All | TopicPattern::Prefix(_) | TopicPattern::Suffix(_) => None,
            }));
        }
        named
    }

    pub fn contains(&self, event_type: &str, topic: &str) -> bool {
        self.event_types.contains(event_type) || self.topics.contains(topic)
    }
}

/// Ticks and control markers are there to keep time and order; nobody sees them.
pub(super) fn is_bookkeeping(event: &EventView<'_>) -> bool {
    is_owners(event.endpoint_id, event.event_type)
}

/// Whether the rule may see the event at all: by its own topics and types, and so that nothing feeds itself.
pub(super) fn sees(rule: &Rule, event: &EventView<'_>) -> bool {
    let by_topic = rule.topics.is_empty() || rule.topics.iter().any(|pattern| pattern.matches(event.topic));
    let by_type = rule.event_types.is_empty() || rule.event_types.iter().any(|known| known == event.event_type);
    by_topic
        && by_type
        && (!event.is_watcher_generated || names(rule, event))
        && !event.ancestry.iter().any(|ancestor| ancestor == rule.id.as_str())
}

/// Whether the rule names the type or the topic without a wildcard.
fn names(rule: &Rule, event: &EventView<'_>) -> bool {
    rule.event_types.iter().any(|known| known == event.event_type)
        || rule.topics.iter().any(|pattern| matches!(pattern, TopicPattern::Exact(exact) if exact == event.topic))
}

/// Whether a subscription selects the event, but for its payload filters and its rate.
pub(super) fn selects(subscription: &Subscription, event: &EventView<'_>) -> bool {
    let asks = |wanted: &Option<String>, found: Option<&str>| wanted.is_none() || wanted.as_deref() == found;
    subscription.topic.matches(event.topic)
        && asks(&subscription.actor_id, event.actor_id)
        && asks(&subscription.session_id, event.session_id)
        && asks(&subscription.thread_id, event.thread_id)
}
