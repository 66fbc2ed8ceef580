//! The alerts of two runs over the same input, held against each other.
//!
//! Two alerts are about the same thing if rule, trigger, endpoint and group are the same. Then they are equal, or changed. The
//! rule set that an alert names does not count: it names the run. What is left at the end was raised by one run only.
//!
//! Invariant: every alert of either run is counted once, as half of a pair or as one that is alone.
//!
//! What waits for its other half is bounded by [`PENDING_BYTES_MAX`]. Beyond, what waits longest is counted as alone, and
//! [`Comparison::settled_early`] says how many were: nearly all halves come from the same record, so it is nearly always right.

use std::collections::{BTreeMap, VecDeque};

use contracts::canonical::Digest;
use contracts::id::RuleId;
use contracts::json::{self, Mode, Value};
use contracts::limits::JSON_FACE_DEPTH_MAX;
use contracts::records::Alert;

/// Alerts that wait for their other half, both runs together, as the log has them.
pub const PENDING_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Of each rule and kind of difference.
pub const EXAMPLES_MAX: usize = 3;

/// Which run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// What is compared.
    A,
    /// What it is compared with.
    B,
}

#[derive(Debug, Default)]
pub struct Comparison {
    pub rules: BTreeMap<RuleId, Difference>,
    /// Alerts that were counted as alone before the end.
    pub settled_early: u64,
    pending: BTreeMap<u64, Pending>,
    /// Where in `pending`, oldest first.
    places: BTreeMap<(Side, Digest), VecDeque<u64>>,
    next: u64,
    pending_bytes: usize,
}

#[derive(Debug)]
struct Pending {
    side: Side,
    subject: Digest,
    alert: Box<Alert>,
    bytes: usize,
}

/// Of one rule. `against` is what A would replace: what only A raised is added, what only B raised is removed.
#[derive(Debug, Default)]
pub struct Difference {
    pub same: u64,
    pub added: u64,
    pub removed: u64,
    pub changed: u64,
    pub examples: Vec<Example>,
}

#[derive(Debug)]
pub struct Example {
    pub change: Change,
    /// The alert, of a changed one as A raised it.
    pub alert: Box<Alert>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Added,
    Removed,
    /// Field, JSON of B, JSON of A.
    Changed(Vec<(String, String, String)>),
}

impl Comparison {
    /// `bytes` is what the alert weighs on the log.
    pub fn add(&mut self, side: Side, alert: Alert, bytes: usize) {
        let subject = subject(&alert);
        let Some(other) = self.take(side.other(), subject) else {
            self.wait(Pending { side, subject, alert: Box::new(alert), bytes });
            return;
        };
        let (a, b) = match side {
            Side::A => (Box::new(alert), other),
            Side::B => (other, Box::new(alert)),
        };
        self.pair(a, b);
    }

    /// No more alerts come.
    pub fn finish(&mut self) {
        while let Some((_, pending)) = self.pending.pop_first() {
            self.alone(pending);
        }
        self.places.clear();
        self.pending_bytes = 0;
    }

    pub fn is_equal(&self) -> bool {
        self.rules.values().all(|rule| rule.added + rule.removed + rule.changed == 0)
    }

    fn take(&mut self, side: Side, subject: Digest) -> Option<Box<Alert>> {
        let places = self.places.get_mut(&(side, subject))?;
        let place = places.pop_front()?;
        if places.is_empty() {
            self.places.remove(&(side, subject));
        }
        let pending = self.pending.remove(&place)?;
        self.pending_bytes -= pending.bytes;
        Some(pending.alert)
    }

    fn wait(&mut self, pending: Pending) {
        self.pending_bytes += pending.bytes;
        self.places.entry((pending.side, pending.subject)).or_default().push_back(self.next);
        self.pending.insert(self.next, pending);
        self.next += 1;
        while self.pending_bytes > PENDING_BYTES_MAX {
            let oldest = self.pending.first_key_value().map(|(_, oldest)| (oldest.side, oldest.subject));
            let Some((side, subject)) = oldest else { return };
            let bytes = self.pending.first_key_value().map_or(0, |(_, oldest)| oldest.bytes);
            if let Some(alert) = self.take(side, subject) {
                self.settled_early += 1;
                self.alone(Pending { side, subject, alert, bytes });
            }
        }
    }

    fn pair(&mut self, a: Box<Alert>, mut b: Box<Alert>) {
        let rule = self.rules.entry(a.rule_id.clone()).or_default();
        b.rule_set = a.rule_set.clone();
        if a == b {
            rule.same += 1;
        } else {
            rule.changed += 1;
            rule.show(Change::Changed(changes(&a, &b)), a);
        }
    }

    fn alone(&mut self, pending: Pending) {
        let rule = self.rules.entry(pending.alert.rule_id.clone()).or_default();
        let (count, change) = match pending.side {
            Side::A => (&mut rule.added, Change::Added),
            Side::B => (&mut rule.removed, Change::Removed),
        };
        *count += 1;
        rule.show(change, pending.alert);
    }
}

