//! Durations and sizes as people write them: a whole number and one unit.
//!
//! Invariant: what is shown reads back as the same value.
//!
//! Absent on purpose: fractions, sums such as `1h30m`, and decimal units of size, which are read as binary ones as
//! often as not.

use std::time::Duration;

const DURATION_UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

const SIZE_UNITS: [(&str, u64); 5] = [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// `250ms`, `5s`, `10m`, `12h`, `7d`.
pub fn parse_duration(text: &str) -> Option<Duration> {
    parse(text, &DURATION_UNITS).map(Duration::from_millis)
}

/// In the largest unit that leaves a whole number; what is below a millisecond is not shown.
pub fn show_duration(duration: Duration) -> String {
    show(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX), &DURATION_UNITS)
}

/// `100B`, `512KiB`, `2MiB`, `10GiB`, `1TiB`.
pub fn parse_size(text: &str) -> Option<u64> {
    parse(text, &SIZE_UNITS)
}

pub fn show_size(bytes: u64) -> String {
    show(bytes, &SIZE_UNITS)
}

fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn show(value: u64, units: &[(&str, u64)]) -> String {
    let (unit, factor) = units
        .iter()
        .find(|(_, factor)| value > 0 && value.is_multiple_of(*factor))
        .or(units.last())
        .expect("invariant: there are units");
    format!("{}{unit}", value / factor)
}
