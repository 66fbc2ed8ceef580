//! Our own schemas.

use apache_avro::Schema;

use crate::avro::{Fingerprint, LogicalTypes, canonical_form};
use crate::canonical::Digest;
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
        let canonical = canonical_form(&json, LogicalTypes::LeftOut);
        Self { name, fingerprint: Fingerprint::of(&canonical), meaning: crate::avro::meaning(&json), avro, text }
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

    pub(crate) fn meaning(&self) -> Digest {
        self.meaning
    }

    pub fn avro(&self) -> &Schema {
        &self.avro
    }
}
