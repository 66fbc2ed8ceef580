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
use super::query::Asker;
use super::{Kafka, create, settings};
use crate::{Fate, FateSink, Partition, Producer, ProducerSettings, Result, Row, To};

/// Fates are looked for once in so many rows: each brings a whole batch's.
const SERVE_EVERY_ROWS: u32 = 32;
/// How long a full buffer is waited for before it is tried again.
const ROOM_WAIT: Duration = Duration::from_millis(5);

const _: () = assert!(size_of::<usize>() == size_of::<u64>(), "a tag travels through librdkafka as a pointer");

pub(super) struct KafkaProducer {
    inner: BaseProducer<Context<Fates>>,
    asker: Arc<Asker>,
    link: Arc<Link>,
    patience: Duration,
    since_served: u32,
}

/// Where fates go.
pub(super) struct Fates {
    sink: Mutex<FateSink>,
    /// The topic of the last fate: nearly always that of the next.
    topic: Mutex<Arc<str>>,
    asker: Arc<Asker>,
    link: Arc<Link>,
    patience: Duration,
}

impl Kafka {
    pub(super) fn open_producer(&self, settings: &ProducerSettings, fates: FateSink) -> Result<KafkaProducer> {
        let (asker, link, patience) = (self.asker.clone(), self.new_link(), settings.patience);
        let fates = Fates {
            sink: Mutex::new(fates),
            topic: Mutex::new("".into()),
            asker: asker.clone(),
            link: link.clone(),
            patience,
        };
        let config = settings::producer(&self.connection, &self.name, settings);
        let inner = create(&config, &link, fates)?;
        Ok(KafkaProducer { inner, asker, link, patience, since_served: 0 })
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
        enqueue(&self.inner, row, || tag, self.patience)
            .map_err(|error| failure::of_row(&error, &self.asker, &self.link, &place_of(row), self.patience))
    }

    fn flush(&mut self, within: Duration) -> Result<usize> {
        let deadline = Instant::now() + within;
        Ok(drain(&self.inner, deadline))
    }
}

/// Where a row was meant to go, as far as that can be said before the log has it.
pub(super) fn place_of(row: &Row<'_>) -> Partition {
    let index = match row.to {
        To::Key(_) => 0,
        To::Partition { index, .. } => index,
    };
    Partition::new(row.topic, index)
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
            Ok(message) => Ok((self.partition_of(message), offset_of(message.offset()))),
            Err((error, message)) => {
                let to = self.partition_of(message);
                Err(failure::of_row(error, &self.asker, &self.link, &to, self.patience))
            }
        }
    }

    fn partition_of(&self, message: &impl Message) -> Partition {
        let mut topic = self.topic.lock().unwrap_or_else(PoisonError::into_inner);
        if **topic != *message.topic() {
            *topic = message.topic().into();
        }
        Partition { topic: topic.clone(), index: u32::try_from(message.partition()).unwrap_or_default() }
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
