//! Messages of a consumer into a batch, with the place of every partition. Members and readers share it.
//!
//! Invariant: `next` of a track is where its reading goes on: never behind a record that was handed out, and at the
//! end of the partition as soon as the end was seen, also across the holes that transaction markers leave.
//!
//! Messages are taken one by one: librdkafka's batch calls are reachable by raw pointers only.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use contracts::time::Timestamp;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Headers, Message, Timestamp as KafkaTime};

use super::failure::{self, Doing};
use super::link::Link;
use super::query;
use crate::{Batch, BatchLimit, BusError, Header, Offset, Partition, Result};

/// Where each partition of a consumer stands.
#[derive(Debug, Default)]
pub(super) struct Tracks {
    tracks: Vec<Track>,
    /// Of the last record: records come in runs of one partition.
    current: usize,
}

#[derive(Debug)]
pub(super) struct Track {
    pub partition: Partition,
    pub next: Offset,
    pub flows: bool,
    /// Records from here on are not handed out.
    stop: Option<Offset>,
}

/// Offsets at which librdkafka says a partition ended. It names the offset in the text of the event only.
#[derive(Debug, Default)]
pub(super) struct Ends(Mutex<Option<Offset>>);

/// Why filling a batch stopped before it was full.
#[derive(Debug)]
pub(super) enum Interruption {
    /// The log refuses this consumer for good.
    Fatal(Code, String),
    Failed(BusError),
}

impl Tracks {
    pub fn iter(&self) -> impl Iterator<Item = &Track> {
        self.tracks.iter()
    }

    pub fn get(&self, partition: &Partition) -> Option<&Track> {
        self.tracks.iter().find(|track| track.partition == *partition)
    }

    pub fn get_mut(&mut self, partition: &Partition) -> Option<&mut Track> {
        self.tracks.iter_mut().find(|track| track.partition == *partition)
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Track> {
        self.tracks.iter_mut()
    }

    pub fn add(&mut self, track: Track) {
        self.remove(&track.partition);
        self.tracks.push(track);
    }

    pub fn remove(&mut self, partition: &Partition) {
        self.tracks.retain(|track| track.partition != *partition);
        self.current = 0;
    }

    fn of(&mut self, topic: &str, index: i32) -> Option<&mut Track> {
        let is_it =
            |track: &Track| i64::from(track.partition.index) == i64::from(index) && *track.partition.topic == *topic;
        if !self.tracks.get(self.current).is_some_and(is_it) {
            self.current = self.tracks.iter().position(is_it)?;
        }
        self.tracks.get_mut(self.current)
    }

    /// The partition an end belongs to: librdkafka's event, as far as it is reachable, names its number and offset but
    /// no topic. `None` while two topics could be meant; whoever needs certainty keeps one topic per consumer.
    fn ended(&mut self, index: i32, at: Option<Offset>) -> Option<&mut Track> {
        let could_be = |track: &&mut Track| {
            track.flows && i64::from(track.partition.index) == i64::from(index) && at.is_none_or(|at| track.next <= at)
        };
        let mut candidates = self.tracks.iter_mut().filter(could_be);
        let only = candidates.next()?;
        candidates.next().is_none().then_some(only)
    }
}

impl Track {
    pub fn endless(partition: Partition, next: Offset) -> Self {
        Self { partition, next, flows: true, stop: None }
    }

    pub fn up_to(partition: Partition, next: Offset, stop: Offset) -> Self {
        Self { stop: Some(stop), ..Self::endless(partition, next) }
    }

    /// Assigned, but not to flow yet.
    pub fn paused(partition: Partition, next: Offset) -> Self {
        Self { flows: false, ..Self::endless(partition, next) }
    }

    pub fn is_finished(&self) -> bool {
        self.stop.is_some_and(|stop| self.next >= stop)
    }
}

impl Ends {
    /// From the text of an event: "… reached end of partition at offset 42 (…)".
    pub fn note(&self, reason: &str) {
        let offset = reason
            .split_once("end of partition at offset ")
            .and_then(|(_, rest)| rest.split(' ').next())
            .and_then(|digits| digits.parse().ok());
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = offset.map(Offset);
    }

