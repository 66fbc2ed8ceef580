//! Topologies, schemas and configuration: files checked, all problems told at once.

use crate::tripline::{Home, check};

#[test]
fn a_topology_is_checked_drawn_and_made() {
    let home = Home::new();
    let checked = home.run(&["topology", "check"]);
    check(
        &checked,
        0,
        "the topology built in is good: single-node on embedded, 17 topics, 62 partitions, 15 rules, 4 tests\n",
        "",
    );
    let preview = home.run(&["topology", "apply", "--dry-run"]);
    assert_eq!(preview.status, 3, "there is no log to compare with: {preview:?}");

    let made = home.run(&["topology", "apply"]);
    assert_eq!((made.status, made.stdout.lines().count()), (0, 18), "{made:?}");
    assert!(made.stdout.contains("mended  alerts.v1: missing\n"), "{}", made.stdout);
    let again = "the log in $DIR: all 17 topics are as declared\n";
    check(&home.run(&["topology", "apply"]), 0, again, "");
    check(&home.run(&["topology", "apply", "--dry-run"]), 0, again, "");

    let dot = home.run(&["topology", "graph", "--format", "dot"]).stdout;
    assert!(dot.starts_with("digraph") && dot.contains("\"telemetry.events.v1\""), "{dot}");
}

#[test]
fn another_number_of_partitions_is_refused_with_what_to_do_and_nothing_is_touched() {
    let home = Home::with_log();
    let up = home.up(&[]);
    let other = "name = \"other\"\nbus = \"embedded\"\n[topics.\"telemetry.events.v1\"]\npartitions = 8\n[topics.\"alerts.v1\"]\nkeep = \"3d\"\n";
    let file = home.write("other.toml", other);
    for args in [&["topology", "apply", &file][..], &["topology", "apply", &file, "--dry-run"]] {
        let refused = home.run(args);
        assert_eq!(refused.status, 4, "{refused:?}");
        assert!(refused.stderr.contains("has 4 partitions and 8 are declared"), "{}", refused.stderr);
    }
    let same = home.run(&["topology", "apply", "--dry-run"]);
    assert_eq!(same.status, 0, "{same:?}");
    up.end();
}

#[test]
fn a_bad_topology_names_everything_that_is_wrong_with_its_lines() {
    let home = Home::new();
    let file = home.write("bad.toml", "nmae = \"x\"\n[topics.\"alert.v1\"]\npartitions = 0\n");
    let checked = home.run(&["topology", "check", &file]);
    assert_eq!((checked.status, checked.stdout.as_str()), (1, ""), "{checked:?}");
    assert!(
        checked.stderr.contains("$HOME/bad.toml:1:") && checked.stderr.contains("$HOME/bad.toml:2:"),
        "{}",
        checked.stderr
    );
    assert_eq!(home.run(&["up", "--topology", &file]).status, 1, "and nothing runs with it");
    assert!(!home.dir().exists());
}

#[test]
fn schemas_are_listed_shown_and_checked() {
    let home = Home::new();
    let list = home.run(&["schemas", "show"]).stdout;
    assert_eq!(list.lines().count(), 15, "{list}");
    let shown = home.run(&["schemas", "show", "telemetry_event_v1"]);
    let published =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas/telemetry_event_v1.avsc")).unwrap();
    check(&shown, 0, &published, "");
    assert_eq!(home.run(&["schemas", "check"]).status, 0);
    assert_eq!(home.run(&["schemas", "show", "telemetry_event_v2"]).status, 1);
    let nowhere = home.run(&["schemas", "publish"]);
    check(&nowhere, 2, "", "error: no schema registry is named; name one with --registry or `registry.url`\n");
    let unreachable = home.run(&["schemas", "publish", "--registry", "http://127.0.0.1:1"]);
    assert_eq!(unreachable.status, 3, "{unreachable:?}");
}

#[test]
fn a_configuration_is_told_with_who_set_what_or_with_all_that_is_wrong() {
    let home = Home::new();
    let good = home.write("good.toml", "instance = \"one\"\n");
    let told = home.run(&["config", "check", "--config", &good]);
    assert_eq!(told.status, 0, "{told:?}");
    let instance = told.stdout.lines().find(|line| line.starts_with("instance ")).unwrap();
    assert!(instance.contains("one") && instance.contains("$HOME/good.toml:1"), "{instance}");
    let dir = told.stdout.lines().find(|line| line.starts_with("dir ")).unwrap();
    assert!(dir.contains("TRIPLINE_DIR"), "{dir}");

    let bad = home.write("bad.toml", "instanc = \"one\"\n[kafka]\nbrokers = 7\n");
    let told = home.run(&["config", "check", "--config", &bad]);
    assert_eq!(told.status, 1, "{told:?}");
    assert!(
        told.stderr.contains("$HOME/bad.toml:1:1: ") && told.stderr.contains("did you mean `instance`?"),
        "{}",
        told.stderr
    );
    assert!(told.stderr.contains("$HOME/bad.toml:3:"), "{}", told.stderr);
    let elsewhere = home.run(&["tail", "alerts.v1", "--config", &bad]);
    assert_eq!(elsewhere.status, 2, "a command does not run with it: {elsewhere:?}");
}

#[test]
fn a_filter_of_the_log_that_is_none_is_usage() {
    let home = Home::new();
    let run = home.run(&["config", "check", "--log", "bus=loud"]);
    assert_eq!(run.status, 2, "{run:?}");
    assert!(run.stderr.starts_with("error: --log: expected a level"), "{}", run.stderr);
    let mut command = home.command(&["config", "check"]);
    command.env("TRIPLINE_LOG", "debug");
    assert_eq!(home.finished(command.spawn().unwrap()).status, 0, "the variable is no setting");
}
