//! What the log forgets, when, and how it says so.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bus::{Batch, BatchLimit, BusError, Offset, Partition, Progress, Start, Until};
use contracts::topics::{Declared, Keep};

use crate::member::joined;
use crate::seen::{
    Seen, eventually, instance_of, keyed, numbered, read, read_topic, row, send, send_texts, texts, try_read,
};
use crate::world::{PATIENCE, World};

/// Kafka forgets whole segments, of which the smallest is 1 MiB; enough is sent for several of them.
const KEPT_BYTES: u64 = 1024 * 1024;

fn by_size(world: &World) -> String {
    let declared = Declared { keep_bytes_max: Some(KEPT_BYTES), ..world.declared("by-size", 1) };
    world.bus().create(&declared).unwrap();
    declared.name
}

/// Sends a MiB at a time until the partition has forgotten its beginning, and answers its earliest offset.
fn until_forgotten(world: &World, topic: &str) -> Offset {
    let partition = Partition::new(topic, 0);
    let mut chance = world.chance();
    eventually("retention removes what is too much", || {
        let value = chance.bytes(100_000);
        let to = bus::To::Partition { index: 0, key: None };
        let rows: Vec<_> = (0..10).map(|_| bus::Row { topic, to, value: Some(&value), headers: &[] }).collect();
        send(world.bus(), &rows);
        let earliest = world.bus().extent(&partition).unwrap().earliest;
        (earliest > Offset(0)).then_some(earliest)
    })
}

pub fn what_is_too_much_is_removed_and_reported_as_gone(world: &World) {
    let bus = world.bus();
    let topic = by_size(world);
    let partition = Partition::new(&topic, 0);
    until_forgotten(world, &topic);

    let error = try_read(bus, &[(partition.clone(), Start::At(Offset(0)))]).unwrap_err();
    gone(&error, &partition, Offset(0));

    let extent = bus.extent(&partition).unwrap();
    let kept = read(bus, &partition, Start::Earliest);
    assert!(kept[0].offset >= extent.earliest && extent.earliest > Offset(0));
    assert_eq!(kept.last().unwrap().offset.0 + 1, extent.end.0, "the newest is kept");
}

pub fn what_is_too_old_is_removed(world: &World) {
    let bus = world.bus();
    let declared = Declared { keep: Keep::For(Duration::from_secs(2)), ..world.declared("by-age", 1) };
    bus.create(&declared).unwrap();
    let partition = Partition::new(&declared.name, 0);
    send_texts(bus, &declared.name, 0, &numbered("old", 10));
    let sent = Instant::now();
    assert_eq!(read(bus, &partition, Start::Earliest).len(), 10, "too young to be removed");
    let extent = eventually("ten records grow old", || {
        let extent = bus.extent(&partition).unwrap();
        (extent.earliest == extent.end).then_some(extent)
    });
    assert!(sent.elapsed() >= Duration::from_secs(2), "removed before their time");
    assert_eq!(extent.end, Offset(10), "offsets are never given again");
    assert_eq!(send_texts(bus, &declared.name, 0, &["young".into()]), [Offset(10)]);
    gone(&try_read(bus, &[(partition.clone(), Start::At(Offset(9)))]).unwrap_err(), &partition, Offset(9));
    assert_eq!(texts(&read(bus, &partition, Start::Earliest)), ["young"]);
}

pub fn a_reader_overtaken_by_retention_is_told_not_moved(world: &World) {
    let bus = world.bus();
    let topic = by_size(world);
    let partition = Partition::new(&topic, 0);
    // Far more than a client fetches ahead, read one by one: the next fetch comes after retention.
    let value = "x".repeat(100_000);
    let rows: Vec<_> = (0..400).map(|_| row(&topic, 0, &value)).collect();
    send(bus, &rows[..1]);
    let mut reader = bus.read(&[(partition.clone(), Start::Earliest)], Until::Forever).unwrap();
    let limit = BatchLimit { records_max: 1, wait: Duration::from_millis(200), ..BatchLimit::default() };
    let mut batch = Batch::default();
    let mut next = Offset(0);
    let mut read_on = |expect_more: bool| {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            match reader.next(&mut batch, &limit) {
                Err(error) => return Some((error, next)),
                Ok(Progress::Done) => panic!("a follower is never done"),
                Ok(Progress::More) => {}
            }
            for record in batch.records() {
                assert_eq!(record.offset, next, "a silent jump");
                next = Offset(next.0 + 1);
            }
            if !expect_more && !batch.is_empty() {
                return None;
            }
        }
        panic!("neither records nor an error for {PATIENCE:?}; next would be {next}")
    };
    assert!(read_on(false).is_none(), "the first record is there");
    send(bus, &rows[1..]);
    until_forgotten(world, &topic);
    eventually("retention passes what a client may have fetched", || {
        until_forgotten(world, &topic);
        (bus.extent(&partition).unwrap().earliest > Offset(350)).then_some(())
    });
    let (error, next) = read_on(true).expect("retention went beyond the reader");
    gone(&error, &partition, next);
}

