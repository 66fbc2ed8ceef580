//! What was asked before.
//!
//! Invariant: at most [`SCHEMAS_MAX`] schemas and as many ids that nobody knows; beyond, the one that was learned first
//! is forgotten and will be asked for again.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use contracts::avro::{SchemaId, WriterSchema};

/// Far more than one deployment's records have versions.
const SCHEMAS_MAX: usize = 1_000;
/// An id may be registered a moment after its first record was read.
const NOWHERE_FOR: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Cache {
    schemas: BTreeMap<SchemaId, Arc<WriterSchema>>,
    order: VecDeque<SchemaId>,
    nowhere: VecDeque<(SchemaId, Instant)>,
}

#[derive(Debug)]
pub(super) enum Known {
    As(Arc<WriterSchema>),
    Nowhere,
}

impl Cache {
    pub fn known(&self, id: SchemaId, now: Instant) -> Option<Known> {
        if let Some(schema) = self.schemas.get(&id) {
            return Some(Known::As(schema.clone()));
        }
        let asked = self.nowhere.iter().rev().find(|(known, _)| *known == id).map(|(_, asked)| *asked)?;
        (now.duration_since(asked) < NOWHERE_FOR).then_some(Known::Nowhere)
    }

    pub fn learn(&mut self, id: SchemaId, schema: Arc<WriterSchema>) {
        if self.schemas.insert(id, schema).is_none() {
            self.order.push_back(id);
        }
        if self.order.len() > SCHEMAS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.schemas.remove(&oldest);
        }
    }

    pub fn nowhere(&mut self, id: SchemaId, now: Instant) {
        self.nowhere.retain(|(known, _)| *known != id);
        self.nowhere.push_back((id, now));
        if self.nowhere.len() > SCHEMAS_MAX {
            self.nowhere.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Arc<WriterSchema> {
        Arc::new(WriterSchema::parse(r#"{"type":"record","name":"r","fields":[]}"#).unwrap())
    }

    #[test]
    fn the_schema_learned_first_makes_room_for_the_one_too_many() {
        let (mut cache, now) = (Cache::default(), Instant::now());
        let last = u32::try_from(SCHEMAS_MAX).unwrap();
        for id in 0..=last {
            cache.learn(SchemaId(id), schema());
        }
        assert_eq!((cache.schemas.len(), cache.order.len()), (SCHEMAS_MAX, SCHEMAS_MAX));
        assert!(cache.known(SchemaId(0), now).is_none());
        assert!(matches!(cache.known(SchemaId(last), now), Some(Known::As(_))));
    }

    #[test]
    fn an_id_nobody_knows_is_asked_for_again_after_a_while() {
        let (mut cache, now) = (Cache::default(), Instant::now());
        cache.nowhere(SchemaId(7), now);
        assert!(matches!(cache.known(SchemaId(7), now), Some(Known::Nowhere)));
        assert!(cache.known(SchemaId(7), now + NOWHERE_FOR).is_none());
        for id in 0..=u32::try_from(SCHEMAS_MAX).unwrap() {
            cache.nowhere(SchemaId(id), now);
        }
        assert_eq!(cache.nowhere.len(), SCHEMAS_MAX);
    }
}
