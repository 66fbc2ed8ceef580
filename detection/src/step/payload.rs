//! An event's payload, parsed when something first has to look into it, and then kept.

use contracts::avro::EventView;
use contracts::json::{self, Mode, Value};
use contracts::limits::JSON_DEPTH_MAX;

use super::round::Round;

#[derive(Debug)]
pub(crate) struct Payload<'e> {
    text: &'e str,
    value: Option<Value<'e>>,
}

impl<'e> Payload<'e> {
    /// `parsed` is the payload, if matching had to parse it.
    pub fn of(event: &EventView<'e>, parsed: Option<Value<'e>>) -> Self {
        Self { text: event.payload, value: parsed }
    }

    /// None if it is no JSON object: then the event belongs to the dead letters, and the round says so.
    pub fn value(&mut self, round: &mut Round<'_, '_>) -> Option<&Value<'e>> {
        if self.value.is_none() {
            let parsed = json::check_object(self.text, JSON_DEPTH_MAX)
                .and_then(|()| json::parse(self.text.as_bytes(), Mode::Tolerant, JSON_DEPTH_MAX));
            match parsed {
                Ok(value) => self.value = Some(value),
                Err(error) => round.out.refused = Some(error.into()),
            }
        }
        self.value.as_ref()
    }
}
