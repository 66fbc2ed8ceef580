//! The schemas that need no registry: ours, of this version and of all before.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use crate::avro::{Fingerprint, SchemaId, WriterSchema};
use crate::codec::{LookupError, Schemas};
use crate::records::AnyRecord;

macro_rules! released {
    ($record:literal, $($version:literal),+) => {
        (
            $record,
            &[$(include_str!(concat!(
                "../../../schemas/history/",
                $record,
                "/",
                stringify!($version),
                ".avsc"
            ))),+],
        )
    };
}

/// The released versions of each record's schema, oldest first.
pub const HISTORY: &[(&str, &[&str])] = &[
    released!("telemetry_event_v1", 1),
    released!("rule_match_v1", 1),
    released!("alert_v1", 1),
    released!("risk_report_v1", 1),
    released!("risk_alert_v1", 1),
    released!("guardrail_request_v1", 1),
    released!("guardrail_action_v1", 1),
    released!("guardrail_command_v1", 1),
    released!("budget_reservation_v1", 1),
    released!("response_policy_v1", 1),
    released!("endpoint_state_v1", 1),
    released!("outcome_v1", 1),
    released!("control_command_v1", 1),
    released!("rule_set_part_v1", 1),
    released!("dead_letter_v1", 1),
];

/// Knows our own schemas by their fingerprints, and no registry's ids.
#[derive(Debug, Clone, Copy, Default)]
pub struct BuiltIn;

impl Schemas for BuiltIn {
    fn by_id(&self, _: SchemaId) -> Result<Arc<WriterSchema>, LookupError> {
        Err(LookupError::Unknown)
    }

    fn by_fingerprint(&self, fingerprint: Fingerprint) -> Result<Arc<WriterSchema>, LookupError> {
        let found = known().get(&fingerprint);
        found.cloned().ok_or(LookupError::Unknown)
    }
}

fn known() -> &'static BTreeMap<Fingerprint, Arc<WriterSchema>> {
    static KNOWN: OnceLock<BTreeMap<Fingerprint, Arc<WriterSchema>>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let ours = AnyRecord::schemas();
        let today = ours.iter().map(|schema| schema.text());
        let before = HISTORY.iter().flat_map(|(_, versions)| versions.iter().copied());
        let all = before.chain(today).map(|text| {
            let schema = WriterSchema::parse(text).expect("invariant: our schemas are schemas");
            (schema.fingerprint(), Arc::new(schema))
        });
        all.collect()
    })
}
