//! Which task takes which record of a chunk.

use std::collections::BTreeMap;

use bus::{Batch, Header, Offset, Partition, Record};
use contracts::codec::{self, Schemas};
use contracts::owner_event::{self, NO_ENDPOINT};
use contracts::partition::partition_of;
use contracts::records::TelemetryEvent;
use contracts::time::Timestamp;
use contracts::topics::{CONTROL, RULE_SETS};

use super::{Course, Matches, Placing};
use crate::outbox::Stored;
use crate::task::Stage;

/// A record of a batch, and the record of the chunk that it follows from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    pub at: usize,
    pub cause: usize,
}

/// By partition, in order.
pub(super) type Items = BTreeMap<u32, Vec<Item>>;

/// What the stages take of a chunk as it was recorded.
#[derive(Debug, Default)]
pub(super) struct Recorded {
    pub events: Items,
    pub matches: Items,
    /// Ticks and markers among the events, of one partition: stage two's, too, when it is not fed what was recorded.
    pub told: Vec<usize>,
    /// Of the control topic, and rule sets.
    pub commanded: Vec<usize>,
    /// Records of topics that no stage takes here.
    pub passed_over: u64,
}

impl Recorded {
    pub fn of(chunk: &Batch, course: &Course, schemas: &dyn Schemas) -> Self {
        let mut recorded = Self::default();
        for (at, record) in chunk.records().enumerate() {
            let topic = &*record.partition.topic;
            if topic == Stage::Events.topic() {
                let is_told = is_owners(&record, schemas);
                if is_told && (record.partition.index == 0 || course.placing == Placing::ByKey) {
                    recorded.told.push(at);
                }
                place(&mut recorded.events, &record, at, is_told, Stage::Events, course);
            } else if topic == Stage::Matches.topic() && course.matches == Matches::Recorded {
                let is_told = is_owners(&record, schemas);
                place(&mut recorded.matches, &record, at, is_told, Stage::Matches, course);
            } else if topic == CONTROL || topic == RULE_SETS {
                recorded.commanded.push(at);
            } else {
                recorded.passed_over += 1;
            }
        }
        recorded
    }
}

fn place(items: &mut Items, record: &Record<'_>, at: usize, is_told: bool, stage: Stage, course: &Course) {
    let item = Item { at, cause: at };
    let partitions = course.partitions[&stage];
    match course.placing {
        Placing::AsRecorded => items.entry(record.partition.index).or_default().push(item),
        Placing::ByKey if is_told => (0..partitions.get()).for_each(|index| items.entry(index).or_default().push(item)),
        Placing::ByKey => {
            let index = partition_of(record.key.unwrap_or_default(), partitions);
            items.entry(index).or_default().push(item);
        }
    }
}

/// A tick or a marker. Only what has no endpoint's key is looked into.
fn is_owners(record: &Record<'_>, schemas: &dyn Schemas) -> bool {
    if record.key.is_some_and(|key| key != NO_ENDPOINT.as_bytes()) {
        return false;
    }
    let event = codec::decode::<TelemetryEvent>(record.value.unwrap_or_default(), schemas);
    event.is_ok_and(|event| owner_event::is_owners(event.endpoint_id.as_str(), &event.event_type))
}

/// A row, the record of the chunk that it follows from, and the time of that.
#[derive(Debug)]
pub(super) struct Following<'m> {
    pub cause: usize,
    pub appended_at: Timestamp,
    pub row: Stored<'m>,
}

/// Gives rows the places that a log would give them.
#[derive(Debug, Default)]
pub(super) struct Appending {
    /// The next offset of each partition.
    next: BTreeMap<Partition, Offset>,
}

impl Appending {
    pub fn row(&mut self, of: &Following<'_>, course: &Course, batch: &mut Batch) -> Partition {
        let row = of.row.row();
        let partitions = Stage::ALL.into_iter().find(|stage| stage.topic() == row.topic).unwrap_or(Stage::Events);
        let (index, key) = match row.to {
            bus::To::Key(key) => (partition_of(key, course.partitions[&partitions]), Some(key)),
            bus::To::Partition { index, key } => (index, key),
        };
        let partition = Partition::new(row.topic, index);
        self.put(&partition, of.appended_at, key, row.value, row.headers.iter().copied(), batch);
        partition
    }

    pub fn put<'h>(
        &mut self,
        partition: &Partition,
        appended_at: Timestamp,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: impl Iterator<Item = Header<'h>>,
        batch: &mut Batch,
    ) {
        let next = self.next.entry(partition.clone()).or_insert(Offset(0));
        batch.push(partition, *next, appended_at, key, value, headers);
        next.0 += 1;
    }
}
