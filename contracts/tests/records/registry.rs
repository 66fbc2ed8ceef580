//! A registry that knows one schema, by the id 7.

use std::sync::Arc;

use contracts::avro::{Fingerprint, SchemaId, WriterSchema};
use contracts::codec::{LookupError, Schemas};

pub struct Registry(Arc<WriterSchema>);

impl Registry {
    pub const ID: SchemaId = SchemaId(7);

    pub fn with(schema: &str) -> Self {
        Self(Arc::new(WriterSchema::parse(schema).unwrap()))
    }
}

impl Schemas for Registry {
    fn by_id(&self, id: SchemaId) -> Result<Arc<WriterSchema>, LookupError> {
        if id == Self::ID { Ok(Arc::clone(&self.0)) } else { Err(LookupError::Unknown) }
    }

    fn by_fingerprint(&self, fingerprint: Fingerprint) -> Result<Arc<WriterSchema>, LookupError> {
        if fingerprint == self.0.fingerprint() { Ok(Arc::clone(&self.0)) } else { Err(LookupError::Unknown) }
    }
}

/// Nobody answers.
pub struct Unreachable;

impl Schemas for Unreachable {
    fn by_id(&self, _: SchemaId) -> Result<Arc<WriterSchema>, LookupError> {
        Err(LookupError::Unavailable("connection refused".into()))
    }

    fn by_fingerprint(&self, _: Fingerprint) -> Result<Arc<WriterSchema>, LookupError> {
        Err(LookupError::Unavailable("connection refused".into()))
    }
}
