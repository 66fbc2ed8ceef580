//! A point in time: whole microseconds since 1970 in UTC, the unit of Avro's `timestamp-micros`.
//!
//! Invariant: every [`Timestamp`] can be written as RFC 3339, so its year in UTC is 0000 to 9999. What cannot is refused
//! where it enters, in [`Timestamp::from_micros`] and in reading text.
//!
//! Absent on purpose: the clock, time zones, arithmetic.

use std::fmt;
use std::str::FromStr;

use crate::shown::shown;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    #[error("expected a time such as 2026-01-31T12:00:00.000000Z (RFC 3339), found {found:?}")]
    NotRfc3339 { found: String },
    #[error("expected a date and time of day that exist, found {found:?}")]
    NoSuchTime { found: String },
    #[error("expected a time in the years 0000 to 9999 of UTC, found {micros} microseconds since 1970; check its unit")]
    OutOfRange { micros: i64 },
}

const MICROS_PER_SECOND: i64 = 1_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

impl Timestamp {
    /// 0000-01-01T00:00:00.000000Z
    pub const MIN: Self = Self(-62_167_219_200 * MICROS_PER_SECOND);
    /// 9999-12-31T23:59:59.999999Z
    pub const MAX: Self = Self(253_402_300_800 * MICROS_PER_SECOND - 1);

    pub fn from_micros(micros: i64) -> Result<Self, TimestampError> {
        if (Self::MIN.0..=Self::MAX.0).contains(&micros) {
            Ok(Self(micros))
        } else {
            Err(TimestampError::OutOfRange { micros })
        }
    }

    pub const fn micros(self) -> i64 {
        self.0
    }
}

/// RFC 3339 in UTC, always with six digits of a second and `Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.div_euclid(MICROS_PER_SECOND);
        let (year, month, day) = civil_from_days(seconds.div_euclid(SECONDS_PER_DAY));
        let second_of_day = seconds.rem_euclid(SECONDS_PER_DAY);
        let (hour, minute, second) = (second_of_day / 3600, second_of_day / 60 % 60, second_of_day % 60);
        let micros = self.0.rem_euclid(MICROS_PER_SECOND);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
    }
}

/// Reads RFC 3339 with any offset and up to nine digits of a second; `t`, `z` and a space for `T` are taken too.
/// Digits beyond microseconds are cut, so that reading never moves a time into the future. A leap second (`:60` where
/// UTC can have one) reads as the second after it, as every Unix clock has it.
impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let found = || shown(text);
        let fields = Fields::read(text.as_bytes()).ok_or_else(|| TimestampError::NotRfc3339 { found: found() })?;
        let micros = fields.micros().ok_or_else(|| TimestampError::NoSuchTime { found: found() })?;
        Self::from_micros(micros)
    }
}

/// The numbers of an RFC 3339 text, not yet known to be a date.
struct Fields {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    micros: i64,
    offset_minutes: i64,
}

impl Fields {
    fn read(text: &[u8]) -> Option<Self> {
        let (date_time, rest) = text.split_at_checked("2026-01-31T12:00:00".len())?;
        let separators = [4, 7, 10, 13, 16].map(|at| date_time[at]);
        if !matches!(separators, [b'-', b'-', b'T' | b't' | b' ', b':', b':']) {
            return None;
        }
        let (micros, zone) = match rest.split_first() {
            Some((b'.', rest)) => {
                let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                let (digits, zone) = rest.split_at(length);
                (fraction_micros(digits)?, zone)
            }
            _ => (0, rest),
        };
        Some(Self {
            year: number(&date_time[0..4])?,
            month: number(&date_time[5..7])?,
            day: number(&date_time[8..10])?,
            hour: number(&date_time[11..13])?,
            minute: number(&date_time[14..16])?,
            second: number(&date_time[17..19])?,
            micros,
            offset_minutes: offset_minutes(zone)?,
        })
    }

    /// Microseconds since 1970; `None` if there is no such day or time of day.
    fn micros(&self) -> Option<i64> {
        let days = days_from_civil(self.year, self.month, self.day);
        if civil_from_days(days) != (self.year, self.month, self.day) || self.hour > 23 || self.minute > 59 {
            return None;
        }
        let minutes = days * 1440 + self.hour * 60 + self.minute - self.offset_minutes;
        let seconds = minutes * 60 + self.second;
        let is_leap = self.second == 60 && seconds.rem_euclid(SECONDS_PER_DAY) == 0;
        (self.second < 60 || is_leap).then_some(seconds * MICROS_PER_SECOND + self.micros)
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, byte| byte.is_ascii_digit().then(|| number * 10 + i64::from(byte - b'0')))
}

fn fraction_micros(digits: &[u8]) -> Option<i64> {
    if !(1..=9).contains(&digits.len()) {
        return None;
    }
    let mut micros = *b"000000";
    let kept = digits.len().min(micros.len());
    micros[..kept].copy_from_slice(&digits[..kept]);
    number(&micros)
}

fn offset_minutes(zone: &[u8]) -> Option<i64> {
    match *zone {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (number(&[h1, h2])?, number(&[m1, m2])?);
            let offset = hours * 60 + minutes;
            (hours < 24 && minutes < 60).then_some(if sign == b'-' { -offset } else { offset })
        }
        _ => None,
    }
}

/// Days since 1970-01-01 of a day in the Gregorian calendar, carried backwards. Years are counted from March, so that a
/// leap day ends one; 400 years have 146,097 days.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - DAYS_FROM_MARCH_0000_TO_1970
}

