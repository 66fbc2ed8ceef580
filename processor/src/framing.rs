//! How the records of a topic are framed: with a registry's ids, or, where there is none, by fingerprints.

use std::collections::BTreeMap;

use contracts::avro::{Framing, SchemaId};

/// By topic and record. What is not in here has no registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Framings(BTreeMap<(String, &'static str), SchemaId>);

impl Framings {
    /// `record` by its schema's name.
    pub fn insert(&mut self, topic: &str, record: &'static str, id: SchemaId) {
        self.0.insert((topic.to_owned(), record), id);
    }

    pub(crate) fn of(&self, topic: &str, record: &'static str) -> Framing {
        let id = self.0.get(&(topic.to_owned(), record));
        id.map_or(Framing::SingleObject, |id| Framing::Confluent(*id))
    }
}