impl Difference {
    fn show(&mut self, change: Change, alert: Box<Alert>) {
        let kind = std::mem::discriminant(&change);
        let shown = self.examples.iter().filter(|example| std::mem::discriminant(&example.change) == kind).count();
        if shown < EXAMPLES_MAX {
            self.examples.push(Example { change, alert });
        }
    }
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// What an alert is about.
fn subject(alert: &Alert) -> Digest {
    let parts = [
        alert.rule_id.as_str(),
        alert.trigger_event.event_id.as_str(),
        alert.trigger_event.endpoint_id.as_str(),
        &alert.group_key,
    ];
    let mut bytes = Vec::new();
    for part in parts {
        bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    Digest::of(&bytes)
}

/// Each field that differs, with what B and what A say. The rule sets are the same by now.
fn changes(a: &Alert, b: &Alert) -> Vec<(String, String, String)> {
    let [a, b] = [a, b].map(contracts::json_face::to_json);
    let [a, b] = [&a, &b].map(|text| json::parse(text.as_bytes(), Mode::Tolerant, JSON_FACE_DEPTH_MAX));
    let (Ok(Value::Object(a)), Ok(Value::Object(b))) = (a, b) else {
        unreachable!("invariant: the JSON of a record is an object")
    };
    let names = a.iter().chain(b.iter()).map(|(name, _)| name);
    let mut differ: Vec<&str> = names.filter(|name| a.get(name) != b.get(name)).collect();
    differ.sort_unstable();
    differ.dedup();
    let text = |value: Option<&Value<'_>>| {
        let mut text = String::new();
        json::write(&mut text, value.unwrap_or(&Value::Null));
        text
    };
    differ.into_iter().map(|name| (name.to_owned(), text(b.get(name)), text(a.get(name)))).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use contracts::draft::{Fill, event_from_json};
    use contracts::id::{EndpointId, EventId};
    use contracts::time::Timestamp;
    use detection::plan::{Options, Plan};
    use detection::rule::RuleSet;
    use detection::scenario::{Entry, Rig, START_MICROS, What};

    use super::*;

    /// An alert, as about the event of this number.
    fn alert(number: usize) -> Alert {
        let rules = "rule r { topic: \"t\" severity: low category: policy alert: \"m\" }";
        let rules = detection::text::parse("r", rules).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
        let set = RuleSet::of_one("w", rules);
        let mut rig = Rig::new(Arc::new(Plan::compile(&set, &[], &Options::default()).expect("a good rule")));
        let endpoint_id = EndpointId::new("host-1");
        let appended_at = Timestamp::from_micros(START_MICROS).expect("a time in 2026");
        let fill = Fill { endpoint_id: &endpoint_id, now: appended_at, source: "test", place: 0 };
        let event = event_from_json(br#"{"topic":"t","payload":{}}"#, &fill).expect("an event");
        rig.feed(&Entry { appended_at, what: What::Event(Box::new(event)) });
        let mut alert = rig.alerts().next().expect("an alert").clone();
        alert.trigger_event.event_id = EventId::new(format!("event-{number:04}")).expect("long enough");
        alert
    }

    fn counts(comparison: &Comparison) -> [u64; 5] {
        let rule = comparison.rules.values().next().expect("one rule");
        [rule.same, rule.added, rule.removed, rule.changed, comparison.settled_early]
    }

    #[test]
    fn halves_meet_whichever_comes_first_and_each_alert_counts_once() {
        let mut comparison = Comparison::default();
        comparison.add(Side::A, alert(1), 1);
        comparison.add(Side::A, alert(2), 1);
        comparison.add(Side::A, alert(2), 1);
        comparison.add(Side::B, alert(2), 1);
        comparison.add(Side::B, alert(3), 1);
        comparison.add(Side::B, Alert { message: "another".to_owned(), ..alert(4) }, 1);
        comparison.add(Side::A, alert(4), 1);
        comparison.add(Side::B, alert(1), 1);
        comparison.finish();
        assert_eq!(counts(&comparison), [2, 1, 1, 1, 0]);
        assert_eq!((comparison.pending_bytes, comparison.places.len()), (0, 0));
        let changes = comparison.rules.values().flat_map(|rule| &rule.examples).map(|example| example.change.clone());
        let message = ("message".to_owned(), "\"another\"".to_owned(), "\"m\"".to_owned());
        assert!(changes.into_iter().any(|change| change == Change::Changed(vec![message.clone()])));
    }

    #[test]
    fn what_waits_too_long_is_counted_as_alone_and_that_is_told() {
        let mut comparison = Comparison::default();
        let bytes = PENDING_BYTES_MAX / 2 - 1;
        for number in 0..4 {
            comparison.add(Side::A, alert(number), bytes);
            assert!(comparison.pending_bytes <= PENDING_BYTES_MAX, "{}", comparison.pending_bytes);
        }
        comparison.add(Side::B, alert(0), 1);
        comparison.add(Side::B, alert(3), 1);
        comparison.finish();
        assert_eq!(counts(&comparison), [1, 3, 1, 0, 2]);
    }
}
