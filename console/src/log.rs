//! What the commands and the API need of a log.
//!
//! Invariant: the same on every log and through the API. It is the part of [`Bus`] that works without a group, so that
//! whoever holds a [`Log`] does not know, and need not, whether it is in this process.

use std::sync::mpsc;
use std::time::Duration;

use bus::{
    Bus, BusError, Difference, Extent, FateSink, Found, Offset, Partition, Producer, ProducerSettings, Reader, Result,
    Row, Start, Until,
};
use contracts::topics::Declared;

pub trait Log: Send + Sync + std::fmt::Debug {
    /// The topics that exist, by name.
    fn topics(&self) -> Result<Vec<Found>>;

    /// Makes what is missing, mends what can be mended, answers what was different ([`bus::topic::apply`]).
    fn apply(&self, topics: &[Declared]) -> Result<Vec<Difference>>;

    /// As [`Bus::producer`].
    fn producer(&self, settings: &ProducerSettings, fates: FateSink) -> Result<Box<dyn Producer>>;

    /// Reads partitions of one topic, each from the same place.
    fn read(&self, topic: &str, partitions: &[u32], from: Start, until: Until) -> Result<Box<dyn Reader>>;

    fn extent(&self, partition: &Partition) -> Result<Extent>;
}

impl<B: Bus> Log for B {
    fn topics(&self) -> Result<Vec<Found>> {
        Bus::topics(self)
    }

    fn apply(&self, topics: &[Declared]) -> Result<Vec<Difference>> {
        bus::topic::apply(self, topics)
    }

    fn producer(&self, settings: &ProducerSettings, fates: FateSink) -> Result<Box<dyn Producer>> {
        Bus::producer(self, settings, fates)
    }

    fn read(&self, topic: &str, partitions: &[u32], from: Start, until: Until) -> Result<Box<dyn Reader>> {
        let from: Vec<_> = partitions.iter().map(|index| (Partition::new(topic, *index), from)).collect();
        Bus::read(self, &from, until)
    }

    fn extent(&self, partition: &Partition) -> Result<Extent> {
        Bus::extent(self, partition)
    }
}

/// Sends rows and waits for the fate of each, in their order.
pub fn deliver(log: &dyn Log, rows: &[Row<'_>], within: Duration) -> Result<Vec<Result<(Partition, Offset)>>> {
    let (fates, heard) = mpsc::channel();
    let settings = ProducerSettings { linger: Duration::ZERO, patience: within, ..ProducerSettings::default() };
    // Nobody hears a fate that comes after this call, so a receiver that is gone is no failure.
    let mut producer = log.producer(&settings, Box::new(move |fate| drop(fates.send(fate))))?;
    let mut results: Vec<_> = rows.iter().map(|_| Err(BusError::NotAcknowledged { waited: within })).collect();
    for (tag, row) in (0..).zip(rows) {
        if let Err(error) = producer.send(row, tag) {
            results[usize::try_from(tag).expect("invariant: a place in a list")] = Err(error);
        }
    }
    producer.flush(within)?;
    for fate in heard.try_iter() {
        results[usize::try_from(fate.tag).expect("invariant: a tag given above")] = fate.result;
    }
    Ok(results)
}

/// All partitions of a topic.
pub(crate) fn partitions(log: &dyn Log, topic: &str) -> Result<Vec<Partition>> {
    let topics = log.topics()?;
    let found = topics.iter().find(|found| found.name == topic);
    let found = found.ok_or_else(|| BusError::UnknownTopic { topic: topic.to_owned() })?;
    Ok((0..found.partitions.get()).map(|index| Partition::new(topic, index)).collect())
}
