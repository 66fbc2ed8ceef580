//! The newest of many things, each under a key.
//!
//! Invariant: what is kept does not depend on the order things came in: it is the `max` keys with the greatest ranks, each
//! with what came under its greatest rank. What was once too old stays out (`floor`), or room that another made could let an
//! older thing in.

use std::collections::{BTreeMap, BTreeSet};

use bus::Record;

/// Where a record stands on its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub partition: u32,
    pub offset: u64,
}

/// How new something is: by the log's own time, then by place. Within a partition this is the order of the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    pub micros: i64,
    pub place: Place,
}

impl Rank {
    pub fn of(record: &Record<'_>) -> Self {
        let place = Place { partition: record.partition.index, offset: record.offset.0 };
        Self { micros: record.appended_at.micros(), place }
    }

    /// The rank on a topic of one partition, whose order is the point: clocks have no say in it.
    #[must_use]
    pub fn by_place(self) -> Self {
        Self { micros: 0, ..self }
    }
}

#[derive(Debug)]
pub(super) struct Newest<K, V> {
    max: usize,
    values: BTreeMap<K, (Rank, V)>,
    order: BTreeSet<(Rank, K)>,
    /// The newest of what was left out.
    floor: Option<(Rank, K)>,
}

impl<K: Ord + Clone, V> Newest<K, V> {
    pub fn at_most(max: usize) -> Self {
        Self { max, values: BTreeMap::new(), order: BTreeSet::new(), floor: None }
    }

    pub fn put(&mut self, key: K, rank: Rank, value: V) {
        let entry = (rank, key.clone());
        if self.floor.as_ref().is_some_and(|floor| entry <= *floor) {
            return;
        }
        match self.values.get(&key) {
            Some((known, _)) if *known >= rank => return,
            Some((known, _)) => self.order.remove(&(*known, key.clone())),
            None => false,
        };
        self.values.insert(key, (rank, value));
        self.order.insert(entry);
        if self.values.len() > self.max {
            let oldest = self.order.pop_first().expect("invariant: what has values has an order");
            self.values.remove(&oldest.1);
            self.floor = Some(oldest);
        }
    }

    /// What is under a key is as new as this, at least.
    pub fn touch(&mut self, key: &K, rank: Rank) {
        if let Some((known, _)) = self.values.get_mut(key).filter(|(known, _)| *known < rank) {
            self.order.remove(&(*known, key.clone()));
            *known = rank;
            self.order.insert((rank, key.clone()));
        }
    }

    pub fn get(&self, key: &K) -> Option<(Rank, &V)> {
        self.values.get(key).map(|(rank, value)| (*rank, value))
    }

    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.values.get_mut(key).map(|(_, value)| value)
    }

    /// By key, from this one on.
    pub fn starting_at(&self, key: &K) -> impl Iterator<Item = (&K, &V)> {
        self.values.range(key..).map(|(key, (_, value))| (key, value))
    }

    /// Oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Rank, &K, &V)> {
        self.order.iter().map(|(rank, key)| {
            let (_, value) = self.values.get(key).expect("invariant: what has an order has a value");
            (*rank, key, value)
        })
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether something was left out because there is too much.
    pub fn is_cut(&self) -> bool {
        self.floor.is_some()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rank(micros: i64) -> Rank {
        Rank { micros, place: Place { partition: 0, offset: 0 } }
    }

    proptest! {
        #[test]
        fn what_is_kept_is_the_newest_whatever_the_order(
            things in prop::collection::vec((0_u8..8, 0_i64..20), 0..40),
            max in 1_usize..6,
        ) {
            let mut newest = Newest::at_most(max);
            for (key, micros) in &things {
                newest.put(*key, rank(*micros), *micros);
            }
            let mut latest: BTreeMap<u8, i64> = BTreeMap::new();
            for (key, micros) in &things {
                let known = latest.entry(*key).or_insert(*micros);
                *known = (*known).max(*micros);
            }
            let mut expected: Vec<(i64, u8)> = latest.into_iter().map(|(key, micros)| (micros, key)).collect();
            expected.sort_unstable();
            let is_cut = expected.len() > max;
            expected.drain(..expected.len().saturating_sub(max));
            let kept: Vec<(i64, u8)> = newest.iter().map(|(_, key, micros)| (*micros, *key)).collect();
            prop_assert_eq!(kept, expected);
            prop_assert_eq!(newest.is_cut(), is_cut);
        }
    }
}
