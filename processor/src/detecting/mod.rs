//! The cores that run detection: bytes of the log in, `detection`'s steps, bytes of rows out.
//!
//! Invariant: a record that cannot be read, or whose rows cannot be written, is a dead letter and a row like any other. It
//! never stops its partition, and is never silence.
//!
//! Absent on purpose: deciding anything. What follows from a record is the pure crate's.

mod alerts;
mod events;
mod matches;
mod rows;
mod stepping;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use bus::{Bus, BusError, Record};
use contracts::codec::{DecodeError, Schemas};
use contracts::dead_letter::Origin;
use contracts::records::{DeadLetter, DeadLetterReason};
use detection::plan::Plan;
use detection::risk::RiskPlan;

use crate::core::{Core, CoreError, Cores};
use crate::framing::Framings;
use crate::store::TaskState;
use crate::task::{Stage, TaskId};

/// What all cores of a process have in common.
#[derive(Clone)]
pub struct Detecting {
    /// What runs before any rule set was swapped in.
    plan: Arc<Plan>,
    risk: Arc<RiskPlan>,
    partitions: BTreeMap<Stage, NonZeroU32>,
    framings: Arc<Framings>,
    schemas: Arc<dyn Schemas + Send + Sync>,
}

impl Detecting {
    /// Asks the log how many partitions its input topics have.
    pub fn new(
        bus: &dyn Bus,
        plan: Arc<Plan>,
        risk: RiskPlan,
        framings: Framings,
        schemas: Arc<dyn Schemas + Send + Sync>,
    ) -> Result<Self, BusError> {
        let found = bus.topics()?;
        let partitions = |stage: Stage| {
            let topic = found.iter().find(|topic| topic.name == stage.topic());
            let topic = topic.ok_or_else(|| BusError::UnknownTopic { topic: stage.topic().to_owned() })?;
            Ok((stage, topic.partitions))
        };
        let partitions = Stage::ALL.into_iter().map(partitions).collect::<Result<_, BusError>>()?;
        Ok(Self { plan, risk: Arc::new(risk), partitions, framings: Arc::new(framings), schemas })
    }
}

impl Cores for Detecting {
    fn core(&self, task: TaskId, _state: &TaskState<'_>) -> Result<Box<dyn Core>, CoreError> {
        let partitions = self.partitions[&task.stage];
        let stepping = |stage| stepping::Stepping {
            shared: self.clone(),
            id: task,
            task: detection::step::Task { stage, partition: task.partition, partitions },
            plan: Arc::clone(&self.plan),
        };
        Ok(match task.stage {
            Stage::Events => Box::new(events::Events(stepping(detection::step::Stage::One))),
            Stage::Matches => Box::new(matches::Matches(stepping(detection::step::Stage::Two))),
            Stage::Alerts => Box::new(alerts::Alerts::new(self.clone(), task)),
        })
    }
}

fn origin<'a>(task: TaskId, record: &Record<'a>) -> Origin<'a> {
    Origin {
        topic: task.stage.topic(),
        // Brokers count partitions and offsets in these.
        partition: i32::try_from(task.partition).unwrap_or(i32::MAX),
        offset: i64::try_from(record.offset.0).unwrap_or(i64::MAX),
        key: record.key,
        appended_at: record.appended_at,
    }
}

/// What is wrong with a record, as a dead letter; or that nothing can be said of it yet.
fn refuse(task: TaskId, record: &Record<'_>, error: &DecodeError) -> Result<DeadLetter, CoreError> {
    let letter = DeadLetter::of_error(&origin(task, record), record.value.unwrap_or_default(), error);
    letter.ok_or_else(|| CoreError::SchemaUnavailable { task, offset: record.offset, reason: error.to_string() })
}

fn invalid(task: TaskId, record: &Record<'_>, why: impl std::fmt::Display) -> DeadLetter {
    DeadLetter::new(&origin(task, record), record.value.unwrap_or_default(), DeadLetterReason::Invalid, why)
}

impl std::fmt::Debug for Detecting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Detecting")
            .field("set", &self.plan.set)
            .field("partitions", &self.partitions)
            .finish_non_exhaustive()
    }
}
