//! A line of JSON, read as a record. The first line may name the record; without it the text is an event.
//!
//! Invariants: what is read is written as text that reads as the same and is written the same again; the binary face
//! takes it or says why not, and gives it back; what is not read has an error that can be shown.

use contracts::avro::Framing;
use contracts::records::AnyRecord;
use contracts::schema::BuiltIn;

pub fn run(input: &[u8]) {
    let (name, text) = named(input).unwrap_or((AnyRecord::NAMES[0], input));
    match AnyRecord::from_json(name, text).expect("a known name") {
        Ok(record) => survives(&record),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// The record that the first line names, and the text after it.
pub fn named(input: &[u8]) -> Option<(&'static str, &[u8])> {
    let end = input.iter().position(|byte| *byte == b'\n')?;
    let name = AnyRecord::NAMES.iter().find(|name| name.as_bytes() == &input[..end])?;
    Some((name, &input[end + 1..]))
}

fn survives(record: &AnyRecord) {
    let text = record.to_json();
    assert!(!text.contains('\n'), "a record stands on one line");
    let again = AnyRecord::from_json(record.name(), text.as_bytes()).expect("a known name");
    let again = again.unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(&again, record);
    assert_eq!(again.to_json(), text);
    let mut bytes = Vec::new();
    match record.encode(Framing::SingleObject, &mut bytes) {
        Ok(()) => {
            let decoded = AnyRecord::decode(record.name(), &bytes, &BuiltIn).expect("a known name");
            assert_eq!(&decoded.expect("what was written"), record);
        }
        Err(error) => assert!(bytes.is_empty() && !error.to_string().is_empty()),
    }
}
