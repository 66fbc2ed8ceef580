//! Small verbs of the cases: send, publish, read; what was read is kept as values that compare and print well.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use bus::{
    Aborted, Batch, BatchLimit, Bus, BusError, Fate, Instance, Offset, Outcome, Ownership, Partition, Progress,
    Publication, Publisher, Record, Row, Start, To, Until,
};
use contracts::time::Timestamp;

use crate::world::PATIENCE;

/// A record that outlives its batch.
#[derive(Clone, PartialEq, Eq)]
pub struct Seen {
    pub partition: Partition,
    pub offset: Offset,
    pub appended_at: Timestamp,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(String, Vec<u8>)>,
}

impl Seen {
    pub fn of(record: &Record<'_>) -> Self {
        Self {
            partition: record.partition.clone(),
            offset: record.offset,
            appended_at: record.appended_at,
            key: record.key.map(<[u8]>::to_vec),
            value: record.value.map(<[u8]>::to_vec),
            headers: record.headers().map(|header| (header.name.to_owned(), header.value.to_vec())).collect(),
        }
    }

    /// The value as text; `-` for a tombstone.
    pub fn text(&self) -> String {
        self.value.as_ref().map_or("-".into(), |value| String::from_utf8_lossy(value).into_owned())
    }
}

impl fmt::Debug for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: String = self.text().chars().take(40).collect();
        write!(f, "{}@{} {shown}", self.partition, self.offset)
    }
}

pub fn texts(seen: &[Seen]) -> Vec<String> {
    seen.iter().map(Seen::text).collect()
}

/// A row for one partition, without a key.
pub fn row<'a>(topic: &'a str, index: u32, value: &'a str) -> Row<'a> {
    Row { topic, to: To::Partition { index, key: None }, value: Some(value.as_bytes()), headers: &[] }
}

pub fn keyed<'a>(topic: &'a str, key: &'a str, value: &'a str) -> Row<'a> {
    Row { topic, to: To::Key(key.as_bytes()), value: Some(value.as_bytes()), headers: &[] }
}

/// `count` values `prefix-0`, `prefix-1`, …
pub fn numbered(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{prefix}-{number}")).collect()
}