    fn take(&self) -> Option<Offset> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Fills `batch` until it is full, nothing more is at hand, the limit's time is over, or `news` says the caller must be
/// told something first.
pub(super) fn fill<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    link: &Link,
    tracks: &mut Tracks,
    batch: &mut Batch,
    limit: &BatchLimit,
    news: impl Fn() -> bool,
) -> std::result::Result<(), Interruption> {
    let deadline = Instant::now() + limit.wait;
    while !batch.is_full(limit) {
        let has_any = !batch.is_empty() || !batch.ends().is_empty();
        let wait = if has_any { std::time::Duration::ZERO } else { whole_millis(deadline) };
        match consumer.poll(wait) {
            Some(Ok(message)) => take(&message, tracks, batch),
            Some(Err(KafkaError::PartitionEOF(index))) => {
                let at = link.ends.take();
                if let Some(track) = tracks.ended(index, at) {
                    track.next = at.unwrap_or(track.next).max(track.next);
                    batch.push_end(&track.partition);
                }
            }
            Some(Err(error)) => interruption(consumer, link, tracks, &error)?,
            None if has_any || wait.is_zero() || news() => break,
            None => {}
        }
    }
    Ok(())
}

/// What is left, in the whole milliseconds that librdkafka waits in; the rest of the last one is not worth spinning.
fn whole_millis(deadline: Instant) -> std::time::Duration {
    let left = deadline.saturating_duration_since(Instant::now());
    std::time::Duration::from_millis(u64::try_from(left.as_millis()).unwrap_or(u64::MAX))
}

fn take(message: &BorrowedMessage<'_>, tracks: &mut Tracks, batch: &mut Batch) {
    // A partition that was just taken away: whoever owns it now reads the record.
    let Some(track) = tracks.of(message.topic(), message.partition()) else { return };
    let offset = offset_of(message.offset());
    track.next = Offset(offset.0 + 1);
    if track.stop.is_none_or(|stop| offset < stop) {
        let time = time_of(message.timestamp());
        let headers = headers_of(message);
        batch.push(&track.partition, offset, time, message.key(), message.payload(), headers.into_iter().flatten());
    }
    if track.is_finished() {
        batch.push_end(&track.partition);
    }
}

/// The headers of a message; none if one of their names is not text. Kafka lets any producer write any bytes there,
/// and rdkafka unwraps them as UTF-8: a record must not take the process down.
fn headers_of<'a>(message: &'a BorrowedMessage<'_>) -> Option<Vec<Header<'a>>> {
    let headers = message.headers()?;
    let read =
        || headers.iter().map(|header| Header { name: header.key, value: header.value.unwrap_or_default() }).collect();
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(read));
    if result.is_err() {
        let (topic, partition, offset) = (message.topic(), message.partition(), message.offset());
        tracing::warn!(
            topic,
            partition,
            offset,
            "a header's name is not UTF-8; the record is read without its headers"
        );
    }
    result.ok()
}

fn interruption<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    link: &Link,
    tracks: &Tracks,
    error: &KafkaError,
) -> std::result::Result<(), Interruption> {
    use rdkafka::consumer::Consumer;
    let Some(code) = error.rdkafka_error_code() else {
        return Err(Interruption::Failed(failure::of(error, link, Doing::what("polling"))));
    };
    if let Some((code, reason)) = consumer.client().fatal_error() {
        return Err(Interruption::Fatal(code, reason));
    }
    match code {
        Code::AutoOffsetReset | Code::OffsetOutOfRange => {
            Err(Interruption::Failed(lost_place(consumer, link, tracks, error)))
        }
        code if failure::mends_itself(code) => Ok(()),
        _ => Err(Interruption::Failed(failure::of(error, link, Doing::what("polling")))),
    }
}

/// Which position is gone. librdkafka says that one is (`auto.offset.reset=error`), but not which.
fn lost_place<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    link: &Link,
    tracks: &Tracks,
    error: &KafkaError,
) -> BusError {
    for track in tracks.iter().filter(|track| track.flows) {
        match query::extent(consumer, link, &track.partition) {
            Err(error) => return error,
            Ok(extent) => {
                if let Err(error) = query::within(&track.partition, track.next, extent) {
                    return error;
                }
            }
        }
    }
    failure::of(error, link, Doing::what("an offset was refused, but every position is inside its partition"))
}

/// One list of partitions at these offsets, as librdkafka takes it.
pub(super) fn places<'a>(places: impl Iterator<Item = (&'a Partition, Option<Offset>)>) -> Result<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for (partition, offset) in places {
        let offset = offset.map_or(rdkafka::Offset::Invalid, |offset| rdkafka::Offset::Offset(raw(offset)));
        list.add_partition_offset(&partition.topic, index_of(partition), offset)
            .map_err(|error| BusError::Protocol { what: "naming a partition", reason: error.to_string() })?;
    }
    Ok(list)
}

/// The partitions of a list.
pub(super) fn named(list: &TopicPartitionList) -> Vec<Partition> {
    let mut topic: Option<Arc<str>> = None;
    let of = |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
        let name = match &topic {
            Some(known) if **known == *element.topic() => known.clone(),
            _ => topic.insert(element.topic().into()).clone(),
        };
        Partition { topic: name, index: u32::try_from(element.partition()).unwrap_or_default() }
    };
    list.elements().iter().map(of).collect()
}

pub(super) fn index_of(partition: &Partition) -> i32 {
    i32::try_from(partition.index).unwrap_or(i32::MAX)
}

pub(super) fn raw(offset: Offset) -> i64 {
    i64::try_from(offset.0).unwrap_or(i64::MAX)
}

/// Offsets of records and watermarks; the negative ones of librdkafka are words, not places.
pub(super) fn offset_of(raw: i64) -> Offset {
    Offset(u64::try_from(raw).unwrap_or_default())
}

fn time_of(time: KafkaTime) -> Timestamp {
    let millis = time.to_millis().unwrap_or_default();
    let clamped = millis.saturating_mul(1_000).clamp(Timestamp::MIN.micros(), Timestamp::MAX.micros());
    Timestamp::from_micros(clamped).expect("invariant: clamped into the range of a timestamp")
}
