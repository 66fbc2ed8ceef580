//! Bad rules and exactly what a person and a machine are told about them. `BLESS=1` accepts new texts.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::fs;
use std::path::{Path, PathBuf};

use detection::diagnostic::{Code, Diagnostics};
use detection::reading::{self, File, Form};
use detection::rule::{Fault, Place};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnostics")
}

fn form(path: &Path) -> Option<Form> {
    match path.extension()?.to_str()? {
        "rules" => Some(Form::Text),
        "json" => Some(Form::Json),
        _ => None,
    }
}

fn inputs() -> Vec<(PathBuf, String, Form)> {
    let paths = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut inputs: Vec<_> =
        paths.filter_map(|path| Some((path.clone(), fs::read_to_string(&path).ok()?, form(&path)?))).collect();
    inputs.sort_by(|a, b| a.0.cmp(&b.0));
    inputs
}

fn diagnostics_of(files: &[File<'_>]) -> Diagnostics {
    reading::read(files).finish().unwrap_err()
}

/// Every input against the golden text beside it.
#[test]
fn bad_rules_are_explained_at_their_place() {
    let inputs = inputs();
    assert!(inputs.len() >= 6, "cases are missing");
    for (path, text, form) in &inputs {
        let name = path.file_name().unwrap().to_str().unwrap();
        let diagnostics = diagnostics_of(&[File { name, text, form: *form }]);
        testbed::golden::check(&folder().join(format!("{name}.txt")), &format!("{diagnostics}\n"));
    }
}

#[test]
fn a_machine_is_told_the_same() {
    let (_, text, _) = inputs().into_iter().find(|(path, ..)| path.ends_with("keys.rules")).unwrap();
    let diagnostics = diagnostics_of(&[File { name: "keys.rules", text: &text, form: Form::Text }]);
    testbed::golden::check(&folder().join("keys.jsonl"), &diagnostics.to_json_lines());
}

#[test]
fn all_files_are_told_of_in_one_run() {
    let good = "rule twin {\n    topic: \"a\"\n    severity: low\n    category: policy\n    alert: \"x\"\n}\n";
    let bad = "rule other {\n    topic: \"a\n}\n";
    let files = [("1.rules", good), ("2.rules", bad), ("3.rules", good)];
    let files = files.map(|(name, text)| File { name, text, form: Form::Text });
    let diagnostics = diagnostics_of(&files);
    testbed::golden::check(&folder().join("several.txt"), &format!("{diagnostics}\n"));
}

#[test]
fn a_compilers_fault_is_shown_where_it_was_written() {
    let text = r#"rule placed {
    topic: ["a", "b"]
    filter: "$.a == 'it\u0041s' and not ($.b matches '\\d' or absent(5m, topic 'x' where $.c == 1, after: topic 'y'))"
    severity: low
    category: policy
    alert: "x"
    group_by: $.a
}
"#;
    let text = &text.replace("group_by: $.a", "group_by: [\"$.a\", \"$.b\"]");
    let files = [File { name: "placed.rules", text, form: Form::Text }];
    let mut reading = reading::read(&files);
    let places = [
        ("rule", Place::Rule),
        ("not written", Place::Key("playbook", None)),
        ("topic", Place::Key("topic", None)),
        ("the second path", Place::Key("group_by", Some(1))),
        ("filter", Place::Filter(vec![])),
        ("first term", Place::Filter(vec![0])),
        ("its literal", Place::Filter(vec![0, 1])),
        ("the alternative", Place::Filter(vec![1, 0])),
        ("pattern", Place::Filter(vec![1, 0, 0, 1])),
        ("window", Place::Filter(vec![1, 0, 1])),
        ("its step", Place::Filter(vec![1, 0, 1, 0])),
        ("the path in its step", Place::Filter(vec![1, 0, 1, 0, 0])),
        ("beyond what there is", Place::Filter(vec![1, 0, 1, 0, 0, 7, 7])),
    ];
    for (what, place) in places {
        let (expected, found, help) = (None, None, None);
        reading.fault(0, &Fault { place, what: what.to_owned(), expected, found, help });
    }
    let diagnostics = reading.finish().unwrap_err();
    testbed::golden::check(&folder().join("placed.txt"), &format!("{diagnostics}\n"));
}

/// Codes that no rule text can show: the compiler's, those of sizes, and of tests in topologies.
const ELSEWHERE: [Code; 3] = [Code::Meaning, Code::TooLarge, Code::BadEvent];

#[test]
fn every_code_has_a_case() {
    let mut seen = Vec::new();
    for (path, text, form) in &inputs() {
        let name = path.to_str().unwrap();
        seen.extend(diagnostics_of(&[File { name, text, form: *form }]).iter().map(|diagnostic| diagnostic.code));
    }
    let missing: Vec<_> = Code::ALL.iter().filter(|code| !seen.contains(code) && !ELSEWHERE.contains(code)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}
