//! A point in time: whole microseconds since 1970 in UTC, the unit of Avro's `timestamp-micros`.
//!
//! Invariant: every [`Timestamp`] can be written as RFC 3339, so its year in UTC is 0000 to 9999. What cannot is refused
//! where it enters, in [`Timestamp::from_micros`] and in reading text.
//!
//! Absent on purpose: the clock, time zones, arithmetic.

use std::fmt;
use std::str::FromStr;

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
        let found = || text.chars().take(FOUND_CHARS_MAX).collect();
        let fields = Fields::read(text.as_bytes()).ok_or_else(|| TimestampError::NotRfc3339 { found: found() })?;
        let micros = fields.micros().ok_or_else(|| TimestampError::NoSuchTime { found: found() })?;
        Self::from_micros(micros)
    }
}

const FOUND_CHARS_MAX: usize = 64;

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
