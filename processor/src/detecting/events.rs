//! Stage one: events of `telemetry.events.v1`.

use std::sync::Arc;

use bus::Record;
use contracts::avro::EventView;
use contracts::codec;
use contracts::records::TelemetryEvent;
use detection::plan::Plan;
use detection::step::{self, Input, What, step};
use detection::view::View;

use super::rows::{push_all, push_letter};
use super::{Detecting, invalid, refuse};
use crate::core::{Core, CoreError};
use crate::outbox::Rows;
use crate::task::TaskId;
use crate::ticker::{NO_ENDPOINT, TICK};

/// Says where a command takes effect.
pub(super) const MARKER: &str = "system.control";

#[derive(Debug)]
pub(super) struct Events {
    shared: Detecting,
    id: TaskId,
    task: step::Task,
    plan: Arc<Plan>,
}

impl Events {
    pub fn new(shared: Detecting, id: TaskId, task: step::Task, plan: Arc<Plan>) -> Self {
        Self { shared, id, task, plan }
    }
}

impl Core for Events {
    fn apply(&mut self, record: &Record<'_>, view: &mut View<'_>, rows: &mut Rows) -> Result<(), CoreError> {
        let (of, framings) = ((self.id, record), &*self.shared.framings);
        let body = codec::body::<TelemetryEvent>(record.value.unwrap_or_default(), &*self.shared.schemas);
        let body = match body {
            Ok(body) => body,
            Err(error) => return push_letter(refuse(self.id, record, &error)?, of, framings, rows),
        };
        let event = match EventView::read(&body) {
            Ok(event) => event,
            Err(error) => return push_letter(refuse(self.id, record, &error)?, of, framings, rows),
        };
        let what = match (event.endpoint_id, event.event_type) {
            (NO_ENDPOINT, TICK) => What::Tick,
            // Not for any command that this task waits for.
            (NO_ENDPOINT, MARKER) => return Ok(()),
            _ => What::Event(&event),
        };
        let input = Input { task: self.task, appended_at: record.appended_at, what };
        let effects = step(&self.plan, view, &input);
        if let Some(plan) = effects.plan {
            self.plan = plan;
        }
        push_all(&effects.rows, of, framings, rows)?;
        match effects.refused {
            Some(refused) => push_letter(invalid(self.id, record, refused), of, framings, rows),
            None => Ok(()),
        }
    }
}
