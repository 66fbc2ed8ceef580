//! Stage one: events of `telemetry.events.v1`.

use bus::Record;
use contracts::avro::EventView;
use contracts::codec;
use contracts::owner_event::{MARKER, NO_ENDPOINT, TICK};
use contracts::records::TelemetryEvent;
use detection::step::What;
use detection::view::View;

use super::refuse;
use super::rows::push_letter;
use super::stepping::Stepping;
use crate::core::{Core, CoreError, Standing};
use crate::outbox::Rows;

#[derive(Debug)]
pub(super) struct Events(pub Stepping);

impl Core for Events {
    fn apply(&mut self, record: &Record<'_>, view: &mut View<'_>, rows: &mut Rows) -> Result<(), CoreError> {
        let (of, framings) = ((self.0.id, record), &*self.0.shared.framings);
        let body = codec::body::<TelemetryEvent>(record.value.unwrap_or_default(), &*self.0.shared.schemas);
        let body = match body {
            Ok(body) => body,
            Err(error) => return push_letter(refuse(self.0.id, record, &error)?, of, framings, rows),
        };
        let event = match EventView::read(&body) {
            Ok(event) => event,
            Err(error) => return push_letter(refuse(self.0.id, record, &error)?, of, framings, rows),
        };
        let what = match (event.endpoint_id, event.event_type) {
            (NO_ENDPOINT, TICK) => What::Tick,
            (NO_ENDPOINT, MARKER) => return self.0.mark(event.payload, record, view, rows),
            _ => What::Event(&event),
        };
        self.0.apply(what, record, view, rows)
    }

    fn standing(&self) -> Option<Standing> {
        Some(self.0.standing())
    }
}
