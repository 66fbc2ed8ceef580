//! What a step tells beside alerts: the events of watchers, each made here and nowhere else.
//!
//! Invariant: names and members are those of the table of watcher events; the id follows from the cause and what is told,
//! so that a replay tells the same again.
//!
//! What endpoints and people call things is quoted up to [`NAME_BYTES_MAX`]; a longer name stands as its SHA-256. So an event
//! always has room for what is told of it.
//!
//! Absent on purpose: what only a process can know: its start, its stop, its figures.

use std::collections::BTreeMap;

use contracts::avro::EventView;
use contracts::canonical::Digest;
use contracts::field::{Depth, JsonObject, SchemaVersion, Symbols};
use contracts::id::{AlertId, EndpointId, EventId, RuleId};
use contracts::identity::WatcherEventParts;
use contracts::json::{Object, Value};
use contracts::records::{Category, LogLevel, Priority, Scope, Severity, SourceType, TelemetryEvent};
use contracts::time::Timestamp;
use contracts::topics::WATCHER_EVENTS;

use super::echo::Heard;
use super::effects::{Held, Row};
use super::round::Round;
use super::row::row;

row! {
    /// What led to a watcher's event: an event, or a command. Rows remember it for what they tell later.
    pub(crate) struct Cause version 1 {
        event_id: EventId,
        endpoint_id: EndpointId,
        depth: Depth,
        ancestry: Vec<String>,
        correlation_id: Option<String>,
        session_id: Option<String>,
        thread_id: Option<String>,
    }
}

/// Of the watcher's name the event is told under, what it follows from, and when that was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told<'a> {
    pub watcher: &'a str,
    /// Joins the ancestry, so that no rule sees its own descendants.
    pub rule_id: Option<&'a RuleId>,
    pub cause: &'a Cause,
    /// Microseconds.
    pub observed_at: i64,
}

/// What is told.
#[derive(Debug, Clone)]
pub(crate) enum News<'a> {
    AlertEmitted {
        alert_id: &'a AlertId,
        rule_id: &'a RuleId,
        severity: Severity,
        category: Category,
        message: &'a str,
        source: &'a str,
    },
    RuleMatched {
        rule_id: &'a RuleId,
        event_id: &'a str,
        details: &'a JsonObject,
    },
    AlertAcknowledged {
        alert_id: &'a AlertId,
        acknowledged_by: &'a str,
        acknowledged_at: i64,
    },
    EscalationSent {
        alert_id: &'a AlertId,
        target: &'a str,
        priority: Priority,
        block: &'static str,
        sent_at: i64,
    },
    AlertSuppressed {
        alert_id: Option<&'a AlertId>,
        rule_id: &'a RuleId,
        reason: Held,
        dedup_hash: Digest,
        suppressed_until: i64,
        count: i64,
    },
    BreakerTripped {
        state: &'static str,
        failure_count: i64,
        threshold: i64,
        triggered_at: i64,
        /// Of the breaker of one rule in its group; none of the one over all rules.
        of: Option<(&'a RuleId, &'a str)>,
    },
    RuleSwitched {
        rule_id: &'a RuleId,
        enabled: bool,
        changed_by: &'a str,
        changed_at: i64,
    },
    SubscriptionChanged {
        is_created: bool,
        subscription_id: &'a str,
        topic: &'a str,
        rule_count: usize,
        created_at: i64,
    },
    LogSignal {
        level: LogLevel,
        message: &'a str,
        timestamp: i64,
    },
    Gap {
        source: &'a str,
        boot_id: &'a str,
        from_seq: i64,
        to_seq: i64,
    },
    Command {
        outcome: Outcome,
        command_id: &'a str,
        /// What it is about: an alert, a rule, a set, an agent.
        subject: &'a str,
        changed_by: &'a str,
        position: Value<'a>,
        reason: Option<&'a str>,
        /// What is said beside: the names of the members and their values.
        more: Object<'a>,
    },
    Tally {
        kind: Tally,
        rule_id: Option<&'a RuleId>,
        subscription_id: Option<&'a str>,
        endpoint_id: &'a str,
        count: i64,
        first_event_id: &'a str,
        last_event_id: &'a str,
    },
}

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    AlertResolved,
    RuleMuted,
    RuleSetSwapped,
    Refused,
    AgentStatusChanged,
}

/// Of a name from outside.
const NAME_BYTES_MAX: usize = 2 * 1024;
/// Of a reason; of a longer one the beginning.
const REASON_CHARS_MAX: usize = 4 * 1024;
/// The nearest of the rules on the way to an event. Deeper ones are not evaluated.
const ANCESTRY_MAX: usize = 16;

/// What is counted and told once in a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tally {
    EventLate,
    EventTooDeep,
    EventUngrouped,
    SubscriptionLimited,
    WindowOverflow,
}

