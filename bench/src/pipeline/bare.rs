//! What librdkafka does when nobody looks into events: a loop that consumes, puts one row out for a hundred events, and commits
//! both in one transaction, as fast as there is something to do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bus::kafka::Kafka;
use bus::{Offset, Partition};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Message, TopicPartitionList};

use crate::log::{self, PARTITIONS, VALUE_BYTES, WAIT_MAX};

const ALERT_EVERY: u64 = 100;
/// Of one transaction; it takes what is there.
const EVENTS_MAX: usize = 10_000;
const PACE: Duration = Duration::from_millis(1);
const AFTERMATH: Duration = Duration::from_secs(2);
/// How long the loop may take to begin; what was due before is not looked at.
const LEAD: Duration = Duration::from_secs(2);

/// From when an event was due to when its row can be read, sorted.
pub fn latencies(bus: &Kafka, brokers: &str, rate: usize, duration: Duration) -> Vec<Duration> {
    let [input, output] = topics(bus);
    let all_of = |topic| (0..PARTITIONS).map(|index| (Partition::new(topic, index), Offset(0))).collect::<Vec<_>>();
    let (inputs, outputs) = (all_of(input.as_str()), all_of(output.as_str()));
    let (begun, is_over) = (Instant::now(), AtomicBool::new(false));
    thread::scope(|scope| {
        let looping = scope.spawn(|| {
            let mut transacting = Transacting::new(brokers, &inputs, &output);
            while !is_over.load(Ordering::Acquire) {
                transacting.turn();
            }
        });
        let reading = scope.spawn(|| read(brokers, &outputs, begun, &is_over));
        send(brokers, &input, rate, LEAD + duration, begun);
        thread::sleep(AFTERMATH);
        is_over.store(true, Ordering::Release);
        looping.join().expect("the loop goes on");
        let mut took = reading.join().expect("the reader goes on");
        took.sort_unstable();
        took
    })
}

/// Events a second from here to these ends, from the first that comes to the last that is committed.
pub fn throughput(bus: &Kafka, brokers: &str, inputs: &[(Partition, Offset, Offset)]) -> f64 {
    let [_, output] = topics(bus);
    let total: u64 = inputs.iter().map(|(_, from, end)| end.0 - from.0).sum();
    let from: Vec<_> = inputs.iter().map(|(partition, from, _)| (partition.clone(), *from)).collect();
    let mut transacting = Transacting::new(brokers, &from, &output);
    let mut begun = None;
    while transacting.seen < total {
        begun = begun.or(transacting.turn());
    }
    let took = begun.expect("there was something").elapsed();
    log::per_second(usize::try_from(total).expect("fits memory"), took)
}

/// New ones.
fn topics(bus: &Kafka) -> [String; 2] {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    ["in", "out"].map(|name| {
        let topic = format!("bare-{name}-{now}");
        log::create(bus, &topic);
        topic
    })
}

/// When an event was due, in microseconds since `begun`, stands at its beginning.
fn send(brokers: &str, topic: &str, rate: usize, duration: Duration, begun: Instant) {
    let producer: BaseProducer = config(brokers)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("compression.type", "lz4")
        .set("linger.ms", "2")
        .create()
        .expect("a producer");
    let start = begun.elapsed().as_micros();
    let total = rate as u128 * duration.as_millis() / 1_000;
    let mut number = 0_u128;
    let mut value = vec![b'x'; VALUE_BYTES];
    while number < total {
        let due = (rate as u128 * (begun.elapsed().as_micros() - start) / 1_000_000).min(total);
        while number < due {
            let at = u64::try_from(start + number * 1_000_000 / rate as u128).expect("a short run");
            value[..8].copy_from_slice(&at.to_be_bytes());
            let partition = i32::try_from(number % u128::from(PARTITIONS)).expect("few partitions");
            producer.send(BaseRecord::<(), _>::to(topic).partition(partition).payload(&value)).expect("room");
            number += 1;
        }
        producer.poll(PACE);
    }
    producer.flush(WAIT_MAX).expect("acknowledged");
}

