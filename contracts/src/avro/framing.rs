//! What stands before the Avro body and says which schema wrote it.

use std::fmt;

use super::Fingerprint;

/// The number a schema registry gave a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaId(pub u32);

impl fmt::Display for SchemaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How a value names its schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Avro's single-object encoding: C3 01 and the fingerprint of the schema.
    SingleObject,
    /// Confluent's wire format: 0 and the registry's id.
    Confluent(SchemaId),
}

/// A value taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framed<'a> {
    SingleObject(Fingerprint, &'a [u8]),
    Confluent(SchemaId, &'a [u8]),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FramingError {
    #[error("expected a record, found no bytes")]
    Empty,
    #[error(
        "expected byte 0 (Confluent's wire format) or bytes C3 01 (Avro's single-object encoding), found {found:02X?}"
    )]
    Magic { found: Vec<u8> },
    #[error("expected {expected} bytes before the body, found the end after {found}")]
    Short { expected: usize, found: usize },
}

const SINGLE_OBJECT: [u8; 2] = [0xC3, 0x01];
const CONFLUENT: u8 = 0;

impl<'a> Framed<'a> {
    pub fn open(value: &'a [u8]) -> Result<Self, FramingError> {
        let short = |expected| FramingError::Short { expected, found: value.len() };
        match value {
            [] => Err(FramingError::Empty),
            [CONFLUENT, rest @ ..] => {
                let (id, body) = rest.split_first_chunk().ok_or_else(|| short(5))?;
                Ok(Self::Confluent(SchemaId(u32::from_be_bytes(*id)), body))
            }
            [0xC3, 0x01, rest @ ..] => {
                let (fingerprint, body) = rest.split_first_chunk().ok_or_else(|| short(10))?;
                Ok(Self::SingleObject(Fingerprint(u64::from_le_bytes(*fingerprint)), body))
            }
            [0xC3] => Err(short(10)),
            _ => Err(FramingError::Magic { found: value[..value.len().min(2)].to_vec() }),
        }
    }
}

impl<'a> Framed<'a> {
    /// The Avro body.
    pub fn body(self) -> &'a [u8] {
        match self {
            Self::SingleObject(_, body) | Self::Confluent(_, body) => body,
        }
    }
}

impl Framing {
    /// Appends what stands before the body of a record whose schema has this fingerprint.
    pub fn write(self, fingerprint: Fingerprint, out: &mut Vec<u8>) {
        match self {
            Self::SingleObject => {
                out.extend_from_slice(&SINGLE_OBJECT);
                out.extend_from_slice(&fingerprint.0.to_le_bytes());
            }
            Self::Confluent(SchemaId(id)) => {
                out.push(CONFLUENT);
                out.extend_from_slice(&id.to_be_bytes());
            }
        }
    }
}
