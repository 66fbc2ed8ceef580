//! What is asked of the log besides records: ends, committed offsets, offsets of a time.
//!
//! Invariant: each question is bounded in time, and a broker that restarts within that bound goes unnoticed.

use std::time::{Duration, Instant};

use contracts::time::Timestamp;
use rdkafka::ClientContext;
use rdkafka::client::Client;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::groups::GroupInfo;

use super::failure::{self, Doing};
use super::intake::{self, index_of, offset_of};
use super::link::{Context, Link, Plain};
use crate::{BusError, Extent, Instance, Offset, Partition, Result};

/// How long the cluster may take to answer a question.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(20);
/// How long brokers may take to say who is in a group. Whoever asks that asks again.
const HOLDER_MAX: Duration = Duration::from_secs(5);
/// How long committed offsets may be held up by an open publication: its timeout, the broker's scan for such at its
/// default of 10 s, and some room.
pub(super) const STABLE_MAX: Duration = Duration::from_secs(30);
/// One try. Between tries events are served: a token may be due before the broker answers at all.
const TRY_MAX: Duration = Duration::from_secs(1);
/// Pause between tries that fail at once.
const RETRY_EVERY: Duration = Duration::from_millis(50);

/// A consumer that asks and does not read.
pub(super) type Asker = BaseConsumer<Context<Plain>>;

/// Asks until there is an answer, an error that stays, or `within` is over.
pub(super) fn ask<C: ConsumerContext, T>(
    consumer: &BaseConsumer<C>,
    link: &Link,
    within: Duration,
    question: impl Fn(Duration) -> KafkaResult<T>,
) -> std::result::Result<T, KafkaError> {
    let deadline = Instant::now() + within;
    // What went wrong on the way an hour ago is not why this takes long.
    link.forget_trouble();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match question(left.min(TRY_MAX).max(Duration::from_millis(1))) {
            Ok(answer) => return Ok(answer),
            Err(error) => {
                let passes = error.rdkafka_error_code().is_some_and(failure::mends_itself);
                let is_denied = link.trouble().is_some_and(|trouble| trouble.is_final());
                if !passes || is_denied || left.is_zero() {
                    return Err(error);
                }
            }
        }
        serve(consumer, RETRY_EVERY.min(left));
    }
}

/// Serves log lines, errors and token requests of a consumer that has no partitions.
pub(super) fn serve<C: ConsumerContext>(consumer: &BaseConsumer<C>, at_most: Duration) {
    // What it returns was seen by the context.
    drop(consumer.poll(at_most));
}

pub(super) fn extent<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    link: &Link,
    partition: &Partition,
) -> Result<Extent> {
    // Under read_committed the end is the last stable offset: the next a committed record could have.
    let answer =
        ask(consumer, link, ANSWER_MAX, |wait| consumer.fetch_watermarks(&partition.topic, index_of(partition), wait));
    match answer {
        Ok((earliest, end)) => Ok(Extent { earliest: offset_of(earliest), end: offset_of(end) }),
        Err(error) if error.rdkafka_error_code().is_some_and(failure::is_unknown) => {
            Err(unknown_partition(consumer, link, partition, &error))
        }
        Err(error) => Err(failure::of(&error, link, Doing::on("asking for the ends of a partition", &partition.topic))),
    }
}

/// Whether `wanted` can be read from.
pub(super) fn within(partition: &Partition, wanted: Offset, extent: Extent) -> Result<()> {
    let partition = || partition.clone();
    if wanted < extent.earliest {
        return Err(BusError::OffsetGone { partition: partition(), wanted, earliest: extent.earliest });
    }
    if wanted > extent.end {
        return Err(BusError::OffsetBeyondEnd { partition: partition(), wanted, end: extent.end });
    }
    Ok(())
}

