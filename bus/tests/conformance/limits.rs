//! How large a record may be, how much may wait, and what it costs to be slow.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use bus::{Aborted, BusError, Fate, Outcome, Ownership, ProducerSettings, Publication, Row, To};
use contracts::topics::MESSAGE_BYTES_MAX;

use crate::child::Child;
use crate::seen::{committed, instance_of, publish_rows, read_topic, row, try_send};
use crate::world::{PATIENCE, World};

const NAMED: Row<'_> = Row { topic: "", to: To::Partition { index: 0, key: None }, value: None, headers: &[] };

/// A producer's answer to one record: `None` if it is on the log.
fn produced(world: &World, topic: &str, value: &[u8]) -> Option<BusError> {
    try_send(world.bus(), &[Row { topic, value: Some(value), ..NAMED }]).remove(0).err()
}

/// A publisher's answer to the same.
fn published(world: &World, topic: &str, value: &[u8]) -> Option<BusError> {
    let mut publisher = world.bus().publisher(&instance_of(&world.name("p"))).unwrap();
    let rows = [Row { topic, value: Some(value), ..NAMED }];
    match publisher.publish(&Publication { rows: &rows, inputs: None }, &mut || Ownership::Unchanged) {
        Ok(Outcome::Committed) => None,
        Ok(Outcome::Aborted(Aborted::Failed(error))) | Err(error) => Some(error),
        other => panic!("{other:?}"),
    }
}

pub fn a_record_at_the_limit_passes_and_one_byte_more_does_not(world: &World) {
    let topic = world.topic("large", 1);
    // The log says itself what it takes: `size` is what it counted for a value of `far` bytes.
    let far = 3 * MESSAGE_BYTES_MAX as usize;
    let mut values = world.chance().bytes(far);
    let far_above = produced(world, &topic, &values);
    let Some(BusError::TooLarge { topic: named, size, max }) = &far_above else { panic!("{far_above:?}") };
    assert_eq!(*named, topic);
    assert!(*size >= far && *max <= MESSAGE_BYTES_MAX as usize, "{far_above:?}");
    let largest = max - (size - far);
    assert!(largest >= MESSAGE_BYTES_MAX as usize - 4_096, "2 MiB less overhead, not {largest}");

    for (what, answer) in [("produced", produced as fn(&World, &str, &[u8]) -> _), ("published", published)] {
        let above = answer(world, &topic, &values[..=largest]);
        assert!(matches!(above, Some(BusError::TooLarge { .. })), "{what}, one byte above: {above:?}");
        let at = answer(world, &topic, &values[..largest]);
        assert!(at.is_none(), "{what}, at the limit: {at:?}");
        let far_above = answer(world, &topic, &values);
        assert!(matches!(far_above, Some(BusError::TooLarge { .. })), "{what}, far above: {far_above:?}");
    }

    values.truncate(largest);
    let seen = read_topic(world.bus(), &topic, 1);
    assert_eq!(seen.len(), 2);
    assert!(seen.iter().all(|seen| seen.value.as_ref() == Some(&values)), "every byte of it");
}

pub fn a_record_too_large_does_not_stop_those_around_it(world: &World) {
    let topic = world.topic("around", 1);
    let huge = "x".repeat(3 * 1024 * 1024);
    let fates = try_send(world.bus(), &[row(&topic, 0, "before"), row(&topic, 0, &huge), row(&topic, 0, "after")]);
    assert!(fates[0].is_ok() && fates[2].is_ok(), "{:?} {:?}", fates[0], fates[2]);
    assert!(matches!(&fates[1], Err(BusError::TooLarge { .. })));
    assert_eq!(crate::seen::texts(&read_topic(world.bus(), &topic, 1)), ["before", "after"]);
}

pub fn a_publication_of_many_large_rows_is_one(world: &World) {
    let topic = world.topic("bulk", 3);
    let value = world.chance().bytes(1_000_000);
    let rows: Vec<Row<'_>> = (0..24)
        .map(|number| Row {
            topic: &topic,
            to: To::Partition { index: number % 3, key: None },
            value: Some(&value),
            headers: &[],
        })
        .collect();
    let mut publisher = world.bus().publisher(&instance_of(&world.name("p"))).unwrap();
    committed(&publish_rows(&mut *publisher, &rows));
    let seen = read_topic(world.bus(), &topic, 3);
    assert_eq!(seen.len(), 24);
    assert!(seen.iter().all(|seen| seen.value.as_ref() == Some(&value)));
}

pub fn a_small_buffer_makes_the_sender_wait_and_loses_nothing(world: &World) {
    let topic = world.topic("buffer", 1);
    let (sender, fates) = mpsc::channel();
    let settings =
        ProducerSettings { buffer_records_max: 10, buffer_bytes_max: 64 * 1024, ..ProducerSettings::default() };
    let sink = Box::new(move |fate: Fate| sender.send(fate).unwrap());
    let mut producer = world.bus().producer(&settings, sink).unwrap();
    for tag in 0..2_000_u64 {
        let value = tag.to_string();
        producer.send(&row(&topic, 0, &value), tag).unwrap();
    }
    assert_eq!(producer.flush(PATIENCE).unwrap(), 0);
    drop(producer);
    let mut tags: Vec<u64> = fates.into_iter().map(|fate| fate.result.map(|_| fate.tag).unwrap()).collect();
    tags.sort_unstable();
    assert_eq!(tags, (0..2_000).collect::<Vec<_>>(), "every fate exactly once");
    assert_eq!(read_topic(world.bus(), &topic, 1).len(), 2_000);
}

/// Runs in a process of its own, because other cases share this one's memory.
pub fn a_slow_consumer_does_not_grow_memory(world: &World) {
    let begin = Instant::now();
    let mut child = Child::start(&world.apart(), "slow-consumer", &[&world.name("slow")]);
    let report = child.line();
    let [ahead, before, most, read] = report.split(' ').map(|n| n.parse().unwrap()).collect::<Vec<u64>>()[..] else {
        panic!("{report}")
    };
    child.finished();
    assert!(ahead > 150, "the producer must be far ahead, not {ahead} MiB");
    assert!(most < before + 96, "{before} MiB grew to {most} MiB with {ahead} MiB unread");
    assert!(read > 0 && begin.elapsed() < Duration::from_mins(2), "{read} records in {:?}", begin.elapsed());
}
