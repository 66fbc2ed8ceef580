//! Both stages over states in memory: as much of a pipeline as a case needs.

use std::num::NonZeroU32;
use std::sync::Arc;

use contracts::avro::EventView;
use contracts::records::{Alert, AnyRecord, ControlCommand, RuleMatch, TelemetryEvent};
use contracts::time::Timestamp;
use contracts::topics;

use super::{Entry, What};
use crate::plan::Plan;
use crate::step::{self, Command, Effects, Input, Row, Stage, Task, step};
use crate::view::{MemoryStore, View};

#[derive(Debug)]
pub struct Rig {
    plan: Arc<Plan>,
    one: MemoryStore,
    two: MemoryStore,
    commands: i64,
    /// All that was published, in order.
    pub rows: Vec<Row>,
}

impl Rig {
    pub fn new(plan: Arc<Plan>) -> Self {
        Self { plan, one: MemoryStore::default(), two: MemoryStore::default(), commands: 0, rows: Vec::new() }
    }

    pub fn feed(&mut self, entry: &Entry) {
        match &entry.what {
            What::Event(event) => self.event(event, entry.appended_at),
            What::Command(command) => self.command(command, entry.appended_at),
            What::Tick => {
                self.apply(Stage::One, entry.appended_at, step::What::Tick);
                self.apply(Stage::Two, entry.appended_at, step::What::Tick);
            }
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
        self.apply(Stage::One, appended_at, step::What::Event(&view));
    }

    fn command(&mut self, command: &ControlCommand, appended_at: Timestamp) {
        let plan = Arc::clone(&self.plan);
        let offset = self.commands;
        self.commands += 1;
        for stage in [Stage::One, Stage::Two] {
            self.plan = Arc::clone(&plan);
            self.apply(stage, appended_at, step::What::Command(Command { offset, command, set: None }));
        }
    }

    fn apply(&mut self, stage: Stage, appended_at: Timestamp, what: step::What<'_>) {
        let store = match stage {
            Stage::One => &mut self.one,
            Stage::Two => &mut self.two,
        };
        let mut view = View::over(store);
        let task = Task { stage, partition: 0, partitions: NonZeroU32::MIN };
        let effects = step(&self.plan, &mut view, &Input { task, appended_at, what });
        let changes = view.into_changes().expect("invariant: this rig wrote every row");
        store.apply(changes);
        let Effects { rows, plan, .. } = effects;
        if let Some(plan) = plan {
            self.plan = plan;
        }
        for row in rows {
            match &row.record {
                AnyRecord::RuleMatch(found) if row.topic == topics::RULE_MATCHES => {
                    let found: RuleMatch = (**found).clone();
                    self.rows.push(row);
                    self.apply(Stage::Two, appended_at, step::What::Match(&found));
                }
                _ => self.rows.push(row),
            }
        }
    }
}
