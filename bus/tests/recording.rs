//! Recordings: what goes in comes out, independent readers agree, and what is cut or damaged is told.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

use std::num::NonZeroU32;
use std::path::Path;

use apache_avro::types::Value;
use bus::recording::{Ending, Partitions, Recorder, Recording};
use bus::{Batch, BatchLimit, BusError, Header, Merged, Offset, Partition, Progress, Reader};
use contracts::time::Timestamp;
use proptest::prelude::*;
use tempfile::tempdir;
use testbed::python;

#[derive(Debug, Clone, PartialEq)]
struct Owned {
    topic: String,
    partition: u32,
    offset: u64,
    appended_at: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Vec<u8>)>,
}

fn bytes(max: usize) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(any::<u8>(), 0..max)
}

prop_compose! {
    fn record()(
        topic in "[a-c]\\.v1", partition in 0..3u32, offset in 0..=i64::MAX.cast_unsigned(),
        appended_at in Timestamp::MIN.micros()..=Timestamp::MAX.micros(), key in proptest::option::of(bytes(20)),
        value in proptest::option::of(bytes(4_000)), headers in proptest::collection::vec(("[a-zé-]{0,9}", bytes(9)), 0..3),
    ) -> Owned {
        Owned { topic, partition, offset, appended_at, key, value, headers }
    }
}

fn batch(records: &[Owned]) -> Batch {
    let mut batch = Batch::default();
    for of in records {
        let partition = Partition::new(&of.topic, of.partition);
        let at = Timestamp::from_micros(of.appended_at).unwrap();
        let headers = of.headers.iter().map(|(name, value)| Header { name, value });
        batch.push(&partition, Offset(of.offset), at, of.key.as_deref(), of.value.as_deref(), headers);
    }
    batch
}

fn owned(batch: &Batch) -> Vec<Owned> {
    let record = |record: bus::Record<'_>| Owned {
        topic: record.partition.topic.to_string(),
        partition: record.partition.index,
        offset: record.offset.0,
        appended_at: record.appended_at.micros(),
        key: record.key.map(<[u8]>::to_vec),
        value: record.value.map(<[u8]>::to_vec),
        headers: record.headers().map(|header| (header.name.to_owned(), header.value.to_vec())).collect(),
    };
    batch.records().map(record).collect()
}

/// Each part a block of its own, or as blocks happen to fill.
fn write(path: &Path, parts: &[&[Owned]]) {
    let partitions = Partitions::from([("a.v1".to_owned(), NonZeroU32::new(3).unwrap())]);
    let mut recorder = Recorder::create(path, &partitions).unwrap();
    for part in parts {
        for record in batch(part).records() {
            recorder.push(&record).unwrap();
        }
        recorder.flush().unwrap();
    }
    recorder.finish().unwrap();
}

fn read_all(reader: &mut dyn Reader, records_max: usize) -> Result<Vec<Owned>, BusError> {
    let limit = BatchLimit { records_max, ..BatchLimit::default() };
    let (mut batch, mut records) = (Batch::default(), Vec::new());
    while reader.next(&mut batch, &limit)? == Progress::More {
        assert!(batch.len() <= records_max);
        records.extend(owned(&batch));
    }
    Ok(records)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_recorded_comes_back_as_it_was(
        records in proptest::collection::vec(record(), 0..200), records_max in 1..50usize,
    ) {
        let folder = tempdir().unwrap();
        let [one, other] = ["one", "other"].map(|name| folder.path().join(name));
        write(&one, &[&records]);
        let mut recording = Recording::open(&one).unwrap();
        prop_assert_eq!(recording.partitions()["a.v1"].get(), 3);
        prop_assert_eq!(read_all(&mut recording, records_max).unwrap(), &records[..]);
        prop_assert_eq!(recording.ending(), Some(Ending::Marked));
        write(&other, &[&records]);
        prop_assert_eq!(std::fs::read(one).unwrap(), std::fs::read(other).unwrap(), "the same records, another file");
    }
}

fn some(count: u64) -> Vec<Owned> {
    let record = |number: u64| Owned {
        topic: "a.v1".to_owned(),
        partition: u32::from(number % 2 == 1),
        offset: number,
        appended_at: 1_767_225_600_000_000 + number.cast_signed(),
        key: (!number.is_multiple_of(3)).then(|| b"host-\xff".to_vec()),
        value: (!number.is_multiple_of(5)).then(|| vec![7; 10]),
        headers: vec![("content-type".to_owned(), b"application/avro".to_vec())],
    };
    (0..count).map(record).collect()
}

#[test]
fn a_file_cut_anywhere_is_read_to_its_last_whole_block_and_says_so() {
    let folder = tempdir().unwrap();
    let (path, cut) = (folder.path().join("whole"), folder.path().join("cut"));
    let records = some(9);
    write(&path, &[&records[..3], &records[3..6], &records[6..]]);
    let whole = std::fs::read(&path).unwrap();
    let mut seen = [false; 3];
    for length in 0..whole.len() {
        std::fs::write(&cut, &whole[..length]).unwrap();
        let Ok(mut recording) = Recording::open(&cut) else { continue };
        let read = read_all(&mut recording, 2).unwrap();
        assert_eq!(read, records[..read.len()], "cut at {length}");
        assert_eq!(read.len() % 3, 0, "cut at {length}: part of a block was read");
        match recording.ending().unwrap() {
            Ending::Marked => panic!("cut at {length}: looks whole"),
            Ending::Unmarked => seen[0] = true,
            Ending::CutShort { block_at, bytes } => {
                assert_eq!(block_at + bytes, length as u64);
                seen[1] = true;
            }
        }
        seen[2] |= read.len() == 9;
    }
    assert_eq!(seen, [true; 3], "cut between blocks, cut within one, cut before the mark");
}

