//! Where a reader begins, where it ends, and what an offset, an end and a time mean.

use std::time::{Duration, Instant};

use bus::{Batch, BatchLimit, BusError, Extent, Offset, Partition, Progress, Start, Until};
use contracts::time::Timestamp;

use crate::member::joined;
use crate::order::now;
use crate::seen::{
    abort_rows, committed, eventually, instance_of, numbered, publish_rows, read, row, send_texts, texts, try_read,
};
use crate::world::{PATIENCE, World};

const LIMIT: BatchLimit =
    BatchLimit { records_max: 1_000, bytes_max: 4 * 1024 * 1024, wait: Duration::from_millis(200) };

pub fn a_reader_starts_at_the_earliest_at_an_offset_at_a_time_or_at_the_end(world: &World) {
    let bus = world.bus();
    let topic = world.topic("starts", 1);
    let partition = Partition::new(&topic, 0);
    send_texts(bus, &topic, 0, &numbered("old", 10));
    let between = later_than_all(world, &partition);
    let young = send_texts(bus, &topic, 0, &numbered("young", 10));
    let at = |micros: i64| Start::Time(Timestamp::from_micros(micros).unwrap());
    let all = [numbered("old", 10), numbered("young", 10)].concat();
    let first = read(bus, &partition, Start::Earliest)[0].appended_at.micros();
    let last = read(bus, &partition, Start::Earliest)[19].appended_at.micros();
    for (start, wanted) in [
        (Start::Earliest, &all[..]),
        (Start::At(Offset(0)), &all[..]),
        (Start::At(young[0]), &all[10..]),
        (Start::At(young[9]), &all[19..]),
        (Start::At(Offset(young[9].0 + 1)), &[]),
        (at(0), &all[..]),
        (at(first), &all[..]),
        (Start::Time(between), &all[10..]),
        (at(last + 1_000_000), &[]),
        (Start::End, &[]),
    ] {
        assert_eq!(texts(&read(bus, &partition, start)), wanted, "from {start:?}");
    }
}

pub fn the_offset_of_a_time_is_the_first_record_at_or_after_it(world: &World) {
    let bus = world.bus();
    let topic = world.topic("times", 1);
    let partition = Partition::new(&topic, 0);
    let end = |world: &World| world.bus().extent(&partition).unwrap().end;
    assert_eq!(bus.offset_at(&partition, Timestamp::from_micros(0).unwrap()).unwrap(), end(world), "empty partition");
    for round in 0..3 {
        send_texts(bus, &topic, 0, &numbered(&format!("r{round}"), 5));
        later_than_all(world, &partition);
    }
    let seen = read(bus, &partition, Start::Earliest);
    let mut times: Vec<i64> = seen.iter().flat_map(|s| [-1, 0, 1].map(|by| s.appended_at.micros() + by)).collect();
    times.extend([0, now().micros() + 3_600_000_000]);
    for time in times {
        // The slow and obvious way.
        let wanted = seen.iter().find(|seen| seen.appended_at.micros() >= round_up(world, time));
        let found = bus.offset_at(&partition, Timestamp::from_micros(time).unwrap()).unwrap();
        assert_eq!(found, wanted.map_or(end(world), |seen| seen.offset), "at {time}, in {seen:?}");
    }
}

/// A log that stamps in coarser units finds a finer time at the next of them.
fn round_up(world: &World, micros: i64) -> i64 {
    let unit = world.habits.stamp_micros;
    (micros + unit - 1).div_euclid(unit) * unit
}

/// A time after every record that is there and before every record that comes.
fn later_than_all(world: &World, partition: &Partition) -> Timestamp {
    let last = read(world.bus(), partition, Start::Earliest).last().map(|seen| seen.appended_at.micros()).unwrap();
    let next = last + world.habits.stamp_micros;
    eventually("the clock moves on", || (now().micros() >= next).then_some(()));
    Timestamp::from_micros(next).unwrap()
}

pub fn an_end_is_the_one_the_partition_had_when_the_reader_was_made(world: &World) {
    let bus = world.bus();
    let topic = world.topic("end", 2);
    send_texts(bus, &topic, 0, &numbered("before", 100));
    let from = [(Partition::new(&topic, 0), Start::Earliest), (Partition::new(&topic, 1), Start::Earliest)];
    let mut reader = bus.read(&from, Until::End).unwrap();
    send_texts(bus, &topic, 0, &numbered("after", 100));
    send_texts(bus, &topic, 1, &numbered("after", 100));
    let mut batch = Batch::default();
    let mut count = 0;
    while reader.next(&mut batch, &LIMIT).unwrap() == Progress::More {
        count += batch.len();
        assert!(batch.records().all(|record| record.value.unwrap().starts_with(b"before")));
    }
    assert_eq!(count, 100);
    assert_eq!(reader.next(&mut batch, &LIMIT).unwrap(), Progress::Done, "done stays done");
    assert!(batch.is_empty());
}