/// The inverse of [`days_from_civil`]: year, month, day.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_FROM_MARCH_0000_TO_1970;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

const DAYS_FROM_MARCH_0000_TO_1970: i64 = 719_468;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_are_read_and_written_as_the_table_says() {
        let table = [
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z"),
            ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
            ("2026-01-31t12:00:00.5z", "2026-01-31T12:00:00.500000Z"),
            ("2026-01-31 12:00:00.123456789+02:30", "2026-01-31T09:30:00.123456Z"),
            ("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999Z"),
            ("2024-02-29T23:59:59-23:59", "2024-03-01T23:58:59.000000Z"),
            ("2000-02-29T00:00:00-00:00", "2000-02-29T00:00:00.000000Z"),
            ("2016-12-31T23:59:60.25Z", "2017-01-01T00:00:00.250000Z"),
            ("2017-01-01T05:29:60+05:30", "2017-01-01T00:00:00.000000Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000000Z"),
            ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999Z"),
        ];
        for (text, expected) in table {
            let time: Timestamp = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(time.to_string(), expected, "{text}");
        }
        assert_eq!(Timestamp::from_micros(-1).expect("in range").to_string(), "1969-12-31T23:59:59.999999Z");
        assert_eq!(Timestamp::MIN.to_string(), "0000-01-01T00:00:00.000000Z");
        assert_eq!(Timestamp::MAX.to_string(), "9999-12-31T23:59:59.999999Z");
    }

    #[test]
    fn what_is_not_a_time_is_refused() {
        let syntax = [
            "",
            "2026",
            "2026-01-31",
            "2026-01-31T12:00:00",
            "2026-01-31T12:00Z",
            "2026-01-31T12:00:00.Z",
            "2026-01-31T12:00:00.1234567890Z",
            "2026-01-31T12:00:00,5Z",
            "2026-01-31T12:00:00+0100",
            "2026-01-31T12:00:00+01",
            "2026-01-31T12:00:00+24:00",
            "2026-01-31T12:00:00+01:60",
            "2026-01-31T12:00:00ZZ",
            "2026-01-31T12:00:00 Z",
            " 2026-01-31T12:00:00Z",
            "+2026-01-31T12:00:00Z",
            "-001-01-31T12:00:00Z",
            "2026-1-31T012:00:00Z",
            "2026-01-31T12:00:0\u{e9}",
            "20é6-01-31T12:00:00Z",
            "1769860800",
        ];
        for text in syntax {
            let error = text.parse::<Timestamp>().expect_err(text);
            assert!(matches!(error, TimestampError::NotRfc3339 { .. }), "{text}: {error}");
        }
        let no_such_time = [
            "2026-00-01T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-02-29T00:00:00Z",
            "1900-02-29T00:00:00Z",
            "2026-04-31T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:61Z",
            "2026-01-01T00:00:60Z",
            "2026-01-01T23:59:60+01:00",
        ];
        for text in no_such_time {
            let error = text.parse::<Timestamp>().expect_err(text);
            assert!(matches!(error, TimestampError::NoSuchTime { .. }), "{text}: {error}");
        }
    }

    #[test]
    fn a_time_that_cannot_be_written_is_refused_where_it_enters() {
        for micros in [Timestamp::MIN.micros() - 1, Timestamp::MAX.micros() + 1, i64::MIN, i64::MAX] {
            let error = Timestamp::from_micros(micros).expect_err("beyond four digits of a year");
            assert_eq!(error, TimestampError::OutOfRange { micros });
        }
        for text in ["0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "9999-12-31T23:59:60Z"] {
            let error = text.parse::<Timestamp>().expect_err(text);
            assert!(matches!(error, TimestampError::OutOfRange { .. }), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn another_calendar_agrees(micros in Timestamp::MIN.micros()..=Timestamp::MAX.micros()) {
            let ours = Timestamp::from_micros(micros).expect("in range");
            let theirs = jiff::Timestamp::from_microsecond(micros).expect("in range");
            prop_assert_eq!(ours.to_string(), format!("{theirs:.6}"));
            prop_assert_eq!(ours.to_string().parse(), Ok(ours));
        }

        #[test]
        fn another_reader_agrees_on_near_dates(
            (year, month, day) in (0..=9999, 0..=13, 0..=32),
            (hour, minute, second) in (0..=24, 0..=60, 0..=59),
            fraction in "(\\.[0-9]{1,9})?",
            offset in "(Z|[+-](0[0-9]|1[0-9]|2[0-3]):[0-5][0-9])",
        ) {
            let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{offset}");
            let ours: Option<Timestamp> = text.parse().ok();
            let theirs: Option<jiff::Timestamp> = text.parse().ok();
            let theirs = theirs.map(|time| time.as_nanosecond().div_euclid(1000));
            let in_range = |micros: &i128| {
                i64::try_from(*micros).is_ok_and(|micros| Timestamp::from_micros(micros).is_ok())
            };
            prop_assert_eq!(ours.map(|time| i128::from(time.micros())), theirs.filter(in_range), "{}", text);
        }

        #[test]
        fn no_text_makes_the_reader_fail(text in "[0-9:TtZz. +é-]{0,40}") {
            if let Ok(time) = text.parse::<Timestamp>() {
                prop_assert_eq!(time.to_string().parse(), Ok(time));
            }
        }
    }
}