#[test]
fn damage_is_told_and_never_read_as_records() {
    let folder = tempdir().unwrap();
    let (path, broken) = (folder.path().join("whole"), folder.path().join("broken"));
    let records = some(4);
    write(&path, &[&records[..2], &records[2..]]);
    let whole = std::fs::read(&path).unwrap();
    let mut refused = 0;
    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 0x55;
        std::fs::write(&broken, bytes).unwrap();
        // A byte of a key, a value or a time that was changed cannot be seen; framing can.
        match Recording::open(&broken).and_then(|mut recording| read_all(&mut recording, 100)) {
            Ok(read) => assert!(read.len() <= 4, "byte {place}"),
            Err(error) => {
                assert!(error.to_string().contains("the recording is damaged: "), "{error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 50, "only {refused} changed bytes were noticed");
}

#[test]
fn what_is_no_recording_is_refused_with_what_it_is() {
    let folder = tempdir().unwrap();
    let cases: [(&[u8], &str); 3] = [
        (b"", "expected an Avro object container (first bytes [4F, 62, 6A, 01]), found []"),
        (b"{\"topic\":1}", "expected an Avro object container (first bytes [4F, 62, 6A, 01]), found [7B, 22, 74, 6F]"),
        (b"Obj\x01\x00", "its heading: byte 1: expected 16 bytes, found the end after 0"),
    ];
    for (bytes, expected) in cases {
        let path = folder.path().join("file");
        std::fs::write(&path, bytes).unwrap();
        let error = Recording::open(&path).unwrap_err().to_string();
        assert!(error.contains(expected) || error.contains("has no schema"), "{error}");
    }
    let missing = Recording::open(&folder.path().join("nowhere")).unwrap_err().to_string();
    assert!(missing.contains("cannot read") && missing.contains("nowhere"), "{missing}");
    let path = folder.path().join("taken");
    write(&path, &[]);
    let taken = Recorder::create(&path, &Partitions::new()).unwrap_err().to_string();
    assert!(taken.contains("there is such a file already"), "{taken}");
}

#[test]
fn apache_avro_reads_what_we_wrote() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("recording");
    let records = some(50);
    write(&path, &[&records[..20], &records[20..]]);
    let reader = apache_avro::Reader::new(std::fs::File::open(&path).unwrap()).unwrap();
    let read: Vec<Value> = reader.map(|value| value.unwrap()).collect();
    assert_eq!(read.len(), records.len());
    for (value, record) in read.into_iter().zip(&records) {
        let Value::Record(fields) = value else { panic!("{value:?}") };
        let fields: std::collections::BTreeMap<_, _> = fields.into_iter().collect();
        assert_eq!(fields["offset"], Value::Long(record.offset.cast_signed()));
        assert_eq!(fields["appended_at"], Value::TimestampMicros(record.appended_at));
        let value = record.value.clone().map_or(Value::Null, Value::Bytes);
        assert_eq!(fields["value"], Value::Union(u32::from(record.value.is_some()), Box::new(value)));
    }
}

const FASTAVRO: &str = "
import fastavro, sys
with open(sys.argv[1], 'rb') as file:
    reader = fastavro.reader(file)
    records = list(reader)
    print(len(records), reader.metadata['tripline.partitions'], records[1]['key'].hex(), records[4]['headers'][0]['name'])
with open(sys.argv[2], 'wb') as file:
    fastavro.writer(file, reader.writer_schema, records, sync_interval=100)
";

#[test]
fn fastavro_reads_what_we_wrote_and_we_read_what_it_wrote() {
    let folder = tempdir().unwrap();
    let [ours, theirs] = ["ours", "theirs"].map(|name| folder.path().join(name));
    let records = some(50);
    write(&ours, &[&records[..20], &records[20..]]);
    let python = python::with(&["fastavro==1.13.1"]);
    let told = python.run(FASTAVRO, &[ours.to_str().unwrap(), theirs.to_str().unwrap()], b"");
    assert_eq!(String::from_utf8(told).unwrap(), "50 {\"a.v1\":3} 686f73742dff content-type\n");
    let mut recording = Recording::open(&theirs).unwrap();
    assert_eq!(read_all(&mut recording, 7).unwrap(), records);
    assert_eq!(recording.ending(), Some(Ending::Unmarked));
}

#[test]
fn readers_are_merged_by_time_whatever_their_batches_are() {
    let folder = tempdir().unwrap();
    let at = |partition: u32, times: &[i64]| -> Vec<Owned> {
        let record =
            |(offset, time): (u64, &i64)| Owned { partition, offset, appended_at: *time, ..some(1)[0].clone() };
        (0..).zip(times).map(record).collect()
    };
    // The second lane's clock goes back: what follows counts as late as the greatest.
    let lanes = [at(0, &[10, 20, 30, 40]), at(1, &[15, 35, 12, 36]), at(2, &[]), at(3, &[20])];
    let readers = || {
        let lane = |(place, records): (usize, &Vec<Owned>)| -> Box<dyn Reader> {
            let path = folder.path().join(format!("lane {place}"));
            if !path.exists() {
                write(&path, &[records]);
            }
            Box::new(Recording::open(&path).unwrap())
        };
        lanes.iter().enumerate().map(lane).collect()
    };
    for records_max in [1, 2, 100] {
        let merged = read_all(&mut Merged::over(readers()), records_max).unwrap();
        let order: Vec<_> = merged.iter().map(|record| (record.partition, record.appended_at)).collect();
        assert_eq!(order, [(0, 10), (1, 15), (0, 20), (3, 20), (0, 30), (1, 35), (1, 12), (1, 36), (0, 40)]);
    }
}
