//! The schemas that this process writes with and reads by: those built in, and a registry's where one is named.

use std::sync::Arc;

use bus::connection::RegistryConnection;
use bus::registry::{self, Registry};
use contracts::avro::{Fingerprint, Framing, SchemaId, WriterSchema};
use contracts::codec::{LookupError, Schemas as Lookup};
use contracts::record::Record;
use contracts::schema::{BuiltIn, OurSchema};
use contracts::topics;

use crate::failure::Failure;

#[derive(Debug)]
pub enum Schemas {
    BuiltIn,
    Registry(Registry),
}

impl Schemas {
    /// Asks nothing yet.
    pub fn of(registry: Option<&RegistryConnection>) -> Result<Self, Failure> {
        match registry {
            None => Ok(Self::BuiltIn),
            Some(connection) => Ok(Self::Registry(Registry::new(connection)?)),
        }
    }

    /// How a topic's records are framed: by the registry's id where there is a registry. An id is looked up, never made:
    /// which schemas a registry has is decided by who runs `schemas publish`.
    pub fn framing<R: Record>(&self, topic: &str) -> Result<Framing, Failure> {
        let Self::Registry(registry) = self else { return Ok(Framing::SingleObject) };
        let schema = R::schema();
        let subject = registry::subject(topic, schema.name());
        match registry.find(&subject, schema.text())? {
            Some(registered) => Ok(Framing::Confluent(registered.id)),
            None => Err(Failure::NotPublished { record: schema.name(), subject }),
        }
    }
}

impl Lookup for Schemas {
    fn by_id(&self, id: SchemaId) -> Result<Arc<WriterSchema>, LookupError> {
        match self {
            Self::BuiltIn => BuiltIn.by_id(id),
            Self::Registry(registry) => registry.by_id(id),
        }
    }

    fn by_fingerprint(&self, fingerprint: Fingerprint) -> Result<Arc<WriterSchema>, LookupError> {
        match self {
            Self::BuiltIn => BuiltIn.by_fingerprint(fingerprint),
            Self::Registry(registry) => registry.by_fingerprint(fingerprint),
        }
    }
}

/// Every subject that our topics want in a registry, with its schema.
pub fn subjects() -> Vec<(String, &'static OurSchema)> {
    let ours = contracts::records::AnyRecord::schemas();
    let wanted = topics::ALL.iter().flat_map(|topic| topic.records.iter().map(move |record| (topic.name, *record)));
    wanted
        .filter_map(|(topic, record)| {
            let schema = ours.iter().find(|schema| schema.name() == record)?;
            Some((registry::subject(topic, record), *schema))
        })
        .collect()
}
