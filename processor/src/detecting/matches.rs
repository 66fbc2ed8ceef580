//! Stage two: matches of routed rules, and the ticks of their partitions.

use std::sync::Arc;

use bus::Record;
use contracts::codec::{self, DecodeError};
use contracts::record::Record as _;
use contracts::records::{RuleMatch, TelemetryEvent};
use detection::plan::Plan;
use detection::step::{self, Input, What, step};
use detection::view::View;

use super::events::MARKER;
use super::rows::{push_all, push_letter};
use super::{Detecting, invalid, refuse};
use crate::core::{Core, CoreError};
use crate::outbox::Rows;
use crate::task::TaskId;
use crate::ticker::{NO_ENDPOINT, TICK};

#[derive(Debug)]
pub(super) struct Matches {
    shared: Detecting,
    id: TaskId,
    task: step::Task,
    plan: Arc<Plan>,
}

/// The two kinds of record of the topic.
enum Found {
    Match(Box<RuleMatch>),
    Event(Box<TelemetryEvent>),
}

impl Matches {
    pub fn new(shared: Detecting, id: TaskId, task: step::Task, plan: Arc<Plan>) -> Self {
        Self { shared, id, task, plan }
    }

    fn decode(&self, value: &[u8]) -> Result<Found, DecodeError> {
        let schemas = &*self.shared.schemas;
        let writer = codec::writer_of(value, schemas)?;
        if writer.record_name() == Some(TelemetryEvent::NAME) {
            return codec::decode(value, schemas).map(|event| Found::Event(Box::new(event)));
        }
        codec::decode(value, schemas).map(|found| Found::Match(Box::new(found)))
    }
}

fn is_ours(event: &TelemetryEvent, event_type: &str) -> bool {
    event.endpoint_id.as_str() == NO_ENDPOINT && event.event_type == event_type
}

impl Core for Matches {
    fn apply(&mut self, record: &Record<'_>, view: &mut View<'_>, rows: &mut Rows) -> Result<(), CoreError> {
        let (of, framings) = ((self.id, record), &*self.shared.framings);
        let found = match self.decode(record.value.unwrap_or_default()) {
            Ok(found) => found,
            Err(error) => return push_letter(refuse(self.id, record, &error)?, of, framings, rows),
        };
        let what = match &found {
            Found::Match(found) => What::Match(found),
            Found::Event(event) if is_ours(event, TICK) => What::Tick,
            // Not for any command that this task waits for.
            Found::Event(event) if is_ours(event, MARKER) => return Ok(()),
            Found::Event(event) => {
                let why = format!("expected a match or a tick, found an event of type `{}`", event.event_type);
                return push_letter(invalid(self.id, record, why), of, framings, rows);
            }
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
