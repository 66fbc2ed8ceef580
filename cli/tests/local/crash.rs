//! Nothing that was acknowledged is lost, however `up` ends.

use std::io::{Read, Write};
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
