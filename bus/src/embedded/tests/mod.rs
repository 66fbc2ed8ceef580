//! What is particular to the embedded log; what it shares with Kafka is in the conformance suite.

mod crash;
mod keeping;
mod trouble;

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use contracts::time::Timestamp;
use contracts::topics::{Compression, Declared, Keep, Partitioning};

use super::{Embedded, Habits, Lost, Memory, Options};
use crate::{
    Aborted, Batch, BatchLimit, Bus, BusError, Extent, Header, Inputs, Instance, Member, MemberSettings, Membership,
    Offset, Outcome, Ownership, Partition, Polled, ProducerSettings, Progress, Publication, Publisher, Row, Start, To,
    Until,
};

fn declared(name: &str, partitions: u32, keep: Keep) -> Declared {
    Declared {
        name: name.to_owned(),
        partitions: NonZeroU32::new(partitions).unwrap(),
        replication: 1,
        keep,
        keep_bytes_max: None,
        compression: Compression::Lz4,
        partitioning: Partitioning::Free,
    }
}

/// Sends rows as (partition, key, value) to `topic` and answers their offsets.
fn send(log: &Embedded, topic: &str, rows: &[(u32, Option<&str>, Option<&str>)]) -> Vec<u64> {
    let offsets = Arc::new(Mutex::new(Vec::new()));
    let sink = offsets.clone();
    let mut producer = log
        .producer(
            &ProducerSettings::default(),
            Box::new(move |fate| sink.lock().unwrap().push(fate.result.unwrap().1.0)),
        )
        .unwrap();
    for (tag, &(index, key, value)) in rows.iter().enumerate() {
        let to = To::Partition { index, key: key.map(str::as_bytes) };
        producer.send(&Row { topic, to, value: value.map(str::as_bytes), headers: &[] }, tag as u64).unwrap();
    }
    assert_eq!(producer.flush(Duration::from_secs(10)).unwrap(), 0);
    drop(producer);
    Arc::try_unwrap(offsets).unwrap().into_inner().unwrap()
}

/// Everything in a partition, as (offset, key, value).
fn contents(log: &Embedded, topic: &str, index: u32) -> Vec<(u64, String, Option<String>)> {
    let mut reader = log.read(&[(Partition::new(topic, index), Start::Earliest)], Until::End).unwrap();
    let mut batch = Batch::default();
    let mut found = Vec::new();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    while reader.next(&mut batch, &BatchLimit::default()).unwrap() == Progress::More {
        found.extend(
            batch.records().map(|record| (record.offset.0, text(record.key.unwrap_or(b"-")), record.value.map(text))),
        );
    }
    found
}

#[test]
fn what_was_sent_is_read_also_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let log = Embedded::open(dir.path(), Options::default()).unwrap();
    log.create(&declared("t", 2, Keep::Forever)).unwrap();
    assert_eq!(send(&log, "t", &[(0, Some("a"), Some("1")), (1, None, Some("2")), (0, None, None)]), [0, 0, 1]);
    let expected = [(0, "a".to_owned(), Some("1".to_owned())), (1, "-".to_owned(), None)];
    assert_eq!(contents(&log, "t", 0), expected);
    drop(log);
    let log = Embedded::open(dir.path(), Options::default()).unwrap();
    assert_eq!(contents(&log, "t", 0), expected);
    assert_eq!(send(&log, "t", &[(0, None, Some("3"))]), [2]);
}

#[test]
fn headers_survive() {
    let dir = tempfile::tempdir().unwrap();
    let log = Embedded::open(dir.path(), Options::default()).unwrap();
    log.create(&declared("t", 1, Keep::Forever)).unwrap();
    let headers = [Header { name: "content-type", value: b"x" }, Header { name: "empty", value: b"" }];
    let mut producer = log.producer(&ProducerSettings::default(), Box::new(|_| {})).unwrap();
    producer.send(&Row { topic: "t", to: To::Key(b"k"), value: Some(b"v"), headers: &headers }, 0).unwrap();
    producer.flush(Duration::from_secs(10)).unwrap();
    let mut reader = log.read(&[(Partition::new("t", 0), Start::Earliest)], Until::End).unwrap();
    let mut batch = Batch::default();
    reader.next(&mut batch, &BatchLimit::default()).unwrap();
    let found: Vec<Header<'_>> = batch.records().next().unwrap().headers().collect();
    assert_eq!(found, headers);
}

fn instance(name: &str) -> Instance {
    Instance::new(name).unwrap()
}

fn member(log: &Embedded, name: &str, is_static: bool, session_timeout: Duration) -> Box<dyn Member> {
    let topics = vec!["in".to_owned()];
    log.join(&MemberSettings { group: "g".to_owned(), instance: instance(name), is_static, topics, session_timeout })
        .unwrap()
}

/// Polls until there is news other than a batch.
fn news(member: &mut Box<dyn Member>) -> Polled {
    let mut batch = Batch::default();
    let limit = BatchLimit { wait: Duration::from_secs(10), ..BatchLimit::default() };
    let polled = member.poll(&mut batch, &limit).unwrap();
    assert_ne!(polled, Polled::Batch, "10 s passed, or records came, before any news");
    polled
}

const PATIENT: Duration = Duration::from_mins(1);
const UNCHANGED: fn() -> Ownership = || Ownership::Unchanged;

/// A log with topics `in` and `out` of two partitions.
fn two_topics(dir: &Path, options: Options) -> Embedded {
    let log = Embedded::open(dir, options).unwrap();
    log.create(&declared("in", 2, Keep::Forever)).unwrap();
    log.create(&declared("out", 2, Keep::Forever)).unwrap();
    log
}

