//! Every limit of both faces: at the limit it is taken, one over it is refused by name.

use contracts::avro::{Framing, WriterSchema};
use contracts::codec::{self, EncodeError, decode_body, decode_foreign};
use contracts::field::{Blob, JsonObject};
use contracts::json_face::{from_json, to_json};
use contracts::limits::{
    BLOB_BYTES_MAX, EVENT_BYTES_MAX, ITEMS_MAX, JSON_DEPTH_MAX, JSON_GROWTH_MAX, LABELS_MAX, RECORD_BYTES_MAX,
    STRING_BYTES_MAX,
};
use contracts::record::Record;
use contracts::records::{Alert, DeadLetterReason, RuleSetPart, TelemetryEvent};

use crate::arbitrary::{sample, write_bytes, write_long};

fn plain() -> TelemetryEvent {
    let text = r#"{"schema_version":1,"event_id":"12345678","event_type":"a","topic":"b","endpoint_id":"c","source":"d","source_type":"external","is_watcher_generated":false,"event_depth":0,"scope":{},"observed_at":0,"ingested_at":0,"payload":{}}"#;
    from_json(text.as_bytes()).unwrap()
}

fn encode<R: Record>(record: &R) -> Result<Vec<u8>, EncodeError> {
    let mut value = b"kept".to_vec();
    let result = codec::encode(record, Framing::SingleObject, &mut value);
    if result.is_err() {
        assert_eq!(value, b"kept", "a refused record leaves nothing behind");
    }
    result.map(|()| value.split_off(14))
}

/// Encodes, decodes on both paths and takes the JSON face there and back, or says why not.
fn all_ways(event: &TelemetryEvent) -> Result<(), Vec<String>> {
    let mut refused = Vec::new();
    match encode(event) {
        Ok(body) => {
            let writer = WriterSchema::parse(TelemetryEvent::schema().text()).unwrap();
            assert_eq!(&decode_body::<TelemetryEvent>(&body).unwrap(), event);
            assert_eq!(&decode_foreign::<TelemetryEvent>(&body, &writer).unwrap(), event);
        }
        Err(error) => refused.push(error.to_string()),
    }
    match from_json::<TelemetryEvent>(to_json(event).as_bytes()) {
        Ok(again) => assert_eq!(&again, event),
        Err(error) => refused.push(error.to_string()),
    }
    if refused.is_empty() { Ok(()) } else { Err(refused) }
}

fn check(within: &TelemetryEvent, over: &TelemetryEvent, reason: &str) {
    assert_eq!(all_ways(within), Ok(()), "{reason}");
    let refused = all_ways(over).unwrap_err();
    assert_eq!(refused.len(), 2, "both faces refuse: {refused:?}");
    for found in refused {
        assert!(found.contains(reason), "expected {reason:?} in {found:?}");
    }
}

