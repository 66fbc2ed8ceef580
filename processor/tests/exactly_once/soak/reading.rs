//! Reads topics with `kcat`, which shares no line with ours, and only what is committed.

use contracts::time::Timestamp;
use testbed::kcat;

use crate::rules::oracle::Recorded;

/// Offset, append time in milliseconds, lengths of key and value; then both.
const FORMAT: &str = "%o %T %K %S %k%s";

pub fn read(brokers: &str, topic: &str, partition: u32) -> Vec<Recorded> {
    let partition = partition.to_string();
    let arguments = ["-b", brokers, "-C", "-t", topic, "-p", &partition, "-o", "beginning", "-e", "-q"];
    let committed = ["-X", "isolation.level=read_committed", "-f", FORMAT];
    let bytes = kcat::run(&[&arguments[..], &committed].concat(), b"");
    let mut rest = &bytes[..];
    let mut records = Vec::new();
    while !rest.is_empty() {
        let [offset, millis, key, value] = [(); 4].map(|()| number(&mut rest));
        records.push(Recorded {
            offset,
            appended_at: Timestamp::from_micros(millis * 1_000).unwrap(),
            key: bytes_of(&mut rest, key),
            value: bytes_of(&mut rest, value),
        });
    }
    records
}

fn number(rest: &mut &[u8]) -> i64 {
    let end = rest.iter().position(|byte| *byte == b' ').expect("a space follows each number");
    let (number, more) = rest.split_at(end);
    *rest = &more[1..];
    std::str::from_utf8(number).unwrap().parse().unwrap()
}

/// None at all has the length -1.
fn bytes_of(rest: &mut &[u8], length: i64) -> Option<Vec<u8>> {
    let length = usize::try_from(length).ok()?;
    let (bytes, more) = rest.split_at(length);
    *rest = more;
    Some(bytes.to_vec())
}