pub fn a_member_that_starts_at_what_is_gone_is_told_not_moved(world: &World) {
    let bus = world.bus();
    let topic = by_size(world);
    let partition = Partition::new(&topic, 0);
    until_forgotten(world, &topic);
    // Joined members of the suite start at offset 0.
    let mut member = joined(world, &world.name("group"), &instance_of(&world.name("m")), &topic, 1);
    let error = eventually("a member is told", || match member.try_turn() {
        Ok(records) => {
            assert_eq!(records, [], "a silent jump");
            None
        }
        Err(error) => Some(error),
    });
    gone(&error, &partition, Offset(0));
    let earliest = bus.extent(&partition).unwrap().earliest;
    assert!(error.to_string().contains(&earliest.to_string()) || earliest > Offset(0), "{error}");
    member.close().unwrap();
}

fn gone(error: &BusError, partition: &Partition, wanted: Offset) {
    let BusError::OffsetGone { partition: named, wanted: lost, earliest } = error else { panic!("{error:?}") };
    assert_eq!((named, *lost), (partition, wanted), "{error}");
    assert!(*earliest > wanted, "{error}");
}

pub fn compaction_keeps_the_newest_of_each_key_and_its_offset(world: &World) {
    let bus = world.bus();
    let declared = Declared { keep: Keep::NewestOfKey, ..world.declared("compacted", 2) };
    bus.create(&declared).unwrap();
    let topic = &declared.name;
    let keys = numbered("key", 20);
    let mut newest: BTreeMap<String, (String, u32, Offset)> = BTreeMap::new();
    let mut rounds = 0;
    let seen = eventually("older values go", || {
        let value = format!("round-{rounds}");
        let rows: Vec<_> = keys.iter().map(|key| keyed(topic, key, &value)).collect();
        for (key, (partition, offset)) in keys.iter().zip(send(bus, &rows)) {
            newest.insert(key.clone(), (value.clone(), partition.index, offset));
        }
        rounds += 1;
        let seen = read_topic(bus, topic, 2);
        // Compaction leaves the newest segment alone: not all old values go, but many.
        (rounds > 5 && seen.len() < keys.len() * rounds / 2).then_some(seen)
    });
    let mut last: BTreeMap<String, &Seen> = BTreeMap::new();
    for record in &seen {
        last.insert(String::from_utf8(record.key.clone().unwrap()).unwrap(), record);
    }
    assert_eq!(last.len(), keys.len(), "every key still has a value");
    for (key, (value, index, offset)) in &newest {
        let found = last[key];
        assert_eq!((found.text(), found.partition.index, found.offset), (value.clone(), *index, *offset), "{key}");
    }
    // What compaction took is not "gone": a reader passes over it.
    let partition = Partition::new(topic, 0);
    assert_eq!(bus.extent(&partition).unwrap().earliest, Offset(0));
    let again = try_read(bus, &[(partition.clone(), Start::At(Offset(1)))]).unwrap();
    assert_eq!(again.last().map(|seen| seen.offset), seen.iter().rfind(|s| s.partition == partition).map(|s| s.offset));
}

pub fn a_tombstone_takes_its_keys_older_values_with_it(world: &World) {
    let bus = world.bus();
    let declared = Declared { keep: Keep::NewestOfKey, ..world.declared("tombstones", 1) };
    bus.create(&declared).unwrap();
    let topic = &declared.name;
    send(bus, &[keyed(topic, "deleted", "value"), keyed(topic, "kept", "value")]);
    send(bus, &[bus::Row { value: None, ..keyed(topic, "deleted", "") }]);
    let seen = eventually("the deleted value goes", || {
        // Compaction wants something to do: other keys, written again and again.
        let keys = numbered("other", 10);
        send(bus, &keys.iter().map(|key| keyed(topic, key, "again")).collect::<Vec<_>>());
        let seen = read_topic(bus, topic, 1);
        let has_value = |key: &[u8]| seen.iter().any(|s| s.key.as_deref() == Some(key) && s.value.is_some());
        assert!(has_value(b"kept"));
        (!has_value(b"deleted")).then_some(seen)
    });
    let tombstone = seen.iter().find(|s| s.key.as_deref() == Some(b"deleted"));
    assert!(tombstone.is_some_and(|s| s.value.is_none()), "readers have a day to learn of it: {tombstone:?}");
}

pub fn a_compacted_topic_takes_no_record_without_a_key(world: &World) {
    let declared = Declared { keep: Keep::NewestOfKey, ..world.declared("keyless", 1) };
    world.bus().create(&declared).unwrap();
    let fates = crate::seen::try_send(world.bus(), &[row(&declared.name, 0, "keyless")]);
    assert!(fates[0].is_err(), "which record would be the newest of no key? {:?}", fates[0]);
    assert!(read_topic(world.bus(), &declared.name, 1).is_empty());
}
