//! The idempotent producer: rows one by one, every fate told once, and a sender that waits when the broker is slow.
//!
//! Invariant: a fate is told on the thread that calls the producer, exactly once, also when the producer is dropped
//! with rows on their way.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{DeliveryResult, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use rdkafka::util::IntoOpaque;

use super::failure;
use super::intake::offset_of;
use super::link::{Context, Link};
use super::{Kafka, create, query, settings};
use crate::{BusError, Fate, FateSink, Partition, Producer, ProducerSettings, Result, Row, To};

/// Fates are looked for once in so many rows: each brings a whole batch's.
const SERVE_EVERY_ROWS: u32 = 32;
/// How long a full buffer is waited for before it is tried again.
const ROOM_WAIT: Duration = Duration::from_millis(5);

const _: () = assert!(size_of::<usize>() == size_of::<u64>(), "a tag travels through librdkafka as a pointer");

pub(super) struct KafkaProducer {
    inner: BaseProducer<Context<Fates>>,
    link: Arc<Link>,
    patience: Duration,
    since_served: u32,
}

/// Where fates go.
pub(super) struct Fates {
    sink: Mutex<FateSink>,
    /// The topic of the last fate: nearly always that of the next.
    topic: Mutex<Arc<str>>,
    link: Arc<Link>,
    patience: Duration,
}

impl Kafka {
    pub(super) fn open_producer(&self, settings: &ProducerSettings, fates: FateSink) -> Result<KafkaProducer> {
        let link = self.new_link();
        let patience = settings.patience;
        let fates = Fates { sink: Mutex::new(fates), topic: Mutex::new("".into()), link: link.clone(), patience };
        let config = settings::producer(&self.connection, &self.name, settings);
        Ok(KafkaProducer { inner: create(&config, &link, fates)?, link, patience, since_served: 0 })
    }
}

impl Producer for KafkaProducer {
    fn send(&mut self, row: &Row<'_>, tag: u64) -> Result<()> {
        row.check_size()?;
        self.since_served += 1;
        if self.since_served >= SERVE_EVERY_ROWS {
            self.since_served = 0;
            self.inner.poll(Duration::ZERO);
        }
        #[expect(clippy::cast_possible_truncation, reason = "asserted above: as wide as a pointer")]
        let tag = tag as usize;
        enqueue(&self.inner, row, || tag, self.patience).map_err(|error| self.explain(&error, row))
    }

    fn flush(&mut self, within: Duration) -> Result<usize> {
        let deadline = Instant::now() + within;
        Ok(drain(&self.inner, deadline))
    }
}

impl KafkaProducer {
    fn explain(&self, error: &KafkaError, row: &Row<'_>) -> BusError {
        match (error.rdkafka_error_code(), row.to) {
            (Some(Code::QueueFull), _) => BusError::BufferFull { waited: self.patience },
            (Some(Code::UnknownPartition), To::Partition { index, .. }) => {
                match query::count_partitions(self.inner.client(), row.topic, query::ANSWER_MAX) {
                    Ok(partitions) => {
                        BusError::UnknownPartition { partition: Partition::new(row.topic, index), partitions }
                    }
                    Err(error) => failure::of_row(&error, &self.link, row.topic, self.patience),
                }
            }
            _ => failure::of_row(error, &self.link, row.topic, self.patience),
        }
    }
}

/// Hands a row to librdkafka; while its buffer is full, serves what makes room.
pub(super) fn enqueue<C, O>(
    producer: &BaseProducer<C>,
    row: &Row<'_>,
    tag: impl Fn() -> O,
    patience: Duration,
) -> std::result::Result<(), KafkaError>
where
    C: ProducerContext<DeliveryOpaque = O>,
    O: IntoOpaque,
{
    let deadline = Instant::now() + patience;
    loop {
        match producer.send(record_of(row, tag())) {
            Ok(()) => return Ok(()),
            Err((error, _)) if error.rdkafka_error_code() == Some(Code::QueueFull) && Instant::now() < deadline => {
                producer.poll(ROOM_WAIT);
            }
            Err((error, _)) => return Err(error),
        }
    }
}

fn record_of<'a, O: IntoOpaque>(row: &Row<'a>, tag: O) -> BaseRecord<'a, [u8], [u8], O> {
    let mut record = BaseRecord::with_opaque_to(row.topic, tag);
    let (partition, key) = match row.to {
        To::Key(key) => (None, Some(key)),
        To::Partition { index, key } => (Some(i32::try_from(index).unwrap_or(i32::MAX)), key),
    };
    record.partition = partition;
    record.key = key;
    record.payload = row.value;
    if !row.headers.is_empty() {
        let empty = OwnedHeaders::new_with_capacity(row.headers.len());
        record.headers = Some(row.headers.iter().fold(empty, |headers, header| {
            headers.insert(rdkafka::message::Header { key: header.name, value: Some(header.value) })
        }));
    }
    record
}

/// Serves until nothing is on its way, and says how many still are at the deadline.
///
/// Not by `flush`: it looks again every 100 ms only, which is what a commit with deliveries outstanding would cost. Nor
/// by a poll that waits: it goes on waiting after the last delivery came.
pub(super) fn drain<C: ProducerContext>(producer: &BaseProducer<C>, deadline: Instant) -> usize {
    loop {
        producer.poll(Duration::ZERO);
        let left = usize::try_from(producer.in_flight_count()).unwrap_or_default();
        if left == 0 || Instant::now() >= deadline {
            return left;
        }
        std::thread::sleep(DRAIN_LOOK_EVERY);
    }
}

/// Short against the millisecond an acknowledgement takes, long against a look.
const DRAIN_LOOK_EVERY: Duration = Duration::from_micros(100);

impl ProducerContext for Context<Fates> {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, tag: usize) {
        let fate = Fate { tag: tag as u64, result: self.role.result_of(result) };
        let mut sink = self.role.sink.lock().unwrap_or_else(PoisonError::into_inner);
        sink(fate);
    }
}

impl Fates {
    fn result_of(&self, result: &DeliveryResult<'_>) -> Result<(Partition, crate::Offset)> {
        match result {
            Ok(message) => {
                let mut topic = self.topic.lock().unwrap_or_else(PoisonError::into_inner);
                if **topic != *message.topic() {
                    *topic = message.topic().into();
                }
                let index = u32::try_from(message.partition()).unwrap_or_default();
                Ok((Partition { topic: topic.clone(), index }, offset_of(message.offset())))
            }
            Err((error, message)) => Err(failure::of_row(error, &self.link, message.topic(), self.patience)),
        }
    }
}

impl std::fmt::Debug for KafkaProducer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaProducer").field("patience", &self.patience).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Fates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fates").field("patience", &self.patience).finish_non_exhaustive()
    }
}
