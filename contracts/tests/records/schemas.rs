//! The schema files are what the declarations say, documented throughout, and released versions are never rewritten.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use apache_avro::Schema;
use contracts::records::AnyRecord;
use contracts::schema::{self, HISTORY};
use contracts::topics;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas")
}

fn avsc_files(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            avsc_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "avsc") {
            found.insert(path);
        }
    }
}

#[test]
fn the_folder_holds_what_the_declarations_say_and_nothing_else() {
    let mut found = BTreeSet::new();
    avsc_files(&folder(), &mut found);
    for file in schema::files() {
        let path = folder().join(&file.path);
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(text, file.text, "{}: run `cargo xtask schemas bless` and review what changed", file.path);
        found.remove(&path);
    }
    assert!(found.is_empty(), "no declaration gives {found:?}");
}

#[test]
fn every_version_in_the_folder_is_in_the_history() {
    let mut found = BTreeSet::new();
    avsc_files(&folder().join("history"), &mut found);
    let known: usize = HISTORY.iter().map(|(_, versions)| versions.len()).sum();
    assert_eq!(found.len(), known, "name every file of schemas/history in schema::HISTORY");
    let names: Vec<_> = HISTORY.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, AnyRecord::NAMES);
}

#[test]
fn todays_schemas_may_stand_beside_all_released_ones() {
    let errors: Vec<_> = schema::check().iter().map(ToString::to_string).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

#[test]
fn every_record_field_and_type_has_a_doc() {
    fn documented(schema: &Schema, path: &str) {
        match schema {
            Schema::Record(record) => {
                assert!(record.doc.as_ref().is_some_and(|doc| doc.len() > 4), "{path}");
                for field in &record.fields {
                    let path = format!("{path}.{}", field.name);
                    assert!(field.doc.as_ref().is_some_and(|doc| doc.len() > 4), "{path}");
                    documented(&field.schema, &path);
                }
            }
            Schema::Enum(symbols) => assert!(symbols.doc.is_some(), "{path}"),
            Schema::Array(array) => documented(&array.items, path),
            Schema::Map(map) => documented(&map.types, path),
            Schema::Union(union) => union.variants().iter().for_each(|branch| documented(branch, path)),
            _ => {}
        }
    }
    for schema in AnyRecord::schemas() {
        documented(schema.avro(), schema.name());
    }
}

/// A field that may be absent has the default that says so; no other has one.
#[test]
fn defaults_stand_exactly_where_absence_means_something() {
    fn defaults(schema: &Schema, path: &str) {
        let Schema::Record(record) = schema else { return };
        for field in &record.fields {
            let expected = match &field.schema {
                Schema::Union(union) if union.is_nullable() => Some("null"),
                Schema::Array(_) => Some("[]"),
                Schema::Map(_) => Some("{}"),
                _ => None,
            };
            let found = field.default.as_ref().map(ToString::to_string);
            assert_eq!(found.as_deref(), expected, "{path}.{}", field.name);
            defaults(&field.schema, &field.name);
        }
    }
    for schema in AnyRecord::schemas() {
        defaults(schema.avro(), schema.name());
    }
}

#[test]
fn every_record_of_the_table_of_topics_exists_and_every_record_has_a_topic() {
    let on_topics: BTreeSet<_> = topics::ALL.iter().flat_map(|topic| topic.records).copied().collect();
    assert_eq!(on_topics, AnyRecord::NAMES.iter().copied().collect());
}

/// The field names of spec and schema, written down a second time: what other teams' consumers depend on.
#[test]
fn names_that_are_contract_stay() {
    for (record, names) in [
        (
            "telemetry_event_v1",
            "schema_version event_id event_type topic endpoint_id source source_type is_watcher_generated event_depth causation_id ancestry correlation_id actor_id scope observed_at ingested_at stream labels payload",
        ),
        (
            "alert_v1",
            "alert_id rule_id rule_name rule_digest rule_set trigger_event severity category message triggered_at acknowledged acknowledged_by escalation_status source dedup_hash suppressed_until occurrences group_key window action evidence_refs attack confidence complete episode",
        ),
        (
            "rule_match_v1",
            "rule_id rule_digest control_offset group_key endpoint_id event event_time step value_hash details",
        ),
        (
            "risk_report_v1",
            "reportVersion reportId agentId generatedAt overallRisk confidence reasons evidenceLinks signals",
        ),
        ("risk_alert_v1", "alertId agentId type severity description evidenceLinks createdAt isActive"),
        (
            "guardrail_request_v1",
            "request_id alert_id trigger_event_id rule_id policy_version endpoint_id action_type parameters playbook cacao_step_id rect_technique_id confidence evidence_refs constraints requested_at requested_by not_after signature dry_run depth",
        ),
        (
            "guardrail_action_v1",
            "action_id request_id alert_id rule_id endpoint_id action_type target status result_message evidence_refs rollback_ref cacao_step_id rect_technique_id policy_version policy_digest gates started_at ended_at dry_run verified audit outcome_label impact_summary confidence_delta",
        ),
        (
            "guardrail_command_v1",
            "command_id command endpoint_id subject digest parameters nonce not_after issued_by issued_at signature",
        ),
        ("budget_reservation_v1", "request_id endpoint_id action_type reserved_at instance"),
        ("response_policy_v1", "name version digest body signature signed_by"),
        ("endpoint_state_v1", "endpoint_id state since reason changed_by level open_leases"),
        (
            "outcome_v1",
            "outcome_id rule_id alert_id action_id outcome_label impact_summary confidence_delta labelled_by labelled_at",
        ),
        ("control_command_v1", "command_id command parameters issued_by issued_at reason"),
        ("rule_set_part_v1", "digest part parts body"),
        ("dead_letter_v1", "topic partition offset key reason detail raw raw_length raw_sha256 appended_at"),
    ] {
        let schema = AnyRecord::schemas().into_iter().find(|schema| schema.name() == record).unwrap();
        let Schema::Record(fields) = schema.avro() else { panic!("{record} is a record") };
        assert_eq!(fields.name.fullname(None), format!("tripline.v1.{record}"));
        let found: Vec<_> = fields.fields.iter().map(|field| field.name.as_str()).collect();
        assert_eq!(found.join(" "), names, "{record}");
    }
}
