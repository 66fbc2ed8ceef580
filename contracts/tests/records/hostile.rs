//! Bytes that are not what they claim: each is an error with the right reason, none a panic or a large allocation.

use std::fmt::Debug;

use contracts::avro::{Framing, WriterSchema};
use contracts::codec::{self, DecodeError, decode, decode_body, decode_foreign};
use contracts::limits::FOREIGN_VALUES_MAX;
use contracts::record::{Field, Record};
use contracts::records::{DeadLetterReason, TelemetryEvent};
use contracts::schema::BuiltIn;
use contracts::shape::Shape;

use crate::arbitrary::{every_record, sample, write_bytes, write_long};
use crate::registry::{Registry, Unreachable};

fn single_object<R: Record>(record: &R) -> Vec<u8> {
    let mut value = Vec::new();
    codec::encode(record, Framing::SingleObject, &mut value).unwrap();
    value
}

fn reason_and_text(error: &DecodeError) -> (Option<DeadLetterReason>, String) {
    (error.dead_letter_reason(), error.to_string())
}

#[test]
fn what_is_not_framed_is_refused_with_its_reason() {
    for (value, reason, text) in [
        (&b""[..], DeadLetterReason::Empty, "expected a record, found no bytes"),
        (b"{}", DeadLetterReason::Undecodable, "found [7B, 7D]"),
        (b"\xC3", DeadLetterReason::Undecodable, "expected 10 bytes before the body, found the end after 1"),
        (b"\xC3\x02abcdefgh", DeadLetterReason::Undecodable, "found [C3, 02]"),
        (b"\xC3\x01abcdefg", DeadLetterReason::Undecodable, "expected 10 bytes"),
        (b"\x00\x00\x00\x00", DeadLetterReason::Undecodable, "expected 5 bytes before the body, found the end after 4"),
        (b"\x00\x00\x00\x00\x09", DeadLetterReason::UnknownSchema, "no schema has the id 9"),
        (b"\xC3\x01abcdefgh", DeadLetterReason::UnknownSchema, "no schema has the fingerprint 6867666564636261"),
    ] {
        let (found_reason, found) = reason_and_text(&decode::<TelemetryEvent>(value, &BuiltIn).unwrap_err());
        assert_eq!(found_reason, Some(reason), "{value:?}");
        assert!(found.contains(text), "expected {text:?} in {found:?}");
    }
}

/// A registry that does not answer says nothing about the record: it must not become a dead letter.
#[test]
fn a_schema_that_could_not_be_looked_up_is_nobodys_fault() {
    let error = decode::<TelemetryEvent>(b"\x00\x00\x00\x00\x09x", &Unreachable).unwrap_err();
    assert_eq!(
        reason_and_text(&error),
        (None, "the schema of the value could not be looked up; connection refused".to_owned())
    );
}

#[test]
fn a_body_cut_anywhere_is_refused_on_both_paths() {
    fn check<R: Record + Debug>() {
        let value = single_object(&sample::<R>());
        let writer = WriterSchema::parse(R::schema().text()).unwrap();
        for length in 0..value.len() {
            let error = decode::<R>(&value[..length], &BuiltIn).unwrap_err();
            assert!(error.dead_letter_reason().is_some());
            if length >= 10 {
                assert!(decode_foreign::<R>(&value[10..length], &writer).is_err(), "{} at {length}", R::NAME);
            }
        }
    }
    every_record!(check);
}

#[test]
fn every_flipped_byte_is_refused_or_read_alike_by_both_paths() {
    fn check<R: Record + Debug + PartialEq>() {
        let body = single_object(&sample::<R>()).split_off(10);
        let writer = WriterSchema::parse(R::schema().text()).unwrap();
        for place in 0..body.len() {
            for flip in [0x01, 0x02, 0x40, 0x80, 0xFF] {
                let mut body = body.clone();
                body[place] ^= flip;
                match (decode_body::<R>(&body), decode_foreign::<R>(&body, &writer)) {
                    (Ok(fast), Ok(general)) => assert_eq!(fast, general),
                    (Err(_), Err(_)) => {}
                    (fast, general) => panic!("{} byte {place} ^ {flip}: {fast:?} but {general:?}", R::NAME),
                }
            }
        }
    }
    every_record!(check);
}

#[test]
fn bytes_after_the_record_are_refused_on_both_paths() {
    fn check<R: Record + Debug>() {
        let mut body = single_object(&sample::<R>()).split_off(10);
        body.push(0);
        let writer = WriterSchema::parse(R::schema().text()).unwrap();
        for error in [decode_body::<R>(&body).unwrap_err(), decode_foreign::<R>(&body, &writer).unwrap_err()] {
            let (reason, text) = reason_and_text(&error);
            assert_eq!(reason, Some(DeadLetterReason::Undecodable));
            assert!(text.contains("expected the end, found 1 more bytes"), "{text}");
        }
    }
    every_record!(check);
}

