//! The JSON face: strict about the record, tolerant of what it carries, on one line.

use std::fmt::Debug;

use contracts::json_face::{from_json, to_json};
use contracts::record::Record;
use contracts::records::{Alert, AlertAction, AnyRecord, GuardrailRequest, TelemetryEvent};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::arbitrary::{arbitrary, every_record, sample};

#[test]
fn every_record_survives_its_json_face_on_one_line() {
    fn check<R: Record + Debug + PartialEq>() {
        let config = ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() };
        let survives = |record: R| {
            let text = to_json(&record);
            assert!(!text.contains(['\n', '\r']), "{text}");
            let again: R = from_json(text.as_bytes()).unwrap();
            // A line break between tokens of a carried object is all that may be lost.
            assert_eq!(to_json(&again), text);
            let any = AnyRecord::from_json(R::NAME, text.as_bytes()).unwrap().unwrap();
            assert_eq!((any.name(), any.to_json()), (R::NAME, text));
            Ok(())
        };
        TestRunner::new(config).run(&arbitrary::<R>(), survives).unwrap();
    }
    every_record!(check);
}

const EVENT: &str = r#"{"schema_version":1,"event_id":"12345678","event_type":"a","topic":"b","endpoint_id":"c","source":"d","source_type":"external","is_watcher_generated":false,"event_depth":0,"ancestry":[],"scope":{},"observed_at":"2026-01-31T12:00:00.000001Z","ingested_at":"2026-01-31T12:00:00.000002Z","labels":{},"payload":{}}"#;

fn event(from: &str, to: &str) -> String {
    assert!(EVENT.contains(from), "{from}");
    EVENT.replace(from, to)
}

