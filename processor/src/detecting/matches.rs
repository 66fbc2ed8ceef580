//! Stage two: matches of routed rules, and the ticks of their partitions.

use bus::Record;
use contracts::codec::{self, DecodeError};
use contracts::owner_event::{MARKER, NO_ENDPOINT, TICK};
use contracts::record::Record as _;
use contracts::records::{DeadLetterReason, RuleMatch, TelemetryEvent};
use detection::step::What;
use detection::view::View;

use super::rows::push_letter;
use super::stepping::Stepping;
use super::{letter, refuse};
use crate::core::{Core, CoreError, Standing};
use crate::outbox::Rows;

#[derive(Debug)]
pub(super) struct Matches(pub Stepping);

/// The two kinds of record of the topic.
enum Found {
    Match(Box<RuleMatch>),
    Event(Box<TelemetryEvent>),
}

impl Matches {
    fn decode(&self, value: &[u8]) -> Result<Found, DecodeError> {
        let schemas = &*self.0.shared.schemas;
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
        let (of, framings) = ((self.0.id, record), &*self.0.shared.framings);
        let found = match self.decode(record.value.unwrap_or_default()) {
            Ok(found) => found,
            Err(error) => return push_letter(refuse(self.0.id, record, &error)?, of, framings, rows),
        };
        let what = match &found {
            Found::Match(found) => {
                self.0.catch_up(found.control_offset, record, view, rows)?;
                What::Match(found)
            }
            Found::Event(event) if is_ours(event, TICK) => What::Tick,
            Found::Event(event) if is_ours(event, MARKER) => {
                return self.0.mark(event.payload.as_str(), record, view, rows);
            }
            Found::Event(event) => {
                let why = format!("expected a match or a tick, found an event of type `{}`", event.event_type);
                return push_letter(letter(of, DeadLetterReason::Invalid, why), of, framings, rows);
            }
        };
        self.0.apply(what, record, view, rows)
    }

    fn standing(&self) -> Option<Standing> {
        Some(self.0.standing())
    }
}
