//! `tripline rules test`: each case of each rule, fed to the rule alone.

use std::fmt::Write as _;
use std::sync::Arc;

use detection::plan::Plan;
use detection::scenario::{self, Case, Rig, failure};
use serde_json::json;

use super::plan;
use crate::args::Form;
use crate::failure::Failure;
use crate::rule_set::RuleSetFiles;
use crate::terminal;

/// What became of the cases of one rule.
struct Tested {
    rule: String,
    cases: usize,
    failures: Vec<Failed>,
}

struct Failed {
    case: String,
    /// In lines, for people.
    why: String,
}

pub fn run(read: &RuleSetFiles, form: Form) -> Result<(), Failure> {
    let mut failed = 0;
    let mut cases = 0;
    for (planned, file) in read.plan.rules.iter().zip(&read.file_of) {
        let rule = &planned.rule;
        let alone = plan(vec![rule.clone()]).expect("invariant: a good rule is good alone");
        let alone = Arc::new(alone);
        let mut tested = Tested { rule: rule.id.to_string(), cases: 0, failures: Vec::new() };
        for named in &rule.tests {
            let (name, text) = read.files.cases(*file, named)?;
            let read = scenario::read(&text).map_err(|error| Failure::Cases { file: name, error })?;
            tested.cases += read.len();
            tested.failures.extend(read.iter().filter_map(|case| check(case, Arc::clone(&alone))));
        }
        failed += tested.failures.len();
        cases += tested.cases;
        tell(&tested, form)?;
    }
    let rules = read.plan.rules.len();
    terminal::print(match form {
        Form::Text => format!("{rules} rules, {cases} cases, {failed} failed\n"),
        Form::Json => format!("{}\n", json!({ "rules": rules, "cases": cases, "failed": failed })),
    })?;
    if failed == 0 { Ok(()) } else { Err(Failure::CasesFailed { failed, cases }) }
}

fn tell(tested: &Tested, form: Form) -> Result<(), Failure> {
    let Tested { rule, cases, failures } = tested;
    match form {
        Form::Text => {
            let mut text = match failures.len() {
                0 if *cases == 0 => format!("{rule}: no cases\n"),
                0 => format!("{rule}: {cases} cases, all good\n"),
                failed => format!("{rule}: {cases} cases, {failed} failed\n"),
            };
            for Failed { case, why } in failures {
                writeln!(text, "  {case}").expect("invariant: a String takes text");
                why.lines().for_each(|line| writeln!(text, "    {line}").expect("invariant: a String takes text"));
            }
            terminal::print(terminal::escaped_lines(&text))
        }
        Form::Json => {
            let failures: Vec<_> =
                failures.iter().map(|failed| json!({ "case": failed.case, "why": failed.why })).collect();
            terminal::print(format!("{}\n", json!({ "rule": rule, "cases": cases, "failures": failures })))
        }
    }
}

fn check(case: &Case<'_>, plan: Arc<Plan>) -> Option<Failed> {
    let mut rig = Rig::new(plan);
    case.entries.iter().for_each(|entry| rig.feed(entry));
    failure(case, &rig).map(|why| Failed { case: case.name.clone(), why })
}