pub fn a_follower_sees_what_comes_and_is_told_of_each_end_it_reaches(world: &World) {
    let bus = world.bus();
    let topic = world.topic("follow", 1);
    let partition = Partition::new(&topic, 0);
    send_texts(bus, &topic, 0, &numbered("before", 3));
    let mut reader = bus.read(&[(partition.clone(), Start::End)], Until::Forever).unwrap();
    assert_eq!(until_end(&mut *reader, &partition, 0), [""; 0], "nothing was sent since");
    for round in 0..3 {
        let values = numbered(&format!("r{round}"), 5);
        send_texts(bus, &topic, 0, &values);
        assert_eq!(until_end(&mut *reader, &partition, 5), values);
    }
}

/// Reads until `count` records came and an end was told with the last of them or after it.
fn until_end(reader: &mut dyn bus::Reader, partition: &Partition, count: usize) -> Vec<String> {
    let mut batch = Batch::default();
    let end = Instant::now() + PATIENCE;
    let mut seen = Vec::new();
    loop {
        assert_eq!(reader.next(&mut batch, &LIMIT).unwrap(), Progress::More, "a follower is never done");
        seen.extend(batch.records().map(|record| String::from_utf8_lossy(record.value.unwrap()).into_owned()));
        if seen.len() >= count && batch.ends().contains(partition) {
            return seen;
        }
        assert!(Instant::now() < end, "no end told after {seen:?} for {PATIENCE:?}");
    }
}

pub fn a_partition_full_of_aborted_rows_is_read_to_its_end(world: &World) {
    let bus = world.bus();
    let topic = world.topic("aborted", 1);
    let partition = Partition::new(&topic, 0);
    let instance = world.name("processor");
    let value = "x".repeat(10_000);
    for _ in 0..3 {
        let rows: Vec<_> = (0..300).map(|_| row(&topic, 0, &value)).collect();
        abort_rows(bus, &instance, &rows);
    }
    assert!(read(bus, &partition, Start::Earliest).is_empty(), "read by the end alone");
    assert!(try_read(bus, &[(partition.clone(), Start::End)]).unwrap().is_empty());

    let mut member = joined(world, &world.name("group"), &instance_of(&world.name("m")), &topic, 1);
    let end = Instant::now() + PATIENCE;
    while !member.ends().contains(&partition) {
        assert_eq!(member.turn(), []);
        assert!(Instant::now() < end, "a member is never told of the end");
    }
    assert_eq!(member.member.position(&partition).unwrap(), bus.extent(&partition).unwrap().end);
    member.close().unwrap();
}

pub fn an_extent_runs_from_the_first_record_to_what_comes_next(world: &World) {
    let bus = world.bus();
    let topic = world.topic("extent", 2);
    let partition = Partition::new(&topic, 0);
    assert_eq!(bus.extent(&partition).unwrap(), Extent { earliest: Offset(0), end: Offset(0) });
    send_texts(bus, &topic, 0, &numbered("n", 10));
    assert_eq!(bus.extent(&partition).unwrap(), Extent { earliest: Offset(0), end: Offset(10) });
    let mut publisher = bus.publisher(&instance_of(&world.name("p"))).unwrap();
    committed(&publish_rows(&mut *publisher, &[row(&topic, 0, "p")]));
    let end = bus.extent(&partition).unwrap().end;
    assert_eq!(end, Offset(if world.habits.has_holes { 12 } else { 11 }), "row, and the marker where there is one");
    let next = send_texts(bus, &topic, 0, &["next".into()])[0];
    assert_eq!(next, end, "the end is the offset of what comes next");
    assert_eq!(bus.extent(&Partition::new(&topic, 1)).unwrap().end, Offset(0), "the other partition is untouched");
}

pub fn offsets_beyond_the_end_are_refused_not_rounded(world: &World) {
    let bus = world.bus();
    let topic = world.topic("beyond", 1);
    let partition = Partition::new(&topic, 0);
    send_texts(bus, &topic, 0, &numbered("n", 3));
    let error = try_read(bus, &[(partition.clone(), Start::At(Offset(1_000)))]).unwrap_err();
    let named = matches!(&error, BusError::OffsetBeyondEnd { partition: named, wanted: Offset(1_000), end: Offset(3) } if *named == partition);
    assert!(named, "{error:?}");
}

