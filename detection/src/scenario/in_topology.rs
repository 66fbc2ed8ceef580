//! Tests that stand in a topology, read into cases.
//!
//! Invariant: each thing wrong is told with its line, in the topology or in a file of events that it names.

use std::ops::Range;

use contracts::json::{self, Mode, Value};
use contracts::nearest::nearest;
use contracts::record::Field as _;
use contracts::records::Alert;
use contracts::settings::Tree;
use contracts::shape::Shape;
use contracts::topology::{Events, Test};

use super::check::SHORT_NAMES;
use super::read::{DEPTH_MAX, Entries};
use super::{Case, CaseError};
use crate::diagnostic::{Code, Diagnostics, Log, Reported, Trouble};
use crate::reading::{File, Form};

/// A test, and the text of the file of events that it names.
#[derive(Debug)]
pub struct TestFile<'t> {
    pub test: &'t Test,
    /// What the file is called, and what stands in it; nothing of it if the test has its events with it.
    pub events: (&'t str, &'t str),
}

/// `topology` is the name and the text of the file that the tests stand in.
pub fn read_tests(topology: (&str, &str), tests: &[TestFile<'_>]) -> Result<Vec<Case<'static>>, Diagnostics> {
    let mut diagnostics = Diagnostics::default();
    let read: Vec<_> =
        tests.iter().zip(0..).map(|(test, place)| read_test(topology, test, place, &mut diagnostics)).collect();
    match read.into_iter().collect() {
        Ok(cases) => Ok(cases),
        Err(_) => Err(diagnostics.sorted()),
    }
}

fn read_test(
    (name, text): (&str, &str),
    TestFile { test, events }: &TestFile<'_>,
    place: usize,
    out: &mut Diagnostics,
) -> Result<Case<'static>, Reported> {
    let topology = File { name, text, form: Form::Json };
    let alerts: Vec<_> = test.alerts.iter().map(|tree| alert(tree, &mut Log::new(&topology, 0, out))).collect();
    let mut entries = Entries::of_test();
    let mut fed = Ok(());
    match &test.events {
        Events::Inline(trees) => {
            let mut log = Log::new(&topology, 0, out);
            for (number, tree) in (1..).zip(trees) {
                let added = entries.add(tree.value.clone(), &format!("event {number}"));
                fed = fed.and(added.map_err(|error| bad_event(&error, tree.spans.span.clone(), &mut log)));
            }
        }
        Events::File(_) => {
            let (name, text) = *events;
            let file = File { name, text, form: Form::Json };
            // After the topology, in the order of the tests.
            let mut log = Log::new(&file, 1 + place, out);
            for (number, span) in lines(text) {
                let added = line(&text[span.clone()]).and_then(|event| entries.add(event, &format!("line {number}")));
                fed = fed.and(added.map_err(|error| bad_event(&error, span, &mut log)));
            }
        }
    }
    if !test.silence.is_zero() {
        let mut log = Log::new(&topology, 0, out);
        fed = fed.and(entries.add_silence(test.silence).map_err(|error| bad_event(&error, 0..0, &mut log)));
    }
    let alerts = alerts.into_iter().collect::<Result<_, _>>();
    fed.and(alerts).map(|alerts| Case { name: test.name.clone(), entries: entries.into_vec(), alerts })
}

/// The lines that are not blank, with their numbers.
fn lines(text: &str) -> impl Iterator<Item = (usize, Range<usize>)> {
    let mut start = 0;
    let lines = text.split_inclusive('\n').map(move |line| {
        let content = line.trim_ascii();
        let at = start + line.len() - line.trim_ascii_start().len();
        start += line.len();
        at..at + content.len()
    });
    (1..).zip(lines).filter(|(_, span)| !span.is_empty())
}

fn line(text: &str) -> Result<Value<'_>, CaseError> {
    Ok(json::parse(text.as_bytes(), Mode::Tolerant, DEPTH_MAX)?)
}

fn bad_event(error: &CaseError, span: Range<usize>, log: &mut Log<'_>) -> Reported {
    // What is no JSON stands at a place of its own within the event.
    let (span, what) = match error {
        CaseError::Syntax(error) => (span.start + error.offset..span.end, format!("not JSON: {}", error.kind)),
        error => (span, error.to_string()),
    };
    log.report(span, Trouble::new(Code::BadEvent, what))
}

/// What a test expects of an alert: names it has, and the rule.
fn alert(tree: &Tree, log: &mut Log<'_>) -> Result<Value<'static>, Reported> {
    let Some(members) = tree.value.as_object() else { unreachable!("invariant: a list of trees holds tables") };
    let Shape::Record(record) = Alert::shape() else { unreachable!("invariant: an alert is a record") };
    let known: Vec<&str> = record.fields.iter().map(|field| field.name).chain(SHORT_NAMES).collect();
    let mut checked = Ok(());
    for ((name, _), span) in members.iter().zip(&tree.spans.keys) {
        if !known.contains(&name) {
            let trouble = Trouble::new(Code::UnknownKey, format!("an alert has no `{name}`"));
            let trouble = match nearest(name, known.iter().copied()) {
                Some(near) => trouble.help(format!("did you mean `{near}`?")),
                None => trouble.expected(format!("one of {}", known.join(", "))),
            };
            checked = Err(log.report(span.clone(), trouble));
        }
    }
    if members.get("rule_id").is_none() {
        let trouble = Trouble::new(Code::MissingKey, "an alert of no rule").help("say which: `rule_id = \"…\"`");
        checked = Err(log.report(tree.spans.span.clone(), trouble));
    }
    checked.map(|()| tree.value.clone())
}