fn nested(depth: usize) -> JsonObject {
    let text = format!("{}{}", r#"{"a":"#.repeat(depth - 1), "{}".to_owned() + &"}".repeat(depth - 1));

    JsonObject::new(text).unwrap()
}

#[test]
fn a_string_holds_256_kib() {
    let with = |length| TelemetryEvent { topic: "t".repeat(length), ..plain() };
    check(&with(STRING_BYTES_MAX), &with(STRING_BYTES_MAX + 1), "`topic`: expected at most 262144 bytes, found 262145");
}

#[test]
fn labels_are_64() {
    let with = |count: usize| TelemetryEvent {
        labels: (0..count).map(|place| (format!("{place:03}"), String::new())).collect(),
        ..plain()
    };
    check(&with(LABELS_MAX), &with(LABELS_MAX + 1), "`labels`: expected at most 64 members, found 65");
}

#[test]
fn an_array_has_16384_items() {
    let with = |count| TelemetryEvent { ancestry: vec![String::new(); count], ..plain() };
    check(&with(ITEMS_MAX), &with(ITEMS_MAX + 1), "`ancestry`: expected at most 16384 items, found 16385");
}

#[test]
fn a_payload_is_bounded_by_its_event_alone() {
    let with = |length: usize| {
        let text = format!(r#"{{"a":"{}"}}"#, "x".repeat(length - 8));
        TelemetryEvent { payload: JsonObject::new(text).unwrap(), ..plain() }
    };
    let rest = encode(&with(STRING_BYTES_MAX * 2 - 100)).unwrap().len() - (STRING_BYTES_MAX * 2 - 100);
    let most = EVENT_BYTES_MAX - rest;
    assert_eq!(all_ways(&with(most)), Ok(()));
    assert_eq!(
        encode(&with(most + 1)).unwrap_err().to_string(),
        "telemetry_event_v1: expected at most 524288 bytes, found 524289"
    );
    // The JSON face holds the event to the same bytes, though its text may be longer.
    let refused = from_json::<TelemetryEvent>(to_json(&with(most + 1)).as_bytes()).unwrap_err().to_string();
    assert_eq!(refused, "telemetry_event_v1: expected at most 524288 bytes, found 524289");
}

#[test]
fn a_longer_body_is_refused_before_it_is_looked_at() {
    let error = decode_body::<TelemetryEvent>(&vec![0xFF; EVENT_BYTES_MAX + 1]).unwrap_err();
    assert_eq!(error.to_string(), "telemetry_event_v1: expected at most 524288 bytes, found 524289");
    assert_eq!(error.dead_letter_reason(), Some(DeadLetterReason::TooLarge));
    let error = decode_body::<Alert>(&vec![0xFF; RECORD_BYTES_MAX + 1]).unwrap_err();
    assert!(error.to_string().starts_with("alert_v1: expected at most 2080768 bytes"), "{error}");
    let text = vec![b' '; EVENT_BYTES_MAX * JSON_GROWTH_MAX + 1];
    let error = from_json::<TelemetryEvent>(&text).unwrap_err().to_string();
    assert_eq!(error, "telemetry_event_v1: expected at most 3145728 bytes of JSON, found 3145729");
    let error = from_json::<TelemetryEvent>(&text[1..]).unwrap_err().to_string();
    assert!(error.starts_with("expected JSON"), "{error}");
}

/// A small value costs a tree some fifty times its text.
#[test]
fn a_text_longer_than_any_body_may_not_hold_more_than_one() {
    let line = |payload: &str| to_json(&plain()).replace(r#""payload":{}"#, &format!(r#""payload":{payload}"#));
    let many = format!(r#"{{"a":[0{}]}}"#, ",0".repeat(EVENT_BYTES_MAX));
    let refused = from_json::<TelemetryEvent>(line(&many).as_bytes()).unwrap_err().to_string();
    assert_eq!(refused, "telemetry_event_v1: expected at most 278528 values, found more");
    // As many as fit, and as much text as spelling can make of it.
    let most = format!(r#"{{"a":[0{}]}}"#, ",0".repeat(EVENT_BYTES_MAX / 2 - 200));
    assert!(from_json::<TelemetryEvent>(line(&most).as_bytes()).is_ok());
    let spelled = format!(r#""{}""#, r"\u0020".repeat(EVENT_BYTES_MAX - 1000) + "{}");
    assert!(spelled.len() > EVENT_BYTES_MAX * 5);
    assert!(from_json::<TelemetryEvent>(line(&spelled).as_bytes()).is_ok());
}

#[test]
fn a_payload_nests_64_deep() {
    assert_eq!(all_ways(&TelemetryEvent { payload: nested(JSON_DEPTH_MAX), ..plain() }), Ok(()));
    let over = format!(r#"{{"a":{}}}"#, nested(JSON_DEPTH_MAX).as_str());
    assert!(JsonObject::new(over.clone()).is_err());
    let line = to_json(&plain()).replace(r#""payload":{}"#, &format!(r#""payload":{over}"#));
    let refused = from_json::<TelemetryEvent>(line.as_bytes()).unwrap_err().to_string();
    assert!(refused.contains("`payload`: expected at most 64 levels of nesting, found more"), "{refused}");
    let mut body = encode(&plain()).unwrap();
    body.truncate(body.len() - 3);
    write_bytes(over.as_bytes(), &mut body);
    let writer = WriterSchema::parse(TelemetryEvent::schema().text()).unwrap();
    for error in [
        decode_body::<TelemetryEvent>(&body).unwrap_err(),
        decode_foreign::<TelemetryEvent>(&body, &writer).unwrap_err(),
    ] {
        assert!(error.to_string().contains("`payload`: expected at most 64 levels of nesting"), "{error}");
        assert_eq!(error.dead_letter_reason(), Some(DeadLetterReason::TooLarge));
    }
}

#[test]
fn a_blob_holds_512_kib() {
    let part = sample::<RuleSetPart>();
    let most = RuleSetPart { body: Blob::new(vec![7; BLOB_BYTES_MAX]).unwrap(), ..part };
    let body = encode(&most).unwrap();
    assert_eq!(decode_body::<RuleSetPart>(&body).unwrap(), most);
    assert_eq!(from_json::<RuleSetPart>(to_json(&most).as_bytes()).unwrap(), most);
    assert!(Blob::new(vec![7; BLOB_BYTES_MAX + 1]).is_none());
    let mut over = body[..body.len() - BLOB_BYTES_MAX - 3].to_vec();
    write_bytes(&vec![7; BLOB_BYTES_MAX + 1], &mut over);
    let refused = decode_body::<RuleSetPart>(&over).unwrap_err().to_string();
    assert!(refused.contains("`body`: expected at most 524288 bytes, found 524289"), "{refused}");
}

/// What the event's limit is for.
#[test]
fn an_alert_carries_the_largest_event() {
    let text = format!(r#"{{"a":"{}"}}"#, "x".repeat(EVENT_BYTES_MAX - 1000));
    let trigger_event = TelemetryEvent { payload: JsonObject::new(text).unwrap(), ..plain() };
    assert!(encode(&trigger_event).is_ok());
    let alert = sample::<Alert>();
    let alert = Alert { trigger_event, ..alert };
    assert_eq!(decode_body::<Alert>(&encode(&alert).unwrap()).unwrap(), alert);
}

/// Hostile labels: more members than labels may be, of names that repeat. All readers agree, in linear time.
#[test]
fn repeated_names_count_once_in_every_reader() {
    use contracts::avro::EventView;
    let body_with = |names: &dyn Fn(usize) -> usize, count: usize| {
        let mut body = encode(&plain()).unwrap();
        body.truncate(body.len() - 4);
        write_long(i64::try_from(count).unwrap(), &mut body);
        for place in 0..count {
            write_bytes(names(place).to_string().as_bytes(), &mut body);
            write_bytes(place.to_string().as_bytes(), &mut body);
        }
        body.push(0);
        write_bytes(b"{}", &mut body);
        body
    };
    let many = body_with(&|place| place % LABELS_MAX, 40_000);
    let event = decode_body::<TelemetryEvent>(&many).unwrap();
    assert_eq!(event.labels["0"], "39936");
    let view = EventView::read(&many).unwrap();
    assert_eq!((view.labels.get("0"), view.to_event().unwrap()), (Some("39936"), event));
    let over = body_with(&|place| place % (LABELS_MAX + 1), 40_000);
    let (fast, view) = (decode_body::<TelemetryEvent>(&over).unwrap_err(), EventView::read(&over).unwrap_err());
    assert_eq!(fast.to_string(), view.to_string());
    assert!(fast.to_string().contains("`labels`: expected at most 64 members, found more"), "{fast}");
}
