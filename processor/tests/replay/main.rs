//! Same input, same bytes: what a processor published, made again from a recording of its input, however the replay cuts it, stores
//! its state or spreads it over partitions.
//!
//! `cargo test --workspace --test replay -- --nocapture` prints the digest over keys and Avro bodies of the alerts.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

#[path = "../clocked/mod.rs"]
mod clocked;
mod live;
#[path = "../../../detection/tests/quick/mod.rs"]
mod quick;
mod script;

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::Path;
use std::sync::Arc;

use bus::recording::Recording;
use bus::{Batch, BatchLimit, Partition, Progress, Reader, Record, Start, Until};
use contracts::avro::Framed;
use contracts::codec;
use contracts::records::Alert;
use contracts::schema::BuiltIn;
use contracts::topics::ALERTS;
use detection::risk::RiskPlan;
use processor::Stage;
use processor::replay::{Course, Matches, MultisetDigest, Placing, Replay, Run, RunSettings, Swaps};
use tempfile::tempdir;

use live::{Live, MEMORY};
use script::{Numbers, ROUTED, script};

/// Alerts as bytes.
#[derive(Debug, Default, PartialEq)]
struct Alerts {
    /// Of rules whose state lies with the endpoint: the bodies by endpoint, in their order.
    fused: BTreeMap<Vec<u8>, Vec<Vec<u8>>>,
    /// Of the others: key and body.
    routed: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Alerts {
    fn add(&mut self, record: &Record<'_>) {
        let value = record.value.unwrap();
        let alert: Alert = codec::decode(value, &BuiltIn).unwrap();
        let (key, body) = (record.key.unwrap().to_vec(), Framed::open(value).unwrap().body().to_vec());
        if alert.rule_id.as_str() == ROUTED {
            // Their groups lie on several partitions, which nothing puts in order.
            let place = self.routed.partition_point(|known| *known < (key.clone(), body.clone()));
            self.routed.insert(place, (key, body));
        } else {
            self.fused.entry(key).or_default().push(body);
        }
    }

    fn digest(&self) -> MultisetDigest {
        let mut digest = MultisetDigest::default();
        let fused = self.fused.iter().flat_map(|(key, bodies)| bodies.iter().map(move |body| (key, body)));
        fused.for_each(|(key, body)| digest.add(key, body));
        digest
    }

    fn published(live: &Live) -> Self {
        let mut alerts = Self::default();
        let mut batch = Batch::default();
        for index in 0..live.partitions.get() {
            let from = [(Partition::new(ALERTS, index), Start::Earliest)];
            let mut reader = live.log.bus.read(&from, Until::End).unwrap();
            while reader.next(&mut batch, &BatchLimit::default()).unwrap() == Progress::More {
                batch.records().for_each(|record| alerts.add(&record));
            }
        }
        alerts
    }
}

/// How a replay goes about it.
#[derive(Debug, Clone, Copy)]
struct Manner {
    chunk: usize,
    batch: usize,
    threads: usize,
    /// A restart after every so many chunks.
    restart_every: usize,
}

const AT_ONCE: Manner = Manner { chunk: 100_000, batch: 100_000, threads: 1, restart_every: usize::MAX };
const MANNERS: [Manner; 3] = [
    AT_ONCE,
    Manner { chunk: 7, batch: 1, threads: 2, restart_every: 3 },
    Manner { chunk: 64, batch: 10, threads: 4, restart_every: 2 },
];

fn replayed(
    input: Box<dyn Reader>,
    partitions: NonZeroU32,
    matches: Matches,
    placing: Placing,
    manner: Manner,
) -> Alerts {
    let folder = tempdir().unwrap();
    let partitions: BTreeMap<_, _> = Stage::ALL.map(|stage| (stage, partitions)).into();
    let settings = RunSettings {
        memory: MEMORY,
        batch_records_max: NonZeroUsize::new(manner.batch).unwrap(),
        threads: NonZeroUsize::new(manner.threads).unwrap(),
        ..RunSettings::new(Course { partitions, placing, matches, swaps: Swaps::LeftOut }, folder.path().join("state"))
    };
    let run = Run::new(settings, script::plan(), RiskPlan::default(), Arc::new(BuiltIn)).unwrap();
    let limit = BatchLimit { records_max: manner.chunk, ..BatchLimit::default() };
    let mut replay = Replay::in_chunks(input, vec![run], limit);
    let mut alerts = Alerts::default();
    for turn in 1.. {
        if replay.turn().unwrap() == Progress::Done {
            break;
        }
        replay.runs[0].rows().filter(|row| &*row.partition.topic == ALERTS).for_each(|row| alerts.add(&row));
        if turn % manner.restart_every == 0 {
            replay.runs = vec![replay.runs.pop().unwrap().restarted().unwrap()];
        }
    }
    alerts
}

fn recording(path: &Path) -> Box<dyn Reader> {
    Box::new(Recording::open(path).unwrap())
}

#[test]
fn a_recorded_run_gives_the_same_bytes_again_whatever_the_batches_and_restarts() {
    let folder = tempdir().unwrap();
    for seed in 1..4 {
        let live = Live::run(&script(seed, 300), 3, Numbers(seed ^ 0xFEED));
        let published = Alerts::published(&live);
        assert!(published.fused.values().flatten().count() > 20, "too few alerts to prove anything");
        assert!(published.routed.len() > 2, "too few alerts of the routed rule");
        let path = folder.path().join(seed.to_string());
        live.record(&path);
        for manner in MANNERS {
            let again = replayed(recording(&path), live.partitions, Matches::Recorded, Placing::AsRecorded, manner);
            assert_eq!(again, published, "seed {seed}, {manner:?}");
        }
        let straight = Box::new(live.input());
        let again = replayed(straight, live.partitions, Matches::Recorded, Placing::AsRecorded, AT_ONCE);
        assert_eq!(again, published, "seed {seed}, straight from the log");
        println!("seed {seed}: alerts of the fused rules {}", published.digest());
    }
}

#[test]
fn one_script_gives_the_same_bytes_on_any_number_of_partitions() {
    let folder = tempdir().unwrap();
    let script = script(11, 300);
    let mut digests = Vec::new();
    let mut expected = None;
    for partitions in [1, 2, 5] {
        let live = Live::run(&script, partitions, Numbers(partitions.into()));
        let path = folder.path().join(partitions.to_string());
        live.record(&path);
        let published = Alerts::published(&live);
        let expected = expected.get_or_insert_with(|| Alerts::published(&live).fused);
        assert_eq!(&published.fused, expected, "{partitions} partitions, live");
        for spread in [1, 2, 5].map(|count| NonZeroU32::new(count).unwrap()) {
            let again = replayed(recording(&path), spread, Matches::Derived, Placing::ByKey, MANNERS[2]);
            assert_eq!(&again.fused, expected, "{partitions} partitions recorded, {spread} replayed");
            digests.push(again.digest());
        }
    }
    digests.dedup();
    assert_eq!(digests.len(), 1, "one digest for all");
    println!("1, 2 and 5 partitions: alerts of the fused rules {}", digests[0]);
}

#[test]
fn what_stage_two_is_fed_of_stage_one_does_not_depend_on_how_the_replay_goes() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("recording");
    let live = Live::run(&script(21, 300), 3, Numbers(21));
    live.record(&path);
    let of = |manner| replayed(recording(&path), live.partitions, Matches::Derived, Placing::AsRecorded, manner);
    let expected = of(AT_ONCE);
    assert_eq!(expected.fused, Alerts::published(&live).fused);
    assert!(expected.routed.len() > 2, "too few alerts of the routed rule");
    for manner in MANNERS {
        assert_eq!(of(manner), expected, "{manner:?}");
    }
}
