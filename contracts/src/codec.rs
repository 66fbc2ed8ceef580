//! From a value on a topic to a record, and back.
//!
//! Both framings are always read. A schema we know takes the fast path; any other is looked up and resolved to ours.
//! Limits come first: nothing is built from a value that is too long.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::sync::Arc;

use crate::avro::{Fingerprint, ForeignError, Framed, Framing, FramingError, Reader, SchemaId, WriterSchema};
use crate::fault::{Fault, Problem};
use crate::record::Record;
use crate::records::DeadLetterReason;

/// The `content-type` of a record's value.
pub const CONTENT_TYPE: &str = "application/avro";

/// Where writers' schemas are found: a registry, or what is [built in](crate::schema::BuiltIn). A registry that does
/// not know a fingerprint asks what is built in, for a producer without a registry may have written the value.
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
    #[error("{record}: cannot be resolved from its writer's schema to ours; {}", beginning(source))]
    Resolution { record: &'static str, source: Box<apache_avro::Error> },
}

impl DecodeError {
    /// Why the value is a dead letter; `None` where that cannot be said of the value, and reading has to be tried again.
    pub fn dead_letter_reason(&self) -> Option<DeadLetterReason> {
        match self {
            Self::Framing(FramingError::Empty) => Some(DeadLetterReason::Empty),
            Self::Framing(_) | Self::Resolution { .. } => Some(DeadLetterReason::Undecodable),
            Self::TooLarge { .. } => Some(DeadLetterReason::TooLarge),
            Self::UnknownId { .. } | Self::UnknownFingerprint { .. } => Some(DeadLetterReason::UnknownSchema),
            Self::SchemaUnavailable(_) => None,
            Self::Field { fault, .. } => Some(match fault.problem() {
                Problem::Malformed { .. } | Problem::Type { .. } => DeadLetterReason::Undecodable,
                Problem::Limit { .. } => DeadLetterReason::TooLarge,
                Problem::Value { .. } | Problem::Missing { .. } | Problem::Unknown { .. } => DeadLetterReason::Invalid,
            }),
        }
    }
}

/// What resolution says may quote a whole record.
fn beginning(error: &apache_avro::Error) -> String {
    const SHOWN_CHARS_MAX: usize = 256;
    error.to_string().chars().take(SHOWN_CHARS_MAX).collect()
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
    match Opened::of::<R>(value, schemas)? {
        Opened::Ours(body) => decode_body(body),
        Opened::Foreign(body, writer) => decode_foreign(body, &writer),
    }
}

/// The body of a framed value as our own schema writes it, for views: borrowed where it was written so, else resolved.
pub fn body<'v, R: Record>(value: &'v [u8], schemas: &dyn Schemas) -> Result<Cow<'v, [u8]>, DecodeError> {
    match Opened::of::<R>(value, schemas)? {
        Opened::Ours(body) => Ok(Cow::Borrowed(body)),
        Opened::Foreign(body, writer) => {
            let record: R = decode_foreign(body, &writer)?;
            let mut body = Vec::new();
            record.write(&mut body).map_err(|fault| DecodeError::Field { record: R::NAME, fault })?;
            Ok(Cow::Owned(body))
        }
    }
}

/// Whose schema a value was written with.
enum Opened<'v> {
    Ours(&'v [u8]),
    Foreign(&'v [u8], Arc<WriterSchema>),
}

impl<'v> Opened<'v> {
    fn of<R: Record>(value: &'v [u8], schemas: &dyn Schemas) -> Result<Self, DecodeError> {
        let framed = Framed::open(value)?;
        check_length::<R>(framed.body())?;
        if let Framed::SingleObject(fingerprint, body) = framed
            && fingerprint == R::schema().fingerprint()
        {
            return Ok(Self::Ours(body));
        }
        let writer = look_up(framed, schemas)?;
        if writer.meaning() == R::schema().meaning() {
            Ok(Self::Ours(framed.body()))
        } else {
            Ok(Self::Foreign(framed.body(), writer))
        }
    }
}

/// The schema that a framed value says it was written with.
pub fn writer_of(value: &[u8], schemas: &dyn Schemas) -> Result<Arc<WriterSchema>, DecodeError> {
    look_up(Framed::open(value)?, schemas)
}

fn look_up(framed: Framed<'_>, schemas: &dyn Schemas) -> Result<Arc<WriterSchema>, DecodeError> {
    let (found, unknown) = match framed {
        Framed::SingleObject(fingerprint, _) => {
            (schemas.by_fingerprint(fingerprint), DecodeError::UnknownFingerprint { fingerprint })
        }
        Framed::Confluent(id, _) => (schemas.by_id(id), DecodeError::UnknownId { id }),
    };
    found.map_err(|error| match error {
        LookupError::Unknown => unknown,
        LookupError::Unavailable(source) => DecodeError::SchemaUnavailable(source),
    })
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

pub(crate) fn check_length<R: Record>(body: &[u8]) -> Result<(), DecodeError> {
    if body.len() <= R::BYTES_MAX {
        return Ok(());
    }
    Err(DecodeError::TooLarge { record: R::NAME, max: R::BYTES_MAX, found: body.len() })
}