impl Cause {
    pub fn of_event(event: &EventView<'_>) -> Self {
        let owned = |text: Option<&str>| text.map(name);
        let mut ancestry: Vec<String> = event.ancestry.iter().map(name).collect();
        ancestry.drain(..ancestry.len().saturating_sub(ANCESTRY_MAX));
        Self {
            event_id: EventId::new(name(event.event_id))
                .expect("invariant: neither an event id nor a SHA-256 is too short"),
            endpoint_id: EndpointId::new(name(event.endpoint_id)),
            depth: event.event_depth,
            ancestry,
            correlation_id: owned(event.correlation_id),
            session_id: owned(event.session_id),
            thread_id: owned(event.thread_id),
        }
    }

    /// A command is no event: what it leads to names it by `command:` and its id.
    pub fn of_command(command_id: &str, endpoint_id: &str) -> Self {
        Self {
            event_id: EventId::new(format!("command:{}", name(command_id)))
                .expect("invariant: its beginning is long enough"),
            endpoint_id: EndpointId::new(name(endpoint_id)),
            depth: Depth::ZERO,
            ancestry: Vec::new(),
            correlation_id: None,
            session_id: None,
            thread_id: None,
        }
    }
}

/// Publishes `news` as an event of the watcher, one deeper than its cause.
pub(crate) fn tell(round: &mut Round<'_, '_>, told: Told<'_>, news: &News<'_>) {
    let cause = told.cause;
    let (event_type, topic) = news.type_and_topic();
    let payload = JsonObject::new(news.payload(told.watcher).text())
        .expect("invariant: what is told is an object, and what it quotes was bounded");
    let parts = WatcherEventParts {
        causation_id: &cause.event_id,
        endpoint_id: &cause.endpoint_id,
        event_type,
        payload: &payload,
    };
    let mut ancestry = cause.ancestry.clone();
    ancestry.extend(told.rule_id.map(ToString::to_string));
    let event = TelemetryEvent {
        schema_version: SchemaVersion::ONE,
        event_id: parts.id(),
        event_type: event_type.to_owned(),
        topic: topic.to_owned(),
        endpoint_id: cause.endpoint_id.clone(),
        source: told.watcher.to_owned(),
        source_type: SourceType::Watcher,
        is_watcher_generated: true,
        event_depth: cause.depth.next(),
        causation_id: Some(cause.event_id.clone()),
        ancestry,
        correlation_id: cause.correlation_id.clone(),
        actor_id: None,
        scope: Scope { session_id: cause.session_id.clone(), thread_id: cause.thread_id.clone() },
        observed_at: timestamp(told.observed_at),
        ingested_at: timestamp(round.appended_at),
        stream: None,
        labels: BTreeMap::new(),
        payload,
    };
    if round.plan.hears(event_type, topic) {
        round.heard.push(Heard { row: round.out.rows.len(), owner: round.owner.into() });
    }
    round.out.rows.push(Row { topic: WATCHER_EVENTS, key: told.watcher.to_owned(), record: event.into() });
}

/// The time, or the nearest that can be written.
pub(crate) fn timestamp(micros: i64) -> Timestamp {
    let micros = micros.clamp(Timestamp::MIN.micros(), Timestamp::MAX.micros());
    Timestamp::from_micros(micros).expect("invariant: it was brought into range")
}

pub(crate) fn symbol<S: Symbols>(symbol: S) -> &'static str {
    S::SYMBOLS[symbol.place()]
}

