//! Messages of a consumer into a batch. Members and readers share it.
//!
//! Invariant: what was taken from librdkafka is handed out. An error that comes behind records of the same poll waits for
//! the next one.
//!
//! Messages are taken one by one: librdkafka's batch calls are reachable by raw pointers only.

use std::sync::Arc;
use std::time::{Duration, Instant};

use contracts::time::Timestamp;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{BorrowedMessage, Headers, Message, Timestamp as KafkaTime};

use super::failure::{self, Doing};
use super::link::Link;
use super::query;
use super::tracks::{End, Tracks};
use crate::{Batch, BatchLimit, BusError, Header, Offset, Partition, Result};

/// A poll may not wait long for what is only nice to know.
const END_MAX: Duration = Duration::from_millis(200);

/// To find out which topic is gone.
const METADATA_WITHIN: Duration = Duration::from_secs(5);

/// What a consumer reads.
#[derive(Debug, Default)]
pub(super) struct Intake {
    pub tracks: Tracks,
    /// Came behind records that had to be handed out first.
    postponed: Option<Interruption>,
}

impl Intake {
    pub fn of(tracks: Tracks) -> Self {
        Self { tracks, postponed: None }
    }
}

/// Why filling a batch stopped before it was full.
#[derive(Debug)]
pub(super) enum Interruption {
    /// The log refuses this consumer for good.
    Fatal(Code, String),
    Failed(BusError),
}

/// Fills `batch` until it is full, nothing more is at hand, the limit's time is over, or `news` says the caller must be
/// told something first.
pub(super) fn fill<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    link: &Link,
    intake: &mut Intake,
    batch: &mut Batch,
    limit: &BatchLimit,
    news: impl Fn() -> bool,
) -> std::result::Result<(), Interruption> {
    if let Some(interruption) = intake.postponed.take() {
        return Err(interruption);
    }
    let deadline = Instant::now() + limit.wait;
    while !batch.is_full(limit) {
        let has_any = !batch.is_empty() || !batch.ends().is_empty();
        let wait = if has_any { Duration::ZERO } else { whole_millis(deadline) };
        let step = match consumer.poll(wait) {
            Some(Ok(message)) => {
                take(&message, &mut intake.tracks, batch);
                Ok(())
            }
            Some(Err(KafkaError::PartitionEOF(index))) => {
                end(link, &mut intake.tracks, index, batch);
                Ok(())
            }
            Some(Err(error)) => interruption(consumer, link, &intake.tracks, &error),
            None if has_any || wait.is_zero() || news() => break,
            None => Ok(()),
        };
        match step {
            Ok(()) => {}
            Err(interruption) if batch.is_empty() => return Err(interruption),
            Err(interruption) => {
                intake.postponed = Some(interruption);
                break;
            }
        }
    }
    // Asking takes a round trip, and whoever has records to look at has no time for it.
    if batch.is_empty() {
        settle_ends(consumer, intake, batch);
    }
    Ok(())
}

fn end(link: &Link, tracks: &mut Tracks, index: i32, batch: &mut Batch) {
    let at = link.end_text.take();
    let (Ok(index), Some(at)) = (u32::try_from(index), at) else { return };
    if let Some(partition) = tracks.ended(End { index, at }) {
        batch.push_end(partition);
    }
}

fn settle_ends<C: ConsumerContext>(consumer: &BaseConsumer<C>, intake: &mut Intake, batch: &mut Batch) {
    let end_of = |partition: &Partition| {
        let (_, end) = consumer.fetch_watermarks(&partition.topic, index_of(partition), END_MAX).ok()?;
        Some(offset_of(end))
    };
    for partition in intake.tracks.settle(Instant::now(), end_of) {
        batch.push_end(&partition);
    }
}

/// What is left, in the whole milliseconds that librdkafka waits in; the rest of the last one is not worth spinning.
fn whole_millis(deadline: Instant) -> Duration {
    let left = deadline.saturating_duration_since(Instant::now());
    Duration::from_millis(u64::try_from(left.as_millis()).unwrap_or(u64::MAX))
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
        code if failure::is_unknown(code) => {
            let missing = missing_topic(consumer);
            let doing = Doing { what: "polling", topic: missing.as_deref() };
            Err(Interruption::Failed(failure::of(error, link, doing)))
        }
        // Who reads outside of groups needs no right to any: librdkafka looks for a coordinator all the same.
        Code::GroupAuthorizationFailed if consumer.subscription().is_ok_and(|topics| topics.count() == 0) => Ok(()),
        _ => Err(Interruption::Failed(failure::of(error, link, Doing::what("polling")))),
    }
}

/// Which of the topics that are subscribed to is not there any more; librdkafka does not say.
fn missing_topic<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> Option<String> {
    let subscribed = consumer.subscription().ok()?;
    let is_missing = |topic: &str| {
        let found = consumer.fetch_metadata(Some(topic), METADATA_WITHIN);
        found.is_ok_and(|found| found.topics().iter().any(|topic| topic.error().is_some()))
    };
    subscribed.elements().iter().map(|element| element.topic().to_owned()).find(|topic| is_missing(topic))
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
