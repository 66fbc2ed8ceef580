//! The log on a real broker beside a bare librdkafka loop with the same settings, in turn within one run.

use std::time::{Duration, Instant};

use bus::connection::{KafkaConnection, Security};
use bus::kafka::Kafka;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use testbed::kafka::{Broker, Options};

use crate::figure::Figure;
use crate::log::{self, PARTITIONS, WAIT_MAX};

/// More than the embedded log's: a run of half a second would show the scheduler's moods.
const RECORDS: usize = 2_000_000;
const PUBLICATIONS: usize = 1_000;

pub fn measure(runs: u32) -> Vec<Figure> {
    let broker = Broker::start(Options::default());
    let brokers = broker.bootstrap();
    let connection = KafkaConnection { brokers: brokers.clone(), security: Security::Plaintext };
    let bus = Kafka::connect(connection, "bench").expect("the broker was just started");
    let [mut produced, mut bare_produced, mut consumed, mut bare_consumed, mut p50, mut p99] = [const { vec![] }; 6];
    for run in 0..runs {
        let [ours, bare, output] = ["ours", "bare", "output"].map(|name| format!("{name}-{run}"));
        for topic in [&ours, &bare, &output] {
            log::create(&bus, topic);
        }
        produced.push(log::produce(&bus, &ours, RECORDS));
        bare_produced.push(produce_bare(&brokers, &bare));
        // In turn first, so that neither always meets the warmer broker.
        if run % 2 == 0 {
            consumed.push(log::read(&bus, &ours, RECORDS));
            bare_consumed.push(consume_bare(&brokers, &ours));
        } else {
            bare_consumed.push(consume_bare(&brokers, &ours));
            consumed.push(log::read(&bus, &ours, RECORDS));
        }
        let mut took = log::publish(&bus, &ours, &output, PUBLICATIONS);
        took.sort_unstable();
        p50.push(log::percentile_ms(&took, 50));
        p99.push(log::percentile_ms(&took, 99));
    }
    let share = |ours: &[f64], bare: &[f64]| ours.iter().zip(bare).map(|(ours, bare)| ours / bare).collect::<Vec<_>>();
    let mut figures = vec![
        Figure::new("kafka_produced", "records/s", &produced).with("records", RECORDS),
        Figure::new("kafka_produced_bare", "records/s", &bare_produced).with("records", RECORDS),
        Figure::new("kafka_produced_share_of_bare", "ratio", &share(&produced, &bare_produced)),
        Figure::new("kafka_consumed", "records/s", &consumed).with("records", RECORDS),
        Figure::new("kafka_consumed_bare", "records/s", &bare_consumed).with("records", RECORDS),
        Figure::new("kafka_consumed_share_of_bare", "ratio", &share(&consumed, &bare_consumed)),
    ];
    figures.extend(
        [("kafka_publish_p50", p50), ("kafka_publish_p99", p99)].map(|(name, runs)| {
            Figure::new(name, "ms", &runs).with("publications", PUBLICATIONS).with("rows_each", 10)
        }),
    );
    figures
}

/// What librdkafka does when nobody checks sizes, keeps tags or reports fates: an upper bound.
fn produce_bare(brokers: &str, topic: &str) -> f64 {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("compression.type", "lz4")
        .set("batch.size", "1000000")
        .set("linger.ms", "2")
        .set("queue.buffering.max.messages", "100000")
        .set("queue.buffering.max.kbytes", "65536")
        .create()
        .expect("a producer");
    let values = log::values();
    let start = Instant::now();
    for (number, value) in (0_u32..).zip(values.iter().cycle().take(RECORDS)) {
        let partition = i32::try_from(number % PARTITIONS).expect("few partitions");
        let mut record = BaseRecord::<(), _>::to(topic).partition(partition).payload(value.as_slice());
        while let Err((error, back)) = producer.send(record) {
            assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::QueueFull), "{error}");
            producer.poll(Duration::from_millis(5));
            record = back;
        }
    }
    producer.flush(WAIT_MAX).expect("acknowledged");
    log::per_second(RECORDS, start.elapsed())
}

/// What librdkafka does when records are looked at and dropped, one poll each.
fn consume_bare(brokers: &str, topic: &str) -> f64 {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "bare")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("isolation.level", "read_committed")
        .set("fetch.wait.max.ms", "20")
        .set("fetch.queue.backoff.ms", "5")
        .set("queued.max.messages.kbytes", "16384")
        .set("check.crcs", "true")
        .create()
        .expect("a consumer");
    let mut places = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        let partition = i32::try_from(partition).expect("few partitions");
        places.add_partition_offset(topic, partition, Offset::Beginning).expect("a place");
    }
    consumer.assign(&places).expect("assigned");
    drop(consumer.poll(WAIT_MAX).expect("a record in time").expect("no error"));
    let start = Instant::now();
    let mut seen = 1;
    while seen < RECORDS {
        let message = consumer.poll(WAIT_MAX).expect("a record in time").expect("no error");
        seen += usize::from(message.payload().is_some_and(|value| !value.is_empty()));
    }
    log::per_second(RECORDS, start.elapsed())
}
