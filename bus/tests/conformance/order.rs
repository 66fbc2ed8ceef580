//! Where a record lands, in which order, and at what time.

use std::collections::BTreeMap;

use bus::{Header, Offset, Partition, Row, Start, To};
use contracts::partition::partition_of;
use contracts::time::Timestamp;

use crate::seen::{Seen, numbered, read, read_topic, row, send, send_texts, texts};
use crate::world::World;

pub fn each_partition_keeps_the_order_in_which_it_was_sent_to(world: &World) {
    let topic = world.topic("order", 4);
    let mut chance = world.chance();
    let sent: Vec<(u32, String)> =
        (0..4_000).map(|number| (u32::try_from(chance.below(4)).unwrap(), format!("n-{number}"))).collect();
    let rows: Vec<Row<'_>> = sent.iter().map(|(index, value)| row(&topic, *index, value)).collect();

    let fates = send(world.bus(), &rows);

    for index in 0..4 {
        let seen = read(world.bus(), &Partition::new(&topic, index), Start::Earliest);
        let wanted: Vec<&str> = sent.iter().filter(|(to, _)| *to == index).map(|(_, value)| value.as_str()).collect();
        assert_eq!(texts(&seen), wanted, "partition {index}");
        let told: Vec<Offset> = fates.iter().filter(|(to, _)| to.index == index).map(|(_, offset)| *offset).collect();
        let found: Vec<Offset> = seen.iter().map(|seen| seen.offset).collect();
        assert_eq!(found, told, "partition {index}: a row's fate tells the offset at which it is read");
        assert!(found.is_sorted() && found.windows(2).all(|pair| pair[0] != pair[1]), "{found:?}");
    }
}

pub fn many_producers_at_once_keep_their_own_order(world: &World) {
    let topic = world.topic("producers", 2);
    std::thread::scope(|scope| {
        for producer in 0..4 {
            let topic = &topic;
            scope.spawn(move || {
                let values = numbered(&format!("p{producer}"), 500);
                send_texts(world.bus(), topic, producer % 2, &values);
            });
        }
    });
    let mut last: BTreeMap<String, usize> = BTreeMap::new();
    let seen = read_topic(world.bus(), &topic, 2);
    assert_eq!(seen.len(), 2_000);
    for text in texts(&seen) {
        let (producer, number) = text.split_once('-').unwrap();
        let number: usize = number.parse().unwrap();
        let next = last.insert(producer.to_owned(), number).map_or(0, |last| last + 1);
        assert_eq!(number, next, "{producer} is out of order");
    }
}

/// Made by Kafka's own Java code (kafka-clients 4.1.1):
/// `jshell --class-path "$(echo JARS/*.jar | tr ' ' ':')"`, and in it for each key
/// `Utils.toPositive(Utils.murmur2(key)) % n` for n of 2, 3, 7, 64 (`org.apache.kafka.common.utils.Utils`).
const JAVA: &[(&[u8], [u32; 4])] = &[
    (b"", [1, 0, 2, 25]),
    (b"a", [0, 1, 5, 60]),
    (b"ab", [0, 2, 0, 42]),
    (b"abc", [1, 0, 4, 27]),
    (b"abcd", [0, 2, 5, 52]),
    (b"host-1", [1, 0, 3, 29]),
    (b"host-2", [1, 0, 6, 27]),
    (b"web-17.example.org", [0, 1, 0, 24]),
    (b"21", [0, 0, 3, 44]),
    (b"foobar", [0, 0, 0, 62]),
    (b"a-little-bit-long-string", [0, 2, 1, 32]),
    (b"a-little-bit-longer-string", [1, 2, 0, 3]),
    (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", [1, 2, 3, 13]),
    ("äöü".as_bytes(), [0, 2, 5, 4]),
    ("雪崩-🌊".as_bytes(), [0, 2, 4, 40]),
    (b"dedup/[\"10.0.0.1\",null]", [0, 1, 0, 34]),
    (b"agent:0000000000000000", [0, 0, 1, 56]),
    (b"\x00", [0, 2, 0, 60]),
    (b"\xff", [1, 0, 5, 27]),
    (b"\xff\xfe\x80", [1, 0, 3, 3]),
    (b"\x00\x00\x00\x00\x00", [1, 2, 3, 15]),
    (b"\x80\x7f\x80\x7f\xff\x01\xf0", [0, 1, 2, 16]),
];
const COUNTS: [u32; 4] = [2, 3, 7, 64];

/// The keys of [`JAVA`] that are text on one line, for tools that take keys so; and where 7 partitions put them.
pub fn text_keys() -> impl Iterator<Item = (&'static str, u32)> {
    JAVA.iter().filter_map(|(key, [_, _, of_7, _])| {
        let text = std::str::from_utf8(key).ok()?;
        (!text.is_empty() && !text.contains(char::is_control)).then_some((text, *of_7))
    })
}

pub fn keys_land_where_the_java_client_puts_them(world: &World) {
    for (at, count) in COUNTS.into_iter().enumerate() {
        let topic = world.topic("keys", count);
        let rows: Vec<Row<'_>> = JAVA
            .iter()
            .map(|(key, _)| Row { topic: &topic, to: To::Key(key), value: Some(b"v"), headers: &[] })
            .collect();
        let fates = send(world.bus(), &rows);
        for ((key, partitions), (landed, _)) in JAVA.iter().zip(&fates) {
            let shown = key.escape_ascii();
            assert_eq!(landed.index, partitions[at], "`{shown}` of {count} partitions");
            assert_eq!(partition_of(key, count.try_into().unwrap()), partitions[at], "`{shown}`: contracts disagrees");
        }
        let seen = read_topic(world.bus(), &topic, count);
        assert_eq!(seen.len(), JAVA.len());
        for Seen { partition, key, .. } in seen {
            let row = JAVA.iter().find(|(vector, _)| Some(*vector) == key.as_deref());
            let (_, partitions) = row.unwrap_or_else(|| panic!("a key came back changed: {key:?}"));
            assert_eq!(partition.index, partitions[at]);
        }
    }
}

pub fn keys_of_a_publication_land_as_those_of_a_producer(world: &World) {
    let topic = world.topic("keys", 7);
    let rows: Vec<Row<'_>> =
        JAVA.iter().map(|(key, _)| Row { topic: &topic, to: To::Key(key), value: Some(b"v"), headers: &[] }).collect();
    let mut publisher = world.bus().publisher(&crate::seen::instance_of(&world.name("publisher"))).unwrap();
    crate::seen::committed(&crate::seen::publish_rows(&mut *publisher, &rows));
    let seen = read_topic(world.bus(), &topic, 7);
    let mut found: Vec<(Vec<u8>, u32)> = seen.into_iter().map(|s| (s.key.unwrap(), s.partition.index)).collect();
    let mut wanted: Vec<(Vec<u8>, u32)> = JAVA.iter().map(|(key, [_, _, of_7, _])| (key.to_vec(), *of_7)).collect();
    found.sort();
    wanted.sort();
    assert_eq!(found, wanted);
}

pub fn a_row_that_names_its_partition_goes_there_whatever_its_key(world: &World) {
    let topic = world.topic("named", 3);
    let rows: Vec<Row<'_>> = (0..3)
        .map(|index| Row {
            topic: &topic,
            to: To::Partition { index, key: Some(b"the same") },
            value: Some(b"v"),
            headers: &[],
        })
        .collect();
    send(world.bus(), &rows);
    for index in 0..3 {
        let seen = read(world.bus(), &Partition::new(&topic, index), Start::Earliest);
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].key.as_deref(), Some(&b"the same"[..]));
    }
}

