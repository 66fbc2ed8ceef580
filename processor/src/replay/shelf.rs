//! The log as the cores of a replay see it: what was recorded of the control topic, and rule sets.
//!
//! Invariant: a command lies here before its marker is applied, at the place it had; where swaps are left out, so are their
//! places. Nothing can be written here but by the replay, as it reads.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard};

use bus::{
    Batch, BatchLimit, Bus, BusError, Extent, FateSink, Found, Instance, Member, MemberSettings, Offset, Partition,
    Producer, ProducerSettings, Progress, Publisher, Reader, Record, Result, Start, Until,
};
use contracts::avro::Framing;
use contracts::codec::{self, Schemas};
use contracts::records::{ControlCommand, ControlCommandType, RuleSetPart};
use contracts::time::Timestamp;
use contracts::topics::{CONTROL, Compression, Declared, Keep, RULE_SETS};

use super::{Course, Swaps};
use crate::task::Stage;

/// Beyond, the oldest go: every task has long taken them, for all go through the input together.
const COMMANDS_MAX: usize = 100_000;
/// Parts of rule sets; beyond, the oldest go, and a swap back to one of them finds it missing.
const PARTS_MAX: usize = 256;

#[derive(Debug)]
pub(super) struct Shelf {
    partitions: BTreeMap<Stage, NonZeroU32>,
    swaps: Swaps,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    commands: BTreeMap<u64, (Timestamp, Vec<u8>)>,
    /// Behind the last command that was seen.
    end: u64,
    parts: VecDeque<Vec<u8>>,
    /// Of the first part.
    parts_from: u64,
}

impl Shelf {
    pub fn new(course: &Course) -> Self {
        Self { partitions: course.partitions.clone(), swaps: course.swaps, kept: Mutex::default() }
    }

    /// Takes what the input has of these topics.
    pub fn take(&self, record: &Record<'_>, schemas: &dyn Schemas) {
        let value = record.value.unwrap_or_default();
        match &*record.partition.topic {
            CONTROL => self.command(record, value, schemas),
            RULE_SETS if self.swaps == Swaps::Followed => self.kept().part(value.to_vec()),
            _ => {}
        }
    }

    /// The set that a run begins with: risk weighs alerts by it.
    pub fn put_set(&self, parts: &[RuleSetPart]) {
        for part in parts {
            let mut value = Vec::new();
            let encoded = codec::encode(part, Framing::SingleObject, &mut value);
            encoded.expect("invariant: a part is within its limits");
            self.kept().part(value);
        }
    }

    fn command(&self, record: &Record<'_>, value: &[u8], schemas: &dyn Schemas) {
        let command = codec::decode::<ControlCommand>(value, schemas);
        let is_swap = command.is_ok_and(|command| command.command == ControlCommandType::SwapRuleSet);
        let mut kept = self.kept();
        kept.end = kept.end.max(record.offset.0 + 1);
        if !is_swap || self.swaps == Swaps::Followed {
            kept.commands.insert(record.offset.0, (record.appended_at, value.to_vec()));
        }
        while kept.commands.len() > COMMANDS_MAX {
            kept.commands.pop_first();
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("invariant: keeping bytes does not panic")
    }
}

impl Kept {
    fn part(&mut self, value: Vec<u8>) {
        self.parts.push_back(value);
        if self.parts.len() > PARTS_MAX {
            self.parts.pop_front();
            self.parts_from += 1;
        }
    }
}

/// Of one of the two topics.
#[derive(Debug)]
struct Reading {
    shelf: Arc<Shelf>,
    partition: Partition,
    next: u64,
}

impl Reader for Reading {
    fn next(&mut self, batch: &mut Batch, limit: &BatchLimit) -> Result<Progress> {
        batch.clear();
        let kept = self.shelf.kept();
        if &*self.partition.topic == CONTROL {
            for (offset, (at, value)) in kept.commands.range(self.next..).take(limit.records_max) {
                batch.push(&self.partition, Offset(*offset), *at, None, Some(value), std::iter::empty());
                self.next = offset + 1;
            }
        } else {
            let from = usize::try_from(self.next.saturating_sub(kept.parts_from)).unwrap_or(usize::MAX);
            for (value, offset) in kept.parts.iter().skip(from).take(limit.records_max).zip(self.next..) {
                batch.push(&self.partition, Offset(offset), Timestamp::MIN, None, Some(value), std::iter::empty());
                self.next = offset + 1;
            }
        }
        Ok(if batch.is_empty() { Progress::Done } else { Progress::More })
    }
}

/// What cores and their control ask of a log, and no more.
#[derive(Debug, Clone)]
pub(super) struct ShelfBus(pub Arc<Shelf>);

impl Bus for ShelfBus {
    fn topics(&self) -> Result<Vec<Found>> {
        let inputs = self.0.partitions.iter().map(|(stage, count)| found(stage.topic(), *count));
        Ok(inputs.chain([CONTROL, RULE_SETS].map(|topic| found(topic, NonZeroU32::MIN))).collect())
    }

    fn read(&self, from: &[(Partition, Start)], _: Until) -> Result<Box<dyn Reader>> {
        let [(partition, start)] = from else { return Err(refused("reading several partitions")) };
        let next = match start {
            Start::At(offset) => offset.0,
            _ => 0,
        };
        Ok(Box::new(Reading { shelf: Arc::clone(&self.0), partition: partition.clone(), next }))
    }

    fn extent(&self, _: &Partition) -> Result<Extent> {
        Ok(Extent { earliest: Offset(0), end: Offset(self.0.kept().end) })
    }

    fn create(&self, _: &Declared) -> Result<()> {
        Err(refused("making a topic"))
    }

    fn alter(&self, _: &Declared) -> Result<()> {
        Err(refused("changing a topic"))
    }

    fn producer(&self, _: &ProducerSettings, _: FateSink) -> Result<Box<dyn Producer>> {
        Err(refused("producing"))
    }

    fn join(&self, _: &MemberSettings) -> Result<Box<dyn Member>> {
        Err(refused("joining a group"))
    }

    fn publisher(&self, _: &Instance) -> Result<Box<dyn Publisher>> {
        Err(refused("publishing"))
    }

    fn committed(&self, _: &str, _: &[Partition]) -> Result<Vec<Option<Offset>>> {
        Err(refused("asking a group"))
    }

    fn offset_at(&self, _: &Partition, _: Timestamp) -> Result<Offset> {
        Err(refused("looking for a time"))
    }
}

fn refused(what: &'static str) -> BusError {
    BusError::Protocol { what, reason: "a replay only reads".to_owned() }
}

fn found(topic: &str, partitions: NonZeroU32) -> Found {
    Found {
        name: topic.to_owned(),
        partitions,
        replication: 1,
        keep: Keep::Forever,
        keep_bytes_max: None,
        compression: Ok(Compression::None),
        append_time: true,
        message_bytes_max: contracts::topics::MESSAGE_BYTES_MAX,
    }
}
