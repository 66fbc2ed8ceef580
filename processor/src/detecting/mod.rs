//! The cores that run detection: bytes of the log in, `detection`'s steps, bytes of rows out.
//!
//! Invariant: a record that cannot be read, or whose rows cannot be written, is a dead letter and a row like any other. It
//! never stops its partition, and is never silence.
//!
//! Absent on purpose: deciding anything. What follows from a record is the pure crate's.

mod alerts;
mod events;
mod matches;
mod plans;
mod rows;
mod stepping;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use bus::{Bus, BusError, Record};
use contracts::canonical::Digest;
use contracts::codec::{DecodeError, Schemas};
use contracts::dead_letter::Origin;
use contracts::records::{DeadLetter, DeadLetterReason};
use detection::plan::Plan;
use detection::risk::RiskPlan;
use detection::step::{Running, control_offset, running};
use detection::view::View;

use crate::control::Control;
use crate::core::{Core, CoreError, Cores};
use crate::framing::Framings;
use crate::store::TaskState;
use crate::task::{Stage, TaskId};
use plans::Plans;
use stepping::Stepping;

/// What all cores of a process have in common.
#[derive(Clone)]
pub struct Detecting {
    /// What runs before any rule set was swapped in.
    plan: Arc<Plan>,
    risk: Arc<RiskPlan>,
    partitions: BTreeMap<Stage, NonZeroU32>,
    framings: Arc<Framings>,
    schemas: Arc<dyn Schemas + Send + Sync>,
    control: Arc<Control>,
    plans: Arc<Plans>,
}

impl Detecting {
    /// Asks the log how many partitions its input topics have.
    pub fn new(
        bus: &Arc<dyn Bus>,
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
        let control = Arc::new(Control::new(Arc::clone(bus), Arc::clone(&schemas)));
        let (framings, plans) = (Arc::new(framings), Arc::default());
        Ok(Self { plan, risk: Arc::new(risk), partitions, framings, schemas, control, plans })
    }

    /// The plan that a task's state says it runs by.
    fn plan_of(&self, task: TaskId, view: &mut View<'_>) -> Result<Arc<Plan>, CoreError> {
        let refused = |digest: Option<Digest>, problems: String| {
            let digest = digest.unwrap_or(self.plan.set.digest);
            CoreError::SetRefused { task, digest, problems }
        };
        let running = running(view).map_err(|wrong| refused(None, wrong.to_string()))?;
        let set = match running.set {
            None if running == Running::default() => return Ok(Arc::clone(&self.plan)),
            None => None,
            Some(digest) => {
                let set = self.control.set(digest);
                Some(set.map_err(|source| CoreError::Control { task, source })?)
            }
        };
        let set = set.as_deref().unwrap_or(&self.plan.rule_set);
        let compiled = self.plan.recompile(set, &running.added, &running.removed);
        let mut plan = compiled.map_err(|problems| {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            refused(running.set, problems.join("; "))
        })?;
        plan.set.digest = running.set.unwrap_or(plan.set.digest);
        Ok(self.plans.only(Arc::new(plan)))
    }
}

impl Cores for Detecting {
    fn core(&self, task: TaskId, state: &TaskState<'_>) -> Result<Box<dyn Core>, CoreError> {
        let mut view = View::over(state);
        let stepping = |stage, view: &mut View<'_>| {
            let (partition, partitions) = (task.partition, self.partitions[&task.stage]);
            let (plan, passed) = (self.plan_of(task, view)?, control_offset(view));
            let of = detection::step::Task { stage, partition, partitions };
            Ok::<_, CoreError>(Stepping { shared: self.clone(), id: task, task: of, plan, passed })
        };
        let core: Box<dyn Core> = match task.stage {
            Stage::Events => Box::new(events::Events(stepping(detection::step::Stage::One, &mut view)?)),
            Stage::Matches => Box::new(matches::Matches(stepping(detection::step::Stage::Two, &mut view)?)),
            Stage::Alerts => Box::new(alerts::Alerts::new(self.clone(), task)),
        };
        state.check()?;
        Ok(core)
    }

    fn control(&self) -> Option<&Arc<Control>> {
        Some(&self.control)
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

fn letter((task, record): (TaskId, &Record<'_>), reason: DeadLetterReason, why: impl std::fmt::Display) -> DeadLetter {
    DeadLetter::new(&origin(task, record), record.value.unwrap_or_default(), reason, why)
}

impl std::fmt::Debug for Detecting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Detecting")
            .field("set", &self.plan.set)
            .field("partitions", &self.partitions)
            .finish_non_exhaustive()
    }
}
