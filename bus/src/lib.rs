//! The log that the stages share, behind one small trait: Kafka, or a durable log inside one process.
//!
//! Invariants, the same for both:
//! - readers see committed records only, in offset order, each with the time the log itself gave it;
//! - [`Publisher::publish`] makes rows and input offsets visible together or not at all;
//! - an offset that is gone is an error that names what is gone, never a silent jump;
//! - what waits in memory is bounded: whoever is too fast waits.
//!
//! Absent on purpose: async (a member is polled by one thread of its own), serialisation (values are bytes; `contracts`
//! knows what they mean), and commits outside of a publication (a position without the rows it stands for is a loss).

pub mod batch;
pub mod config;
pub mod connection;
pub mod embedded;
pub mod error;
pub mod http;
pub mod kafka;
mod merged;
pub mod recording;
pub mod registry;
pub mod topic;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use contracts::time::Timestamp;
use contracts::topics::Declared;

pub use batch::{Batch, BatchLimit, Header, Record};
pub use error::{BusError, ErrorKind};
pub use merged::Merged;
pub use topic::{Difference, Found};

pub type Result<T> = std::result::Result<T, BusError>;

/// One partition of one topic.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    pub topic: Arc<str>,
    pub index: u32,
}

/// A place in a partition. Positions name the next record to take: last + 1, or beyond, where markers leave holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset(pub u64);

/// The unique name of one running process among its peers: who fences whom is decided by it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instance(Arc<str>);

/// A log.
pub trait Bus: Send + Sync + Debug {
    /// The topics that exist, by name.
    fn topics(&self) -> Result<Vec<Found>>;

    /// Makes a topic. One that is there already is [`BusError::TopicExists`].
    fn create(&self, topic: &Declared) -> Result<()>;

    /// Brings the settings of a topic that exists (all but its partitions and copies) to what is declared.
    fn alter(&self, topic: &Declared) -> Result<()>;

    /// An idempotent producer, acknowledged by all copies. `fates` hears of every row, on the thread that calls the
    /// producer, and exactly once each.
    fn producer(&self, settings: &ProducerSettings, fates: FateSink) -> Result<Box<dyn Producer>>;

    /// Joins a group as a member that owns partitions for a while.
    fn join(&self, settings: &MemberSettings) -> Result<Box<dyn Member>>;

    /// Reads chosen partitions outside of any group.
    fn read(&self, from: &[(Partition, Start)], until: Until) -> Result<Box<dyn Reader>>;

    /// The transactional publisher of this instance. An older one of the same name is fenced, its unfinished
    /// publication aborted, before this returns: only then are [`Bus::committed`] offsets worth reading.
    fn publisher(&self, instance: &Instance) -> Result<Box<dyn Publisher>>;

    /// Stable committed offsets of a group: waits, bounded, for publications that are still open on them.
    fn committed(&self, group: &str, partitions: &[Partition]) -> Result<Vec<Option<Offset>>>;

    /// What a partition holds now.
    fn extent(&self, partition: &Partition) -> Result<Extent>;

    /// The first record appended at or after `time`; the end if there is none.
    fn offset_at(&self, partition: &Partition, time: Timestamp) -> Result<Offset>;
}

/// Sends rows one by one, outside of publications: events of collectors, ticks, markers.
pub trait Producer: Send + Debug {
    /// Takes a row. Waits while the buffer is full, and while it waits reports fates. `tag` comes back in the row's fate.
    fn send(&mut self, row: &Row<'_>, tag: u64) -> Result<()>;

    /// Waits until the fate of every row is known, at most this long; `Ok(n)` says how many are still unknown.
    fn flush(&mut self, within: Duration) -> Result<usize>;
}

/// A member of a group. Polled by one thread. What `poll` answers must be dealt with before the next `poll`.
pub trait Member: Send + Debug {
    /// Waits for records or for news of the group, at most `limit.wait`. `batch` is cleared first.
    fn poll(&mut self, batch: &mut Batch, limit: &BatchLimit) -> Result<Polled>;