/// The body of an event up to `field`, then `rest`.
fn event_until(field: &str, rest: &[u8]) -> Vec<u8> {
    let Shape::Record(shape) = TelemetryEvent::shape() else { unreachable!() };
    let mut body = Vec::new();
    for before in shape.fields.iter().take_while(|known| known.name != field) {
        match (&before.shape, before.name) {
            (Shape::Int, "schema_version") => write_long(1, &mut body),
            (Shape::String, _) => write_bytes(b"12345678", &mut body),
            (Shape::Json, _) => write_bytes(b"{}", &mut body),
            (Shape::Record(_), _) => body.extend([0, 0]),
            _ => body.push(0),
        }
    }
    body.extend(rest);
    body
}

fn number(number: i64) -> Vec<u8> {
    let mut out = Vec::new();
    write_long(number, &mut out);
    out
}

#[test]
fn every_lie_is_named_with_its_field_and_byte() {
    let text = |text: &[u8]| {
        let mut out = Vec::new();
        write_bytes(text, &mut out);
        out
    };
    for (field, rest, reason, expected) in [
        (
            "topic",
            number(i64::MAX),
            DeadLetterReason::Undecodable,
            "`topic`: expected a length from 0 to the 0 bytes left, found 9223372036854775807",
        ),
        (
            "topic",
            number(-1),
            DeadLetterReason::Undecodable,
            "`topic`: expected a length from 0 to the 0 bytes left, found -1",
        ),
        ("topic", vec![0xFF; 10], DeadLetterReason::Undecodable, "`topic`: expected a number, found more than 64 bits"),
        ("topic", vec![0xFF; 3], DeadLetterReason::Undecodable, "`topic`: expected a number, found the end"),
        ("topic", text(b"a\xFFb"), DeadLetterReason::Undecodable, "`topic`: expected UTF-8, found byte 0xff"),
        (
            "source_type",
            number(3),
            DeadLetterReason::Undecodable,
            "`source_type`: expected a choice from 0 to 2, found 3",
        ),
        (
            "is_watcher_generated",
            number(1),
            DeadLetterReason::Undecodable,
            "`is_watcher_generated`: expected a boolean (0 or 1), found byte 2",
        ),
        (
            "event_depth",
            number(1 << 31),
            DeadLetterReason::Undecodable,
            "`event_depth`: expected a number of 32 bits, found 2147483648",
        ),
        (
            "event_depth",
            number(-1),
            DeadLetterReason::Invalid,
            "`event_depth`: expected a number from 0 to 2147483647, found -1",
        ),
        (
            "schema_version",
            number(2),
            DeadLetterReason::Invalid,
            "`schema_version`: expected a number from 1 to 1, found 2",
        ),
        (
            "event_id",
            text(b"1234567"),
            DeadLetterReason::Invalid,
            "`event_id`: expected at least 8 characters, found 7",
        ),
        (
            "causation_id",
            number(2),
            DeadLetterReason::Undecodable,
            "`causation_id`: expected a choice from 0 to 1, found 2",
        ),
        ("ancestry", number(1 << 40), DeadLetterReason::Undecodable, "`ancestry[0]`: expected a number, found the end"),
        ("ancestry", number(i64::MIN), DeadLetterReason::Undecodable, "`ancestry`: expected a number, found the end"),
        (
            "ancestry",
            [number(-1), number(99)].concat(),
            DeadLetterReason::Undecodable,
            "`ancestry`: expected a block size from 0 to the 0 bytes left, found 99",
        ),
        (
            "ancestry",
            [number(-1), number(0), text(b"r"), number(0)].concat(),
            DeadLetterReason::Undecodable,
            "`ancestry`: expected the block to end at byte",
        ),
        (
            "observed_at",
            number(i64::MIN),
            DeadLetterReason::Invalid,
            "`observed_at`: expected microseconds since 1970 of a year from 0000 to 9999, found -9223372036854775808",
        ),
        ("observed_at", number(i64::MAX), DeadLetterReason::Invalid, "found 9223372036854775807"),
        ("payload", text(b"[]"), DeadLetterReason::Invalid, "`payload`: expected the text of a JSON object"),
        ("payload", text(b"{}}"), DeadLetterReason::Invalid, "`payload`: expected the text of a JSON object"),
    ] {
        let body = event_until(field, &rest);
        let (found_reason, found) = reason_and_text(&decode_body::<TelemetryEvent>(&body).unwrap_err());
        assert!(found.contains(expected) && found.contains(" at byte "), "expected {expected:?} in {found:?}");
        assert_eq!(found_reason, Some(reason), "{found}");
    }
    let whole = event_until("nothing", &[]);
    assert!(decode_body::<TelemetryEvent>(&whole).is_ok(), "the bytes before each lie are good");
}

