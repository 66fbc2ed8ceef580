//! The table of all records, and a record of any of them: what `tail` shows, whatever the topic.

use std::sync::OnceLock;

use super::{
    Alert, BudgetReservation, ControlCommand, DeadLetter, EndpointState, GuardrailAction, GuardrailCommand,
    GuardrailRequest, Outcome, ResponsePolicy, RiskAlert, RiskReport, RuleMatch, RuleSetPart, TelemetryEvent,
};
use crate::avro::Framing;
use crate::codec::{self, DecodeError, EncodeError, Schemas};
use crate::json_face::{self, JsonError};
use crate::limits::{EVENT_BYTES_MAX, RECORD_BYTES_MAX};
use crate::record::{Field, Record};
use crate::schema::OurSchema;

/// A name that is no record's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected one of {}, found {found:?}", AnyRecord::NAMES.join(", "))]
pub struct UnknownRecord {
    pub found: String,
}

macro_rules! records {
    ($($Type:ident = $name:literal, $bytes_max:expr;)+) => {
        /// A record of any type.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum AnyRecord {
            $($Type(Box<$Type>),)+
        }

        $(
            impl Record for $Type {
                const NAME: &'static str = $name;
                const BYTES_MAX: usize = $bytes_max;

                fn schema() -> &'static OurSchema {
                    static SCHEMA: OnceLock<OurSchema> = OnceLock::new();
                    SCHEMA.get_or_init(|| OurSchema::of($name, &$Type::shape()))
                }
            }

            impl From<$Type> for AnyRecord {
                fn from(record: $Type) -> Self {
                    Self::$Type(Box::new(record))
                }
            }
        )+

        impl AnyRecord {
            pub const NAMES: &'static [&'static str] = &[$($name),+];

            /// Our schemas, in the order of [`AnyRecord::NAMES`].
            pub fn schemas() -> Vec<&'static OurSchema> {
                vec![$($Type::schema()),+]
            }

            /// The record's name.
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$Type(_) => $name,)+
                }
            }

            pub fn to_json(&self) -> String {
                match self {
                    $(Self::$Type(record) => json_face::to_json(&**record),)+
                }
            }

            pub fn encode(&self, framing: Framing, out: &mut Vec<u8>) -> Result<(), EncodeError> {
                match self {
                    $(Self::$Type(record) => codec::encode(&**record, framing, out),)+
                }
            }

            /// Reads a framed value as the record of that name.
            pub fn decode(
                name: &str,
                value: &[u8],
                schemas: &dyn Schemas,
            ) -> Result<Result<Self, DecodeError>, UnknownRecord> {
                match name {
                    $($name => Ok(codec::decode::<$Type>(value, schemas).map(Self::from)),)+
                    _ => Err(UnknownRecord { found: name.to_owned() }),
                }
            }

            /// Reads one line of JSON as the record of that name.
            pub fn from_json(
                name: &str,
                text: &[u8],
            ) -> Result<Result<Self, JsonError>, UnknownRecord> {
                match name {
                    $($name => Ok(json_face::from_json::<$Type>(text).map(Self::from)),)+
                    _ => Err(UnknownRecord { found: name.to_owned() }),
                }
            }
        }
    };
}

records! {
    TelemetryEvent = "telemetry_event_v1", EVENT_BYTES_MAX;
    RuleMatch = "rule_match_v1", RECORD_BYTES_MAX;
    Alert = "alert_v1", RECORD_BYTES_MAX;
    RiskReport = "risk_report_v1", RECORD_BYTES_MAX;
    RiskAlert = "risk_alert_v1", RECORD_BYTES_MAX;
    GuardrailRequest = "guardrail_request_v1", RECORD_BYTES_MAX;
    GuardrailAction = "guardrail_action_v1", RECORD_BYTES_MAX;
    GuardrailCommand = "guardrail_command_v1", RECORD_BYTES_MAX;
    BudgetReservation = "budget_reservation_v1", RECORD_BYTES_MAX;
    ResponsePolicy = "response_policy_v1", RECORD_BYTES_MAX;
    EndpointState = "endpoint_state_v1", RECORD_BYTES_MAX;
    Outcome = "outcome_v1", RECORD_BYTES_MAX;
    ControlCommand = "control_command_v1", RECORD_BYTES_MAX;
    RuleSetPart = "rule_set_part_v1", RECORD_BYTES_MAX;
    DeadLetter = "dead_letter_v1", RECORD_BYTES_MAX;
}

impl AnyRecord {
    /// Reads a value of a topic that carries `names`. Of several the writer's schema tells which, by its name.
    pub fn decode_one_of(
        names: &[&str],
        value: &[u8],
        schemas: &dyn Schemas,
    ) -> Result<Result<Self, DecodeError>, UnknownRecord> {
        match *names {
            [name] => Self::decode(name, value, schemas),
            _ => match codec::writer_of(value, schemas) {
                Ok(writer) => {
                    let name = writer.record_name().unwrap_or_default();
                    if names.contains(&name) {
                        Self::decode(name, value, schemas)
                    } else {
                        Err(UnknownRecord { found: name.to_owned() })
                    }
                }
                Err(error) => Ok(Err(error)),
            },
        }
    }
}
