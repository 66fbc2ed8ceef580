//! Many records, all the way: producer, member, publication, reader.

use std::time::{Duration, Instant};

use bus::{Batch, BatchLimit, Fate, Partition, ProducerSettings, Progress, Row, Start, To, Until};

use crate::worker::{Job, Running};
use crate::world::World;

const PARTITIONS: u32 = 4;
const RECORDS: u64 = 1_000_000;
/// A log that is slower than this on a CI machine has a fault, not a bad day.
const BOUND: Duration = Duration::from_mins(2);

/// What is left of many records when their order does not matter.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sum {
    count: u64,
    bytes: u64,
    /// The sum of a hash of each record: a lost, doubled or changed record changes it.
    hash: u64,
}

impl Sum {
    fn add(&mut self, key: &[u8], value: &[u8]) {
        let fnv = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
        let hash = key.iter().chain(value).fold(0xCBF2_9CE4_8422_2325, fnv);
        self.count += 1;
        self.bytes += value.len() as u64;
        self.hash = self.hash.wrapping_add(hash);
    }
}

/// `TRIPLINE_VOLUME` asks for another number of records.
fn records() -> u64 {
    std::env::var("TRIPLINE_VOLUME").map_or(RECORDS, |text| text.parse().unwrap())
}

pub fn a_million_records_pass_through_each_once(world: &World) {
    let (input, output) = (world.topic("in", PARTITIONS), world.topic("out", PARTITIONS));
    let group = world.name("group");
    let limit = BatchLimit { records_max: 10_000, wait: Duration::from_millis(20), ..BatchLimit::default() };
    let job = Job { limit, ..Job::new(&group, &world.name("copier"), &input, &output) };
    let begin = Instant::now();
    let copier = Running::start(world.another_bus(), job);
    let sent = produce(world, &input, records());
    let produced = begin.elapsed();
    let seen = read_sums(world, &output, sent.count);
    let took = begin.elapsed();
    copier.leave();
    println!("{} records: sent in {produced:?}, all of it in {took:?}", sent.count);
    assert_eq!(seen, sent);
    let bound = BOUND * u32::try_from(sent.count.div_ceil(RECORDS)).unwrap();
    assert!(took < bound, "{took:?} for {} records", sent.count);
}

fn produce(world: &World, topic: &str, count: u64) -> Sum {
    let mut chance = world.chance();
    let sink = Box::new(|fate: Fate| drop(fate.result.unwrap()));
    let mut producer = world.another_bus().producer(&ProducerSettings::default(), sink).unwrap();
    let mut sum = Sum::default();
    for number in 0..count {
        let key = format!("host-{}", chance.below(10_000));
        let value = format!("{number:08} {:016x}{:016x} process.exec /usr/bin/true", chance.next(), chance.next());
        let row = Row { topic, to: To::Key(key.as_bytes()), value: Some(value.as_bytes()), headers: &[] };
        producer.send(&row, number).unwrap();
        sum.add(key.as_bytes(), value.as_bytes());
    }
    assert_eq!(producer.flush(BOUND).unwrap(), 0);
    sum
}

/// Follows until `count` records came, and then to the end, to see that no more did.
fn read_sums(world: &World, topic: &str, count: u64) -> Sum {
    let from: Vec<_> = (0..PARTITIONS).map(|index| (Partition::new(topic, index), Start::Earliest)).collect();
    let mut reader = world.bus().read(&from, Until::Forever).unwrap();
    let limit = BatchLimit { records_max: 10_000, wait: Duration::from_millis(100), ..BatchLimit::default() };
    let (mut batch, mut sum) = (Batch::default(), Sum::default());
    let end = Instant::now() + BOUND * 2;
    let mut quiet = 0;
    while sum.count < count || quiet < 5 {
        assert_eq!(reader.next(&mut batch, &limit).unwrap(), Progress::More);
        for record in batch.records() {
            sum.add(record.key.unwrap(), record.value.unwrap());
        }
        quiet = if batch.is_empty() { quiet + 1 } else { 0 };
        assert!(Instant::now() < end, "only {} of {count} records", sum.count);
    }
    sum
}
