//! The topics of a deployment: one row each, as other teams read them.
//!
//! Invariant: a name, its key and its record are contract. How many partitions a topic has and for how long it keeps
//! its records is a deployment's choice (its topology file); the table holds what is true everywhere and the defaults.
//!
//! Absent on purpose: brokers, and anything that looks at a clock.

use std::num::NonZeroU32;
use std::time::Duration;

pub const TELEMETRY_EVENTS: &str = "telemetry.events.v1";
pub const RULE_MATCHES: &str = "rule.matches.v1";
pub const ALERTS: &str = "alerts.v1";
pub const RISK_REPORTS: &str = "risk.reports.v1";
pub const RISK_ALERTS: &str = "risk.alerts.v1";
pub const WATCHER_EVENTS: &str = "watcher.events.v1";
pub const GUARDRAIL_REQUESTS: &str = "guardrail.requests.v1";
pub const GUARDRAIL_ACTIONS: &str = "guardrail.actions.v1";
pub const GUARDRAIL_COMMANDS: &str = "guardrail.commands.v1";
pub const GUARDRAIL_BUDGET: &str = "guardrail.budget.v1";
pub const POLICIES: &str = "policies.v1";
pub const ENDPOINT_STATES: &str = "endpoint.states.v1";
pub const OUTCOMES: &str = "outcomes.v1";
pub const CONTROL: &str = "control.v1";
pub const RULE_SETS: &str = "rule.sets.v1";
pub const POSTURE: &str = "posture.v1";
pub const DEAD_LETTERS: &str = "dead.letters.v1";

/// One topic, as every deployment has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topic {
    pub name: &'static str,
    /// What the key of a record is, in words.
    pub key: Key,
    /// The records that may stand on it, by schema name.
    pub records: &'static [&'static str],
    pub keep: Keep,
    pub partitioning: Partitioning,
}

/// Where a record's key comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The named field of the record.
    Field(&'static str),
    /// Several values joined, described in words.
    Derived(&'static str),
    /// No key: the topic has exactly one partition and its order is the point.
    None,
}

/// How long a topic keeps its records unless the topology says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    For(Duration),
    /// The newest record of each key.
    NewestOfKey,
    Forever,
}

/// Whether the number of partitions is a deployment's choice, and whether state hangs on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Partitioning {
    /// State is kept per partition, so the number never changes in place: growth is a new topic and a replay.
    Stateful,
    /// Nobody keeps state per partition.
    Free,
    /// Exactly one partition: a total order.
    Single,
}

const DAY: Duration = Duration::from_hours(24);

/// Every topic, in the order of the documentation.
pub const ALL: [Topic; 17] = [
    row(TELEMETRY_EVENTS, Key::Field("endpoint_id"), &["telemetry_event_v1"], days(7), Partitioning::Stateful),
    row(
        RULE_MATCHES,
        Key::Derived("rule_id/group_key"),
        &["rule_match_v1", "telemetry_event_v1"],
        days(7),
        Partitioning::Stateful,
    ),
    row(ALERTS, Key::Field("endpoint_id"), &["alert_v1"], days(30), Partitioning::Stateful),
    row(RISK_REPORTS, Key::Field("agentId"), &["risk_report_v1"], Keep::NewestOfKey, Partitioning::Free),
    row(RISK_ALERTS, Key::Field("agentId"), &["risk_alert_v1"], days(30), Partitioning::Free),
    row(WATCHER_EVENTS, Key::Derived("watcher_id"), &["telemetry_event_v1"], days(7), Partitioning::Free),
    row(GUARDRAIL_REQUESTS, Key::Field("endpoint_id"), &["guardrail_request_v1"], days(7), Partitioning::Stateful),
    row(GUARDRAIL_ACTIONS, Key::Field("endpoint_id"), &["guardrail_action_v1"], days(90), Partitioning::Free),
    row(GUARDRAIL_COMMANDS, Key::Field("endpoint_id"), &["guardrail_command_v1"], days(7), Partitioning::Stateful),
    row(GUARDRAIL_BUDGET, Key::None, &["budget_reservation_v1"], days(7), Partitioning::Single),
    row(POLICIES, Key::Field("name"), &["response_policy_v1"], Keep::NewestOfKey, Partitioning::Free),
    row(ENDPOINT_STATES, Key::Field("endpoint_id"), &["endpoint_state_v1"], Keep::NewestOfKey, Partitioning::Free),
    row(OUTCOMES, Key::Field("rule_id"), &["outcome_v1"], days(400), Partitioning::Free),
    row(CONTROL, Key::None, &["control_command_v1"], Keep::Forever, Partitioning::Single),
    row(RULE_SETS, Key::Derived("digest/part"), &["rule_set_part_v1"], Keep::NewestOfKey, Partitioning::Free),
    row(POSTURE, Key::Field("endpoint_id"), &[], Keep::NewestOfKey, Partitioning::Free),
    row(DEAD_LETTERS, Key::Derived("origin topic"), &["dead_letter_v1"], days(30), Partitioning::Free),
];

/// The largest value any topic takes: a record of 2 MiB with its overhead (spec limit; producers and topics are set to it).
pub const MESSAGE_BYTES_MAX: u32 = 2 * 1024 * 1024;

/// A topic as one deployment declares it: what a broker is asked to make, and what it is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    pub name: String,
    pub partitions: NonZeroU32,
    /// Copies on different brokers. The embedded log has one file and ignores it.
    pub replication: u16,
    pub keep: Keep,
    /// Beyond this a partition drops its oldest records although they are young enough. Only with [`Keep::For`].
    pub keep_bytes_max: Option<u64>,
    pub compression: Compression,
    pub partitioning: Partitioning,
}

/// How record batches are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    None,
    Lz4,
    Zstd,
}

impl Topic {
    /// The topic with the defaults of the table; [`Partitioning::Single`] overrides `partitions`.
    pub fn declare(&self, partitions: NonZeroU32) -> Declared {
        let partitions = if self.partitioning == Partitioning::Single { NonZeroU32::MIN } else { partitions };
        Declared {
            name: self.name.to_owned(),
            partitions,
            replication: 1,
            keep: self.keep,
            keep_bytes_max: None,
            compression: Compression::Lz4,
            partitioning: self.partitioning,
        }
    }
}

/// The row of a topic, if it is one of ours.
pub fn find(name: &str) -> Option<&'static Topic> {
    ALL.iter().find(|topic| topic.name == name)
}

const fn row(
    name: &'static str,
    key: Key,
    records: &'static [&'static str],
    keep: Keep,
    partitioning: Partitioning,
) -> Topic {
    Topic { name, key, records, keep, partitioning }
}

const fn days(count: u32) -> Keep {
    Keep::For(DAY.saturating_mul(count))
}
