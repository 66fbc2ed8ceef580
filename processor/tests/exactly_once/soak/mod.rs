//! Processes on a real broker that are killed, stopped, cut off and robbed of their disks, under load, at random instants.
//!
//! The short form runs with all tests; `cargo xtask soak --kills 200` is the long one. What readers may see is read by `kcat` and
//! compared with the oracle, which applies the input that `kcat` reads: no line of the log's client of ours is between.

mod cluster;
mod faults;
mod load;
mod reading;
mod report;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bus::Partition;
use contracts::records::Alert;
use contracts::schema::BuiltIn;
use contracts::{codec, topics};
use processor::{Stage, TaskId};
use testbed::chance::{Chance, seed};

use crate::rules::fleet;
use crate::rules::oracle::{self, OUTPUTS, Oracle, POISON_KEY, Recorded, Row};
use cluster::{Cluster, PARTITIONS, Positions};
use report::Report;

/// Of the short form.
const KILLS: u32 = 10;
/// By these names `cargo xtask soak` asks for more, and where the result goes.
const KILLS_ASKED: &str = "TRIPLINE_TEST_SOAK_KILLS";
const REPORT_ASKED: &str = "TRIPLINE_TEST_SOAK_REPORT";

#[test]
fn processes_that_are_killed_and_cut_off_on_a_real_broker_alert_exactly_once() {
    let begun = Instant::now();
    let kills = std::env::var(KILLS_ASKED).map_or(KILLS, |text| text.parse().expect("a number of kills"));
    let seed = seed();
    println!("TRIPLINE_SEED={seed}");
    let mut report = Report::new(seed);
    let mut chance = Chance::new(seed);
    let mut cluster = Cluster::start();
    let bus = Cluster::reach(cluster.proxy.address());
    let stop = AtomicBool::new(false);
    let sets = fleet::rule_sets();
    let (counts, fell) = std::thread::scope(|scope| {
        let _end = End(&stop);
        let positions = scope.spawn(|| cluster::watch_positions(&*bus, &stop));
        load::publish(&*bus, &sets);
        cluster.seats.iter_mut().for_each(cluster::Seat::start);
        load::swap_everywhere(&*bus, "first", &sets[0], &mut cluster.seats);
        let loading = {
            let (bus, chance, stop, sets) = (&bus, Chance::new(chance.next()), &stop, &sets);
            scope.spawn(move || load::run(&**bus, chance, sets, stop))
        };
        let counts = faults::run(&mut cluster, kills, &mut chance);
        stop.store(true, Ordering::SeqCst);
        loading.join().unwrap();
        (counts, positions.join().unwrap())
    });
    assert!(fell.is_empty(), "committed offsets fell: {fell:?}");
    let committed = cluster.settle(&sets[0]);
    (report.counts, report.fell) = (counts, fell.len());
    report.ended_by_themselves = cluster.seats.iter().chain(&cluster.guests).map(|seat| seat.ended_by_itself).sum();
    let differences = compare(cluster.proxy.address(), &sets, &committed, &mut report);
    report.took = begun.elapsed();
    let text = report.text();
    println!("{text}");
    if let Ok(path) = std::env::var(REPORT_ASKED) {
        std::fs::write(path, &text).unwrap();
    }
    assert!(differences.is_empty(), "{differences:#?}");
    assert_eq!(report.dead_letters, report.poison, "each poison record is one dead letter, and nothing else is");
    assert!(report.alerts > 0 && report.matches > 0 && report.poison > 0, "nothing was tried");
}

/// However a thread ends, be it by a panic, the others are not waited for in vain.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Rows of the offsets below N are visible, each once.
fn compare(
    brokers: &str,
    sets: &[detection::rule::RuleSet],
    committed: &Positions,
    report: &mut Report,
) -> Vec<String> {
    let read = |topic: &str, index: u32| reading::read(brokers, topic, index);
    let partitions = NonZeroU32::new(PARTITIONS).unwrap();
    let control = read(topics::CONTROL, 0);
    report.commands = control.len();
    report.poison += poison(&control);
    let oracle = Oracle::new(partitions, &control, fleet::by_digest(sets));
    let (mut expected, mut found): (Vec<Row>, Vec<Row>) = Default::default();
    for partition in 0..PARTITIONS {
        for stage in Stage::ALL {
            let task = TaskId { stage, partition };
            let end = i64::try_from(committed[&task.input()].0).unwrap();
            let mut records = read(stage.topic(), partition);
            records.retain(|record| record.offset < end);
            report.poison += poison(&records);
            if stage == Stage::Events {
                report.events += records.len();
            }
            expected.extend(oracle.rows(task, &records));
        }
        for topic in OUTPUTS {
            found.extend(read(topic, partition).into_iter().filter_map(|record| oracle::row_of_ours(topic, record)));
        }
    }
    report.rows = found.len();
    let of = |topic: &'static str| found.iter().filter(move |row| row.0 == topic);
    report.alerts = of(topics::ALERTS).count();
    report.matches = of(topics::RULE_MATCHES).count();
    report.dead_letters = of(topics::DEAD_LETTERS).count();
    let ids = |rows: &[Row]| alert_ids(rows);
    let rows = oracle::compare(&expected, &found);
    (report.lost, report.duplicated) = (rows.lost, rows.duplicated);
    let mut differences = rows.examples;
    if ids(&expected) != ids(&found) {
        differences.push("the ids of alerts differ".to_owned());
    }
    differences
}

/// How often each id is there.
fn alert_ids(rows: &[Row]) -> BTreeMap<String, usize> {
    let mut ids = BTreeMap::new();
    for (_, _, value) in rows.iter().filter(|row| row.0 == topics::ALERTS) {
        let alert: Alert = codec::decode(value, &BuiltIn).unwrap();
        *ids.entry(alert.alert_id.to_string()).or_default() += 1;
    }
    ids
}

fn poison(records: &[Recorded]) -> usize {
    records.iter().filter(|record| record.key.as_deref() == Some(POISON_KEY)).count()
}

/// Waits until something holds; looks now and then.
fn until(limit: Duration, what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + limit;
    while !holds() {
        assert!(Instant::now() < end, "{what}: not after {limit:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn inputs() -> Vec<Partition> {
    let tasks =
        Stage::ALL.into_iter().flat_map(|stage| (0..PARTITIONS).map(move |partition| TaskId { stage, partition }));
    tasks.map(TaskId::input).collect()
}
