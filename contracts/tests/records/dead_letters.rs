//! What cannot be read is kept so that it can be read again, and always fits a message.

use contracts::avro::{Framing, SchemaId};
use contracts::canonical::Digest;
use contracts::codec::{self, decode};
use contracts::dead_letter::Origin;
use contracts::limits::{BLOB_BYTES_MAX, DEAD_LETTER_KEY_BYTES_MAX, MESSAGE_BYTES_MAX};
use contracts::records::{DeadLetter, DeadLetterReason, TelemetryEvent};
use contracts::schema::BuiltIn;

use crate::registry::Unreachable;

fn origin(key: Option<&[u8]>) -> Origin<'_> {
    let appended_at = "2026-01-31T12:00:00Z".parse().unwrap();
    Origin { topic: "telemetry.events.v1", partition: 3, offset: 42, key, appended_at }
}

fn dead_letter(value: &[u8], key: Option<&[u8]>) -> DeadLetter {
    let error = decode::<TelemetryEvent>(value, &BuiltIn).unwrap_err();
    DeadLetter::of_error(&origin(key), value, &error).unwrap()
}

#[test]
fn a_short_value_is_kept_whole() {
    let letter = dead_letter(b"{}", Some(b"host\xFF"));
    assert_eq!((letter.partition, letter.offset, letter.reason), (3, 42, DeadLetterReason::Undecodable));
    assert_eq!(letter.raw.as_bytes(), b"{}");
    assert_eq!(letter.key.unwrap().as_bytes(), b"host\xFF");
    assert_eq!((letter.raw_length, letter.raw_sha256), (2, Digest::of(b"{}")));
    assert!(letter.detail.contains("found [7B, 7D]"), "{}", letter.detail);
}

#[test]
fn of_a_long_value_the_beginning_the_length_and_the_digest_are_kept() {
    for (length, kept) in
        [(BLOB_BYTES_MAX, BLOB_BYTES_MAX), (BLOB_BYTES_MAX + 1, BLOB_BYTES_MAX), (3 * BLOB_BYTES_MAX, BLOB_BYTES_MAX)]
    {
        let value: Vec<u8> = (0..length).map(|place| u8::try_from(place % 251 + 1).unwrap()).collect();
        let letter = dead_letter(&value, None);
        assert_eq!(letter.raw.as_bytes(), &value[..kept]);
        assert_eq!(usize::try_from(letter.raw_length).unwrap(), length);
        assert_eq!(letter.raw_sha256, Digest::of(&value));
    }
}

/// Whatever the value, the key, the topic and the error are.
#[test]
fn a_dead_letter_always_fits_a_message() {
    let huge = vec![b'k'; MESSAGE_BYTES_MAX];
    let topic = "ä".repeat(MESSAGE_BYTES_MAX);
    let origin = Origin { topic: &topic, ..origin(Some(&huge)) };
    let letter = DeadLetter::new(&origin, &huge, DeadLetterReason::Invalid, &topic);
    assert_eq!(letter.key.as_ref().unwrap().as_bytes().len(), DEAD_LETTER_KEY_BYTES_MAX);
    let mut value = Vec::new();
    codec::encode(&letter, Framing::Confluent(SchemaId(1)), &mut value).unwrap();
    assert!(value.len() < MESSAGE_BYTES_MAX / 2);
    assert_eq!(codec::decode_body::<DeadLetter>(&value[5..]).unwrap(), letter);
}

#[test]
fn a_value_whose_schema_could_not_be_asked_for_is_no_dead_letter() {
    let value = b"\x00\x00\x00\x00\x07x";
    let error = decode::<TelemetryEvent>(value, &Unreachable).unwrap_err();
    assert_eq!(DeadLetter::of_error(&origin(None), value, &error), None);
}
