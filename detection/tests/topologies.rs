//! Topologies whose rules, subscriptions or tests cannot stand, and exactly what a person is told: `NAME.toml` and, beside it,
//! `NAME.txt`. `BLESS=1` accepts new texts. What a test that can stand comes to is here as well.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use contracts::topology::{Events, RuleSource, Topology};
use detection::assembly::{Assembled, AssemblyError, Parts, WatcherParts, assemble};
use detection::diagnostic::Diagnostics;
use detection::pack::PACK;
use detection::plan::Options;
use detection::reading::{File, Form};
use detection::scenario::{Case, Rig, TestFile, failure, read_tests};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/topologies")
}

fn text(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn topology(name: &str, text: &str) -> Topology {
    Topology::parse(name, text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn assembled(name: &str, text: &str, topology: &Topology) -> Result<Assembled, AssemblyError> {
    let (mut files, mut ranges) = (Vec::new(), Vec::new());
    for watcher in &topology.watchers {
        let start = files.len();
        for source in &watcher.rules {
            match source {
                RuleSource::BuiltIn => files.extend(PACK.iter().map(|packed| (packed.name, packed.text.to_owned()))),
                RuleSource::Files(path) => files.push((path, self::text(path))),
            }
        }
        ranges.push(start..files.len());
    }
    let files: Vec<File<'_>> = files.iter().map(|(name, text)| File { name, text, form: Form::Text }).collect();
    let watchers = topology.watchers.iter().zip(ranges);
    let watchers = watchers.map(|(watcher, files)| WatcherParts {
        name: &watcher.name,
        files,
        subscriptions: &watcher.subscriptions,
    });
    let parts = Parts { name: &topology.rule_set, files: &files, watchers: watchers.collect(), topology: (name, text) };
    assemble(&parts, &Options::default())
}

fn cases(name: &str, text: &str, topology: &Topology) -> Result<Vec<Case<'static>>, Diagnostics> {
    let events = topology.tests.iter().map(|test| match &test.events {
        Events::Inline(_) => (String::new(), String::new()),
        Events::File(path) => (path.display().to_string(), self::text(path.to_str().unwrap())),
    });
    let events: Vec<_> = events.collect();
    let tests = topology.tests.iter().zip(&events);
    let tests: Vec<_> = tests.map(|(test, (name, text))| TestFile { test, events: (name, text) }).collect();
    read_tests((name, text), &tests)
}

/// All that is wrong with a topology that is TOML and has known keys.
fn told(name: &str) -> String {
    let text = text(name);
    let topology = topology(name, &text);
    let set = assembled(name, &text, &topology).err().map(|error| error.to_string());
    let tests = cases(name, &text, &topology).err().map(|error| error.to_string());
    set.into_iter().chain(tests).map(|told| told + "\n").collect()
}

#[test]
fn what_cannot_stand_is_explained_at_its_place() {
    let files = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    files.sort();
    assert!(files.len() >= 5, "cases are missing: {files:?}");
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        testbed::golden::check(&file.with_extension("txt"), &told(name));
    }
}

/// What the tests of a topology come to, over some partitions; the head is added.
#[track_caller]
fn check(text: &str, partitions: u32, expected: &[Option<&str>]) {
    let text = format!("name = 'n'\nbus = 'embedded'\n{text}");
    let topology = topology("t.toml", &text);
    let plan = assembled("t.toml", &text, &topology).unwrap_or_else(|error| panic!("{error}")).plan;
    let plan = Arc::new(plan);
    let cases = cases("t.toml", &text, &topology).unwrap_or_else(|error| panic!("{error}"));
    let partitions = NonZeroU32::new(partitions).unwrap();
    let failures = cases.iter().map(|case| {
        let mut rig = Rig::over(Arc::clone(&plan), partitions);
        case.entries.iter().for_each(|entry| rig.feed(entry));
        failure(case, &rig)
    });
    let failures: Vec<_> = failures.collect();
    assert_eq!(failures.len(), expected.len());
    for (found, expected) in failures.iter().zip(expected) {
        match (found, expected) {
            (None, None) => {}
            (Some(found), Some(expected)) => assert!(found.contains(expected), "{expected:?} is not in\n{found}"),
            (found, expected) => panic!("expected {expected:?}, found {found:?}"),
        }
    }
}

const COMMAND: &str =
    "[[tests]]\nname = 't'\nevents = [{ topic = 'terminal.command', payload = { command = 'rm -rf /' } }]\n";

#[test]
fn a_test_fails_on_what_is_missing_on_what_is_too_much_and_on_what_is_different() {
    for partitions in [1, 7] {
        let test = |alerts: &str| format!("{COMMAND}alerts = [{alerts}]");
        check(&test("{ rule_id = 'dangerous_command', count = 1, source = 'n' }"), partitions, &[None]);
        check(&test(""), partitions, &[Some("expected 0 alerts, raised 1\nraised: Dangerous command: rm -rf /")]);
        let two = test("{ rule_id = 'dangerous_command' }, { rule_id = 'pii_email' }");
        check(&two, partitions, &[Some("not raised: {\"rule_id\":\"pii_email\"}")]);
        let other = test("{ rule_id = 'dangerous_command', endpoint_id = 'host-2' }");
        check(&other, partitions, &[Some("  endpoint_id\n- \"host-2\"\n+ \"host-1\"")]);
        check(
            &test("{ rule_id = 'dangerous_command', severity = 'high' }"),
            partitions,
            &[Some("- \"high\"\n+ \"critical\"")],
        );
    }
}

#[test]
fn each_test_begins_with_nothing_remembered() {
    let test = format!("{COMMAND}alerts = [{{ rule_id = 'dangerous_command' }}]\n");
    check(&test.repeat(2), 1, &[None, None]);
}

#[test]
fn events_without_a_time_come_one_after_the_other_and_recorded_ones_when_they_were() {
    let failures = |rest: &str| format!("[[tests]]\nname = 't'\nevents = [{rest}]\n");
    let once = "{ topic = 'worker.failed', payload = {} }, ".repeat(5);
    let written = format!("{}alerts = [{{ rule_id = 'worker_failure_rate', count = 5 }}]", failures(&once));
    check(&written, 2, &[None]);
    let hour = |hour: u32| {
        format!("{{ topic = 'worker.failed', payload = {{}}, observed_at = 2025-07-01T{hour:02}:00:00Z }}, ")
    };
    let apart: String = (8..18).map(hour).collect();
    check(&format!("{}alerts = []", failures(&apart)), 2, &[None]);
}

#[test]
fn silence_is_told_only_if_a_test_waits_for_it() {
    let rules = "[[watchers]]\nname = 'w'\nrules = ['silence.rules']\n";
    let test = |silence: &str, alerts: &str| {
        format!(
            "{rules}[[tests]]\nname = 't'\nevents = [{{ topic = 'beat', payload = {{}} }}]\nsilence = '{silence}'\nalerts = [{alerts}]\n"
        )
    };
    check(&test("4m", ""), 3, &[None]);
    check(&test("7m", "{ rule_id = 'silence' }"), 3, &[None]);
    check(&test("30d", "{ rule_id = 'silence' }"), 3, &[None]);
    let recorded = |silence: &str, alerts: &str| {
        test(silence, alerts).replace("payload = {}", "payload = {}, observed_at = 2025-07-01T00:00:00Z")
    };
    check(&recorded("4m", ""), 3, &[None]);
    check(&recorded("7m", "{ rule_id = 'silence' }"), 3, &[None]);
}