/// A consumer, a producer, and how far they are.
struct Transacting<'a> {
    consumer: BaseConsumer,
    producer: BaseProducer,
    input: &'a str,
    output: &'a str,
    seen: u64,
}

impl<'a> Transacting<'a> {
    /// All inputs are partitions of one topic.
    fn new(brokers: &str, inputs: &'a [(Partition, Offset)], output: &'a str) -> Self {
        let producer: BaseProducer = config(brokers)
            .set("transactional.id", output)
            .set("retry.backoff.ms", "1")
            .set("compression.type", "lz4")
            .create()
            .expect("a producer");
        producer.init_transactions(WAIT_MAX).expect("a transactional producer");
        Self { consumer: consumer(brokers, inputs), producer, input: &inputs[0].0.topic, output, seen: 0 }
    }

    /// One transaction of what is there; answers when its first event came.
    fn turn(&mut self) -> Option<Instant> {
        let mut next = Some(self.consumer.poll(Duration::from_millis(100))?);
        let first = Instant::now();
        self.producer.begin_transaction().expect("no other is open");
        let mut ends: Vec<(i32, i64)> = Vec::new();
        let mut taken = 0;
        while let Some(message) = next {
            let message = message.expect("no error");
            if self.seen.is_multiple_of(ALERT_EVERY) {
                let row = BaseRecord::<(), _>::to(self.output).payload(message.payload().expect("a value"));
                self.producer.send(row).expect("room");
            }
            let (partition, end) = (message.partition(), message.offset() + 1);
            match ends.iter_mut().find(|(known, _)| *known == partition) {
                Some((_, known)) => *known = end,
                None => ends.push((partition, end)),
            }
            self.seen += 1;
            taken += 1;
            next = if taken < EVENTS_MAX { self.consumer.poll(Duration::ZERO) } else { None };
        }
        let mut offsets = TopicPartitionList::new();
        for (partition, end) in ends {
            let end = rdkafka::Offset::Offset(end);
            offsets.add_partition_offset(self.input, partition, end).expect("a place");
        }
        let metadata = self.consumer.group_metadata().expect("a group");
        self.producer.send_offsets_to_transaction(&offsets, &metadata, WAIT_MAX).expect("offsets");
        while self.producer.in_flight_count() > 0 {
            self.producer.poll(PACE);
        }
        self.producer.commit_transaction(WAIT_MAX).expect("committed");
        Some(first)
    }
}

fn read(brokers: &str, places: &[(Partition, Offset)], begun: Instant, is_over: &AtomicBool) -> Vec<Duration> {
    let consumer = consumer(brokers, places);
    let mut took = Vec::new();
    while !is_over.load(Ordering::Acquire) {
        let Some(message) = consumer.poll(Duration::from_millis(20)) else { continue };
        let message = message.expect("no error");
        let value = message.payload().expect("a value");
        let due = Duration::from_micros(u64::from_be_bytes(value[..8].try_into().expect("eight bytes")));
        if due >= LEAD {
            took.push(begun.elapsed().saturating_sub(due));
        }
    }
    took
}

/// The group is there for its offsets only.
fn consumer(brokers: &str, from: &[(Partition, Offset)]) -> BaseConsumer {
    let consumer: BaseConsumer = config(brokers)
        .set("group.id", "bare")
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .set("fetch.wait.max.ms", "20")
        .set("fetch.queue.backoff.ms", "5")
        .create()
        .expect("a consumer");
    let mut places = TopicPartitionList::new();
    for (partition, offset) in from {
        let index = i32::try_from(partition.index).expect("few partitions");
        let offset = rdkafka::Offset::Offset(i64::try_from(offset.0).expect("few records"));
        places.add_partition_offset(&partition.topic, index, offset).expect("a place");
    }
    consumer.assign(&places).expect("assigned");
    consumer
}

fn config(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    config
}
