//! What is particular to Kafka and to the schema registry, against real ones. What both logs promise alike is the
//! conformance suite's.
//!
//! One broker and one registry serve the whole binary; each test has topics, groups and subjects of its own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod registry;
mod security;
mod small_server;
mod tokens;
mod traps;

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bus::connection::{KafkaConnection, Security};
use bus::kafka::Kafka;
use bus::{
    Batch, BatchLimit, Bus, Fate, Instance, Member, MemberSettings, Offset, Partition, Polled, ProducerSettings,
    Progress, Row, Start, To, Until,
};
use contracts::topics::{Compression, Declared, Keep, Partitioning};
use testbed::kafka::Broker;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

fn kafka() -> Kafka {
    let connection = KafkaConnection { brokers: Broker::shared().bootstrap(), security: Security::Plaintext };
    Kafka::connect(connection, "test").unwrap()
}

fn declared(name: &str, partitions: u32) -> Declared {
    Declared {
        name: name.to_owned(),
        partitions: NonZeroU32::new(partitions).unwrap(),
        replication: 1,
        keep: Keep::For(Duration::from_hours(1)),
        keep_bytes_max: None,
        compression: Compression::Lz4,
        partitioning: Partitioning::Free,
    }
}

fn row<'a>(topic: &'a str, index: u32, value: &'a str) -> Row<'a> {
    Row { topic, to: To::Partition { index, key: None }, value: Some(value.as_bytes()), headers: &[] }
}

fn limit() -> BatchLimit {
    BatchLimit { wait: Duration::from_millis(200), ..BatchLimit::default() }
}

fn instance(name: &str) -> Instance {
    Instance::new(name).unwrap()
}

/// Sends rows and panics unless each is taken.
fn send(kafka: &dyn Bus, rows: &[Row<'_>]) {
    let fates: Arc<Mutex<Vec<Fate>>> = Arc::default();
    let sink = fates.clone();
    let sink = Box::new(move |fate| sink.lock().unwrap().push(fate));
    let mut producer = kafka.producer(&ProducerSettings::default(), sink).unwrap();
    for (tag, row) in (0..).zip(rows) {
        producer.send(row, tag).unwrap();
    }
    assert_eq!(producer.flush(PATIENCE).unwrap(), 0, "a fate is still unknown");
    let fates = std::mem::take(&mut *fates.lock().unwrap());
    assert_eq!(fates.len(), rows.len());
    for fate in fates {
        fate.result.unwrap();
    }
}

/// Everything a partition holds now: offsets and values as text.
fn read(kafka: &dyn Bus, partition: &Partition) -> Vec<(u64, String)> {
    let mut reader = kafka.read(&[(partition.clone(), Start::Earliest)], Until::End).unwrap();
    let (mut batch, mut seen) = (Batch::default(), Vec::new());
    while reader.next(&mut batch, &limit()).unwrap() == Progress::More {
        seen.extend(
            batch
                .records()
                .map(|record| (record.offset.0, String::from_utf8(record.value.unwrap_or_default().to_vec()).unwrap())),
        );
    }
    seen
}

/// A member that has been given these partitions and reads them from their beginning.
fn joined(kafka: &dyn Bus, group: &str, topics: &[&str], partitions: usize) -> Box<dyn Member> {
    let settings = MemberSettings {
        group: group.to_owned(),
        instance: instance(group),
        is_static: false,
        topics: topics.iter().map(|&topic| topic.to_owned()).collect(),
        session_timeout: Duration::from_secs(6),
    };
    let mut member = kafka.join(&settings).unwrap();
    let mut batch = Batch::default();
    let mut owned = Vec::new();
    while owned.len() < partitions {
        match member.poll(&mut batch, &limit()).unwrap() {
            Polled::Batch => {}
            Polled::Assigned(new) => {
                let starts: Vec<_> = new.iter().map(|partition| (partition.clone(), Offset(0))).collect();
                member.accept(&starts).unwrap();
                owned.extend(new);
            }
            Polled::Revoked(gone) | Polled::Lost(gone) => panic!("nobody else is here, but {gone:?} went"),
        }
    }
    member.resume(&owned).unwrap();
    member
}
