//! A durable log inside one process, on RocksDB: what `tripline up`, replays of files and tests use instead of Kafka.
//!
//! Invariants: offsets are dense (unless [`Habits`] make holes); append times never go backwards within a partition; what
//! was acknowledged survives a killed process, and, as [`Flush`] says, a loss of power; one process owns the directory.
//!
//! Absent on purpose: copies, a network, and readers in other processes (they ask the owner). `docs/embedded-log.md`
//! tells an operator the rest.

mod append;
mod cursor;
mod group;
mod layout;
mod log;
mod maintenance;
mod member;
mod options;
mod owner;
mod producer;
mod publisher;
mod reader;
mod salvage;
mod signal;
mod store;
mod ticker;
mod topics;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use contracts::time::Timestamp;
use contracts::topics::Declared;

pub(crate) use member::Place;
pub use options::{Clock, Flush, Habits, Lost, Memory, Options};
pub use salvage::{Salvaged, salvage};

use crate::{
    Bus, Extent, FateSink, Found, Instance, Member, MemberSettings, Offset, Partition, Producer, ProducerSettings,
    Publisher, Reader, Result, Start, Until,
};
use log::Log;
use member::EmbeddedMember;
use producer::EmbeddedProducer;
use publisher::EmbeddedPublisher;
use reader::EmbeddedReader;
use ticker::Ticker;

/// A handle to an open log; clones share it. The directory is free again when the last handle and everything made from
/// them are gone.
#[derive(Debug, Clone)]
pub struct Embedded {
    /// Ended before the log is let go of.
    _tickers: Arc<Vec<Ticker>>,
    log: Arc<Log>,
}

impl Embedded {
    /// Opens the log in a directory, which is made when it is not there.
    pub fn open(dir: &Path, options: Options) -> Result<Self> {
        let log = Arc::new(Log::open(dir, options)?);
        let mut tickers = Vec::new();
        if let Flush::EveryMillis(millis) = log.options.flush {
            let log = log.clone();
            tickers.push(Ticker::start("log-flush", Duration::from_millis(millis), move || {
                if let Err(error) = log.store.sync() {
                    tracing::error!(%error, "what was appended last would not survive a loss of power");
                }
            })?);
        }
        if let Some(interval) = log.options.maintenance_interval {
            let log = log.clone();
            tickers.push(Ticker::start("log-maintenance", interval, move || {
                if let Err(error) = log.maintain((log.options.clock)()) {
                    tracing::error!(%error, "what topics need not keep was not removed; trying again later");
                }
            })?);
        }
        Ok(Self { _tickers: Arc::new(tickers), log })
    }

    /// Removes what topics need not keep at this time: by age, by size, or all but the newest of each key. Runs by itself
    /// too, if the options say how often.
    pub fn maintain(&self, now: Timestamp) -> Result<()> {
        self.log.maintain(now)
    }

    /// Brings everything acknowledged so far to the disk itself, whatever the [`Flush`] policy.
    pub fn flush(&self) -> Result<()> {
        self.log.store.sync()
    }
}

impl Bus for Embedded {
    fn topics(&self) -> Result<Vec<Found>> {
        Ok(self.log.topics().iter().map(|topic| topic.found()).collect())
    }

    fn create(&self, topic: &Declared) -> Result<()> {
        self.log.create(topic)
    }

    fn alter(&self, topic: &Declared) -> Result<()> {
        self.log.alter(topic)
    }

    fn producer(&self, settings: &ProducerSettings, fates: FateSink) -> Result<Box<dyn Producer>> {
        Ok(Box::new(EmbeddedProducer::start(self.log.clone(), settings, fates)?))
    }

    fn join(&self, settings: &MemberSettings) -> Result<Box<dyn Member>> {
        Ok(Box::new(EmbeddedMember::join(self.log.clone(), settings)?))
    }

    fn read(&self, from: &[(Partition, Start)], until: Until) -> Result<Box<dyn Reader>> {
        Ok(Box::new(EmbeddedReader::new(self.log.clone(), from, until)?))
    }

    fn publisher(&self, instance: &Instance) -> Result<Box<dyn Publisher>> {
        Ok(Box::new(EmbeddedPublisher::new(self.log.clone(), instance)?))
    }

    fn committed(&self, group: &str, partitions: &[Partition]) -> Result<Vec<Option<Offset>>> {
        self.log.committed(group, partitions)
    }

    fn extent(&self, partition: &Partition) -> Result<Extent> {
        let topic = self.log.topic_of(partition)?;
        let state = topic.state(partition.index);
        Ok(Extent { earliest: Offset(state.earliest()), end: Offset(state.end()) })
    }

    fn offset_at(&self, partition: &Partition, time: Timestamp) -> Result<Offset> {
        reader::offset_at(&self.log, &*self.log.topic_of(partition)?, partition.index, time)
    }
}

#[cfg(test)]
mod tests;