pub fn tombstones_empty_values_keys_and_headers_come_back_as_sent(world: &World) {
    let topic = world.topic("shapes", 1);
    let headers = [
        Header { name: "traceparent", value: b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" },
        Header { name: "empty", value: b"" },
        Header { name: "twice", value: b"\x00\xff" },
        Header { name: "twice", value: b"again" },
        Header { name: "naïve", value: "ü".as_bytes() },
    ];
    let binary: Vec<u8> = (0..=255).collect();
    let to = |key| To::Partition { index: 0, key };
    let rows = [
        Row { topic: &topic, to: to(Some(b"k")), value: None, headers: &[] },
        Row { topic: &topic, to: to(Some(b"k")), value: Some(b""), headers: &[] },
        Row { topic: &topic, to: to(Some(b"")), value: Some(b"v"), headers: &[] },
        Row { topic: &topic, to: to(None), value: Some(b"v"), headers: &headers },
        Row { topic: &topic, to: to(None), value: None, headers: &headers[..1] },
        Row { topic: &topic, to: to(Some(&binary)), value: Some(&binary), headers: &[] },
    ];
    let mut publisher = world.bus().publisher(&crate::seen::instance_of(&world.name("publisher"))).unwrap();
    send(world.bus(), &rows);
    crate::seen::committed(&crate::seen::publish_rows(&mut *publisher, &rows));

    let seen = read_topic(world.bus(), &topic, 1);
    assert_eq!(seen.len(), 2 * rows.len());
    for (seen, sent) in seen.iter().zip(rows.iter().chain(&rows)) {
        let To::Partition { key, .. } = sent.to else { unreachable!("every row names its partition") };
        assert_eq!(seen.key.as_deref(), key, "{seen:?}");
        assert_eq!(seen.value.as_deref(), sent.value, "{seen:?}");
        let wanted: Vec<_> = sent.headers.iter().map(|h| (h.name.to_owned(), h.value.to_vec())).collect();
        assert_eq!(seen.headers, wanted, "{seen:?}");
    }
}

pub fn append_times_are_the_logs_own_and_never_go_back(world: &World) {
    let topic = world.topic("times", 1);
    let before = now();
    for round in 0..5 {
        send_texts(world.bus(), &topic, 0, &numbered(&format!("r{round}"), 50));
    }
    let after = now();
    let seen = read_topic(world.bus(), &topic, 1);
    let times: Vec<i64> = seen.iter().map(|seen| seen.appended_at.micros()).collect();
    assert_eq!(times.len(), 250);
    assert!(times.is_sorted(), "{times:?}");
    // A stamp is cut to the log's unit, so it may be one unit before the record was sent.
    let earliest = before.micros() - world.habits.stamp_micros;
    assert!(times[0] >= earliest && times[249] <= after.micros(), "{before:?} {times:?} {after:?}");
    assert!(times[0] < times[249], "five round trips must not have one time");
}

/// The wall clock of this machine, which is also the log's.
pub fn now() -> Timestamp {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    Timestamp::from_micros(i64::try_from(since.as_micros()).unwrap()).unwrap()
}
