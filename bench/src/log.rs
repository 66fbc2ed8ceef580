//! What either log does per second, through the same trait, and what a publication takes.

use std::time::{Duration, Instant};

use bus::{
    Batch, BatchLimit, Bus, Inputs, Instance, MemberSettings, Offset, Outcome, Ownership, Partition, Polled,
    ProducerSettings, Progress, Publication, Row, Start, To, Until,
};
use contracts::topics::{Compression, Declared, Keep, Partitioning};

use crate::figure::to_f64;

pub const RECORDS: usize = 500_000;
pub const PARTITIONS: u32 = 4;
pub const VALUE_BYTES: usize = 200;
pub const WAIT_MAX: Duration = Duration::from_mins(2);

pub fn create(bus: &dyn Bus, name: &str) {
    let topic = Declared {
        name: name.to_owned(),
        partitions: PARTITIONS.try_into().expect("not zero"),
        replication: 1,
        keep: Keep::Forever,
        keep_bytes_max: None,
        compression: Compression::Lz4,
        partitioning: Partitioning::Free,
    };
    bus.create(&topic).expect("a new topic");
}

/// Distinct values that compress about as events do: mostly text, some of it repeated.
pub fn values() -> Vec<Vec<u8>> {
    (0..1024_u64)
        .map(|number| {
            let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            let text = format!(
                r#"{{"pid":{number},"executable":"/usr/bin/{mixed:x}","hash":"{:x}{:x}","#,
                mixed.rotate_left(17),
                mixed.rotate_left(41)
            );
            text.bytes().cycle().take(VALUE_BYTES).collect()
        })
        .collect()
}

/// Records per second, from the first `send` until every one is acknowledged.
pub fn produce(bus: &dyn Bus, topic: &str, records: usize) -> f64 {
    let values = values();
    let mut producer = bus
        .producer(&ProducerSettings::default(), Box::new(|fate| drop(fate.result.expect("acknowledged"))))
        .expect("a producer");
    let start = Instant::now();
    for (number, value) in (0_u32..).zip(values.iter().cycle().take(records)) {
        let to = To::Partition { index: number % PARTITIONS, key: None };
        producer.send(&Row { topic, to, value: Some(value), headers: &[] }, 0).expect("room");
    }
    assert_eq!(producer.flush(WAIT_MAX).expect("acknowledged"), 0, "every fate is known");
    per_second(records, start.elapsed())
}

/// Records per second when each waits for its acknowledgement.
pub fn produce_single(bus: &dyn Bus, topic: &str, records: usize) -> f64 {
    let settings = ProducerSettings { linger: Duration::ZERO, ..ProducerSettings::default() };
    let mut producer =
        bus.producer(&settings, Box::new(|fate| drop(fate.result.expect("acknowledged")))).expect("a producer");
    let values = values();
    let start = Instant::now();
    for value in values.iter().cycle().take(records) {
        let to = To::Partition { index: 0, key: None };
        producer.send(&Row { topic, to, value: Some(value), headers: &[] }, 0).expect("room");
        producer.flush(WAIT_MAX).expect("acknowledged");
    }
    per_second(records, start.elapsed())
}

/// Records per second through a reader, from its first batch to its end: how long it takes to begin is another matter.
pub fn read(bus: &dyn Bus, topic: &str, records: usize) -> f64 {
    let from: Vec<_> = (0..PARTITIONS).map(|index| (Partition::new(topic, index), Start::Earliest)).collect();
    let mut reader = bus.read(&from, Until::End).expect("a reader");
    let mut batch = Batch::default();
    let limit = BatchLimit { wait: Duration::from_secs(1), ..BatchLimit::default() };
    let mut seen = 0;
    let mut first: Option<(Instant, usize)> = None;
    while reader.next(&mut batch, &limit).expect("records") == Progress::More {
        seen += batch.records().filter(|record| record.value.is_some_and(|value| !value.is_empty())).count();
        if seen > 0 {
            first.get_or_insert((Instant::now(), seen));
        }
    }
    assert_eq!(seen, records, "every record is read");
    let (start, already) = first.expect("there was a first batch");
    per_second(records - already, start.elapsed())
}

/// How long each of `count` publications takes: ten rows, and the offsets of the hundred records they came from.
pub fn publish(bus: &dyn Bus, input: &str, output: &str, count: usize) -> Vec<Duration> {
    const ROWS: usize = 10;
    const RECORDS_EACH: u64 = 100;
    let instance = Instance::new(&format!("bench-{input}")).expect("a legal name");
    let mut publisher = bus.publisher(&instance).expect("a publisher");
    let mut member = bus
        .join(&MemberSettings {
            group: format!("bench-{input}"),
            instance,
            is_static: false,
            topics: vec![input.to_owned()],
            session_timeout: Duration::from_secs(10),
        })
        .expect("a member");
    let mut batch = Batch::default();
    let assigned = loop {
        match member.poll(&mut batch, &BatchLimit::default()).expect("news of the group") {
            Polled::Assigned(partitions) if !partitions.is_empty() => break partitions,
            _ => {}
        }
    };
    let starts: Vec<_> = assigned.iter().map(|partition| (partition.clone(), Offset(0))).collect();
    member.accept(&starts).expect("all of them");
    let membership = member.membership();
    let values = values();
    let rows: Vec<Row<'_>> = values
        .iter()
        .take(ROWS)
        .map(|value| Row { topic: output, to: To::Key(&value[..20]), value: Some(value), headers: &[] })
        .collect();
    (1..=count as u64)
        .map(|number| {
            let offsets = [(Partition::new(input, 0), Offset(number * RECORDS_EACH))];
            let inputs = Some(Inputs { membership: &membership, offsets: &offsets });
            let start = Instant::now();
            let outcome = publisher.publish(&Publication { rows: &rows, inputs }, &mut || Ownership::Unchanged);
            let took = start.elapsed();
            assert!(matches!(outcome, Ok(Outcome::Committed)), "{outcome:?}");
            // A member that is not polled is not a member for long.
            member
                .poll(&mut batch, &BatchLimit { wait: Duration::ZERO, ..BatchLimit::default() })
                .expect("still a member");
            took
        })
        .collect()
}

/// The value below which this share of the sorted durations lies, in milliseconds.
pub fn percentile_ms(sorted: &[Duration], percent: usize) -> f64 {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)].as_secs_f64() * 1e3
}

pub fn per_second(records: usize, took: Duration) -> f64 {
    to_f64(records) / took.as_secs_f64()
}
