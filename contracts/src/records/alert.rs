//! What processors raise: alerts, and the matches that second stages collect.

use apache_avro::types::Value;

use super::event::TelemetryEvent;
use crate::avro::Reader;
use crate::canonical::Digest;
use crate::fault::{Fault, Faults};
use crate::field::{JsonObject, Millionths};
use crate::id::{AlertId, EndpointId, RuleId};
use crate::json;
use crate::record::{Field, record, symbols};
use crate::shape::Shape;
use crate::time::Timestamp;

record! {
    /// A match, or a window of matches, that people are told of. Published once and never rewritten; what happens to
    /// it later is told by watcher events.
    pub struct Alert as "alert_v1" {
        /// SHA-256 over what makes the alert this one: the same events give the same id.
        alert_id: AlertId,
        /// The rule that raised it.
        rule_id: RuleId,
        /// The rule's name as people know it.
        rule_name: String,
        /// SHA-256 of the canonical JSON of all of the rule that can change an alert.
        rule_digest: Digest,
        /// The rule set that was in force.
        rule_set: RuleSetRef,
        /// The event that completed the match, whole; of an absence the event that was not answered.
        trigger_event: TelemetryEvent,
        /// How bad it is.
        severity: Severity,
        /// What it is about.
        category: Category,
        /// The alert's text.
        message: String,
        /// Event time of the trigger; of an absence the deadline.
        triggered_at: Timestamp,
        /// Whether somebody had acknowledged it when it was raised.
        acknowledged: bool,
        /// Who acknowledged it.
        acknowledged_by: Option<String>,
        /// How far its escalation had come when it was raised.
        escalation_status: EscalationStatus,
        /// The watcher's name in the topology.
        source: String,
        /// SHA-256 that repeats are known by.
        dedup_hash: Digest,
        /// Until when the rule is quiet in this group.
        suppressed_until: Option<Timestamp>,
        /// Matches in its window when it was raised; 1 without a window.
        occurrences: i64,
        /// Canonical JSON array of the values the rule groups by; `[]` if none.
        group_key: String,
        /// The window that was full.
        window: Option<Window>,
        /// What the rule asks for.
        action: AlertAction,
        /// What supports the alert.
        evidence_refs: Vec<EvidenceRef>,
        /// ATT&CK ids of the rule.
        attack: Vec<String>,
        /// How sure the rule is, in millionths.
        confidence: Millionths,
        /// False when loss was recorded in its window.
        complete: bool,
        /// Grows each time the same fingerprint fires again after it was resolved.
        episode: i64,
    }
}

record! {
    /// A rule set by name and content.
    pub struct RuleSetRef as "rule_set_ref" {
        /// Its name.
        name: String,
        /// SHA-256 of its canonical JSON.
        digest: Digest,
    }
}

record! {
    /// A stretch of event time.
    pub struct Window as "window" {
        /// Its beginning, not part of it.
        from: Timestamp,
        /// Its end, part of it.
        to: Timestamp,
    }
}

record! {
    /// A pointer to what supports a claim.
    pub struct EvidenceRef as "evidence_ref" {
        /// What it points to, such as `event` or `pack`.
        kind as "type": String,
        /// Where it is: an id, a path or a URL.
        reference as "ref": String,
    }
}

symbols! {
    /// How bad an alert is.
    pub enum Severity as "severity" {
        Info = "info",
        Low = "low",
        Medium = "medium",
        High = "high",
        Critical = "critical",
    }
}

symbols! {
    /// What an alert is about.
    pub enum Category as "category" {
        Security = "security",
        Policy = "policy",
        Observability = "observability",
        Performance = "performance",
        System = "system",
    }
}

symbols! {
    /// How far an escalation has come.
    pub enum EscalationStatus as "escalation_status" {
        None = "none",
        Pending = "pending",
        Escalated = "escalated",
        Acknowledged = "acknowledged",
        Resolved = "resolved",
    }
}

symbols! {
    /// Whose turn an escalation is.
    pub enum Priority as "priority" {
        Low = "low",
        Normal = "normal",
        High = "high",
        Critical = "critical",
    }
}

symbols! {
    /// How loud a log signal is.
    pub enum LogLevel as "log_level" {
        Debug = "debug",
        Info = "info",
        Warn = "warn",
        Error = "error",
    }
}

/// What a rule asks for when it raises an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlertAction {
    Notify,
    Block { reason: String },
    Escalate { target: String, priority: Priority },
    LogSignal { level: LogLevel },
    Guardrail { action_type: String, parameters: JsonObject },
}

symbols! {
    /// Which of the actions it is.
    pub enum AlertActionType as "alert_action_type" {
        Notify = "Notify",
        Block = "Block",
        Escalate = "Escalate",
        LogSignal = "LogSignal",
        Guardrail = "Guardrail",
    }
}