/// Sends the rows and waits until each is on the log; where each landed, in the order of the rows.
pub fn send(bus: &dyn Bus, rows: &[Row<'_>]) -> Vec<(Partition, Offset)> {
    let fates = try_send(bus, rows);
    fates.into_iter().map(|fate| fate.unwrap_or_else(|error| panic!("not acknowledged: {error}"))).collect()
}

/// Sends texts to one partition.
pub fn send_texts(bus: &dyn Bus, topic: &str, index: u32, values: &[String]) -> Vec<Offset> {
    let rows: Vec<Row<'_>> = values.iter().map(|value| row(topic, index, value)).collect();
    send(bus, &rows).into_iter().map(|(_, offset)| offset).collect()
}

/// The fate of every row, in their order; what `send` itself refused has its refusal as fate.
pub fn try_send(bus: &dyn Bus, rows: &[Row<'_>]) -> Vec<bus::Result<(Partition, Offset)>> {
    let (sender, fates) = mpsc::channel::<Fate>();
    let sink = Box::new(move |fate| sender.send(fate).unwrap());
    let mut producer = bus.producer(&bus::ProducerSettings::default(), sink).unwrap();
    let mut known: Vec<Option<bus::Result<(Partition, Offset)>>> = rows.iter().map(|_| None).collect();
    for (tag, row) in rows.iter().enumerate() {
        if let Err(refused) = producer.send(row, tag as u64) {
            known[tag] = Some(Err(refused));
        }
    }
    assert_eq!(producer.flush(PATIENCE).unwrap(), 0, "rows whose fate is unknown after {PATIENCE:?}");
    drop(producer);
    for Fate { tag, result } in fates {
        let slot = &mut known[usize::try_from(tag).unwrap()];
        assert!(slot.is_none(), "row {tag} has two fates: {slot:?} and {result:?}");
        *slot = Some(result);
    }
    known.into_iter().enumerate().map(|(tag, fate)| fate.unwrap_or_else(|| panic!("row {tag} has no fate"))).collect()
}

/// Everything from `start` to the end the partition has now.
pub fn read(bus: &dyn Bus, partition: &Partition, start: Start) -> Vec<Seen> {
    try_read(bus, &[(partition.clone(), start)]).unwrap_or_else(|error| panic!("{partition} from {start:?}: {error}"))
}

pub fn read_topic(bus: &dyn Bus, topic: &str, partitions: u32) -> Vec<Seen> {
    let from: Vec<_> = (0..partitions).map(|index| (Partition::new(topic, index), Start::Earliest)).collect();
    try_read(bus, &from).unwrap_or_else(|error| panic!("{topic}: {error}"))
}

/// The same once everything begun before is decided: rows of aborted and of killed publications either show now or
/// never will. On Kafka a record of a producer is seen only when no publication before it in its partition is open.
pub fn settled_topic(bus: &dyn Bus, topic: &str, partitions: u32) -> Vec<Seen> {
    let to = |index| To::Partition { index, key: Some(SENTINEL) };
    let rows: Vec<_> =
        (0..partitions).map(|index| Row { topic, to: to(index), value: Some(SENTINEL), headers: &[] }).collect();
    let sent: BTreeSet<(Partition, Offset)> = send(bus, &rows).into_iter().collect();
    let mut seen = eventually("what was sent last is seen", || {
        let seen = read_topic(bus, topic, partitions);
        let found = seen.iter().filter(|seen| sent.contains(&(seen.partition.clone(), seen.offset))).count();
        (found == sent.len()).then_some(seen)
    });
    seen.retain(|seen| seen.key.as_deref() != Some(SENTINEL));
    seen
}

const SENTINEL: &[u8] = b"\0sentinel";

pub fn try_read(bus: &dyn Bus, from: &[(Partition, Start)]) -> bus::Result<Vec<Seen>> {
    let mut reader = bus.read(from, Until::End)?;
    let mut batch = Batch::default();
    let limit = BatchLimit { wait: Duration::from_millis(200), ..BatchLimit::default() };
    let mut seen = Vec::new();
    let end = Instant::now() + PATIENCE;
    while reader.next(&mut batch, &limit)? == Progress::More {
        seen.extend(batch.records().map(|record| Seen::of(&record)));
        assert!(Instant::now() < end, "no end of {from:?} after {PATIENCE:?}; read so far: {}", seen.len());
    }
    assert!(batch.is_empty(), "a batch that says Done must be empty: its records were never shown");
    Ok(seen)
}

/// A publication of rows alone, by a publisher whose rows are its own.
pub fn publish_rows(publisher: &mut dyn Publisher, rows: &[Row<'_>]) -> Outcome {
    publisher.publish(&Publication { rows, inputs: None }, &mut || Ownership::Unchanged).unwrap()
}

/// Leaves `rows` on the log as a publication that was aborted at its last step.
pub fn abort_rows(bus: &dyn Bus, instance: &str, rows: &[Row<'_>]) {
    let mut publisher = bus.publisher(&instance_of(instance)).unwrap();
    let publication = Publication { rows, inputs: None };
    match publisher.publish(&publication, &mut || Ownership::Changed).unwrap() {
        Outcome::Aborted(Aborted::OwnershipChanged) => {}
        other => panic!("still_owner said Changed, and yet: {other:?}"),
    }
}

pub fn committed(outcome: &Outcome) {
    assert!(matches!(outcome, Outcome::Committed), "{outcome:?}");
}

pub fn fenced(outcome: &Outcome) {
    assert!(matches!(outcome, Outcome::Fenced(BusError::Fenced { .. })), "{outcome:?}");
}

pub fn instance_of(name: &str) -> Instance {
    Instance::new(name).unwrap()
}

/// Looks until there is something to see. Bounded, and not a way to let time pass: what is looked for must happen.
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "not after {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
