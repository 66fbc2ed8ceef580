//! The records of every topic, one module per family.
//!
//! Every field that may be absent, every array and every map has a default in the schema; nothing else has. Times are
//! microseconds since 1970, shares are millionths.

mod alert;
mod any;
mod control;
mod event;
mod guardrail;
mod risk;
mod snapshot;

pub use alert::{
    Alert, AlertAction, Category, EscalationStatus, EvidenceRef, LogLevel, Priority, RuleMatch, RuleSetRef, Severity,
    Window,
};
pub use any::{AnyRecord, UnknownRecord};
pub use control::{ControlCommand, ControlCommandType, DeadLetter, DeadLetterReason, RuleSetPart};
pub use event::{Scope, SourceType, Stream, TelemetryEvent};
pub use guardrail::{
    ActionStatus, AuditRef, BudgetReservation, Constraints, ContainmentLevel, EndpointCondition, EndpointState, Gate,
    GateVerdict, GuardrailAction, GuardrailCommand, GuardrailCommandType, GuardrailRequest, Outcome, OutcomeLabel,
    PlaybookRef, ResponsePolicy,
};
pub use risk::{
    Agent, AgentStatus, RiskAlert, RiskAlertType, RiskConfidence, RiskInput, RiskReport, RiskSeverity, Signal,
};
pub use snapshot::Snapshot;
