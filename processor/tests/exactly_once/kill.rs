//! A process with two processors and a sender, killed with SIGKILL at any instant, again and again.
//!
//! The child is this test binary, asked by a variable of the environment. `TRIPLINE_KILLS` asks for more kills than the few of
//! every run, `TRIPLINE_SEED` repeats a run's choice of instants.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bus::embedded::Habits;
use bus::{BatchLimit, Bus, Instance, Row, To};
use contracts::topics::TELEMETRY_EVENTS;
use processor::{Failpoints, Processor, Settings};

use testbed::s3::Store;

use crate::s3;
use crate::standin::Standin;
use crate::world::{PARTITIONS, World, declare, directory, folder, open_log, settings};

const KILLS: u32 = 10;
const FOLDER: &str = "TRIPLINE_KILL_FOLDER";
/// Address and prefix.
const STORE: &str = "TRIPLINE_TEST_STORE";
const READY: &str = "ready";
/// Longer than the start of both processors.
const LIFE_MS_MAX: u64 = 400;

#[test]
fn a_process_killed_at_any_instant_loses_and_repeats_nothing() {
    kill_often(KILLS, LIFE_MS_MAX, None);
}

/// `store`: a prefix in a bucket, for checkpoints; without one they lie in a directory.
pub fn kill_often(kills: u32, life_ms_max: u64, store: Option<&str>) {
    let number = |name, default| std::env::var(name).map_or(default, |text| text.parse().expect("a number"));
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
    let mut seed: u64 = number("TRIPLINE_SEED", u64::from(clock));
    println!("TRIPLINE_SEED={seed}");
    let folder = folder();
    for _ in 0..number("TRIPLINE_KILLS", u64::from(kills)) {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        live_and_die(folder.path(), store, Duration::from_millis((seed >> 33) % life_ms_max));
    }
    let checkpoints = store.map_or_else(|| directory(folder.path()), s3::bucket);
    let mut world = World::storing(folder, habits(), &checkpoints);
    world.settle_and_check();
    assert!(crate::oracle::count(&*world.bus) > 0, "the children sent nothing");
}

fn live_and_die(folder: &Path, store: Option<&str>, life: Duration) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::the_child_runs_until_it_is_killed", "--nocapture"])
        .env(FOLDER, folder)
        .envs(store.map(|prefix| (STORE, format!("{} {prefix}", Store::shared().endpoint()))))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let is_ready = lines.map_while(Result::ok).any(|line| line.ends_with(READY));
    assert!(is_ready, "the child ended by itself: {:?}", child.wait());
    std::thread::sleep(life);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Nothing of its own: the test above runs it in a process of its own.
#[test]
fn the_child_runs_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    // The end of its standard input is the end of its parent, and its own.
    std::thread::spawn(|| {
        drop(std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
        std::process::exit(0);
    });
    let folder = Path::new(&folder);
    let store = std::env::var(STORE).ok();
    let store = store.as_ref().and_then(|store| store.split_once(' '));
    let checkpoints = store.map_or_else(|| directory(folder), |(endpoint, prefix)| s3::bucket_at(endpoint, prefix));
    let bus = open_log(folder, habits());
    declare(&*bus);
    let never = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for name in ["a", "b"] {
            let bus = Arc::clone(&bus);
            let (never, checkpoints) = (&never, &checkpoints);
            scope.spawn(move || {
                let settings = Settings {
                    session_timeout: Duration::from_secs(5),
                    checkpoint_every: Duration::from_millis(100),
                    // The oracle knows of no ticks on topics that rows go to.
                    tick_every: Duration::from_hours(1),
                    batch: BatchLimit { records_max: 50, ..BatchLimit::default() },
                    instance: Instance::new(name).unwrap(),
                    ..settings(name, &folder.join(name), checkpoints, 50)
                };
                Processor::start(bus, settings, Arc::new(Standin), Failpoints::default()).unwrap().run(never).unwrap();
            });
        }
        println!("{READY}");
        send(&*bus);
    });
}

fn habits() -> Habits {
    Habits { offset_holes: true, ..Habits::default() }
}

/// A hundred events each few milliseconds, for ever.
fn send(bus: &dyn Bus) {
    let mut producer = bus.producer(&bus::ProducerSettings::default(), Box::new(drop)).unwrap();
    for round in 0_u32.. {
        for number in 0..100_u32 {
            let (key, value) = (format!("k{}", number % 13), format!("{round} {number}"));
            let to = To::Partition { index: number % PARTITIONS, key: Some(key.as_bytes()) };
            let row = Row { topic: TELEMETRY_EVENTS, to, value: Some(value.as_bytes()), headers: &[] };
            producer.send(&row, 0).unwrap();
        }
        producer.flush(Duration::from_secs(10)).unwrap();
        std::thread::sleep(Duration::from_millis(5));
    }
}
