//! What is particular to Kafka, against one real broker that all tests of this file share.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bus::connection::{KafkaConnection, Security};
use bus::kafka::Kafka;
use bus::{Batch, BatchLimit, Bus, Fate, Header, Offset, Partition, ProducerSettings, Progress, Row, Start, To, Until};
use contracts::topics::{Compression, Declared, Keep, Partitioning};
use testbed::kafka::Broker;

const PATIENCE: Duration = Duration::from_secs(30);

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

fn limit() -> BatchLimit {
    BatchLimit { wait: Duration::from_millis(200), ..BatchLimit::default() }
}

#[test]
fn what_was_sent_is_read_back_whole_with_the_logs_own_time() {
    let kafka = kafka();
    kafka.create(&declared("roundtrip", 1)).unwrap();
    let fates: Arc<Mutex<Vec<Fate>>> = Arc::default();
    let sink = fates.clone();
    let mut producer =
        kafka.producer(&ProducerSettings::default(), Box::new(move |fate| sink.lock().unwrap().push(fate))).unwrap();
    let before = contracts::time::Timestamp::from_micros(now_micros()).unwrap();
    let headers = [Header { name: "content-type", value: b"x" }, Header { name: "empty", value: b"" }];
    let row = |value| Row { topic: "roundtrip", to: To::Key(b"k"), value, headers: &headers };
    producer.send(&row(Some(b"one")), 1).unwrap();
    producer.send(&row(None), 2).unwrap();
    assert_eq!(producer.flush(PATIENCE).unwrap(), 0, "a fate is still unknown");
    let mut fates = std::mem::take(&mut *fates.lock().unwrap());
    fates.sort_by_key(|fate| fate.tag);
    let told: Vec<_> = fates.into_iter().map(|fate| (fate.tag, fate.result.unwrap().1)).collect();
    assert_eq!(told, [(1, Offset(0)), (2, Offset(1))]);

    let partition = Partition::new("roundtrip", 0);
    let mut reader = kafka.read(&[(partition.clone(), Start::Earliest)], Until::End).unwrap();
    let mut batch = Batch::default();
    let mut seen = Vec::new();
    while reader.next(&mut batch, &limit()).unwrap() == Progress::More {
        for record in batch.records() {
            assert_eq!(*record.partition, partition);
            assert!(record.appended_at.micros() / 1_000 >= before.micros() / 1_000, "not the log's own time");
            let headers: Vec<_> =
                record.headers().map(|header| (header.name.to_owned(), header.value.to_vec())).collect();
            assert_eq!(headers, [("content-type".to_owned(), b"x".to_vec()), ("empty".to_owned(), b"".to_vec())]);
            seen.push((record.offset.0, record.key.map(<[u8]>::to_vec), record.value.map(<[u8]>::to_vec)));
        }
    }
    assert_eq!(seen, [(0, Some(b"k".to_vec()), Some(b"one".to_vec())), (1, Some(b"k".to_vec()), None)]);
}

fn now_micros() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_micros()).unwrap()
}
