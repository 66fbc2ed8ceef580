//! Our own schemas: written from the declarations, kept with their history, and checked against it.
//!
//! `schemas/NAME.avsc` is what a record's declaration gives today; `schemas/history/NAME/N.avsc` is every version that
//! was ever released. [`files`] says what the folder must hold, and [`check`] whether today's may be released.

mod built_in;
mod compatibility;

use apache_avro::Schema;

pub use built_in::{BuiltIn, HISTORY};
pub use compatibility::{Break, Change, breaks};

use crate::avro::{Fingerprint, LogicalTypes, SchemaError, canonical_form, meaning};
use crate::canonical::Digest;
use crate::records::AnyRecord;
use crate::shape::Shape;

/// The schema of one of our records, with all that reading and writing asks of it.
#[derive(Debug)]
pub struct OurSchema {
    name: &'static str,
    text: String,
    fingerprint: Fingerprint,
    meaning: Digest,
    avro: Schema,
}

impl OurSchema {
    pub(crate) fn of(name: &'static str, shape: &Shape) -> Self {
        let text = shape.schema();
        let json = serde_json::from_str(&text).expect("invariant: the schema of a shape is JSON");
        let avro = Schema::parse(&json).expect("invariant: the schema of a shape is Avro");
        Self {
            name,
            fingerprint: Fingerprint::of(&canonical_form(&json, LogicalTypes::LeftOut)),
            meaning: meaning(&json),
            avro,
            text,
        }
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    /// As in `schemas/NAME.avsc`; what a registry is given.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// What tells schemas of equal bytes and different meaning apart.
    pub(crate) fn meaning(&self) -> Digest {
        self.meaning
    }

    pub fn avro(&self) -> &Schema {
        &self.avro
    }
}

/// Why today's schema of a record may not be released.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error(
        "{record}: incompatible with version {version}: {}",
        breaks.iter().map(Break::to_string).collect::<Vec<_>>().join("; ")
    )]
    Incompatible { record: &'static str, version: usize, breaks: Vec<Break> },
    #[error("{record}: {source}")]
    NotASchema { record: &'static str, source: SchemaError },
}

impl CheckError {
    pub fn record(&self) -> &'static str {
        match self {
            Self::Incompatible { record, .. } | Self::NotASchema { record, .. } => record,
        }
    }
}

/// Holds today's schema of every record against all of its history; all that is wrong at once.
pub fn check() -> Vec<CheckError> {
    let mut errors = Vec::new();
    for schema in AnyRecord::schemas() {
        for (place, old) in history(schema.name).iter().enumerate() {
            errors.extend(check_one(schema.name, place + 1, old, schema.text()).err());
        }
    }
    errors
}

fn check_one(record: &'static str, version: usize, old: &str, new: &str) -> Result<(), CheckError> {
    match breaks(old, new) {
        Ok(breaks) if breaks.is_empty() => Ok(()),
        Ok(breaks) => Err(CheckError::Incompatible { record, version, breaks }),
        Err(source) => Err(CheckError::NotASchema { record, source }),
    }
}

/// The released versions of a record's schema, oldest first.
pub fn history(record: &str) -> &'static [&'static str] {
    HISTORY.iter().find(|(name, _)| *name == record).map_or(&[], |(_, versions)| versions)
}

/// A file of the folder `schemas/`, by its path within.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaFile {
    pub path: String,
    pub text: String,
}

/// All that `schemas/` must hold: each record's schema and its history. A schema that differs from the last of its
/// history is a new version of it; a released version is never rewritten. After writing them, a new version also has
/// to be named in [`HISTORY`], which a test demands.
pub fn files() -> Vec<SchemaFile> {
    let mut files = Vec::new();
    for schema in AnyRecord::schemas() {
        let mut versions = history(schema.name).to_vec();
        if versions.last() != Some(&schema.text()) {
            versions.push(schema.text());
        }
        files.push(SchemaFile { path: format!("{}.avsc", schema.name), text: schema.text.clone() });
        for (place, text) in versions.into_iter().enumerate() {
            files.push(SchemaFile {
                path: format!("history/{}/{}.avsc", schema.name, place + 1),
                text: text.to_owned(),
            });
        }
    }
    files
}