fn publish(publisher: &mut Box<dyn Publisher>, membership: &Membership, value: &str, next: u64) -> Outcome {
    let row =
        Row { topic: "out", to: To::Partition { index: 0, key: None }, value: Some(value.as_bytes()), headers: &[] };
    let offsets = [(Partition::new("in", 0), Offset(next))];
    let inputs = Some(Inputs { membership, offsets: &offsets });
    publisher.publish(&Publication { rows: &[row], inputs }, &mut { UNCHANGED }).unwrap()
}

fn committed(log: &Embedded) -> Option<u64> {
    log.committed("g", &[Partition::new("in", 0)]).unwrap()[0].map(|offset| offset.0)
}

#[test]
fn rows_and_offsets_appear_together_and_an_older_publisher_is_fenced() {
    let dir = tempfile::tempdir().unwrap();
    let log = two_topics(dir.path(), Options::default());
    let membership = member(&log, "a", false, PATIENT).membership();
    let owner = member(&log, "a", false, PATIENT);
    let (mut older, mut newer) = (log.publisher(&instance("a")).unwrap(), log.publisher(&instance("a")).unwrap());
    let outcome = publish(&mut older, &owner.membership(), "zombie", 7);
    assert!(matches!(outcome, Outcome::Fenced(_)), "{outcome:?}");
    assert_eq!((committed(&log), contents(&log, "out", 0).len()), (None, 0));
    assert!(matches!(publish(&mut newer, &owner.membership(), "x", 3), Outcome::Committed));
    assert_eq!((committed(&log), contents(&log, "out", 0).len()), (Some(3), 1));
    let outcome = publish(&mut newer, &membership, "gone", 9);
    assert!(matches!(outcome, Outcome::Fenced(_)), "a member that left: {outcome:?}");
    assert_eq!((committed(&log), contents(&log, "out", 0).len()), (Some(3), 1));
}

#[test]
fn a_dropped_member_is_fenced_until_it_rejoined_and_then_only_its_own_check_can_tell() {
    let dir = tempfile::tempdir().unwrap();
    let log = two_topics(dir.path(), Options::default());
    let mut slow = member(&log, "slow", false, Duration::from_millis(50));
    let Polled::Assigned(all) = news(&mut slow) else { panic!("the only member owns all") };
    slow.accept(&all.iter().map(|partition| (partition.clone(), Offset(0))).collect::<Vec<_>>()).unwrap();
    let mut quick = member(&log, "quick", false, PATIENT);
    assert_eq!(news(&mut quick), Polled::Assigned(vec![]));
    // Only the slow member's timeout can bring these.
    assert_eq!(news(&mut quick), Polled::Assigned(all.clone()));

    let outcome = publish(&mut log.publisher(&instance("slow")).unwrap(), &slow.membership(), "zombie", 1);
    assert!(matches!(outcome, Outcome::Fenced(_)), "{outcome:?}");
    assert_eq!(news(&mut slow), Polled::Lost(all.clone()));
    slow.release(&all).unwrap();
    let mut publisher = log.publisher(&instance("slow")).unwrap();
    let publication = Publication {
        rows: &[],
        inputs: Some(Inputs { membership: &slow.membership(), offsets: &[(Partition::new("in", 0), Offset(1))] }),
    };
    let outcome = publisher.publish(&publication, &mut || Ownership::Changed).unwrap();
    assert!(matches!(outcome, Outcome::Aborted(Aborted::OwnershipChanged)), "{outcome:?}");
    assert!(matches!(publisher.publish(&publication, &mut { UNCHANGED }), Err(BusError::Spent)));
    assert_eq!(committed(&log), None);
    let outcome = publish(&mut log.publisher(&instance("slow")).unwrap(), &slow.membership(), "fresh", 1);
    assert!(matches!(outcome, Outcome::Committed), "as a broker does with fresh metadata: {outcome:?}");
}

#[test]
fn the_habits_of_kafka_can_be_had() {
    let dir = tempfile::tempdir().unwrap();
    let late = Duration::from_millis(30);
    let habits = Habits {
        offset_holes: true,
        unknown_answers: vec![(1, Lost::BeforeCommit), (2, Lost::AfterCommit)],
        late_stable_offsets: Some(late),
    };
    let log = two_topics(dir.path(), Options { habits, ..Options::default() });
    let owner = member(&log, "a", false, PATIENT);
    for (value, next, is_known, committed_after) in
        [("first", 1, true, 1), ("lost before", 2, false, 1), ("lost after", 3, false, 3), ("last", 4, true, 4)]
    {
        let mut publisher = log.publisher(&instance("a")).unwrap();
        let outcome = publish(&mut publisher, &owner.membership(), value, next);
        assert_eq!(matches!(outcome, Outcome::Committed), is_known, "{value}: {outcome:?}");
        assert_eq!(matches!(outcome, Outcome::Unknown(_)), !is_known, "{value}: {outcome:?}");
        let asked = Instant::now();
        assert_eq!(committed(&log), Some(committed_after), "{value}");
        assert!(value == "lost before" || asked.elapsed() > late / 2, "{value}: the offsets were stable at once");
    }
    drop(owner);
    let offsets: Vec<u64> = contents(&log, "out", 0).iter().map(|record| record.0).collect();
    assert_eq!(offsets, [0, 2, 4], "each publication is followed by a marker");
    drop(log);
    let log = Embedded::open(dir.path(), Options::default()).unwrap();
    assert_eq!(log.extent(&Partition::new("out", 0)).unwrap().end, Offset(6));
    assert_eq!(committed(&log), Some(4));
}