record! {
    /// What a rule asks for, tagged by `type`. One flat record and no union of records: consumers that resolve unions
    /// by shape could not tell `Notify` from anything else.
    pub struct AlertActionRow as "alert_action" {
        /// Which action; it says which of the other fields are there.
        kind as "type": AlertActionType,
        /// Of `Block`: why.
        reason: Option<String>,
        /// Of `Escalate`: to whom.
        target: Option<String>,
        /// Of `Escalate`: how urgent.
        priority: Option<Priority>,
        /// Of `LogSignal`: how loud.
        level: Option<LogLevel>,
        /// Of `Guardrail`: which action an actuator is asked for.
        action_type: Option<String>,
        /// Of `Guardrail`: the text of a JSON object with the action's parameters.
        parameters: Option<JsonObject>,
    }
}

impl AlertActionRow {
    fn of(kind: AlertActionType) -> Self {
        Self { kind, reason: None, target: None, priority: None, level: None, action_type: None, parameters: None }
    }

    /// The names of the fields that are there.
    fn present(&self) -> Vec<&'static str> {
        let fields = [
            ("reason", self.reason.is_some()),
            ("target", self.target.is_some()),
            ("priority", self.priority.is_some()),
            ("level", self.level.is_some()),
            ("action_type", self.action_type.is_some()),
            ("parameters", self.parameters.is_some()),
        ];
        let there = fields.into_iter().filter(|(_, there)| *there);
        there.map(|(name, _)| name).collect()
    }
}

impl From<&AlertAction> for AlertActionRow {
    fn from(action: &AlertAction) -> Self {
        match action.clone() {
            AlertAction::Notify => Self::of(AlertActionType::Notify),
            AlertAction::Block { reason } => Self { reason: Some(reason), ..Self::of(AlertActionType::Block) },
            AlertAction::Escalate { target, priority } => {
                Self { target: Some(target), priority: Some(priority), ..Self::of(AlertActionType::Escalate) }
            }
            AlertAction::LogSignal { level } => Self { level: Some(level), ..Self::of(AlertActionType::LogSignal) },
            AlertAction::Guardrail { action_type, parameters } => Self {
                action_type: Some(action_type),
                parameters: Some(parameters),
                ..Self::of(AlertActionType::Guardrail)
            },
        }
    }
}

impl TryFrom<AlertActionRow> for AlertAction {
    type Error = Fault;

    /// Each action has its own fields, all of them and no others.
    fn try_from(row: AlertActionRow) -> Result<Self, Fault> {
        let present = row.present();
        let (kind, expected): (_, &[&str]) = match row.kind {
            AlertActionType::Notify => ("Notify", &[]),
            AlertActionType::Block => ("Block", &["reason"]),
            AlertActionType::Escalate => ("Escalate", &["target", "priority"]),
            AlertActionType::LogSignal => ("LogSignal", &["level"]),
            AlertActionType::Guardrail => ("Guardrail", &["action_type", "parameters"]),
        };
        let action = match row {
            _ if present != expected => None,
            AlertActionRow { reason: Some(reason), .. } => Some(Self::Block { reason }),
            AlertActionRow { target: Some(target), priority: Some(priority), .. } => {
                Some(Self::Escalate { target, priority })
            }
            AlertActionRow { level: Some(level), .. } => Some(Self::LogSignal { level }),
            AlertActionRow { action_type: Some(action_type), parameters: Some(parameters), .. } => {
                Some(Self::Guardrail { action_type, parameters })
            }
            _ => Some(Self::Notify),
        };
        action.ok_or_else(|| Fault::of_value(format!("the fields of {kind} ({})", list(expected)), list(&present)))
    }
}

fn list(names: &[&str]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// On the wire an action is its row.
impl Field for AlertAction {
    fn shape() -> Shape {
        AlertActionRow::shape()
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
        AlertActionRow::from(self).write(out)
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let at = from.at();
        AlertActionRow::read(from)?.try_into().map_err(|fault: Fault| fault.at(at))
    }

    fn from_value(value: Value) -> Result<Self, Fault> {
        AlertActionRow::from_value(value)?.try_into()
    }

    fn write_json(&self, out: &mut String) {
        AlertActionRow::from(self).write_json(out);
    }

    fn read_json(value: &json::Value<'_>, faults: &mut Faults) -> Option<Self> {
        let action = AlertActionRow::read_json(value, faults)?.try_into();
        action.map_err(|fault| faults.push(fault)).ok()
    }
}

record! {
    /// A match of a rule whose group is not the partition key, on its way to the task that counts for the group.
    pub struct RuleMatch as "rule_match_v1" {
        /// The rule that matched.
        rule_id: RuleId,
        /// SHA-256 of the canonical JSON of all of the rule that can change an alert.
        rule_digest: Digest,
        /// The last command that was in force, by its offset on the control topic.
        control_offset: i64,
        /// Canonical JSON array of the values the rule groups by.
        group_key: String,
        /// Where the event was observed.
        endpoint_id: EndpointId,
        /// The event that matched, whole.
        event: TelemetryEvent,
        /// Its event time, clamped as stage one saw it.
        event_time: Timestamp,
        /// Which step of a sequence it matched.
        step: Option<i32>,
        /// SHA-256 of the value that a distinct count counts.
        value_hash: Option<Digest>,
        /// The text of a JSON object: the values compared.
        details: JsonObject,
    }
}
