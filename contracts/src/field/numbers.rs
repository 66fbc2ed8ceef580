//! Fields of numbers, times and truth.

use std::fmt;

use apache_avro::types::Value;

use super::text::kept;
use crate::avro::{Reader, write_long};
use crate::fault::{Fault, Faults};
use crate::json;
use crate::record::{Field, unresolved};
use crate::shape::Shape;
use crate::shown::shown;
use crate::time::Timestamp;

impl Field for bool {
    fn shape() -> Shape {
        Shape::Boolean
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
        out.push(u8::from(*self));
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Fault> {
        from.boolean()
    }

    fn from_value(value: Value) -> Result<Self, Fault> {
        match value {
            Value::Boolean(value) => Ok(value),
            other => Err(unresolved("a boolean", &other)),
        }
    }

    fn write_json(&self, out: &mut String) {
        out.push_str(if *self { "true" } else { "false" });
    }

    fn read_json(value: &json::Value<'_>, faults: &mut Faults) -> Option<Self> {
        let truth = value.as_bool();
        if truth.is_none() {
            faults.push(Fault::of_type(Shape::Boolean.description(), value.kind()));
        }
        truth
    }
}

impl Field for i32 {
    fn shape() -> Shape {
        Shape::Int
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
        write_long(out, i64::from(*self));
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Fault> {
        from.int()
    }

    fn from_value(value: Value) -> Result<Self, Fault> {
        match value {
            Value::Int(number) => Ok(number),
            other => Err(unresolved("an int", &other)),
        }
    }

    fn write_json(&self, out: &mut String) {
        out.push_str(&self.to_string());
    }

    fn read_json(value: &json::Value<'_>, faults: &mut Faults) -> Option<Self> {
        let number = i64::read_json(value, faults)?;
        let narrow =
            Self::try_from(number).map_err(|_| Fault::of_value("a whole number of 32 bits", number.to_string()));
        kept(narrow, faults)
    }
}

impl Field for i64 {
    fn shape() -> Shape {
        Shape::Long
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
        write_long(out, *self);
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Fault> {
        from.long()
    }

    fn from_value(value: Value) -> Result<Self, Fault> {
        match value {
            Value::Long(number) => Ok(number),
            other => Err(unresolved("a long", &other)),
        }
    }

    fn write_json(&self, out: &mut String) {
        out.push_str(&self.to_string());
    }

    fn read_json(value: &json::Value<'_>, faults: &mut Faults) -> Option<Self> {
        let Some(number) = value.as_number() else {
            faults.push(Fault::of_type(Shape::Long.description(), value.kind()));
            return None;
        };
        let whole = number.to_i64().ok_or_else(|| Fault::of_value("a whole number of 64 bits", shown(number.as_str())));
        kept(whole, faults)
    }
}

impl Field for Timestamp {
    fn shape() -> Shape {
        Shape::Timestamp
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
        write_long(out, self.micros());
        Ok(())
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Fault> {
        let at = from.at();
        timestamp(from.long()?).map_err(|fault| fault.at(at))
    }

    fn from_value(value: Value) -> Result<Self, Fault> {
        match value {
            Value::TimestampMicros(micros) => timestamp(micros),
            other => Err(unresolved("a timestamp in microseconds", &other)),
        }
    }

    fn write_json(&self, out: &mut String) {
        json::write_string(out, &self.to_string());
    }

    /// RFC 3339, or a whole number of microseconds since 1970.
    fn read_json(value: &json::Value<'_>, faults: &mut Faults) -> Option<Self> {
        let time = match value {
            json::Value::String(text) => {
                text.parse().map_err(|_| Fault::of_value(Shape::Timestamp.description(), format!("{:?}", shown(text))))
            }
            json::Value::Number(number) => match number.to_i64() {
                Some(micros) => timestamp(micros),
                None => Err(Fault::of_value(Shape::Timestamp.description(), shown(number.as_str()))),
            },
            other => Err(Fault::of_type(Shape::Timestamp.description(), other.kind())),
        };
        kept(time, faults)
    }
}

fn timestamp(micros: i64) -> Result<Timestamp, Fault> {
    Timestamp::from_micros(micros)
        .map_err(|_| Fault::of_value("microseconds since 1970 of a year from 0000 to 9999", micros.to_string()))
}

/// A number outside what its type holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a number from {min} to {max}, found {found}")]
pub struct OutOfRange {
    pub min: i32,
    pub max: i32,
    pub found: i32,
}

/// An Avro int of a narrower range, a type of its own.
macro_rules! ranged {
    ($(#[doc = $doc:literal])+ pub struct $Type:ident: $min:literal..=$max:expr; $Json:ty) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $Type(i32);

        impl $Type {
            pub const MIN: Self = Self($min);
            pub const MAX: Self = Self($max);

            pub fn new(number: i32) -> Result<Self, OutOfRange> {
                let (min, max) = ($min, $max);
                if (min..=max).contains(&number) {
                    Ok(Self(number))
                } else {
                    Err(OutOfRange { min, max, found: number })
                }
            }

            pub const fn get(self) -> i32 {
                self.0
            }

            fn checked(number: i32) -> Result<Self, Fault> {
                Self::new(number).map_err(|error| {
                    Fault::of_value(
                        format!("a number from {} to {}", error.min, error.max),
                        error.found.to_string(),
                    )
                })
            }
        }

        impl Field for $Type {
            fn shape() -> Shape {
                Shape::Int
            }

            fn expected() -> String {
                <$Json>::expected()
            }

            fn write(&self, out: &mut Vec<u8>) -> Result<(), Fault> {
                self.0.write(out)
            }

            fn read(from: &mut Reader<'_>) -> Result<Self, Fault> {
                let at = from.at();
                Self::checked(from.int()?).map_err(|fault| fault.at(at))
            }

            fn from_value(value: Value) -> Result<Self, Fault> {
                Self::checked(i32::from_value(value)?)
            }

            fn write_json(&self, out: &mut String) {
                <$Json>::from(self.0).write_json(out);
            }

            fn read_json(value: &json::Value<'_>, faults: &mut Faults) -> Option<Self> {
                let number = <$Json>::read_json(value, faults)?;
                kept(Self::checked(i32::from(number)), faults)
            }
        }
    };
}

ranged! {
    /// How many times a stage derived an event from another: 0 for an original observation.
    pub struct Depth: 0..=i32::MAX; i32
}
ranged! {
    /// The version of a record's layout within its schema: 1.
    pub struct SchemaVersion: 1..=1; i32
}
ranged! {
    /// A share of one in millionths: an int in Avro, a decimal from 0 to 1 on the JSON face, exact in both.
    pub struct Millionths: 0..=1_000_000; Decimal
}
ranged! {
    /// A change of a share in millionths: an int in Avro, a decimal from -1 to 1 on the JSON face.
    pub struct SignedMillionths: -1_000_000..=1_000_000; Decimal
}
ranged! {
    /// A risk score from 0 to 100.
    pub struct RiskScore: 0..=100; i32
}

impl Depth {
    pub const ZERO: Self = Self(0);

    /// The depth of what is derived from an event of this one. The greatest stays: it is refused long before.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl SchemaVersion {
    pub const ONE: Self = Self(1);
}

/// Millionths as JSON writes them: up to six decimals, without trailing zeros.
struct Decimal(i32);

impl From<i32> for Decimal {
    fn from(millionths: i32) -> Self {
        Self(millionths)
    }
}

impl From<Decimal> for i32 {
    fn from(decimal: Decimal) -> Self {
        decimal.0
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, part) = (self.0.unsigned_abs() / 1_000_000, self.0.unsigned_abs() % 1_000_000);
        if part == 0 {
            return write!(f, "{sign}{whole}");
        }
        let digits = format!("{part:06}");
        write!(f, "{sign}{whole}.{}", digits.trim_end_matches('0'))
    }
}

impl Decimal {
    const EXPECTED: &str = "a number with up to six decimals";

    fn expected() -> String {
        Self::EXPECTED.to_owned()
    }

    fn write_json(&self, out: &mut String) {
        out.push_str(&self.to_string());
    }

    fn read_json(value: &json::Value<'_>, faults: &mut Faults) -> Option<Self> {
        let Some(number) = value.as_number() else {
            faults.push(Fault::of_type(Self::EXPECTED, value.kind()));
            return None;
        };
        let exact = Self::parse(number.as_str()).ok_or_else(|| Fault::of_value(Self::EXPECTED, shown(number.as_str())));
        kept(exact, faults)
    }

    /// Reads plain notation exactly; an exponent or a seventh decimal that is not 0 is `None`.
    fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, text),
        };
        let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
        let part = part.trim_end_matches('0');
        if part.len() > 6 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let whole: i32 = whole.parse().ok()?;
        let part: i32 = format!("{part:0<6}").parse().ok()?;
        whole.checked_mul(1_000_000)?.checked_add(part)?.checked_mul(sign).map(Self)
    }
}