pub fn what_does_not_exist_is_named(world: &World) {
    let bus = world.bus();
    let topic = world.topic("exists", 3);
    let missing = Partition::new(&world.name("missing"), 0);
    let beyond = Partition::new(&topic, 3);
    let mut answers = Vec::new();
    for partition in [&missing, &beyond] {
        answers.push(("read", partition, try_read(bus, &[(partition.clone(), Start::Earliest)]).err()));
        answers.push(("read at a time", partition, try_read(bus, &[(partition.clone(), Start::Time(now()))]).err()));
        answers.push(("extent", partition, bus.extent(partition).err()));
        answers.push(("offset_at", partition, bus.offset_at(partition, now()).err()));
    }
    for (call, partition, answer) in answers {
        let named = match &answer {
            Some(BusError::UnknownTopic { topic }) => *topic == *missing.topic && partition == &missing,
            Some(BusError::UnknownPartition { partition: named, partitions: 3 }) => {
                *named == beyond && named == partition
            }
            _ => false,
        };
        assert!(named, "{call} of {partition}: {answer:?}");
    }
}

pub fn a_batch_holds_no_more_than_was_asked_for(world: &World) {
    let bus = world.bus();
    let topic = world.topic("limits", 1);
    let values: Vec<String> = (0..500).map(|number| format!("{number:01000}")).collect();
    send_texts(bus, &topic, 0, &values);
    for (records_max, bytes_max, most) in [(7, usize::MAX, 7), (usize::MAX, 10_000, 10), (1, 1, 1)] {
        let limit = BatchLimit { records_max, bytes_max, ..LIMIT };
        let mut reader = bus.read(&[(Partition::new(&topic, 0), Start::Earliest)], Until::End).unwrap();
        let mut batch = Batch::default();
        let mut seen = Vec::new();
        while reader.next(&mut batch, &limit).unwrap() == Progress::More {
            assert!(batch.len() <= most, "{} records, {} bytes of {limit:?}", batch.len(), batch.size_bytes());
            seen.extend(batch.records().map(|record| String::from_utf8_lossy(record.value.unwrap()).into_owned()));
        }
        assert_eq!(seen, values, "{limit:?}");
    }
}

pub fn a_quiet_topic_costs_a_poll_its_wait_and_no_more(world: &World) {
    let bus = world.bus();
    let topic = world.topic("quiet", 1);
    let wait = Duration::from_millis(100);
    let limit = BatchLimit { wait, ..LIMIT };
    let mut reader = bus.read(&[(Partition::new(&topic, 0), Start::Earliest)], Until::Forever).unwrap();
    let mut member = joined(world, &world.name("group"), &instance_of(&world.name("m")), &topic, 1);
    member.limit = limit;
    let mut batch = Batch::default();
    // The shortest of several: the machine may be busy, but a log that waits longer does so each time.
    let shortest = |poll: &mut dyn FnMut()| (0..8).map(|_| timed(&mut *poll)).min().unwrap();
    let read = shortest(&mut || {
        assert_eq!(reader.next(&mut batch, &limit).unwrap(), Progress::More);
        assert!(batch.is_empty());
    });
    let polled = shortest(&mut || assert_eq!(member.turn(), []));
    for (what, took) in [("reader", read), ("member", polled)] {
        assert!(took < wait + Duration::from_millis(100), "{what}: {took:?} for a wait of {wait:?}");
    }
    member.close().unwrap();
}

fn timed(run: &mut dyn FnMut()) -> Duration {
    let begin = Instant::now();
    run();
    begin.elapsed()
}

pub fn one_bus_serves_many_threads_at_once(world: &World) {
    let bus = world.bus();
    let topic = world.topic("threads", 4);
    std::thread::scope(|scope| {
        for index in 0..4 {
            let topic = &topic;
            scope.spawn(move || {
                let partition = Partition::new(topic, index);
                let mut publisher = bus.publisher(&instance_of(&world.name("publisher"))).unwrap();
                for round in 0..10 {
                    send_texts(bus, topic, index, &numbered(&format!("sent-{round}"), 10));
                    committed(&publish_rows(&mut *publisher, &[row(topic, index, &format!("published-{round}"))]));
                    let seen = read(bus, &partition, Start::Earliest);
                    assert_eq!(seen.len(), (round + 1) * 11, "{partition} in round {round}");
                    assert_eq!(bus.extent(&partition).unwrap().earliest, Offset(0));
                    assert!(bus.topics().unwrap().iter().any(|found| found.name == *topic));
                }
            });
        }
    });
}
