//! A recording replayed: from the file to the rows that follow, state in the store, on as many threads as there are processors.
//!
//! The engine's mix as records of one topic, in a file on the disk that the machine has in memory. Reading, decoding, the steps of
//! both stages and of risk, encoding of rows and one write of state for each 1,000 records are in the time.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bus::recording::{Partitions, Recorder, Recording};
use bus::{Batch, BatchLimit, Offset, Partition, Progress, Reader};
use contracts::avro::{EventView, Framing};
use contracts::partition::partition_of;
use contracts::record::Record as _;
use contracts::records::TelemetryEvent;
use contracts::schema::BuiltIn;
use contracts::topics::TELEMETRY_EVENTS;
use detection::risk::RiskPlan;
use processor::Stage;
use processor::replay::{Course, Matches, Placing, Replay, Run, RunSettings, Swaps};

use crate::engine::{mix, rules};
use crate::figure::{Figure, to_f64};

const EVENTS: usize = 200_000;

pub fn measure(runs: u32) -> Vec<Figure> {
    [1, 4].into_iter().flat_map(|partitions| of(runs, NonZeroU32::new(partitions).expect("not zero"))).collect()
}

/// The whole, and reading alone: what the disk and the format cost.
fn of(runs: u32, partitions: NonZeroU32) -> [Figure; 2] {
    let folder = tempfile::tempdir().expect("a directory");
    let path = folder.path().join("recording");
    write(&path, partitions);
    let rates = |measure: &dyn Fn() -> f64| (0..runs).map(|_| measure()).collect::<Vec<_>>();
    let figure = |name: &str, rates: &[f64]| {
        Figure::new(name, "events/s", rates).with("events", EVENTS).with("partitions", partitions.get() as usize)
    };
    [
        figure("replay_read", &rates(&|| read(&path))),
        figure("replay_pack", &rates(&|| replay(&path, partitions))).with("rules", 15),
    ]
}

fn write(path: &Path, count: NonZeroU32) {
    let partitions = Partitions::from([(TELEMETRY_EVENTS.to_owned(), count)]);
    let mut recorder = Recorder::create(path, &partitions).expect("a new file");
    let mut next = vec![0; count.get() as usize];
    let mut batch = Batch::default();
    for body in mix::bodies(EVENTS) {
        let event = EventView::read(&body).expect("we wrote it");
        let key = event.endpoint_id.as_bytes();
        let index = partition_of(key, count);
        let mut value = Vec::new();
        Framing::SingleObject.write(TelemetryEvent::schema().fingerprint(), &mut value);
        value.extend_from_slice(&body);
        let offset = &mut next[index as usize];
        let partition = Partition::new(TELEMETRY_EVENTS, index);
        batch.push(&partition, Offset(*offset), event.ingested_at, Some(key), Some(&value), std::iter::empty());
        *offset += 1;
        if batch.len() == 1_000 {
            batch.records().for_each(|record| recorder.push(&record).expect("the disk has room"));
            batch.clear();
        }
    }
    recorder.finish().expect("the disk has room");
}

fn read(path: &Path) -> f64 {
    let mut recording = Recording::open(path).expect("we wrote it");
    let (mut batch, mut records) = (Batch::default(), 0);
    let start = Instant::now();
    while recording.next(&mut batch, &BatchLimit::default()).expect("we wrote it") == Progress::More {
        records += batch.len();
    }
    to_f64(records) / start.elapsed().as_secs_f64()
}

fn replay(path: &Path, partitions: NonZeroU32) -> f64 {
    let folder = tempfile::tempdir().expect("a directory");
    let course = Course {
        partitions: Stage::ALL.map(|stage| (stage, partitions)).into(),
        placing: Placing::AsRecorded,
        matches: Matches::Derived,
        swaps: Swaps::LeftOut,
    };
    let settings = RunSettings::new(course, folder.path().join("state"));
    let run = Run::new(settings, rules::pack(), RiskPlan::default(), Arc::new(BuiltIn)).expect("an empty store opens");
    let mut replay = Replay::new(Box::new(Recording::open(path).expect("we wrote it")), vec![run]);
    let (mut records, mut rows) = (0, 0);
    let start = Instant::now();
    while replay.turn().expect("it is a recording of events") == Progress::More {
        records += replay.records().len();
        rows += std::hint::black_box(replay.runs[0].rows().len());
    }
    assert!(records == EVENTS && rows > 0, "all of it is replayed");
    to_f64(records) / start.elapsed().as_secs_f64()
}
