//! Whether a processor does its work now, and if not, what it waits for.

use std::fmt;

use contracts::json::{Object, Value};

use crate::task::TaskId;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// The group has said what is ours, perhaps nothing; all of it is restored, and the log answers.
    Ready,
    /// For each of these reasons; there is at least one.
    Waiting(Vec<Waiting>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waiting {
    /// The process has not come so far, or has ended.
    NotRunning,
    /// The group has not said which partitions are ours.
    Unassigned,
    /// These partitions are ours, and where they go on is being found out, or their state restored.
    Restoring(Vec<TaskId>),
    /// These apply in silence what was published before: N is ahead of L.
    Repeating(Vec<TaskId>),
    /// The last step failed for a reason outside, and is tried again.
    Trouble(String),
}

impl Readiness {
    pub fn is_ready(&self) -> bool {
        *self == Self::Ready
    }

    pub(crate) fn of(waiting: Vec<Waiting>) -> Self {
        if waiting.is_empty() { Self::Ready } else { Self::Waiting(waiting) }
    }

    /// `{"status": "ready"}`, or `{"status": "waiting", "reasons": [{"reason", "detail"}]}`.
    pub fn to_json(&self) -> String {
        let (status, reasons) = match self {
            Self::Ready => ("ready", &[][..]),
            Self::Waiting(reasons) => ("waiting", &reasons[..]),
        };
        let reasons: Vec<Value<'_>> = reasons
            .iter()
            .map(|waiting| Object::new().with("reason", waiting.name()).with("detail", waiting.to_string()).into())
            .collect();
        let object = Object::new().with("status", status);
        let object = if reasons.is_empty() { object } else { object.with("reasons", reasons) };
        object.text().into_owned()
    }
}

impl Waiting {
    /// For programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NotRunning => "not_running",
            Self::Unassigned => "unassigned",
            Self::Restoring(_) => "restoring",
            Self::Repeating(_) => "repeating",
            Self::Trouble(_) => "trouble",
        }
    }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRunning => f.write_str("the processor does not run, not yet or not any more"),
            Self::Unassigned => f.write_str("the group has not said which partitions are ours"),
            Self::Restoring(tasks) => write!(f, "finding where to go on: {}", listed(tasks)),
            Self::Repeating(tasks) => write!(f, "applying again what is published already: {}", listed(tasks)),
            Self::Trouble(reason) => f.write_str(reason),
        }
    }
}

/// Beyond these, only how many there are.
const LISTED_MAX: usize = 8;

fn listed(tasks: &[TaskId]) -> String {
    let named: Vec<String> = tasks.iter().take(LISTED_MAX).map(ToString::to_string).collect();
    match tasks.len().saturating_sub(LISTED_MAX) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Stage;

    #[test]
    fn what_is_waited_for_is_told_to_programs_and_to_people() {
        let tasks = (0..10).map(|partition| TaskId { stage: Stage::Events, partition }).collect();
        let waiting = Readiness::of(vec![Waiting::Unassigned, Waiting::Restoring(tasks)]);
        assert_eq!(
            waiting.to_json(),
            r#"{"status":"waiting","reasons":[{"reason":"unassigned","detail":"the group has not said which partitions are ours"},{"reason":"restoring","detail":"finding where to go on: telemetry.events.v1[0], telemetry.events.v1[1], telemetry.events.v1[2], telemetry.events.v1[3], telemetry.events.v1[4], telemetry.events.v1[5], telemetry.events.v1[6], telemetry.events.v1[7] and 2 more"}]}"#
        );
        assert_eq!(Readiness::of(Vec::new()).to_json(), r#"{"status":"ready"}"#);
    }
}
