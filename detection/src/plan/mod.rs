//! Rules and subscriptions, compiled once into what every event is held against.
//!
//! Invariant: immutable, and equal to what the rules say: for each event the plan finds exactly the hits that a plain reading
//! of the rules finds (tests/reference). A rule set with an error gives no plan at all.
//!
//! Absent on purpose: state. Whether a rule is switched off or muted, and what its windows hold, is in the view.

mod candidates;
mod check;
mod compile;
mod details;
mod digest;
mod entry;
mod explain;
mod field_index;
mod gates;
mod group;
mod index;
mod literal;
mod matcher;
mod matching;
mod need;
mod paths;
mod predicate;
mod problem;
mod routing;
mod scratch;
mod selection;
mod terms;
mod unescape;
mod values;

pub use problem::{Problem, Subject};
pub use scratch::Scratch;

use std::collections::BTreeMap;

use contracts::avro::EventView;
use contracts::canonical::Digest;
use contracts::field::{JsonObject, NotAJsonObject};
use contracts::id::RuleId;
use contracts::json::{Object, Value};
use contracts::records::RuleSetRef;

use crate::jsonpath::Path;
use crate::limits::Limits;
use crate::rule::{Rule, RuleSet, Subscription, Window};
use compile::Emptiness;
use index::Index;
use matcher::Matcher;
use paths::Paths;
use selection::{Named, Selector};

/// What a plan depends on beside the rules and the subscriptions.
#[derive(Debug, Clone, Default)]
pub struct Options<'a> {
    pub limits: Limits,
    /// The playbooks that a rule may name; unchecked without a list.
    pub playbooks: Option<&'a [String]>,
    /// Ids of subscriptions of the set that were removed at run time.
    pub removed: &'a [String],
}

#[derive(Debug)]
pub struct Plan {
    pub set: RuleSetRef,
    pub limits: Limits,
    pub rules: Vec<PlannedRule>,
    pub subscriptions: Vec<PlannedSubscription>,
    /// What it was compiled from, for [`Plan::recompile`].
    pub rule_set: RuleSet,
    playbooks: Option<Vec<String>>,
    /// How each of [`Plan::subscriptions`] runs.
    selectors: Vec<Selector>,
    named: Named,
    /// Places of the rules by their ids.
    places: BTreeMap<RuleId, usize>,
    paths: Paths,
    index: Index,
}

#[derive(Debug)]
pub struct PlannedRule {
    pub rule: Rule,
    /// The watcher's name.
    pub source: String,
    /// Of all that can change an alert.
    pub digest: Digest,
    /// Of selection, predicate, windows and scope: while it stays, the rule's state stays.
    pub state_digest: Digest,
    pub routing: Routing,
    /// The window terms of the filter: none; one or more counts; one sequence; or one absence.
    pub windows: Vec<Window>,
    /// The paths whose values it compares.
    compared: Vec<Path>,
    matcher: Matcher,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PlannedSubscription {
    pub watcher: String,
    pub subscription: Subscription,
}

/// Where a rule's state lives, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Routing {
    /// With the endpoint: the scope contains the partition key.
    Fused { why: String },
    /// With the group, in stage two.
    Routed { why: String },
}

/// An event that a rule's predicate holds for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// Which of [`Plan::rules`].
    pub rule: usize,
    pub role: Role,
    /// Canonical JSON array; none if the event lacks a value that the rule groups by, or they are too long.
    pub group_key: Option<String>,
    /// For each distinct count of the rule, in their order, the value's hash; none if the event has no such value.
    pub values: Vec<Option<Digest>>,
}

/// What an event is to a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// All of the predicate holds.
    Match,
    /// It can serve as any of these steps of a sequence, ascending.
    Steps(Vec<usize>),
    /// Of an absence: it opens the wait, or answers it, or both (then it answers first).
    Absence { after: bool, step: bool },
}

/// The hits of one event, in the order of the rules, and its payload once something had to look into it.
#[derive(Debug, Default)]
pub struct Matched<'e> {
    pub hits: Vec<Hit>,
    pub payload: Option<Value<'e>>,
    /// Rules whose evaluation went over the budget of work.
    pub over_budget: Vec<usize>,
}

impl Plan {
    /// The plan of a set and of the subscriptions `added` at run time; or all that is wrong with them, in their order.
    pub fn compile(set: &RuleSet, added: &[PlannedSubscription], options: &Options<'_>) -> Result<Self, Vec<Problem>> {
        compile::compile(set, added, options, Emptiness::Refuse)
    }

    /// What runs before any rule set was swapped in: nothing. Nobody can ask for it.
    pub fn nothing(limits: Limits) -> Self {
        let set = RuleSet { name: "none".to_owned(), watchers: Vec::new() };
        let options = Options { limits, ..Options::default() };
        let plan = compile::compile(&set, &[], &options, Emptiness::Allow);
        plan.unwrap_or_else(|problems| unreachable!("invariant: no rules, nothing wrong with them: {problems:?}"))
    }

    /// The plan of another set, or of other subscriptions, that runs as this one does.
    pub fn recompile(
        &self,
        set: &RuleSet,
        added: &[PlannedSubscription],
        removed: &[String],
    ) -> Result<Self, Vec<Problem>> {
        let options = Options { limits: self.limits.clone(), playbooks: self.playbooks.as_deref(), removed };
        Self::compile(set, added, &options)
    }

    /// What the rules find in one event.
    ///
    /// `limited` is asked about each subscription with a rate that selects the event and has a rule that sees it, once, in
    /// the order of [`Plan::subscriptions`]: `true` if the event is over the rate, so that the subscription does not select it.
    pub fn matching<'e>(
        &self,
        event: &EventView<'e>,
        scratch: &mut Scratch,
        limited: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Matched<'e>, NotAJsonObject> {
        matching::matching(self, event, scratch, limited)
    }

    /// Whether some rule names watcher events of this type or topic without a wildcard, so that it sees them.
    pub fn hears(&self, event_type: &str, topic: &str) -> bool {
        self.named.contains(event_type, topic)
    }

    /// What will run, for people.
    pub fn explain(&self) -> String {
        explain::text(self)
    }

    /// What will run, for programs: an object of `set`, `rules`, `subscriptions` and `fields`.
    pub fn explain_json(&self) -> Object<'static> {
        explain::json(self)
    }

    pub fn rule(&self, id: &RuleId) -> Option<&PlannedRule> {
        self.places.get(id).map(|&place| &self.rules[place])
    }
}

impl PlannedRule {
    /// The values that the rule compared, by path, as `rule.matched` tells them.
    pub fn details(&self, payload: &Value<'_>) -> JsonObject {
        details::of(&self.compared, payload)
    }
}
