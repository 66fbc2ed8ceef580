//! What a watcher's event says about a command.
//!
//! Invariant: an answer names its command as what caused it (`command:` and the command's id), and is of a type that tells an
//! outcome. What else a command leads to, such as counts that it closes, is no answer.

use bus::Partition;
use contracts::id::CommandId;
use contracts::json::{Object, Value};
use contracts::records::TelemetryEvent;

/// The types of events that tell what became of a command.
pub const OUTCOMES: [&str; 10] = [
    REFUSED,
    "alert.acknowledged",
    "alert.resolved",
    "rule.muted",
    "rule.enabled",
    "rule.disabled",
    "rule_set.swapped",
    "subscription.created",
    "subscription.removed",
    "agent.status_changed",
];

const REFUSED: &str = "command.refused";

/// An outcome, whole, as its task told it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub event: TelemetryEvent,
    /// Absent where the event's payload has no room for it (acknowledged, switched, subscribed).
    pub position: Option<Position>,
}

/// From where on the command counts: between two records of this partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    pub control_offset: i64,
    /// The partition that the task reads.
    pub task: Partition,
}

/// The id of the command that an event answers, if it answers one.
pub fn answered_command(event: &TelemetryEvent) -> Option<&str> {
    let command_id = event.causation_id.as_ref()?.as_str().strip_prefix("command:")?;
    let is_outcome = event.is_watcher_generated && OUTCOMES.contains(&event.event_type.as_str());
    is_outcome.then_some(command_id)
}

pub fn is_refusal(event: &TelemetryEvent) -> bool {
    event.event_type == REFUSED
}

impl Answer {
    pub(super) fn to(command_id: &CommandId, event: TelemetryEvent) -> Option<Self> {
        if answered_command(&event)? != command_id.as_str() {
            return None;
        }
        let position = event.payload.value().as_object().and_then(position);
        Some(Self { event, position })
    }

    /// Why the command was not carried out; none if it was.
    pub fn refusal(&self) -> Option<String> {
        is_refusal(&self.event).then(|| self.text("reason").unwrap_or_else(|| "no reason was given".to_owned()))
    }

    /// What the command was about: an alert, a rule, a set, a subscription.
    pub fn subject(&self) -> Option<String> {
        ["subject", "alert_id", "rule_id", "subscription_id"].into_iter().find_map(|member| self.text(member))
    }

    /// A text of the payload.
    pub fn text(&self, member: &str) -> Option<String> {
        Some(self.event.payload.value().as_object()?.get(member)?.as_str()?.to_owned())
    }

    pub(super) fn is_of(&self, task: &Partition) -> bool {
        self.position.as_ref().is_some_and(|position| position.task == *task)
    }
}

fn position(payload: &Object<'_>) -> Option<Position> {
    let position = payload.get("position")?.as_object()?;
    let number = |member: &str| position.get(member).and_then(Value::as_number)?.to_i64();
    let task = Partition::new(position.get("topic")?.as_str()?, u32::try_from(number("partition")?).ok()?);
    Some(Position { control_offset: number("control_offset")?, task })
}
