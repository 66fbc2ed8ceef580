//! Events, commands and poison, sent for as long as everything else happens.
//!
//! What counts is what the log has taken: a record that was refused while the broker was away was never there.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bus::{Batch, BatchLimit, Bus, Partition, Producer, ProducerSettings, Row, Start, To, Until};
use contracts::records::TelemetryEvent;
use contracts::schema::BuiltIn;
use contracts::time::Timestamp;
use contracts::{codec, topics};
use detection::rule::RuleSet;
use processor::Stage;
use testbed::chance::Chance;

use super::cluster::{PARTITIONS, Seat};
use super::until;
use crate::rules::fleet;
use crate::rules::oracle::POISON_KEY;

const PATIENCE: Duration = Duration::from_mins(3);
const EVENTS_PER_ROUND: u64 = 25;
const ROUND: Duration = Duration::from_millis(50);
/// One round in so many brings one.
const POISON_EVERY: u64 = 40;
const COMMAND_EVERY: u64 = 30;

/// The rule sets, before anybody swaps one in.
pub fn publish(bus: &dyn Bus, sets: &[RuleSet]) {
    let mut producer = producer(bus);
    for (key, value) in sets.iter().flat_map(fleet::parts) {
        let to = To::Key(key.as_bytes());
        producer.send(&Row { topic: topics::RULE_SETS, to, value: Some(&value), headers: &[] }, 0).unwrap();
    }
    assert_eq!(producer.flush(PATIENCE).unwrap(), 0);
}

/// Swaps a set in, and waits until every task that takes commands has told that it took it.
pub fn swap_everywhere(bus: &dyn Bus, id: &str, set: &RuleSet, seats: &mut [Seat]) {
    let ends = (0..PARTITIONS).map(|index| {
        let partition = Partition::new(topics::WATCHER_EVENTS, index);
        let end = bus.extent(&partition).unwrap().end;
        (partition, Start::At(end))
    });
    let ends: Vec<_> = ends.collect();
    let mut reader = bus.read(&ends, Until::Forever).unwrap();
    let mut producer = producer(bus);
    send(&mut *producer, topics::CONTROL, To::Partition { index: 0, key: None }, &fleet::swap(id, set, now()));
    assert_eq!(producer.flush(PATIENCE).unwrap(), 0);
    let (mut batch, mut told) = (Batch::default(), 0);
    let command = format!("\"{id}\"");
    until(PATIENCE, "a swap is in force everywhere", || {
        seats.iter_mut().for_each(Seat::supervise);
        reader.next(&mut batch, &BatchLimit::default()).unwrap();
        let events = batch.records().filter_map(|record| codec::decode::<TelemetryEvent>(record.value?, &BuiltIn).ok());
        told += events
            .filter(|event| event.event_type == "rule_set.swapped" && event.payload.as_str().contains(&command))
            .count();
        told == 2 * usize::try_from(PARTITIONS).unwrap()
    });
}

pub fn run(bus: &dyn Bus, mut chance: Chance, sets: &[RuleSet], stop: &AtomicBool) {
    let mut producer = producer(bus);
    let (mut number, mut round) = (0_u64, 0_u64);
    while !stop.load(Ordering::SeqCst) {
        let next = Instant::now() + ROUND;
        round += 1;
        for _ in 0..EVENTS_PER_ROUND {
            number += 1;
            let (key, value) = fleet::event(&mut chance, number, now());
            send(&mut *producer, topics::TELEMETRY_EVENTS, To::Key(key.as_bytes()), &value);
        }
        if round.is_multiple_of(POISON_EVERY) {
            let topic = *chance.of(&[Stage::Events, Stage::Matches, Stage::Alerts].map(Stage::topic));
            let topic = if chance.below(8) == 0 { topics::CONTROL } else { topic };
            let partitions = if topic == topics::CONTROL { 1 } else { PARTITIONS };
            let index = u32::try_from(chance.below(u64::from(partitions))).unwrap();
            let value = fleet::poison(&mut chance, number);
            send(&mut *producer, topic, To::Partition { index, key: Some(POISON_KEY) }, &value);
        }
        if round.is_multiple_of(COMMAND_EVERY) {
            let command = fleet::any_command(&mut chance, &format!("c{round}"), sets, now());
            send(&mut *producer, topics::CONTROL, To::Partition { index: 0, key: None }, &command);
        }
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    drop(producer.flush(PATIENCE));
}

fn producer(bus: &dyn Bus) -> Box<dyn Producer> {
    bus.producer(&ProducerSettings::default(), Box::new(drop)).unwrap()
}

/// A full buffer is a record that was never sent.
fn send(producer: &mut dyn Producer, topic: &str, to: To<'_>, value: &[u8]) {
    drop(producer.send(&Row { topic, to, value: Some(value), headers: &[] }, 0));
}

fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_micros(since.as_micros().try_into().unwrap()).unwrap()
}
