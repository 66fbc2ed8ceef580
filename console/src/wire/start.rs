//! Where to begin reading, as a person and an address write it: `start`, `end`, an offset, or a time.

use std::fmt;
use std::str::FromStr;

use bus::{Offset, Start};
use contracts::time::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct From(pub Start);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected start, end, an offset such as 1200 or a time such as 2026-01-31T12:00:00Z, found {found:?}")]
pub struct NotAStart {
    found: String,
}

impl FromStr for From {
    type Err = NotAStart;

    fn from_str(text: &str) -> Result<Self, NotAStart> {
        let start = match text {
            "start" => Some(Start::Earliest),
            "end" => Some(Start::End),
            _ if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                text.parse().ok().map(|offset| Start::At(Offset(offset)))
            }
            _ => text.parse::<Timestamp>().ok().map(Start::Time),
        };
        start.map(Self).ok_or_else(|| NotAStart { found: text.chars().take(64).collect() })
    }
}

impl fmt::Display for From {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Start::Earliest => f.write_str("start"),
            Start::End => f.write_str("end"),
            Start::At(offset) => offset.fmt(f),
            Start::Time(time) => time.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_start_is_read_back_from_its_text() {
        let time = "2026-01-31T12:00:00.000001Z".parse().unwrap();
        for start in [Start::Earliest, Start::End, Start::At(Offset(0)), Start::At(Offset(u64::MAX)), Start::Time(time)]
        {
            assert_eq!(From(start).to_string().parse(), Ok(From(start)));
        }
        for wrong in ["", "-1", "+1", "1.5", "begin", "18446744073709551616", "2026-13-01T00:00:00Z"] {
            assert!(wrong.parse::<From>().is_err(), "{wrong}");
        }
    }
}