impl News<'_> {
    fn type_and_topic(&self) -> (&'static str, &'static str) {
        match self {
            Self::AlertEmitted { .. } => ("alert.emitted", "alert.emitted"),
            Self::RuleMatched { .. } => ("rule.matched", "rule.matched"),
            Self::AlertAcknowledged { .. } => ("alert.acknowledged", "alert.acknowledged"),
            Self::EscalationSent { .. } => ("escalation.sent", "escalation.sent"),
            Self::AlertSuppressed { .. } => ("alert.suppressed", "alert.suppressed"),
            Self::BreakerTripped { .. } => ("circuit_breaker.tripped", "system.circuit_breaker"),
            Self::RuleSwitched { enabled: true, .. } => ("rule.enabled", "rule.state_change"),
            Self::RuleSwitched { enabled: false, .. } => ("rule.disabled", "rule.state_change"),
            Self::SubscriptionChanged { is_created: true, .. } => ("subscription.created", "subscription.created"),
            Self::SubscriptionChanged { is_created: false, .. } => ("subscription.removed", "subscription.removed"),
            Self::LogSignal { .. } => ("log.signal", "logs.app"),
            Self::Gap { .. } => ("telemetry.gap", "system.telemetry"),
            Self::Command { outcome, .. } => {
                let event_type = outcome.as_str();
                (event_type, event_type)
            }
            Self::Tally { kind, .. } => (kind.as_str(), "system.detection"),
        }
    }

    fn payload<'a>(&'a self, watcher: &'a str) -> Object<'a> {
        match self {
            Self::AlertEmitted { alert_id, rule_id, severity, category, message, source } => Object::new()
                .with("alert_id", alert_id.as_str())
                .with("rule_id", rule_id.as_str())
                .with("severity", symbol(*severity))
                .with("category", symbol(*category))
                .with("message", *message)
                .with("source", *source),
            Self::RuleMatched { rule_id, event_id, details } => Object::new()
                .with("rule_id", rule_id.as_str())
                .with("event_id", name(event_id))
                .with("match_details", details.value()),
            Self::AlertAcknowledged { alert_id, acknowledged_by, acknowledged_at } => Object::new()
                .with("alert_id", alert_id.as_str())
                .with("acknowledged_by", name(acknowledged_by))
                .with("acknowledged_at", time(*acknowledged_at)),
            Self::EscalationSent { alert_id, target, priority, block, sent_at } => Object::new()
                .with("alert_id", alert_id.as_str())
                .with("target", *target)
                .with("priority", symbol(*priority))
                .with("block", *block)
                .with("sent_at", time(*sent_at)),
            Self::AlertSuppressed { alert_id, rule_id, reason, dedup_hash, suppressed_until, count } => {
                optional("alert_id", alert_id.map(AlertId::as_str))
                    .with("rule_id", rule_id.as_str())
                    .with("reason", reason.as_str())
                    .with("dedup_hash", dedup_hash.to_string())
                    .with("suppressed_until", time(*suppressed_until))
                    .with("count", *count)
            }
            Self::BreakerTripped { state, failure_count, threshold, triggered_at, of } => {
                let payload = Object::new()
                    .with("watcher_id", watcher)
                    .with("state", *state)
                    .with("failure_count", *failure_count)
                    .with("threshold", *threshold)
                    .with("triggered_at", time(*triggered_at));
                match of {
                    Some((rule_id, group_key)) => {
                        payload.with("rule_id", rule_id.as_str()).with("group_key", *group_key)
                    }
                    None => payload,
                }
            }
            _ => self.payload_of_running(),
        }
    }

    /// Of what is told about the watcher itself and those who run it.
    fn payload_of_running(&self) -> Object<'_> {
        match self {
            Self::RuleSwitched { rule_id, enabled, changed_by, changed_at } => Object::new()
                .with("rule_id", rule_id.as_str())
                .with("enabled", *enabled)
                .with("changed_by", name(changed_by))
                .with("changed_at", time(*changed_at)),
            Self::SubscriptionChanged { subscription_id, topic, rule_count, created_at, .. } => Object::new()
                .with("subscription_id", name(subscription_id))
                .with("topic", name(topic))
                .with("rule_count", count(*rule_count))
                .with("created_at", time(*created_at)),
            Self::LogSignal { level, message, timestamp } => Object::new()
                .with("level", symbol(*level))
                .with("message", *message)
                .with("timestamp", time(*timestamp)),
            Self::Gap { source, boot_id, from_seq, to_seq } => Object::new()
                .with("source", name(source))
                .with("boot_id", name(boot_id))
                .with("from_seq", *from_seq)
                .with("to_seq", *to_seq)
                .with("lost", to_seq.saturating_sub(*from_seq).saturating_add(1)),
            Self::Command { command_id, subject, changed_by, position, reason, more, .. } => {
                let payload = Object::new()
                    .with("command_id", name(command_id))
                    .with("subject", name(subject))
                    .with("changed_by", name(changed_by))
                    .with("position", position.clone())
                    .with("reason", reason.map_or(Value::Null, |reason| beginning(reason).into()));
                more.iter().fold(payload, |payload, (member, value)| payload.with(member, value.clone()))
            }
            Self::Tally { rule_id, subscription_id, endpoint_id, count, first_event_id, last_event_id, .. } => {
                let mut payload = optional("rule_id", rule_id.map(RuleId::as_str));
                if let Some(subscription_id) = subscription_id {
                    payload.insert("subscription_id", name(subscription_id));
                }
                payload
                    .with("endpoint_id", name(endpoint_id))
                    .with("count", *count)
                    .with("first_event_id", name(first_event_id))
                    .with("last_event_id", name(last_event_id))
            }
            _ => unreachable!("invariant: `payload` tells the rest"),
        }
    }
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::AlertResolved => "alert.resolved",
            Self::RuleMuted => "rule.muted",
            Self::RuleSetSwapped => "rule_set.swapped",
            Self::Refused => "command.refused",
            Self::AgentStatusChanged => "agent.status_changed",
        }
    }
}

impl Tally {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EventLate => "event.late",
            Self::EventTooDeep => "event.too_deep",
            Self::EventUngrouped => "event.ungrouped",
            Self::SubscriptionLimited => "subscription.limited",
            Self::WindowOverflow => "window.overflow",
        }
    }
}

fn optional<'a>(member: &'static str, value: Option<&'a str>) -> Object<'a> {
    value.map_or_else(Object::new, |value| Object::new().with(member, value))
}

/// What somebody calls something, as events of watchers quote it.
pub(crate) fn name(text: &str) -> String {
    if text.len() <= NAME_BYTES_MAX { text.to_owned() } else { Digest::of(text.as_bytes()).to_string() }
}

fn beginning(reason: &str) -> String {
    match reason.char_indices().nth(REASON_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &reason[..end]),
        None => reason.to_owned(),
    }
}

fn time(micros: i64) -> String {
    timestamp(micros).to_string()
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
