//! Which topic patterns and event types an event meets, without asking each of them.
//!
//! Invariant: [`Gates::open`] gives exactly the gates whose pattern matches the topic or whose type is the event's,
//! ascending.

use crate::rule::TopicPattern;

/// What an event has to be like for a rule to see it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gate {
    Topic(TopicPattern),
    EventType(String),
}

/// By its place among all gates of a plan.
pub(super) type GateId = u32;

/// Sorted by their texts; an id is the gate's place in the list that they were made of.
#[derive(Debug, Default)]
pub(super) struct Gates {
    all: Option<GateId>,
    exact: Vec<(Box<str>, GateId)>,
    prefixes: Vec<(Box<str>, GateId)>,
    suffixes: Vec<(Box<str>, GateId)>,
    event_types: Vec<(Box<str>, GateId)>,
    /// No longer start or end of a topic needs to be looked up.
    prefix_bytes_max: usize,
    suffix_bytes_max: usize,
}

impl Gates {
    pub fn new(gates: &[Gate]) -> Self {
        let mut new = Self::default();
        for (gate, id) in gates.iter().zip(0..) {
            match gate {
                Gate::Topic(TopicPattern::All) => new.all = Some(id),
                Gate::Topic(TopicPattern::Exact(text)) => new.exact.push((text.as_str().into(), id)),
                Gate::Topic(TopicPattern::Prefix(text)) => new.prefixes.push((text.as_str().into(), id)),
                Gate::Topic(TopicPattern::Suffix(text)) => new.suffixes.push((text.as_str().into(), id)),
                Gate::EventType(text) => new.event_types.push((text.as_str().into(), id)),
            }
        }
        for list in [&mut new.exact, &mut new.prefixes, &mut new.suffixes, &mut new.event_types] {
            list.sort_unstable();
        }
        let longest = |list: &[(Box<str>, GateId)]| list.iter().map(|(text, _)| text.len()).max().unwrap_or(0);
        new.prefix_bytes_max = longest(&new.prefixes);
        new.suffix_bytes_max = longest(&new.suffixes);
        new
    }

    pub fn open(&self, topic: &str, event_type: &str, open: &mut Vec<GateId>) {
        open.clear();
        open.extend(self.all);
        open.extend(find(&self.exact, topic));
        open.extend(find(&self.event_types, event_type));
        if !self.prefixes.is_empty() {
            // A prefix ends in a dot, and something stands after it.
            let start = &topic.as_bytes()[..topic.len().min(self.prefix_bytes_max + 1)];
            let dots = start.iter().enumerate().filter(|(_, byte)| **byte == b'.').map(|(at, _)| at + 1);
            open.extend(dots.filter(|&end| end < topic.len()).filter_map(|end| find(&self.prefixes, &topic[..end])));
        }
        if !self.suffixes.is_empty() {
            let end_from = topic.len().saturating_sub(self.suffix_bytes_max);
            let end = topic.as_bytes()[end_from..].iter().enumerate();
            let dots = end.filter(|(_, byte)| **byte == b'.').map(|(at, _)| end_from + at);
            open.extend(dots.filter(|&start| start > 0).filter_map(|start| find(&self.suffixes, &topic[start..])));
        }
        open.sort_unstable();
    }
}

fn find(list: &[(Box<str>, GateId)], text: &str) -> Option<GateId> {
    list.binary_search_by(|(known, _)| (**known).cmp(text)).ok().map(|at| list[at].1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pattern() -> impl Strategy<Value = TopicPattern> {
        prop_oneof![
            Just(TopicPattern::All),
            "[ab.]{0,4}".prop_map(TopicPattern::Exact),
            "[ab.]{0,4}\\.".prop_map(TopicPattern::Prefix),
            "\\.[ab.]{0,4}".prop_map(TopicPattern::Suffix),
        ]
    }

    fn gate() -> impl Strategy<Value = Gate> {
        prop_oneof![3 => pattern().prop_map(Gate::Topic), 1 => "[ab]{0,2}".prop_map(Gate::EventType)]
    }

    proptest! {
        #[test]
        fn the_open_gates_are_those_that_match(
            gates in prop::collection::btree_set(gate(), 0..12),
            topic in "[ab.é]{0,6}",
            event_type in "[ab]{0,2}",
        ) {
            let gates: Vec<_> = gates.into_iter().collect();
            let expected: Vec<GateId> = gates
                .iter()
                .zip(0..)
                .filter(|(gate, _)| match gate {
                    Gate::Topic(pattern) => pattern.matches(&topic),
                    Gate::EventType(known) => *known == event_type,
                })
                .map(|(_, id)| id)
                .collect();
            let mut open = vec![7];
            Gates::new(&gates).open(&topic, &event_type, &mut open);
            prop_assert_eq!(open, expected);
        }
    }
}