/// What goes in, and what the same event looks like when it comes out.
#[test]
fn input_has_some_freedom_and_output_none() {
    let same = |from, to| assert_eq!(to_json(&from_json::<TelemetryEvent>(event(from, to).as_bytes()).unwrap()), EVENT);
    same(r#""2026-01-31T12:00:00.000001Z""#, "1769860800000001");
    same(r#""2026-01-31T12:00:00.000001Z""#, r#""2026-01-31T13:00:00.000001+01:00""#);
    same(r#""ancestry":[],"#, "");
    same(r#""labels":{},"#, r#""correlation_id":null,"#);
    same(r#""payload":{}"#, r#""payload":"{}""#);
}

#[test]
fn what_a_payload_holds_is_kept_to_the_character() {
    for payload in [
        r#"{"b":1.0,"a":1e400,"a":2}"#,
        r#"{"n":9007199254740993,"s":"\ud800","t":"é"}"#,
        r#"{ "spaced" : [ 1 , 2 ] }"#,
        r#"{"deep":{"twice":1,"twice":2}}"#,
    ] {
        let text = event(r#""payload":{}"#, &format!(r#""payload":{payload}"#));
        let event: TelemetryEvent = from_json(text.as_bytes()).unwrap();
        assert_eq!(event.payload.as_str(), payload);
        assert_eq!(to_json(&event), text);
    }
}

fn refused<R: Record + Debug>(text: &str) -> String {
    from_json::<R>(text.as_bytes()).unwrap_err().to_string()
}

#[test]
fn all_that_is_wrong_is_told_at_once_with_the_nearest_name() {
    let text = r#"{"event_idd":"12345678","event_type":3,"source_type":"externl","event_depth":-1,"scope":{"sesion_id":"x"},"labels":{"x":1},"observed_at":"yesterday","payload":"{","zzz":1}"#;
    let expected = "telemetry_event_v1: \
        `event_idd`: unknown field; the nearest known is `event_id`; \
        `zzz`: unknown field; \
        `schema_version`: missing; expected a whole number; \
        `event_id`: missing; expected a string; \
        `event_type`: expected a string, found a number; \
        `topic`: missing; expected a string; \
        `endpoint_id`: missing; expected a string; \
        `source`: missing; expected a string; \
        `source_type`: expected one of actor, external, watcher, found \"externl\"; \
        `is_watcher_generated`: missing; expected true or false; \
        `event_depth`: expected a number from 0 to 2147483647, found -1; \
        `scope.sesion_id`: unknown field; the nearest known is `session_id`; \
        `observed_at`: expected a time (RFC 3339, or microseconds since 1970), found \"yesterday\"; \
        `ingested_at`: missing; expected a time (RFC 3339, or microseconds since 1970); \
        `labels.x`: expected a string, found a number; \
        `payload`: expected the text of a JSON object, found line 1, column 2: expected a key in double quotes, \
        found the end of the text";
    assert_eq!(refused::<TelemetryEvent>(text), expected);
}

#[test]
fn the_record_itself_is_strict() {
    for (from, to, reason) in [
        (r#""topic":"b""#, r#""topic":"b","topic":"c""#, "found `topic` again"),
        (r#""topic":"b""#, r#""topic":"\ud800""#, "alone"),
        (r#""labels":{}"#, r#""labels":{"a":"1","a":"2"}"#, "found `a` again"),
        (r#""payload":{}"#, r#""payload":{},"payload":{"x":1}"#, "found `payload` again"),
        (r#""payload":{}"#, r#""payload":[]"#, "`payload`: expected an object or a string that holds one"),
        (r#""schema_version":1"#, r#""schema_version":2"#, "`schema_version`: expected a number from 1 to 1, found 2"),
        (r#""event_id":"12345678""#, r#""event_id":"1234567""#, "`event_id`: expected at least 8 characters, found 7"),
        (r#""event_depth":0"#, r#""event_depth":0.0"#, "`event_depth`: expected a whole number of 64 bits, found 0.0"),
        (r#""event_depth":0"#, r#""event_depth":2147483648"#, "`event_depth`: expected a whole number of 32 bits"),
        (r#""observed_at":"2026-01-31T12:00:00.000001Z""#, r#""observed_at":1e15"#, "`observed_at`: expected a time"),
        (r#""labels":{}"#, r#""labels":null"#, "`labels`: expected an object, found null"),
    ] {
        let found = refused::<TelemetryEvent>(&event(from, to));
        assert!(found.contains(reason), "expected {reason:?} in {found:?}");
    }
    assert_eq!(refused::<TelemetryEvent>("[]"), "telemetry_event_v1: expected an object, found an array");
    assert!(refused::<TelemetryEvent>("{").starts_with("expected JSON; line 1, column 2"));
}

#[test]
fn an_action_has_its_own_fields_and_no_others() {
    fn action(text: &str) -> Result<AlertAction, String> {
        let alert = sample::<Alert>();
        let (before, after) = (to_json(&alert), to_json(&Alert { action: AlertAction::Notify, ..alert }));
        let start = after.find(r#""action":{"type":"Notify"}"#).unwrap();
        assert_eq!(before[..start], after[..start]);
        let line = after.replace(r#""action":{"type":"Notify"}"#, &format!(r#""action":{text}"#));
        from_json::<Alert>(line.as_bytes()).map(|alert| alert.action).map_err(|error| error.to_string())
    }
    assert_eq!(action(r#"{"type":"Notify"}"#), Ok(AlertAction::Notify));
    assert_eq!(action(r#"{"type":"Block","reason":"x"}"#), Ok(AlertAction::Block { reason: "x".to_owned() }));
    for (text, reason) in [
        (r#"{"type":"Block"}"#, "`action`: expected the fields of Block (reason), found none"),
        (r#"{"type":"Notify","reason":"x"}"#, "`action`: expected the fields of Notify (none), found reason"),
        (r#"{"type":"Escalate","target":"x"}"#, "(target, priority), found target"),
        (r#"{"reason":"x"}"#, "`action.type`: missing; expected one of Notify, Block"),
    ] {
        let found = action(text).unwrap_err();
        assert!(found.contains(reason), "expected {reason:?} in {found:?}");
    }
}

/// Millionths are a decimal on this face, exact both ways.
#[test]
fn a_share_is_an_exact_decimal() {
    let request = sample::<GuardrailRequest>();
    let text = to_json(&request);
    let (start, rest) = text.split_once(r#""confidence":"#).unwrap();
    let (_, end) = rest.split_once(',').unwrap();
    let with = |number: &str| format!(r#"{start}"confidence":{number},{end}"#);
    for (number, millionths, written) in [
        ("0", 0, "0"),
        ("1", 1_000_000, "1"),
        ("1.0", 1_000_000, "1"),
        ("0.75", 750_000, "0.75"),
        ("0.000001", 1, "0.000001"),
    ] {
        let request: GuardrailRequest = from_json(with(number).as_bytes()).unwrap();
        assert_eq!(request.confidence.get(), millionths);
        assert_eq!(to_json(&request), with(written));
    }
    for number in ["1.000001", "-0.1", "0.0000001", "1e-1", "\"1\"", "99999999999"] {
        assert!(from_json::<GuardrailRequest>(with(number).as_bytes()).is_err(), "{number}");
    }
}
