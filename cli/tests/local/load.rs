//! `tripline load`: every alert that must come is accounted for.

use crate::tripline::{Home, Run};

fn load(home: &Home, more: &[&str]) -> (Run, serde_json::Value) {
    let load = ["load", "--rate", "500", "--duration", "1s", "--settle", "1s", "--output", "json"];
    let run = home.run(&[&load, more].concat());
    let told = serde_json::from_str(&run.stdout).unwrap_or_else(|_| panic!("{run:?}"));
    (run, told)
}

#[test]
fn alone_it_runs_a_pipeline_of_its_own_and_leaves_nothing_behind() {
    let home = Home::new();
    let profile = home.write("profile.toml", "alert_every = 10\npayload_bytes = \"1KiB\"\n");
    let (run, told) = load(&home, &["--profile", &profile]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{told}");
    for (name, expected) in
        [("sent", 500), ("alerts_expected", 50), ("alerts_seen", 50), ("lost", 0), ("duplicated", 0)]
    {
        assert_eq!(told[name], expected, "{name} of {told}");
    }
    assert!(told["latency_us"]["p50"].as_u64() > Some(0) && told["processor"]["rss_mb"].as_u64() > Some(0), "{told}");
    assert!(!home.dir().exists(), "it was no load on the data directory");
}

#[test]
fn what_does_not_come_is_lost_and_that_is_the_status() {
    let home = Home::new();
    let up = home.up(&[]);
    let muted = home.run(&["rules", "mute", "file_access", "--for", "1h"]);
    assert_eq!(muted.status, 0, "{muted:?}");
    let (run, told) = load(&home, &[]);
    assert_eq!((run.status, &told["lost"]), (1, &5.into()), "{run:?}");
    assert!(run.stderr.contains("5 alerts lost, 0 duplicated"), "{}", run.stderr);
    up.end();
}

#[test]
fn a_load_after_a_load_does_not_repeat_it() {
    let home = Home::new();
    let up = home.up(&[]);
    for nth in 1..=2 {
        let (run, told) = load(&home, &[]);
        assert_eq!((run.status, &told["alerts_seen"], &told["lost"]), (0, &5.into(), &0.into()), "load {nth}: {run:?}");
    }
    up.end();
}

#[test]
fn a_profile_with_mistakes_is_told_whole() {
    let home = Home::new();
    let text = "endpoint = 5\nalert_every = 0\n[quiet]\npayload = \"[1]\"\n";
    let profile = home.write("profile.toml", text);
    let run = home.run(&["load", "--rate", "1", "--duration", "1s", "--profile", &profile]);
    assert_eq!(run.status, 1, "{run:?}");
    for expected in ["profile.toml:1:1", "endpoints", "profile.toml:2:", "profile.toml:4:", "JSON object"] {
        assert!(run.stderr.contains(expected), "{expected} in {}", run.stderr);
    }
}
