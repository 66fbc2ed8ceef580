//! `tripline topology check`: the file, the rule set that it makes, and its tests.
//!
//! Invariant: of several files each is checked, whatever the others are like.

use std::fmt::Write as _;
use std::num::NonZeroU32;
use std::sync::Arc;

use contracts::topics::TELEMETRY_EVENTS;
use contracts::topology::{Events, Topology};
use detection::plan::Plan;
use detection::scenario::{Case, Rig, TestFile, failure, read_tests};
use serde_json::json;

use crate::args::{self, Common, Form};
use crate::failure::Failure;
use crate::rule_set::{self, files};
use crate::settled::{self, Deployment};
use crate::terminal;

pub fn run(args: &args::TopologyCheck, common: &Common) -> Result<(), Failure> {
    let config = settled::config(common, Vec::new())?;
    let form = common.output;
    if let [] | [_] = &*args.files {
        return check(&settled::topology(args.files.first().map(|file| &**file), &config)?, form);
    }
    let mut bad = 0;
    for file in &args.files {
        if let Err(failure) = Deployment::read(file).and_then(|deployment| check(&deployment, form)) {
            if let Failure::OutputClosed = failure {
                return Err(failure);
            }
            failure.report(form);
            bad += 1;
        }
    }
    if bad == 0 { Ok(()) } else { Err(Failure::Files { bad, of: args.files.len() }) }
}

fn check(deployment: &Deployment, form: Form) -> Result<(), Failure> {
    let (rule_set, tests) = match (rule_set::of_topology(deployment, None, form), tests(deployment, form)) {
        (Ok(rule_set), Ok(tests)) => (rule_set, tests),
        // Both were told.
        (Err(Failure::Checks { count: one }), Err(Failure::Checks { count: other })) => {
            return Err(Failure::Checks { count: one + other });
        }
        (Err(failure), _) | (_, Err(failure)) => return Err(failure),
    };
    let plan = Arc::new(rule_set.plan);
    let failures: Vec<Failed> =
        tests.iter().filter_map(|test| try_out(test, &plan, partitions(&deployment.topology))).collect();
    tell(deployment, &plan, tests.len(), &failures, form)?;
    match failures.len() {
        0 => Ok(()),
        failed => Err(Failure::CasesFailed { failed, cases: tests.len() }),
    }
}

/// The tests with the files of events that they name.
fn tests(deployment: &Deployment, form: Form) -> Result<Vec<Case<'static>>, Failure> {
    let tests = &deployment.topology.tests;
    let events = tests.iter().map(|test| match &test.events {
        Events::Inline(_) => Ok((String::new(), String::new())),
        Events::File(path) => {
            let path = deployment.directory.join(path);
            let text = files::read_text(&path, "cannot read the events")?;
            Ok((path.display().to_string(), text))
        }
    });
    let events = events.collect::<Result<Vec<_>, Failure>>()?;
    let tests: Vec<_> =
        tests.iter().zip(&events).map(|(test, (name, text))| TestFile { test, events: (name, text) }).collect();
    read_tests((&deployment.name, &deployment.text), &tests).map_err(|diagnostics| rule_set::tell(&diagnostics, form))
}

/// A test that did not end as it should.
struct Failed {
    test: String,
    /// In lines, for people.
    why: String,
}

fn try_out(test: &Case<'_>, plan: &Arc<Plan>, partitions: NonZeroU32) -> Option<Failed> {
    let mut rig = Rig::over(Arc::clone(plan), partitions);
    test.entries.iter().for_each(|entry| rig.feed(entry));
    failure(test, &rig).map(|why| Failed { test: test.name.clone(), why })
}

/// As many as the deployment has: no alert depends on it, and the tests show that. Time passes on each of them, though.
fn partitions(topology: &Topology) -> NonZeroU32 {
    const MAX: NonZeroU32 = NonZeroU32::new(64).expect("invariant: 64 is not zero");
    topology.topic(TELEMETRY_EVENTS).map_or(NonZeroU32::MIN, |topic| topic.partitions.min(MAX))
}

fn tell(deployment: &Deployment, plan: &Plan, tests: usize, failures: &[Failed], form: Form) -> Result<(), Failure> {
    let Topology { name, log, topics, .. } = &deployment.topology;
    let partitions: u32 = topics.iter().map(|topic| topic.partitions.get()).sum();
    let (file, log, topics, rules) = (&deployment.name, log.as_str(), topics.len(), plan.rules.len());
    terminal::print(match form {
        Form::Text if failures.is_empty() => format!(
            "{file} is good: {name} on {log}, {topics} topics, {partitions} partitions, {rules} rules, {tests} tests\n"
        ),
        Form::Text => {
            let mut text = format!("{file}: {} of {tests} tests failed\n", failures.len());
            for Failed { test, why } in failures {
                writeln!(text, "  {test}").expect("invariant: a String takes text");
                why.lines().for_each(|line| writeln!(text, "    {line}").expect("invariant: a String takes text"));
            }
            terminal::escaped_lines(&text).into_owned()
        }
        Form::Json => {
            let failures: Vec<_> =
                failures.iter().map(|failed| json!({ "test": failed.test, "why": failed.why })).collect();
            let object = json!({
                "file": file, "topology": name, "log": log, "topics": topics, "partitions": partitions,
                "rule_set": plan.set.name, "digest": plan.set.digest.to_string(), "rules": rules,
                "tests": tests, "failures": failures,
            });
            format!("{object}\n")
        }
    })
}
