//! A task of detection, one record at a time: what both stages share once they know what the record is.

use std::sync::Arc;

use bus::Record;
use detection::plan::Plan;
use detection::step::{self, Input, What, step};
use detection::view::View;

use super::rows::{push_all, push_letter};
use super::{Detecting, invalid};
use crate::core::CoreError;
use crate::outbox::Rows;
use crate::task::TaskId;

#[derive(Debug)]
pub(super) struct Stepping {
    pub shared: Detecting,
    pub id: TaskId,
    pub task: step::Task,
    pub plan: Arc<Plan>,
}

impl Stepping {
    /// Applies a record: its rows, and a dead letter beside them if detection refused it.
    pub fn apply(
        &mut self,
        what: What<'_>,
        record: &Record<'_>,
        view: &mut View<'_>,
        rows: &mut Rows,
    ) -> Result<(), CoreError> {
        let (of, framings) = ((self.id, record), &*self.shared.framings);
        let input = Input { task: self.task, appended_at: record.appended_at, what };
        let effects = step(&self.plan, view, &input);
        if let Some(plan) = effects.plan {
            self.plan = plan;
        }
        rows.counted.detection += effects.counts;
        push_all(&effects.rows, of, framings, rows)?;
        match effects.refused {
            Some(refused) => push_letter(invalid(self.id, record, refused), of, framings, rows),
            None => Ok(()),
        }
    }
}
