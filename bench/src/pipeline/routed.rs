//! Matches of routed rules while stage one catches up on the same broker: how long each waits for stage two.

use std::collections::HashMap;
use std::time::Duration;

use bus::{Batch, BatchLimit, Bus, Partition, Progress, Start, Until};
use contracts::codec;
use contracts::id::EventId;
use contracts::record::Record;
use contracts::records::{Alert, RuleMatch};
use contracts::schema::BuiltIn;
use contracts::time::Timestamp;
use contracts::topics::{ALERTS, RULE_MATCHES};

use super::stand::Stand;

/// Each match is a group of its own, and an alert.
pub const RULES: &str = r#"rule heavy {
    topic: "process.stats"
    filter: "$.memory_mb >= 5000"
    scope: fleet
    group_by: "$.memory_mb"
    severity: low
    category: performance
    alert: "{memory_mb} MB"
}"#;

/// From when a match was appended to when its alert was, sorted; none while there are matches without one.
pub fn waits(stand: &Stand, partitions: u32) -> Option<Vec<Duration>> {
    let matched = appended(stand, RULE_MATCHES, partitions, |found: RuleMatch| found.event.event_id);
    let alerted = appended(stand, ALERTS, partitions, |alert: Alert| alert.trigger_event.event_id);
    let wait = |(event, at): (&EventId, &Timestamp)| {
        let micros = alerted.get(event)?.micros() - at.micros();
        Some(Duration::from_micros(u64::try_from(micros).unwrap_or(0)))
    };
    let mut waits = matched.iter().map(wait).collect::<Option<Vec<_>>>()?;
    assert!(!waits.is_empty(), "some events are meant for the rule");
    waits.sort_unstable();
    Some(waits)
}

/// When what came of each event was appended.
fn appended<R: Record>(
    stand: &Stand,
    topic: &str,
    partitions: u32,
    event: impl Fn(R) -> EventId,
) -> HashMap<EventId, Timestamp> {
    let from: Vec<_> = (0..partitions).map(|index| (Partition::new(topic, index), Start::Earliest)).collect();
    let mut reader = stand.bus().read(&from, Until::End).expect("a reader");
    let (mut batch, mut found) = (Batch::default(), HashMap::new());
    while reader.next(&mut batch, &BatchLimit::default()).expect("records") == Progress::More {
        for record in batch.records() {
            // Ticks and markers are of another kind, and the log has places without a value.
            if let Some(Ok(decoded)) = record.value.map(|value| codec::decode::<R>(value, &BuiltIn)) {
                found.insert(event(decoded), record.appended_at);
            }
        }
    }
    found
}