    /// Answers [`Polled::Assigned`]: where each partition is to be read from. They stay paused until [`Member::resume`].
    fn accept(&mut self, starts: &[(Partition, Offset)]) -> Result<()>;

    /// Answers [`Polled::Revoked`] and [`Polled::Lost`]: nothing of these partitions will be published any more.
    fn release(&mut self, partitions: &[Partition]) -> Result<()>;

    fn pause(&mut self, partitions: &[Partition]) -> Result<()>;

    /// Records flow from the accepted start, or from where [`Member::pause`] stopped them.
    fn resume(&mut self, partitions: &[Partition]) -> Result<()>;

    /// The next offset this member would be given.
    fn position(&self, partition: &Partition) -> Result<Offset>;

    /// What a [`Publisher`] needs to move this group's offsets. Cheap to clone, may be used from another thread.
    fn membership(&self) -> Membership;

    /// Leaves the group.
    fn close(self: Box<Self>) -> Result<()>;
}

/// Reads partitions of its own choice.
pub trait Reader: Send + Debug {
    /// Fills the batch; `batch` is cleared first.
    fn next(&mut self, batch: &mut Batch, limit: &BatchLimit) -> Result<Progress>;
}

/// Publishes rows together with the input offsets they came from.
pub trait Publisher: Send + Debug {
    /// All or nothing. `still_owner` is called after the group's metadata was read and before offsets are sent: a process
    /// that slept through a rebalance has fresh metadata and old rows, and only this check can tell.
    ///
    /// After anything but [`Outcome::Committed`] this publisher is spent: make another with [`Bus::publisher`] and go on
    /// from [`Bus::committed`].
    fn publish(&mut self, publication: &Publication<'_>, still_owner: &mut dyn FnMut() -> Ownership)
    -> Result<Outcome>;
}

/// A row to send. Borrowed: the log copies it.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    pub topic: &'a str,
    pub to: To<'a>,
    /// `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    pub headers: &'a [Header<'a>],
}

/// Which partition a row goes to.
#[derive(Debug, Clone, Copy)]
pub enum To<'a> {
    /// The one its key hashes to ([`contracts::partition::partition_of`]).
    Key(&'a [u8]),
    /// This one: ticks, markers, topics of one partition.
    Partition { index: u32, key: Option<&'a [u8]> },
}

/// What became of a row.
#[derive(Debug)]
pub struct Fate {
    pub tag: u64,
    pub result: Result<(Partition, Offset)>,
}

pub type FateSink = Box<dyn FnMut(Fate) + Send>;

#[derive(Debug, Clone)]
pub struct ProducerSettings {
    /// Rows and bytes that may wait; whoever sends more waits.
    pub buffer_records_max: usize,
    pub buffer_bytes_max: usize,
    /// How long a row may gather company before it is sent.
    pub linger: Duration,
    /// How long `send` waits for room, and a row for its acknowledgement, before that is an error.
    pub patience: Duration,
}

impl Default for ProducerSettings {
    fn default() -> Self {
        Self {
            buffer_records_max: 100_000,
            buffer_bytes_max: 64 * 1024 * 1024,
            linger: Duration::from_millis(2),
            patience: Duration::from_mins(1),
        }
    }
}

#[derive(Debug, Clone)]
pub struct MemberSettings {
    pub group: String,
    pub instance: Instance,
    /// A static member keeps its partitions over a restart; leaving costs the others one session timeout.
    pub is_static: bool,
    pub topics: Vec<String>,
    pub session_timeout: Duration,
}

/// News of a poll.
#[derive(Debug, PartialEq, Eq)]
pub enum Polled {
    /// The batch holds what came, perhaps nothing; [`Batch::ends`] names partitions that were read to their end.
    Batch,
    /// New partitions; empty assignments are normal. Answer with [`Member::accept`].
    Assigned(Vec<Partition>),
    /// Others wait for these. Finish the running publication, then [`Member::release`].
    Revoked(Vec<Partition>),
    /// Others own these already. Drop what is unpublished, then [`Member::release`].
    Lost(Vec<Partition>),
}

/// Where a reader begins in a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    Earliest,
    End,
    At(Offset),
    /// The first record appended at or after this time.
    Time(Timestamp),
}

/// When a reader is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// At the ends the partitions had when the reader was made.
    End,
    /// Never: it follows.
    Forever,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// There may be more; the batch holds what came, perhaps nothing.
    More,
    /// Every partition was read to its end. The batch is empty.
    Done,
}

