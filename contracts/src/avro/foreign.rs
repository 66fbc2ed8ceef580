//! The general path: data that another schema wrote, resolved to ours by `apache-avro`.
//!
//! Slow and complete where the fast path is quick and knows one schema. Added fields get their defaults, unknown ones
//! are dropped, numbers are promoted, order and namespaces may differ.

use std::fmt;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema::ResolvedSchema;
use apache_avro::types::Value;

use super::canonical_form::{Fingerprint, LogicalTypes, SchemaError, canonical_form};
use super::skim::skim;
use crate::canonical::Digest;
use crate::fault::Fault;
use crate::limits::SCHEMA_BYTES_MAX;

/// A schema that somebody writes with.
pub struct WriterSchema {
    schema: Schema,
    fingerprint: Fingerprint,
    meaning: Digest,
}

/// Why a datum could not be read by its writer's schema.
#[derive(Debug, thiserror::Error)]
pub enum ForeignError {
    #[error(transparent)]
    Datum(#[from] Fault),
    #[error("{0}")]
    Resolution(Box<apache_avro::Error>),
}

impl WriterSchema {
    pub fn parse(text: &str) -> Result<Self, SchemaError> {
        if text.len() > SCHEMA_BYTES_MAX {
            return Err(SchemaError::TooLarge { max: SCHEMA_BYTES_MAX, found: text.len() });
        }
        let json: serde_json::Value = serde_json::from_str(text)?;
        let schema = Schema::parse(&json).map_err(Box::new)?;
        // A schema that names what it does not define is refused here, not when the first record comes.
        ResolvedSchema::new(&schema).map_err(Box::new)?;
        Ok(Self {
            schema,
            fingerprint: Fingerprint::of(&canonical_form(&json, LogicalTypes::LeftOut)),
            meaning: meaning(&json),
        })
    }

    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// What tells schemas of equal bytes and different meaning apart: microseconds from milliseconds.
    pub(crate) fn meaning(&self) -> Digest {
        self.meaning
    }

    /// The record's name without its namespace; `None` if the schema is no record's.
    pub fn record_name(&self) -> Option<&str> {
        match &self.schema {
            Schema::Record(record) => Some(record.name.name()),
            _ => None,
        }
    }

    /// Reads `datum` as a value of the schema `reader`.
    pub fn resolve(&self, datum: &[u8], reader: &Schema) -> Result<Value, ForeignError> {
        let resolution = |error| ForeignError::Resolution(Box::new(error));
        let names = ResolvedSchema::new(&self.schema).map_err(resolution)?;
        skim(&self.schema, names.get_names(), datum)?;
        GenericDatumReader::builder(&self.schema)
            .resolved_writer_schemata(names)
            .reader_schema(reader)
            .build()
            .and_then(|resolving| resolving.read_value(&mut &*datum))
            .map_err(resolution)
    }
}

pub(crate) fn meaning(schema: &serde_json::Value) -> Digest {
    Digest::of(canonical_form(schema, LogicalTypes::Kept).as_bytes())
}

impl fmt::Debug for WriterSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriterSchema")
            .field("record", &self.record_name())
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}