pub(super) fn offset_at(
    consumer: &Asker,
    link: &Link,
    partition: &Partition,
    time: Timestamp,
    extent: Extent,
) -> Result<Offset> {
    // The log keeps milliseconds: rounded up, so that nothing before `time` is found. -1 and -2 are words to Kafka.
    let millis = time.micros().div_euclid(1_000) + i64::from(time.micros().rem_euclid(1_000) > 0);
    let millis = Offset(u64::try_from(millis).unwrap_or_default());
    let question = intake::places(std::iter::once((partition, Some(millis))))?;
    let answer = ask(consumer, link, ANSWER_MAX, |wait| consumer.offsets_for_times(question.clone(), wait))
        .map_err(|error| failure::of(&error, link, Doing::on("asking for the offset of a time", &partition.topic)))?;
    match answer.elements().first().map(rdkafka::topic_partition_list::TopicPartitionListElem::offset) {
        // A record of an open publication may be found: it is not there yet.
        Some(rdkafka::Offset::Offset(found)) => Ok(offset_of(found).min(extent.end)),
        _ => Ok(extent.end),
    }
}

pub(super) fn committed(consumer: &Asker, link: &Link, partitions: &[Partition]) -> Result<Vec<Option<Offset>>> {
    let what = "asking for committed offsets";
    let question = intake::places(partitions.iter().map(|partition| (partition, None)))?;
    // Under read_committed librdkafka asks for stable offsets, and asks again while a publication is open on them.
    let answer = ask(consumer, link, STABLE_MAX, |wait| {
        let answer = consumer.committed_offsets(question.clone(), wait)?;
        for element in answer.elements() {
            element.error()?;
        }
        Ok(answer)
    })
    .map_err(|error| failure::of(&error, link, Doing::what(what)))?;
    partitions
        .iter()
        .map(|partition| match answer.find_partition(&partition.topic, index_of(partition)) {
            Some(element) => Ok(match element.offset() {
                rdkafka::Offset::Offset(offset) => Some(offset_of(offset)),
                _ => None,
            }),
            None => Err(BusError::Protocol { what, reason: format!("no answer about {partition}") }),
        })
        .collect()
}

/// Where the member of this name is. Its client has the name of its instance, as [`settings::member`](super::settings::member)
/// gives it; librdkafka's safe calls tell nothing of instances.
pub(super) fn holder(consumer: &Asker, link: &Link, group: &str, instance: &Instance) -> Result<Option<String>> {
    let groups = ask(consumer, link, HOLDER_MAX, |wait| consumer.fetch_group_list(Some(group), wait))
        .map_err(|error| failure::of(&error, link, Doing::what("asking who is in a group")))?;
    let mut members = groups.groups().iter().flat_map(GroupInfo::members);
    let holder = members.find(|member| member.client_id() == instance.as_str());
    // Brokers write addresses as Java does: "/10.0.0.7".
    Ok(holder.map(|member| member.client_host().trim_start_matches('/').to_owned()))
}

/// The number of partitions of a topic, or that there is no such topic.
pub(super) fn partitions_of<C: ConsumerContext>(consumer: &BaseConsumer<C>, link: &Link, topic: &str) -> Result<u32> {
    ask(consumer, link, ANSWER_MAX, |wait| count_partitions(consumer.client(), topic, wait))
        .map_err(|error| failure::of(&error, link, Doing::on("asking for a topic", topic)))
}

pub(super) fn count_partitions<C: ClientContext>(
    client: &Client<C>,
    topic: &str,
    within: Duration,
) -> KafkaResult<u32> {
    let metadata = client.fetch_metadata(Some(topic), within)?;
    let found = metadata.topics().iter().find(|found| found.name() == topic);
    if let Some(error) = found.and_then(rdkafka::metadata::MetadataTopic::error) {
        return Err(KafkaError::MetadataFetch(error.into()));
    }
    found
        .and_then(|found| u32::try_from(found.partitions().len()).ok())
        .ok_or(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopic))
}

/// Whether it is the partition or the whole topic that does not exist.
fn unknown_partition<C: ConsumerContext>(
    consumer: &BaseConsumer<C>,
    link: &Link,
    partition: &Partition,
    error: &KafkaError,
) -> BusError {
    match partitions_of(consumer, link, &partition.topic) {
        Ok(partitions) if partition.index >= partitions => {
            BusError::UnknownPartition { partition: partition.clone(), partitions }
        }
        // It is just being made.
        Ok(_) => failure::of(error, link, Doing::on("asking for the ends of a partition", &partition.topic)),
        Err(error) => error,
    }
}
