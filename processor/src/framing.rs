//! How the records of a topic are framed: with a registry's ids, or, where there is none, by fingerprints.

use std::collections::BTreeMap;

use bus::registry::{self, Registry, RegistryError};
use contracts::avro::{Framing, SchemaId};
use contracts::records::AnyRecord;
use contracts::topics;

/// The topics of a processor: what it reads, writes, and follows.
pub const TOPICS: [&str; 10] = [
    topics::TELEMETRY_EVENTS,
    topics::RULE_MATCHES,
    topics::ALERTS,
    topics::RISK_REPORTS,
    topics::RISK_ALERTS,
    topics::WATCHER_EVENTS,
    topics::GUARDRAIL_REQUESTS,
    topics::CONTROL,
    topics::RULE_SETS,
    topics::DEAD_LETTERS,
];

/// By topic and record. What is not in here has no registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Framings(BTreeMap<(String, &'static str), SchemaId>);

#[derive(Debug, thiserror::Error)]
pub enum FramingError {
    #[error(transparent)]
    Registry(#[from] RegistryError),
    #[error(
        "the registry does not have the schema of {record} under the subject `{subject}`; `tripline schemas publish` puts it there"
    )]
    NotPublished { record: &'static str, subject: String },
}

impl Framings {
    /// Of all that a processor may write. Ids are looked up, never made: which schemas a registry has is decided by who runs
    /// `tripline schemas publish`.
    pub fn registered(registry: &Registry) -> Result<Self, FramingError> {
        let mut framings = Self::default();
        let schemas = AnyRecord::schemas();
        for topic in TOPICS.iter().filter_map(|name| topics::find(name)) {
            for schema in schemas.iter().filter(|schema| topic.records.contains(&schema.name())) {
                let subject = registry::subject(topic.name, schema.name());
                let Some(found) = registry.find(&subject, schema.text())? else {
                    return Err(FramingError::NotPublished { record: schema.name(), subject });
                };
                framings.insert(topic.name, schema.name(), found.id);
            }
        }
        Ok(framings)
    }

    /// `record` by its schema's name.
    pub fn insert(&mut self, topic: &str, record: &'static str, id: SchemaId) {
        self.0.insert((topic.to_owned(), record), id);
    }

    pub(crate) fn of(&self, topic: &str, record: &'static str) -> Framing {
        let id = self.0.get(&(topic.to_owned(), record));
        id.map_or(Framing::SingleObject, |id| Framing::Confluent(*id))
    }
}