#[test]
fn a_negative_and_a_far_clock_are_taken_as_they_are() {
    use contracts::time::Timestamp;
    for time in [Timestamp::MIN, Timestamp::MAX, "1969-12-31T23:59:59.999999Z".parse().unwrap()] {
        let event = TelemetryEvent { observed_at: time, ..sample() };
        let value = single_object(&event);
        assert_eq!(decode::<TelemetryEvent>(&value, &BuiltIn).unwrap().observed_at, time);
    }
}

/// A schema of somebody else in which much can be claimed with few bytes.
fn event_with(extra: &str) -> Registry {
    let ours = TelemetryEvent::schema().text();
    Registry::with(&ours.replacen("\"fields\": [", &format!("\"fields\": [{extra},"), 1))
}

#[test]
fn a_foreign_datum_cannot_claim_more_than_it_brings() {
    let nulls = event_with(r#"{"name": "x", "type": {"type": "array", "items": "null"}}"#);
    let nested = event_with(
        r#"{"name": "x", "type": {"type": "record", "name": "link", "fields": [{"name": "next", "type": ["null", "link"]}]}}"#,
    );
    let fixed = event_with(r#"{"name": "x", "type": {"type": "fixed", "name": "much", "size": 1000000000}}"#);
    let bytes = event_with(r#"{"name": "x", "type": "bytes"}"#);
    let good = event_until("nothing", &[]);
    for (registry, claim, reason, text) in [
        (&nulls, [number(1 << 50), number(0)].concat(), DeadLetterReason::TooLarge, "expected at most 65536 values"),
        (&nulls, [number(-(1 << 50)), number(0), number(0)].concat(), DeadLetterReason::TooLarge, "65536 values"),
        (
            &nested,
            [vec![2; 500], vec![0]].concat(),
            DeadLetterReason::TooLarge,
            "expected at most 64 levels of nesting",
        ),
        (&fixed, vec![], DeadLetterReason::Undecodable, "expected 1000000000 bytes"),
        (&bytes, number(1 << 40), DeadLetterReason::Undecodable, "expected a length from 0 to the"),
    ] {
        let value = [vec![0, 0, 0, 0, 7], claim, good.clone()].concat();
        let (found_reason, found) = reason_and_text(&decode::<TelemetryEvent>(&value, registry).unwrap_err());
        assert!(found.contains(text), "expected {text:?} in {found:?}");
        assert_eq!(found_reason, Some(reason), "{found}");
    }
}

#[test]
fn a_foreign_datum_has_65536_values() {
    let nulls = event_with(r#"{"name": "x", "type": {"type": "array", "items": "null"}}"#);
    let accepts = |count: i64| {
        let value = [vec![0, 0, 0, 0, 7], number(count), number(0), event_until("nothing", &[])].concat();
        decode::<TelemetryEvent>(&value, &nulls).is_ok()
    };
    // The event itself, its nineteen fields, the array, two fields of the scope, and six times what an empty union holds.
    let own = 1 + 19 + 1 + 2 + 6;
    let most = i64::try_from(FOREIGN_VALUES_MAX).unwrap() - own;
    assert!(accepts(3) && accepts(most));
    assert!(!accepts(most + 1));
}

/// What resolution says of a value quotes the value.
#[test]
fn no_record_can_blow_up_an_error() {
    let ours = TelemetryEvent::schema().text();
    let theirs = ours.replace(r#""name": "event_depth", "type": "int""#, r#""name": "event_depth", "type": "string""#);
    let mut rest = Vec::new();
    write_bytes(&vec![b'd'; 200_000], &mut rest);
    rest.extend([0; 10]);
    write_bytes(b"{}", &mut rest);
    let value = [vec![0, 0, 0, 0, 7], event_until("event_depth", &rest)].concat();
    let error = decode::<TelemetryEvent>(&value, &Registry::with(&theirs)).unwrap_err();
    let (reason, text) = reason_and_text(&error);
    assert_eq!(reason, Some(DeadLetterReason::Undecodable));
    assert!(text.contains("dddd") && text.len() < 1000, "{} bytes", text.len());
}
