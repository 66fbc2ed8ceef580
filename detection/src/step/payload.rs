//! An event's payload, parsed when something first has to look into it, and then kept.

use contracts::avro::EventView;
use contracts::field::NotAJsonObject;
use contracts::json::{self, Mode, Value};
use contracts::limits::JSON_DEPTH_MAX;

#[derive(Debug)]
pub(crate) enum Payload<'e> {
    Text(&'e str),
    Parsed(Value<'e>),
}

impl<'e> Payload<'e> {
    /// `parsed` is the payload, if matching had to parse it.
    pub fn of(event: &EventView<'e>, parsed: Option<Value<'e>>) -> Self {
        parsed.map_or(Self::Text(event.payload), Self::Parsed)
    }

    pub fn value(&mut self) -> Result<&Value<'e>, NotAJsonObject> {
        if let Self::Text(text) = *self {
            json::check_object(text, JSON_DEPTH_MAX)?;
            *self = Self::Parsed(json::parse(text.as_bytes(), Mode::Tolerant, JSON_DEPTH_MAX)?);
        }
        match self {
            Self::Parsed(value) => Ok(value),
            Self::Text(_) => unreachable!("invariant: it was parsed above"),
        }
    }
}
