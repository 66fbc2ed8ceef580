//! Nothing that was acknowledged is lost, however `up` ends.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::Signal;

use crate::tripline::{Home, event};

#[test]
fn a_killed_up_loses_nothing_that_was_acknowledged() {
    let home = Home::new();
    let mut up = home.up(&[]);
    let mut sender = home.command(&["send", "--output", "json"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut input = sender.stdin.take().unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                if input.write_all(event("a", number).as_bytes()).is_err() || is_over.load(Ordering::Relaxed) {
                    break;
                }
            }
            drop(input);
        });
        // Acknowledgements run behind what is stored; half a minute's worth of either will do.
        let seen = home.run(&["tail", "telemetry.events.v1", "--follow", "-n", "5000"]);
        assert_eq!(seen.status, 0, "{:?}", seen.stderr);
        up.signal(Signal::KILL);
        assert_eq!(up.wait(), -9);
        let mut result = String::new();
        sender.stdout.take().unwrap().read_to_string(&mut result).unwrap();
        assert_eq!(sender.wait().unwrap().code(), Some(3), "the sender says that it lost its log");
        is_over.store(true, Ordering::Relaxed);

        let result: serde_json::Value = serde_json::from_str(&result).unwrap();
        let (sent, unknown) = (result["sent"].as_u64().unwrap(), result["unknown"].as_u64().unwrap());
        let found = home.run(&["tail", "telemetry.events.v1"]);
        assert_eq!(found.status, 0, "{:?}", found.stderr);
        let stored: Vec<u64> = found
            .stdout
            .lines()
            .map(|line| line.rsplit("{\"n\":").next().unwrap().trim_end_matches('}').parse().unwrap())
            .collect();
        assert!(stored.iter().copied().eq(0..stored.len() as u64), "in order, nothing missing, nothing twice");
        let count = stored.len() as u64;
        assert!((sent..=sent + unknown).contains(&count), "{count} stored, {sent} acknowledged, {unknown} unknown");
        assert!(sent > 0, "something was acknowledged");
    });
    home.up(&[]).end();
}

#[test]
fn what_a_damaged_file_still_holds_is_saved_and_the_rest_is_named() {
    const EVENTS: u64 = 5_000;
    let home = Home::with_log();
    let events: String = (0..EVENTS).map(|number| event("a", number)).collect();
    assert_eq!(home.run_with(&["send"], events.as_bytes()).status, 0);
    // Opening the log moves what was sent from the write-ahead log into files.
    assert_eq!(home.run(&["tail", "alerts.v1"]).status, 0);
    let entries = std::fs::read_dir(home.dir().join("log/log")).unwrap().map(|entry| entry.unwrap().path());
    let tables = entries.filter(|path| path.extension().is_some_and(|ending| ending == "sst"));
    let largest: PathBuf = tables.max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let mut bytes = std::fs::read(&largest).unwrap();
    let spoiled = bytes.len() / 3;
    bytes[spoiled] ^= 0xFF;
    std::fs::write(&largest, bytes).unwrap();

    let damaged = home.run(&["tail", "telemetry.events.v1"]);
    assert!(damaged.status == 1 && damaged.stderr.contains("`tripline salvage"), "{}", damaged.stderr);
    let rescued = home.path("rescued").display().to_string();
    let saved = home.run(&["salvage", &rescued]);
    assert_eq!(saved.status, 1, "{:?}", saved.stderr);
    let told = saved.stdout.lines().find(|line| line.contains("lost: offsets ")).expect("what is lost is named");
    let found = home.run(&["tail", "telemetry.events.v1", "--dir", &rescued]);
    let records: u64 = told.split(": ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert_eq!((found.status, found.stdout.lines().count() as u64), (0, records), "{told}");
    assert!(records > 0 && records < EVENTS, "{told}");
    let again = home.run(&["salvage", &rescued]);
    assert!(again.status == 1 && again.stderr.contains("there is a log already"), "{}", again.stderr);
}
