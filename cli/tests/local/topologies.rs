//! `tripline topology check`: the rules that a topology names, its subscriptions and its tests.

use std::path::Path;

use serde_json::Value;

use crate::tripline::{Home, check, golden};

const TOPOLOGY: &str = r#"name = "ours"
bus = "embedded"
rule_set = "our-rules"

[[watchers]]
name = "logins"
rules = ["rules/log*.rules"]

[[watchers.subscriptions]]
subscription_id = "s"
topic = "auth.*"
payload_filters = [{ path = "$.realm", condition = "Equals", value = "office" }]
rules = ["failed_login"]

[[tests]]
name = "at the office"
events = [
    { topic = "auth.login", payload = { realm = "office", user = "ann" } },
    { topic = "auth.login", payload = { realm = "home", user = "ben" } },
]
alerts = [{ rule_id = "failed_login", severity = "high", source = "logins", message = "ann", group_key = "[]" }]

[[tests]]
name = "sent in a file"
events_file = "events.ndjson"
alerts = [{ rule_id = "failed_login", endpoint_id = "desk-1" }]
"#;

const RULES: &str = r#"rule failed_login {
    severity: high
    category: security
    alert: "{user}"
}
"#;

const EVENTS: &str = r#"{"topic": "auth.login", "endpoint_id": "desk-1", "payload": {"realm": "office", "user": "cat"}}
"#;

/// A folder `ours` with a topology, its rules and its events.
fn ours() -> (Home, String) {
    let home = Home::new();
    std::fs::create_dir_all(home.path("ours/rules")).unwrap();
    home.write("ours/rules/login.rules", RULES);
    home.write("ours/rules/other.rules", "not taken, for no pattern names it");
    home.write("ours/events.ndjson", EVENTS);
    let file = home.write("ours/ours.toml", TOPOLOGY);
    (home, file)
}

#[test]
fn the_topologies_we_ship_hold_their_tests() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../topologies");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|end| end == "toml"));
    let mut files: Vec<String> = files.map(|path| path.display().to_string()).collect();
    files.sort();
    assert!(files.len() >= 4, "{files:?}");
    let mut args = vec!["--output", "json", "topology", "check"];
    args.extend(files.iter().map(String::as_str));
    let checked = Home::new().run(&args);
    assert_eq!((checked.status, checked.stderr.as_str()), (0, ""), "{checked:?}");
    let told: Vec<Value> = checked.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told.len(), files.len());
    for (file, told) in files.iter().zip(told) {
        assert!(told["tests"].as_u64().unwrap() >= 1 && told["rules"].as_u64().unwrap() >= 15, "{file}: {told}");
    }
}

#[test]
fn a_topology_is_checked_with_its_rules_and_its_tests() {
    let (home, file) = ours();
    let good = "$HOME/ours/ours.toml is good: ours on embedded, 17 topics, 62 partitions, 1 rules, 2 tests\n";
    check(&home.run(&["topology", "check", &file]), 0, good, "");
}

#[test]
fn a_test_that_fails_shows_what_was_expected_and_what_was_raised() {
    let (home, file) = ours();
    home.write("ours/events.ndjson", EVENTS.repeat(2).replace("desk-1", "desk-2"));
    let failed = home.run(&["topology", "check", &file]);
    assert_eq!((failed.status, failed.stderr.as_str()), (1, "error: 1 of 2 cases failed; the differences are above\n"));
    testbed::golden::check(&golden("topology/failed.txt"), &failed.stdout);

    let failed = home.run(&["--output", "json", "topology", "check", &file]);
    let told: Value = serde_json::from_str(&failed.stdout).unwrap();
    assert_eq!((&told["tests"], &told["failures"][0]["test"]), (&2.into(), &"sent in a file".into()), "{told}");
}

#[test]
fn all_that_is_wrong_with_rules_and_subscriptions_is_told_and_no_test_is_run() {
    let (home, file) = ours();
    home.write("ours/rules/login.rules", RULES.replace("severity", "severty"));
    home.write("ours/ours.toml", TOPOLOGY.replace("auth.*", "*auth").replace("$.realm", "$realm"));
    home.write("ours/events.ndjson", EVENTS.replace("payload", "paylod"));
    let wrong = home.run(&["topology", "check", &file]);
    assert_eq!((wrong.status, wrong.stdout.as_str()), (1, ""), "{wrong:?}");
    let places = [
        "$HOME/ours/rules/login.rules:2:5",
        "$HOME/ours/ours.toml:11:9",
        "$HOME/ours/ours.toml:12:",
        "/events.ndjson:1:1",
    ];
    for place in places {
        assert!(wrong.stderr.contains(place), "{place} is not in\n{}", wrong.stderr);
    }
    assert!(wrong.stderr.ends_with("error: 5 problems; they are named above\n"), "{}", wrong.stderr);
}

#[test]
fn a_file_that_a_topology_names_and_that_is_not_there_is_said() {
    let (home, file) = ours();
    for (named, instead, said) in [
        ("log*.rules", "lag*.rules", "error: $HOME/ours/rules/lag*.rules: expected files that end in .rules or .json"),
        ("log*.rules", "lag.rules", "error: $HOME/ours/rules/lag.rules: cannot read the rules"),
        ("events.ndjson", "evens.ndjson", "error: $HOME/ours/evens.ndjson: cannot read the events"),
    ] {
        home.write("ours/ours.toml", TOPOLOGY.replace(named, instead));
        let missing = home.run(&["topology", "check", &file]);
        assert_eq!(missing.status, 1, "{missing:?}");
        assert!(missing.stderr.starts_with(said), "expected {said}, found {}", missing.stderr);
    }
}

#[test]
fn of_several_files_each_is_checked_whatever_the_others_are_like() {
    let (home, file) = ours();
    let bad = home.write("bad.toml", "nmae = \"x\"\n");
    let checked = home.run(&["topology", "check", &bad, &file]);
    assert_eq!(checked.status, 1, "{checked:?}");
    assert!(checked.stdout.starts_with("$HOME/ours/ours.toml is good"), "{}", checked.stdout);
    assert!(checked.stderr.contains("$HOME/bad.toml:1:1"), "{}", checked.stderr);
    assert!(
        checked.stderr.ends_with("error: 1 of 2 files are not good; the reasons are above\n"),
        "{}",
        checked.stderr
    );
}

#[test]
fn rules_check_takes_a_folder_with_a_topology_for_that_topology() {
    let (home, file) = ours();
    let digest = |args: &[&str]| {
        let run = home.run(&[&["--output", "json"], args].concat());
        assert_eq!(run.status, 0, "{run:?}");
        serde_json::from_str::<Value>(&run.stdout).unwrap()["digest"].as_str().unwrap().to_owned()
    };
    let folder = home.path("ours").display().to_string();
    let of_topology = digest(&["topology", "check", &file]);
    assert_eq!(digest(&["rules", "check", &folder]), of_topology);
    assert_eq!(digest(&["rules", "check", &file]), of_topology);

    home.write("ours/second.toml", TOPOLOGY);
    let two = home.run(&["rules", "check", &folder]);
    let said = "error: $HOME/ours: expected one topology, found $HOME/ours/ours.toml, $HOME/ours/second.toml; name the \
                one that is meant\n";
    check(&two, 1, "", said);
}
