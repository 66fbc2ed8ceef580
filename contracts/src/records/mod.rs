//! The records of every topic, one module per family.

mod event;

pub use event::{Scope, SourceType, Stream, TelemetryEvent};

use std::sync::OnceLock;

use crate::limits::EVENT_BYTES_MAX;
use crate::record::Record;
use crate::schema::OurSchema;

macro_rules! records {
    ($($Type:ident = $name:literal, $bytes_max:expr;)+) => {
        $(
            impl Record for $Type {
                const NAME: &'static str = $name;
                const BYTES_MAX: usize = $bytes_max;

                fn schema() -> &'static OurSchema {
                    static SCHEMA: OnceLock<OurSchema> = OnceLock::new();
                    SCHEMA.get_or_init(|| {
                        OurSchema::of($name, &<$Type as crate::record::Field>::shape())
                    })
                }
            }
        )+
    };
}

records! {
    TelemetryEvent = "telemetry_event_v1", EVENT_BYTES_MAX;
}
