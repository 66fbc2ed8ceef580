//! A rule set put together: the rules of each watcher stand in files of their own, its subscriptions in the topology.
//!
//! Invariant: a set that came out compiles. All that is wrong with it is told in one run, where it stands, except that what a
//! subscription names is judged only once everything could be read.
//!
//! Absent on purpose: finding the files, which is I/O.

use std::ops::Range;

use contracts::settings::Tree;

use crate::diagnostic::{Diagnostics, Trouble};
use crate::json_form;
use crate::plan::{Options, Plan, Problem, Subject};
use crate::reading::{self, File, Form, Reading};
use crate::rule::{Fault, Place, RuleSet, Subscription, Watcher};

/// What a rule set is made of.
#[derive(Debug)]
pub struct Parts<'t> {
    pub name: &'t str,
    /// Those of the first watcher first.
    pub files: &'t [File<'t>],
    pub watchers: Vec<WatcherParts<'t>>,
    /// The file of the subscriptions: its name and its text.
    pub topology: (&'t str, &'t str),
}

#[derive(Debug)]
pub struct WatcherParts<'t> {
    pub name: &'t str,
    /// Which of the files hold its rules.
    pub files: Range<usize>,
    pub subscriptions: &'t [Tree],
}

/// A rule set that is good.
#[derive(Debug)]
pub struct Assembled {
    /// With the set that it runs, as [`Plan::rule_set`].
    pub plan: Plan,
    /// Of each rule of the plan, its file.
    pub file_of: Vec<usize>,
}

#[derive(Debug, thiserror::Error)]
pub enum AssemblyError {
    #[error("{0}")]
    Diagnostics(Diagnostics),
    /// With the set as a whole, which stands at no line of any file.
    #[error("{0}")]
    Set(Box<Problem>),
}

pub fn assemble(parts: &Parts<'_>, options: &Options<'_>) -> Result<Assembled, AssemblyError> {
    let mut reading = reading::read(parts.files);
    let (name, text) = parts.topology;
    // Its parts mean what they would as JSON.
    let topology = File { name, text, form: Form::Json };
    let Some(set) = set(parts, &mut reading, &topology) else { return Err(told(reading)) };
    let file_of = (0..reading.rules().len()).map(|rule| reading.file_of(rule)).collect();
    let all_read = reading.diagnostics().is_empty();
    let problems = match Plan::compile(&set, &[], options) {
        Ok(plan) if all_read => return Ok(Assembled { plan, file_of }),
        Ok(_) => Vec::new(),
        Err(problems) => problems,
    };
    for problem in problems {
        match problem.subject {
            Subject::Rule { watcher, rule } => {
                let before: usize = set.watchers[..watcher].iter().map(|watcher| watcher.rules.len()).sum();
                reading.fault(before + rule, &problem.fault);
            }
            Subject::Subscription { watcher, subscription } if all_read => {
                let span = span(&parts.watchers[watcher].subscriptions[subscription], &problem.fault);
                reading.log_beside(&topology).report(span, with_id(&problem));
            }
            Subject::Set if all_read => return Err(AssemblyError::Set(problem.into())),
            // What cannot be read is told instead of the set that it leaves.
            Subject::Subscription { .. } | Subject::Set | Subject::Added(_) => {}
        }
    }
    Err(told(reading))
}

/// The rules that could be read, and the subscriptions; `None` if one of these could not: rules that it names would seem to
/// see nothing.
fn set(parts: &Parts<'_>, reading: &mut Reading<'_>, topology: &File<'_>) -> Option<RuleSet> {
    let mut watchers = Vec::new();
    for watcher in &parts.watchers {
        let rules = reading.rules().iter().enumerate();
        let rules = rules.filter(|(rule, _)| watcher.files.contains(&reading.file_of(*rule)));
        let rules = rules.map(|(_, rule)| rule.clone()).collect();
        let mut log = reading.log_beside(topology);
        let subscriptions: Vec<Result<Subscription, _>> =
            watcher.subscriptions.iter().map(|tree| json_form::subscription_from_tree(tree, &mut log)).collect();
        watchers.push((watcher.name.to_owned(), subscriptions, rules));
    }
    let watchers = watchers.into_iter().map(|(name, subscriptions, rules)| {
        let subscriptions = subscriptions.into_iter().collect::<Result<_, _>>().ok()?;
        Some(Watcher { name, subscriptions, rules })
    });
    Some(RuleSet { name: parts.name.to_owned(), watchers: watchers.collect::<Option<_>>()? })
}

fn told(reading: Reading<'_>) -> AssemblyError {
    let diagnostics = reading.finish().err();
    AssemblyError::Diagnostics(diagnostics.expect("invariant: whatever gives no plan was recorded"))
}

/// Unlike a rule, a subscription has no head that a reader would know it by.
fn with_id(problem: &Problem) -> Trouble {
    let what = format!("subscription `{}`: {}", problem.name, problem.fault.what);
    Trouble::from(&Fault { what, ..problem.fault.clone() })
}

/// Where a compiler's fault stands in a subscription.
fn span(subscription: &Tree, fault: &Fault) -> Range<usize> {
    let Tree { value, spans } = subscription;
    let member = |name: &str| {
        let place = value.as_object()?.iter().position(|(member, _)| member == name)?;
        spans.inner.get(place)
    };
    let found = match &fault.place {
        Place::Key(name, item) => {
            member(name).map(|member| item.and_then(|item| member.inner.get(item)).unwrap_or(member))
        }
        Place::Rule => member("subscription_id"),
        Place::Filter(_) => None,
    };
    found.unwrap_or(spans).span.clone()
}