/// What a partition holds: `earliest..end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    pub earliest: Offset,
    /// The next offset a committed record could have.
    pub end: Offset,
}

/// Rows of several topics and, together with them, how far their inputs were read.
#[derive(Debug, Clone, Copy)]
pub struct Publication<'a> {
    pub rows: &'a [Row<'a>],
    pub inputs: Option<Inputs<'a>>,
}

#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    pub membership: &'a Membership,
    /// Next offset to read: last applied + 1.
    pub offsets: &'a [(Partition, Offset)],
}

/// What `still_owner` found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    Unchanged,
    /// A partition changed hands since the rows were made: nothing of them may be published.
    Changed,
}

/// What became of a publication.
#[derive(Debug)]
pub enum Outcome {
    /// Decided for good. Readers see all of it; on Kafka a moment later, when each partition has its marker.
    Committed,
    /// Nothing is visible, and this process has no right to try again as it is: a newer publisher of the same instance,
    /// or a group that went on without this member.
    Fenced(BusError),
    /// Nothing is visible. The same rows may be published again by a new publisher, if they are still owned.
    Aborted(Aborted),
    /// The answer was lost: all of it is visible, or nothing. Only the stable committed offset tells.
    Unknown(BusError),
}

#[derive(Debug)]
pub enum Aborted {
    /// `still_owner` said so.
    OwnershipChanged,
    Failed(BusError),
}

/// A member's place in its group, as a publisher shows it to the log.
#[derive(Debug, Clone)]
pub struct Membership(pub(crate) membership::Kind);

mod membership {
    /// One variant per log.
    #[derive(Debug, Clone)]
    pub(crate) enum Kind {
        Embedded(crate::embedded::Place),
        Kafka(crate::kafka::Membership),
    }
}

impl Partition {
    pub fn new(topic: &str, index: u32) -> Self {
        Self { topic: topic.into(), index }
    }
}

impl Row<'_> {
    /// Framing of one record alone in its batch, with room to spare.
    const FRAMING_BYTES: usize = 512;
    const HEADER_FRAMING_BYTES: usize = 8;

    /// What this row weighs at most, framed: the same number on every log, so that the same rows are too large.
    pub fn size_bytes(&self) -> usize {
        let key = match self.to {
            To::Key(key) => Some(key),
            To::Partition { key, .. } => key,
        };
        let headers: usize =
            self.headers.iter().map(|header| header.name.len() + header.value.len() + Self::HEADER_FRAMING_BYTES).sum();
        key.map_or(0, <[u8]>::len) + self.value.map_or(0, <[u8]>::len) + headers + Self::FRAMING_BYTES
    }

    /// Refuses what no topic takes. Checked before anything is sent: one such row would abort a publication for ever.
    pub(crate) fn check_size(&self) -> Result<()> {
        let max = contracts::topics::MESSAGE_BYTES_MAX as usize;
        let size = self.size_bytes();
        if size > max {
            return Err(BusError::TooLarge { topic: self.topic.to_owned(), size, max });
        }
        Ok(())
    }
}

impl std::fmt::Display for Partition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}[{}]", self.topic, self.index)
    }
}

impl std::fmt::Display for Offset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl Instance {
    /// Letters, digits, `.`, `_` and `-`, at most 200 characters: what a broker takes as a transactional id.
    pub fn new(name: &str) -> Result<Self> {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if name.is_empty() || name.len() > 200 || !name.chars().all(legal) {
            return Err(BusError::InstanceName { name: name.to_owned() });
        }
        Ok(Self(name.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}
