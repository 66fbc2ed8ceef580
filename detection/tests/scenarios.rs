//! Scenarios from events to everything that follows, as files: `NAME.json` is what is fed, `NAME.rules` beside it the rules (the
//! pack, if there is none), `NAME.ndjson` all that was published, in order. `BLESS=1` writes the last anew.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use contracts::records::AnyRecord;
use detection::pack::PACK;
use detection::plan::{Options, Plan};
use detection::rule::{RuleSet, Watcher};
use detection::scenario::{Case, Rig, failure, read};
use detection::text;

fn plan(name: &str, rules: &str) -> Arc<Plan> {
    let rules = text::parse(name, rules).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    let watcher = Watcher { name: "supervised".to_owned(), subscriptions: Vec::new(), rules };
    let set = RuleSet { name: "scenarios".to_owned(), watchers: vec![watcher] };
    Arc::new(Plan::compile(&set, &[], &Options::default()).unwrap_or_else(|problems| panic!("{problems:?}")))
}

fn pack() -> Arc<Plan> {
    plan("the pack", &PACK.iter().map(|packed| packed.text).collect::<String>())
}

fn run(plan: &Arc<Plan>, case: &Case<'_>) -> Rig {
    let mut rig = Rig::new(Arc::clone(plan));
    case.entries.iter().for_each(|entry| rig.feed(entry));
    rig
}

/// The alerts that a case names are raised, and no others.
fn check_alerts(case: &Case<'_>, rig: &Rig) {
    assert_eq!(failure(case, rig), None, "{}", case.name);
}

fn scenarios() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "json"));
    files.sort();
    files
}

#[test]
fn scenarios_end_in_what_was_agreed() {
    let files = scenarios();
    assert!(files.len() >= 4, "the four worked examples are here");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let cases = read(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let rules = std::fs::read_to_string(file.with_extension("rules"));
        let plan = rules.map_or_else(|_| pack(), |rules| plan(&file.display().to_string(), &rules));
        let mut published = String::new();
        for case in &cases {
            let rig = run(&plan, case);
            check_alerts(case, &rig);
            writeln!(published, "# {}", case.name).unwrap();
            for row in &rig.rows {
                writeln!(published, "{} {} {}", row.topic, row.key, row.record.to_json()).unwrap();
            }
        }
        testbed::golden::check(&file.with_extension("ndjson"), &published);
    }
}

#[test]
fn every_rule_of_the_pack_has_cases_of_both_kinds_and_they_hold() {
    for packed in PACK {
        let plan = plan(packed.name, packed.text);
        let cases = read(packed.cases).unwrap_or_else(|error| panic!("{}: {error}", packed.name));
        let raising = cases.iter().filter(|case| !case.alerts.is_empty()).count();
        assert!(raising >= 5 && cases.len() - raising >= 5, "{}: five that raise and five that do not", packed.name);
        for case in &cases {
            check_alerts(case, &run(&plan, case));
        }
    }
}

#[test]
fn the_pack_is_the_folder_of_rules() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../rules");
    let mut there: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    let ends = [".rules", ".cases.json"];
    let stem = |name: &str| ends.iter().find_map(|end| name.strip_suffix(end).map(str::to_owned));
    there.retain(|name| stem(name).is_some());
    let mut packed: Vec<String> = PACK
        .iter()
        .flat_map(|packed| ends.map(|end| packed.name.replace("rules/", "").replace(".rules", end)))
        .collect();
    there.sort();
    packed.sort();
    assert_eq!(packed, there);
}

#[test]
fn alerts_of_the_pack_carry_ids_of_what_they_were_raised_for() {
    let text = r#"{"cases":[{"name":"twice","events":[{"topic":"file.open","payload":{"path":"/etc/passwd"}}],"alerts":[{}]}]}"#;
    let cases = read(text).unwrap();
    let [first, second] = [run(&pack(), &cases[0]), run(&pack(), &cases[0])];
    assert_eq!(first.rows, second.rows, "the same event gives the same bytes");
    let AnyRecord::Alert(alert) = &first.rows[0].record else { panic!("{:?}", first.rows[0]) };
    assert_eq!(alert.alert_id.as_str().len(), 64);
}
