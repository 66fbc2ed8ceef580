//! Both stages over states in memory: as much of a pipeline as a case needs.

use std::num::NonZeroU32;
use std::sync::Arc;

use contracts::avro::EventView;
use contracts::partition::partition_of;
use contracts::records::{Alert, AnyRecord, ControlCommand, RuleMatch, TelemetryEvent};
use contracts::time::Timestamp;
use contracts::topics;

use super::{Entry, What};
use crate::plan::Plan;
use crate::step::{self, Command, Input, Row, Stage, Task, step};
use crate::view::{MemoryStore, View};

#[derive(Debug)]
pub struct Rig {
    plan: Arc<Plan>,
    partitions: NonZeroU32,
    /// By partition.
    one: Vec<MemoryStore>,
    two: Vec<MemoryStore>,
    commands: i64,
    /// All that was published, in order.
    pub rows: Vec<Row>,
}

impl Rig {
    pub fn new(plan: Arc<Plan>) -> Self {
        Self::over(plan, NonZeroU32::MIN)
    }

    /// With so many partitions of both stages' topics.
    pub fn over(plan: Arc<Plan>, partitions: NonZeroU32) -> Self {
        let stores = vec![MemoryStore::default(); partitions.get() as usize];
        Self { plan, partitions, one: stores.clone(), two: stores, commands: 0, rows: Vec::new() }
    }

    pub fn feed(&mut self, entry: &Entry) {
        match &entry.what {
            What::Event(event) => self.event(event, entry.appended_at),
            What::Command(command) => self.command(command, entry.appended_at),
            What::Tick => self.apply_everywhere(entry.appended_at, &step::What::Tick),
        }
    }

    pub fn alerts(&self) -> impl Iterator<Item = &Alert> {
        self.rows.iter().filter_map(|row| match &row.record {
            AnyRecord::Alert(alert) => Some(&**alert),
            _ => None,
        })
    }

    fn event(&mut self, event: &TelemetryEvent, appended_at: Timestamp) {
        let body = step::body(event);
        let view = EventView::read(&body).expect("invariant: we wrote it");
        let partition = partition_of(event.endpoint_id.as_str().as_bytes(), self.partitions);
        self.apply(self.task(Stage::One, partition), appended_at, step::What::Event(&view));
    }

    /// Each task takes the command at its own marker, and changes its plan there; here that is one place for all.
    fn command(&mut self, command: &ControlCommand, appended_at: Timestamp) {
        let offset = self.commands;
        self.commands += 1;
        self.apply_everywhere(appended_at, &step::What::Command(Command { offset, command, set: None }));
    }

    /// By one plan, whatever the first of them makes of it.
    fn apply_everywhere(&mut self, appended_at: Timestamp, what: &step::What<'_>) {
        let plan = Arc::clone(&self.plan);
        let mut changed = None;
        for stage in [Stage::One, Stage::Two] {
            for partition in 0..self.partitions.get() {
                self.apply(self.task(stage, partition), appended_at, what.clone());
                let now = std::mem::replace(&mut self.plan, Arc::clone(&plan));
                changed = changed.or((!Arc::ptr_eq(&now, &plan)).then_some(now));
            }
        }
        self.plan = changed.unwrap_or(plan);
    }

    fn task(&self, stage: Stage, partition: u32) -> Task {
        Task { stage, partition, partitions: self.partitions }
    }

    fn apply(&mut self, task: Task, appended_at: Timestamp, what: step::What<'_>) {
        let stores = match task.stage {
            Stage::One => &mut self.one,
            Stage::Two => &mut self.two,
        };
        let store = &mut stores[task.partition as usize];
        let mut view = View::over(store);
        let effects = step(&self.plan, &mut view, &Input { task, appended_at, what });
        let changes = view.into_changes().expect("invariant: this rig wrote every row");
        store.apply(changes);
        if let Some(plan) = effects.plan {
            self.plan = plan;
        }
        for row in effects.rows {
            let found = routed(&row);
            let partition = partition_of(row.key.as_bytes(), self.partitions);
            self.rows.push(row);
            if let Some(found) = found {
                self.apply(self.task(Stage::Two, partition), appended_at, step::What::Match(&found));
            }
        }
    }
}

fn routed(row: &Row) -> Option<RuleMatch> {
    match &row.record {
        AnyRecord::RuleMatch(found) if row.topic == topics::RULE_MATCHES => Some((**found).clone()),
        _ => None,
    }
}
