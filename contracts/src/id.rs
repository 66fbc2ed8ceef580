//! Names of things, each a type of its own: an alert's id cannot stand where a rule's is meant.
//!
//! They hold text and nothing else, so that a record of another producer never fails for the look of an id; the one
//! rule there is, the length of an event id, is kept by its type. How ids are made is in [`crate::identity`].

use std::fmt;

use apache_avro::types::Value;

use crate::avro::Reader;
use crate::fault::{Fault, Faults};
use crate::json;
use crate::limits::EVENT_ID_CHARS_MIN;
use crate::record::Field;
use crate::shape::Shape;

macro_rules! ids {
    ($($(#[doc = $doc:literal])+ $Id:ident,)+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $Id(String);

            impl $Id {
                pub fn new(text: impl Into<String>) -> Self {
                    Self(text.into())
                }
            }

            text_id!($Id, any_text);
        )+
    };
}

/// What every id has: its text, and the string's way through both faces, with `$check` held to.
macro_rules! text_id {
    ($Id:ident, $check:expr) => {
        impl $Id {
            pub fn as_str(&self) -> &str {
                &self.0
            }

            fn checked(text: String) -> Result<Self, Fault> {
                $check(&text)?;
                Ok(Self(text))
            }
        }

        impl fmt::Display for $Id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl AsRef<str> for $Id {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Field for $Id {
            fn shape() -> Shape {
                Shape::String
            }

            fn write(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
                self.0.write(out)
            }

            fn read(from: &mut Reader<'_>) -> Result<Self, Fault> {
                let at = from.at();
                Self::checked(String::read(from)?).map_err(|fault| fault.at(at))
            }

            fn from_value(value: Value) -> Result<Self, Fault> {
                Self::checked(String::from_value(value)?)
            }

            fn write_json(&self, out: &mut String) {
                self.0.write_json(out);
            }

            fn read_json(value: &json::Value<'_>, faults: &mut Faults) -> Option<Self> {
                let id = Self::checked(String::read_json(value, faults)?);
                id.map_err(|fault| faults.push(fault)).ok()
            }
        }
    };
}

#[expect(clippy::unnecessary_wraps, reason = "it stands where the one check that can fail stands, too")]
fn any_text(_: &str) -> Result<(), Fault> {
    Ok(())
}

ids! {
    /// The host or workload an event is about; the default partition key.
    EndpointId,
    /// An alert, as [`crate::identity`] derives it.
    AlertId,
    /// A rule, by the name its author gave it.
    RuleId,
    /// A watcher as one processor runs it.
    WatcherId,
    /// The intent of a guardrail action.
    RequestId,
    /// One guardrail action and its result.
    ActionId,
    /// A command of a person; a repeated one does nothing.
    CommandId,
    /// A person's judgement of an alert or an action.
    OutcomeId,
    /// What is scored for risk; in live scoring an endpoint.
    AgentId,
    /// A risk report.
    ReportId,
    /// A signal of risk; in live scoring an alert.
    SignalId,
    /// What was seen of an agent at one time.
    SnapshotId,
}

/// An event, derived from what was observed so that reading it again gives the same id. At least
/// [`EVENT_ID_CHARS_MIN`] characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(String);

/// An event id that is too short to be one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an event id of at least {EVENT_ID_CHARS_MIN} characters, found {chars}")]
pub struct TooShort {
    pub chars: usize,
}

impl EventId {
    pub fn new(text: impl Into<String>) -> Result<Self, TooShort> {
        let text = text.into();
        check_event_id(&text)?;
        Ok(Self(text))
    }
}

pub(crate) fn check_event_id(text: &str) -> Result<(), TooShort> {
    match text.chars().take(EVENT_ID_CHARS_MIN).count() {
        EVENT_ID_CHARS_MIN.. => Ok(()),
        chars => Err(TooShort { chars }),
    }
}

impl From<TooShort> for Fault {
    fn from(error: TooShort) -> Self {
        Fault::of_value(format!("at least {EVENT_ID_CHARS_MIN} characters"), error.chars.to_string())
    }
}

text_id!(EventId, check_event_id);
