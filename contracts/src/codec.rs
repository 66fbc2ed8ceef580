//! From a value on a topic to a record, and back.
//!
//! Both framings are always read. A schema we know takes the fast path; any other is looked up and resolved to ours.
//! Limits come first: nothing is built from a value that is too long.

use std::error::Error as StdError;
use std::sync::Arc;

use crate::avro::{Fingerprint, ForeignError, Framed, Framing, FramingError, Reader, SchemaId, WriterSchema};
use crate::fault::Fault;
use crate::record::Record;

/// Where writers' schemas are found: a registry, or what is built in.
pub trait Schemas {
    fn by_id(&self, id: SchemaId) -> Result<Arc<WriterSchema>, LookupError>;

    fn by_fingerprint(&self, fingerprint: Fingerprint) -> Result<Arc<WriterSchema>, LookupError>;
}

#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// There is no such schema; asking again will not help.
    #[error("no such schema")]
    Unknown,
    /// Nobody could be asked; the record may be good.
    #[error("{0}")]
    Unavailable(Box<dyn StdError + Send + Sync>),
}

/// Why a value is not the record it was read as.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error(transparent)]
    Framing(#[from] FramingError),
    #[error("{record}: expected at most {max} bytes, found {found}")]
    TooLarge { record: &'static str, max: usize, found: usize },
    #[error("no schema has the id {id}; publish it to the registry this reader asks, or send with the registry's id")]
    UnknownId { id: SchemaId },
    #[error(
        "no schema has the fingerprint {fingerprint}; without a registry only this version's schemas and older ones are known"
    )]
    UnknownFingerprint { fingerprint: Fingerprint },
    /// Not the record's fault: nothing may be concluded about it.
    #[error("the schema of the value could not be looked up; {0}")]
    SchemaUnavailable(Box<dyn StdError + Send + Sync>),
    #[error("{record}: {fault}")]
    Field { record: &'static str, fault: Fault },
    #[error("{record}: the writer's schema cannot be read as ours; {source}")]
    Resolution { record: &'static str, source: Box<apache_avro::Error> },
}

/// Why a record cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    #[error("{record}: expected at most {max} bytes, found {found}")]
    TooLarge { record: &'static str, max: usize, found: usize },
    #[error("{record}: {fault}")]
    Field { record: &'static str, fault: Fault },
}

/// Appends `record` to `out`, framed; on an error `out` is as it was.
pub fn encode<R: Record>(record: &R, framing: Framing, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let start = out.len();
    framing.write(R::schema().fingerprint(), out);
    let body = out.len();
    let written = record.write(out).map_err(|fault| EncodeError::Field { record: R::NAME, fault });
    let found = out.len() - body;
    let checked = written.and_then(|()| {
        if found <= R::BYTES_MAX {
            return Ok(());
        }
        Err(EncodeError::TooLarge { record: R::NAME, max: R::BYTES_MAX, found })
    });
    if checked.is_err() {
        out.truncate(start);
    }
    checked
}

/// Reads a framed value as a record.
pub fn decode<R: Record>(value: &[u8], schemas: &dyn Schemas) -> Result<R, DecodeError> {
    let ours = R::schema();
    match Framed::open(value)? {
        Framed::SingleObject(fingerprint, body) => {
            check_length::<R>(body)?;
            if fingerprint == ours.fingerprint() {
                return decode_body(body);
            }
            let writer = schemas.by_fingerprint(fingerprint).map_err(|error| match error {
                LookupError::Unknown => DecodeError::UnknownFingerprint { fingerprint },
                LookupError::Unavailable(source) => DecodeError::SchemaUnavailable(source),
            })?;
            decode_foreign(body, &writer)
        }
        Framed::Confluent(id, body) => {
            check_length::<R>(body)?;
            let writer = schemas.by_id(id).map_err(|error| match error {
                LookupError::Unknown => DecodeError::UnknownId { id },
                LookupError::Unavailable(source) => DecodeError::SchemaUnavailable(source),
            })?;
            if writer.meaning() == ours.meaning() { decode_body(body) } else { decode_foreign(body, &writer) }
        }
    }
}

/// The fast path: a body that our own schema wrote.
pub fn decode_body<R: Record>(body: &[u8]) -> Result<R, DecodeError> {
    let in_record = |fault| DecodeError::Field { record: R::NAME, fault };
    check_length::<R>(body)?;
    let mut from = Reader::new(body);
    let record = R::read(&mut from).map_err(in_record)?;
    from.finish().map_err(in_record)?;
    Ok(record)
}

/// The general path: a body that `writer` wrote, which may be our own schema, too.
pub fn decode_foreign<R: Record>(body: &[u8], writer: &WriterSchema) -> Result<R, DecodeError> {
    let in_record = |fault| DecodeError::Field { record: R::NAME, fault };
    check_length::<R>(body)?;
    let resolved = writer.resolve(body, R::schema().avro());
    let value = resolved.map_err(|error| match error {
        ForeignError::Datum(fault) => in_record(fault),
        ForeignError::Resolution(source) => DecodeError::Resolution { record: R::NAME, source },
    })?;
    R::from_value(value).map_err(in_record)
}

fn check_length<R: Record>(body: &[u8]) -> Result<(), DecodeError> {
    if body.len() <= R::BYTES_MAX {
        return Ok(());
    }
    Err(DecodeError::TooLarge { record: R::NAME, max: R::BYTES_MAX, found: body.len() })
}
