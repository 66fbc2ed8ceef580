//! What the commands and the API need of a log.
//!
//! Invariant: the same on every log and through the API. It is the part of [`Bus`] that works without a group, so that
//! whoever holds a [`Log`] does not know, and need not, whether it is in this process.

use bus::{
    Bus, Difference, Extent, FateSink, Found, Partition, Producer, ProducerSettings, Reader, Result, Start, Until,
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
