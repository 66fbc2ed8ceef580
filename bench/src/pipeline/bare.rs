//! What librdkafka does when nobody looks into events: a loop that consumes, puts one row out for a hundred events, and commits
//! both in one transaction, as fast as there is something to do.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bus::connection::{KafkaConnection, Security};
use bus::kafka::Kafka;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

use crate::log::{self, PARTITIONS, VALUE_BYTES, WAIT_MAX};

const ALERT_EVERY: usize = 100;
/// Of one transaction; it takes what is there.
const EVENTS_MAX: usize = 10_000;
const PACE: Duration = Duration::from_millis(1);
const AFTERMATH: Duration = Duration::from_secs(2);

/// From when an event was due to when its row can be read, sorted.
pub fn latencies(brokers: &str, rate: usize, duration: Duration) -> Vec<Duration> {
    let run = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros());
    let [input, output] = ["in", "out"].map(|name| format!("bare-{name}-{run}"));
    let connection = KafkaConnection { brokers: brokers.to_owned(), security: Security::Plaintext };
    let kafka = Kafka::connect(connection, "bare").expect("the broker runs");
    for topic in [&input, &output] {
        log::create(&kafka, topic);
    }
    let (begun, is_over) = (Instant::now(), AtomicBool::new(false));
    thread::scope(|scope| {
        let looping = scope.spawn(|| consume_and_transact(brokers, &input, &output, &is_over));
        let reading = scope.spawn(|| read(brokers, &output, begun, &is_over));
        send(brokers, &input, rate, duration, begun);
        thread::sleep(AFTERMATH);
        is_over.store(true, Ordering::Release);
        looping.join().expect("the loop goes on");
        let mut took = reading.join().expect("the reader goes on");
        took.sort_unstable();
        took
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

fn consume_and_transact(brokers: &str, input: &str, output: &str, is_over: &AtomicBool) {
    let consumer = consumer(brokers, input);
    let producer: BaseProducer = config(brokers)
        .set("transactional.id", input)
        .set("retry.backoff.ms", "1")
        .set("compression.type", "lz4")
        .create()
        .expect("a producer");
    producer.init_transactions(WAIT_MAX).expect("a transactional producer");
    let mut seen = 0;
    while !is_over.load(Ordering::Acquire) {
        let Some(first) = consumer.poll(Duration::from_millis(100)) else { continue };
        producer.begin_transaction().expect("no other is open");
        let mut offsets = TopicPartitionList::new();
        let mut next = Some(first);
        let mut taken = 0;
        while let Some(message) = next {
            let message = message.expect("no error");
            if seen % ALERT_EVERY == 0 {
                let row = BaseRecord::<(), _>::to(output).payload(message.payload().expect("a value"));
                producer.send(row).expect("room");
            }
            drop(offsets.add_partition_offset(input, message.partition(), Offset::Offset(message.offset() + 1)));
            offsets
                .set_partition_offset(input, message.partition(), Offset::Offset(message.offset() + 1))
                .expect("it was added");
            seen += 1;
            taken += 1;
            next = if taken < EVENTS_MAX { consumer.poll(Duration::ZERO) } else { None };
        }
        let metadata = consumer.group_metadata().expect("a group");
        producer.send_offsets_to_transaction(&offsets, &metadata, WAIT_MAX).expect("offsets");
        while producer.in_flight_count() > 0 {
            producer.poll(PACE);
        }
        producer.commit_transaction(WAIT_MAX).expect("committed");
    }
}

fn read(brokers: &str, topic: &str, begun: Instant, is_over: &AtomicBool) -> Vec<Duration> {
    let consumer = consumer(brokers, topic);
    let mut took = Vec::new();
    while !is_over.load(Ordering::Acquire) {
        let Some(message) = consumer.poll(Duration::from_millis(20)) else { continue };
        let message = message.expect("no error");
        let value = message.payload().expect("a value");
        let due = u64::from_be_bytes(value[..8].try_into().expect("eight bytes"));
        took.push(begun.elapsed().saturating_sub(Duration::from_micros(due)));
    }
    took
}

/// Of all partitions from their beginning; the group is there for its offsets only.
fn consumer(brokers: &str, topic: &str) -> BaseConsumer {
    let consumer: BaseConsumer = config(brokers)
        .set("group.id", topic)
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .set("fetch.wait.max.ms", "20")
        .set("fetch.queue.backoff.ms", "5")
        .create()
        .expect("a consumer");
    let mut places = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        let partition = i32::try_from(partition).expect("few partitions");
        places.add_partition_offset(topic, partition, Offset::Beginning).expect("a place");
    }
    consumer.assign(&places).expect("assigned");
    consumer
}

fn config(brokers: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", brokers);
    config
}
