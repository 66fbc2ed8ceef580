//! One rule as it runs.

use std::collections::BTreeSet;

use contracts::avro::EventView;

use super::Role;
use super::check::windows::by;
use super::check::{caps, fault, never, template, windows};
use super::paths::{PathId, PathList, Paths};
use super::predicate::{self, Node, Values, all_hold};
use super::terms::{Terms, below};
use crate::eval::{OverBudget, Work};
use crate::jsonpath::Path;
use crate::rule::{Count, CountOf, Fault, Place, Rule, Step, TopicPattern, Window};

#[derive(Debug)]
pub(super) struct Matcher {
    /// All must hold, whatever the windows ask.
    pub conditions: Vec<Node>,
    pub shape: Shape,
    /// What its groups are told apart by.
    pub group: Vec<PathId>,
    /// The values that its distinct terms count.
    pub distinct: Vec<PathId>,
    /// Places of the subscriptions that name it, ascending; none: it sees what its own topics say.
    pub subscriptions: Vec<usize>,
}

#[derive(Debug)]
pub(super) enum Shape {
    /// Each event for which the conditions hold is a match, or counts as one.
    Each,
    Sequence(Vec<Stage>),
    Absence {
        step: Box<Stage>,
        after: Box<Stage>,
    },
}

/// What an event has to be to serve as a step.
#[derive(Debug)]
pub(super) struct Stage {
    pub topic: TopicPattern,
    pub filter: Option<Node>,
}

impl Matcher {
    /// What the event is to the rule, which sees it; `None` if nothing.
    pub fn role(
        &self,
        event: &EventView<'_>,
        values: &impl Values,
        work: &mut Work,
    ) -> Result<Option<Role>, OverBudget> {
        if !all_hold(&self.conditions, values, work)? {
            return Ok(None);
        }
        match &self.shape {
            Shape::Each => Ok(Some(Role::Match)),
            Shape::Sequence(stages) => {
                let mut steps = Vec::new();
                for (place, stage) in stages.iter().enumerate() {
                    if stage.is_met(event, values, work)? {
                        steps.push(place);
                    }
                }
                Ok((!steps.is_empty()).then_some(Role::Steps(steps)))
            }
            Shape::Absence { step, after } => {
                let (after, step) = (after.is_met(event, values, work)?, step.is_met(event, values, work)?);
                Ok((after || step).then_some(Role::Absence { after, step }))
            }
        }
    }

    /// The paths whose values it compares or counts, each once, in the order of the text.
    pub fn compared(&self, paths: &Paths) -> Vec<Path> {
        let mut read = Vec::new();
        self.nodes().for_each(|node| node.paths(&mut read));
        read.extend(&self.distinct);
        let mut known = BTreeSet::new();
        read.retain(|path| known.insert(*path));
        read.into_iter().map(|path| paths.get(path).clone()).collect()
    }

    /// Every condition of it, in the order of the text.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.conditions.iter().chain(self.stages().filter_map(|stage| stage.filter.as_ref()))
    }

    /// The steps of its sequence or its absence.
    pub fn stages(&self) -> impl Iterator<Item = &Stage> {
        let (sequence, absence): (&[Stage], _) = match &self.shape {
            Shape::Each => (&[], None),
            Shape::Sequence(stages) => (stages, None),
            Shape::Absence { step, after } => (&[], Some([&**step, &**after])),
        };
        sequence.iter().chain(absence.into_iter().flatten())
    }
}

impl Stage {
    fn is_met(&self, event: &EventView<'_>, values: &impl Values, work: &mut Work) -> Result<bool, OverBudget> {
        Ok(self.topic.matches(event.topic)
            && match &self.filter {
                Some(filter) => filter.holds(values, work)?,
                None => true,
            })
    }
}

/// A rule's windows and how it runs; `None` only beside a fault.
pub(super) fn compile(
    rule: &Rule,
    playbooks: Option<&[String]>,
    paths: &mut PathList,
    faults: &mut Vec<Fault>,
) -> Option<(Vec<Window>, Matcher)> {
    let faults_before = faults.len();
    let terms = Terms::of(rule.filter.as_ref(), faults);
    windows::check(rule, &terms, faults);
    caps::check(rule, playbooks, faults);
    let windows: Vec<Window> = terms.windows.iter().map(|(_, window)| (*window).clone()).collect();
    template::check(rule, &windows, faults);

    let conditions = terms.conditions.iter().map(|(place, expr)| predicate::compile(expr, place, paths, faults));
    let conditions: Vec<Option<Node>> = conditions.collect();
    let shape = match terms.windows.as_slice() {
        [(place, Window::Sequence { steps, .. })] => {
            let stages = steps.iter().enumerate().map(|(child, step)| stage(step, &below(place, child), paths, faults));
            Shape::Sequence(stages.collect())
        }
        [(place, Window::Absent { step, after, .. })] => Shape::Absence {
            step: Box::new(stage(step, &below(place, 0), paths, faults)),
            after: Box::new(stage(after, &below(place, 1), paths, faults)),
        },
        _ => Shape::Each,
    };
    if faults.len() > faults_before {
        return None;
    }

    let conditions: Vec<Node> = conditions.into_iter().collect::<Option<_>>()?;
    let group = rule.group_by.iter().chain(windows.first().map(by).unwrap_or_default());
    let distinct = windows.iter().filter_map(|window| match window {
        Window::Count(Count { of: CountOf::Distinct(path), .. }) => Some(path),
        _ => None,
    });
    let matcher = Matcher {
        group: group.map(|path| paths.id(path)).collect(),
        distinct: distinct.map(|path| paths.id(path)).collect(),
        conditions,
        shape,
        subscriptions: Vec::new(),
    };
    check_never(&matcher, &terms, paths, faults);
    (faults.len() == faults_before).then_some((windows, matcher))
}

fn stage(step: &Step, place: &[usize], paths: &mut PathList, faults: &mut Vec<Fault>) -> Stage {
    let filter = step.filter.as_ref().and_then(|filter| predicate::compile(filter, place, paths, faults));
    Stage { topic: step.topic.clone(), filter }
}

fn check_never(matcher: &Matcher, terms: &Terms<'_>, paths: &PathList, faults: &mut Vec<Fault>) {
    let mut refuse = |place: Vec<usize>, what: &str, why: String| {
        let help = Some("mend the condition, or take the rule away".to_owned());
        faults.push(Fault { found: Some(why), help, ..fault(Place::Filter(place), what) });
    };
    let conditions: Vec<&Node> = matcher.conditions.iter().collect();
    if let Some(why) = never(&conditions, paths) {
        let place = match terms.conditions.as_slice() {
            [(place, _)] => place.clone(),
            _ => Vec::new(),
        };
        return refuse(place, "a rule that can never match", why);
    }
    let window = terms.windows.first().map(|(place, _)| place.as_slice()).unwrap_or_default();
    for (child, stage) in matcher.stages().enumerate() {
        let together: Vec<&Node> = conditions.iter().copied().chain(&stage.filter).collect();
        if let Some(why) = never(&together, paths) {
            refuse(below(window, child), "a step that no event can be", why);
        }
    }
}
