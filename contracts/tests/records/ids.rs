//! Ids are hashes of what the specification names, checked against JSON written out by hand.

use contracts::canonical::Digest;
use contracts::field::JsonObject;
use contracts::id::{AlertId, EndpointId, EventId, RequestId, RuleId};
use contracts::identity::{ActionParts, AlertParts, RequestParts, WatcherEventParts, dedup_hash, window_dedup_hash};
use contracts::records::{RiskInput, TelemetryEvent};
use contracts::{canonical, json_face};

fn sha256(canonical: &str) -> String {
    Digest::of(canonical.as_bytes()).to_string()
}

#[test]
fn each_id_covers_exactly_its_parts() {
    let zero = Digest::from_bytes([0; 32]);
    let zeros = "0".repeat(64);
    let (endpoint_id, event_id, rule_id) =
        (EndpointId::new("host"), EventId::new("event-01").unwrap(), RuleId::new("rule"));
    let parameters = JsonObject::new(r#"{ "b": 1.0, "a": "x" }"#).unwrap();

    let alert = AlertParts {
        dedup_hash: zero,
        endpoint_id: &endpoint_id,
        episode: 2,
        group_key: r#"["u"]"#,
        rule_digest: zero,
        trigger_event_id: &event_id,
    };
    let text = format!(
        r#"{{"dedup_hash":"{zeros}","endpoint_id":"host","episode":2,"group_key":"[\"u\"]","rule_digest":"{zeros}","trigger_event_id":"event-01"}}"#
    );
    assert_eq!(alert.id().as_str(), sha256(&text));

    let request = RequestParts {
        action_type: "block_ioc",
        alert_id: &AlertId::new("a"),
        parameters: &parameters,
        requested_at: "2026-01-31T12:00:00.000001Z".parse().unwrap(),
        requested_by: "rule:r",
    };
    let text = r#"{"action_type":"block_ioc","alert_id":"a","parameters":{"a":"x","b":1},"requested_at":"2026-01-31T12:00:00.000001Z","requested_by":"rule:r"}"#;
    assert_eq!(request.id().as_str(), sha256(text));

    let action = ActionParts {
        action_type: "block_ioc",
        cacao_step_id: "step",
        parameters: &parameters,
        playbook_digest: zero,
        request_id: &RequestId::new("r"),
        target: "10.0.0.1",
    };
    let text = format!(
        r#"{{"action_type":"block_ioc","cacao_step_id":"step","parameters":{{"a":"x","b":1}},"playbook_digest":"{zeros}","request_id":"r","target":"10.0.0.1"}}"#
    );
    assert_eq!(action.id().as_str(), sha256(&text));

    let watcher_event = WatcherEventParts {
        causation_id: &event_id,
        endpoint_id: &endpoint_id,
        event_type: "alert.emitted",
        payload: &parameters,
    };
    let text =
        r#"{"causation_id":"event-01","endpoint_id":"host","event_type":"alert.emitted","payload":{"a":"x","b":1}}"#;
    assert_eq!(watcher_event.id().as_str(), sha256(text));

    assert_eq!(window_dedup_hash("[]", &rule_id).to_string(), sha256(r#"{"group_key":"[]","rule_id":"rule"}"#));
}

#[test]
fn a_dedup_hash_sees_the_payload_without_what_changes_each_time() {
    let event = |payload: &str| -> TelemetryEvent {
        let text = format!(
            r#"{{"schema_version":1,"event_id":"12345678","event_type":"e","topic":"t","endpoint_id":"c","source":"d","source_type":"external","is_watcher_generated":false,"event_depth":0,"scope":{{}},"observed_at":0,"ingested_at":0,"payload":{payload}}}"#
        );
        json_face::from_json(text.as_bytes()).unwrap()
    };
    let hash = |payload: &str| {
        let event = event(payload);
        let seen = canonical::payload(event.payload.as_str(), &[], 64).unwrap();
        dedup_hash(&event.event_type, &event.topic, &RuleId::new("r"), seen).to_string()
    };
    let text = r#"{"event_type":"e","payload":{"a":1e400},"rule_id":"r","topic":"t"}"#;
    assert_eq!(hash(r#"{"ts":1,"a":1e400}"#), sha256(text));
    assert_eq!(hash(r#"{"a":1e400,"ts":2}"#), sha256(text));
    assert_ne!(hash(r#"{"a":1e401}"#), sha256(text));
}

/// By order of signals and evidence, and by how details are spelled, nothing becomes another snapshot.
#[test]
fn a_snapshot_has_one_form_and_one_id() {
    fn read(text: &str) -> Result<RiskInput, String> {
        let agent = r#"{"agentId":"a"}"#;
        let text = format!(r#"{{"agent":{agent},"generatedAt":0,"snapshots":[{text}]}}"#);
        RiskInput::from_json(text.as_bytes()).map_err(|error| error.to_string())
    }
    let snapshot = |id: &str, signals: &[&str]| {
        let signals = signals.join(",");
        read(&format!(r#"{{{id}"agentId":"a","observedAt":1,"signals":[{signals}]}}"#))
    };
    let (s, t) = (
        r#"{"signalId":"s","severity":"LOW","weight":0.1,"observedAt":2,"evidence":[{"type":"x","ref":"2"},{"type":"x","ref":"1"}],"details":{"b":1.0,"a":1e400}}"#,
        r#"{"signalId":"t","severity":"HIGH","weight":1,"observedAt":2}"#,
    );
    let other_s = r#"{"signalId":"s","severity":"LOW","weight":0.1,"observedAt":2,"evidence":[{"type":"x","ref":"1"},{"type":"x","ref":"2"}],"details":"{ \"a\":1e400, \"b\":7, \"b\":1}"}"#;
    let text = r#"{"agentId":"a","observedAt":1,"signals":[{"evidence":[],"observedAt":2,"severity":"HIGH","signalId":"t","weight":1},{"details":{"a":1e400,"b":1},"evidence":[{"ref":"1","type":"x"},{"ref":"2","type":"x"}],"observedAt":2,"severity":"LOW","signalId":"s","weight":0.1}]}"#;
    let first = snapshot("", &[s, t]).unwrap();
    assert_eq!(first.snapshots[0].id().as_str(), sha256(text));
    assert_eq!(snapshot("", &[t, other_s]).unwrap(), first);

    let given = |id: &str| snapshot(&format!(r#""snapshotId":"{id}","#), &[t, s]);
    assert_eq!(given(&sha256(text)).unwrap(), first);
    let refused = given("mine").unwrap_err();
    let expected = format!("`snapshots[0].snapshotId`: expected \"{}\", the hash", sha256(text));
    assert!(refused.contains(&expected) && refused.ends_with("found \"mine\""), "{refused}");
}
