//! From a rule set and the subscriptions added to it to a plan, or to all that is wrong with them.

use std::collections::BTreeMap;

use contracts::id::RuleId;
use contracts::records::RuleSetRef;

use super::check::{fault, selection, unknown};
use super::entry::{self, Entry, Target};
use super::index::Index;
use super::matcher::{self, Matcher};
use super::paths::{PathList, Paths};
use super::predicate;
use super::selection::{Named, Selector};
use super::{Options, Plan, PlannedRule, PlannedSubscription, Problem, Subject, digest, routing};
use crate::json_form;
use crate::limits::{RULES_MAX, SUBSCRIPTIONS_MAX};
use crate::rule::{Fault, Place, Rule, RuleSet, Subscription, Window};

/// Whether a set may have no rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Emptiness {
    Refuse,
    Allow,
}

pub(super) fn compile(
    set: &RuleSet,
    added: &[PlannedSubscription],
    options: &Options<'_>,
    emptiness: Emptiness,
) -> Result<Plan, Vec<Problem>> {
    let rules = rules_of(set);
    let subscriptions = subscriptions_of(set, added, options.removed);
    let mut problems = Problems::default();
    problems.add_all(Subject::Set, &set.name, check_sizes(&rules, &subscriptions, emptiness));
    let places = problems.rule_places(&rules);
    problems.check_subscription_ids(&subscriptions);

    let mut paths = PathList::default();
    let mut matchers: Vec<Option<(Vec<Window>, Matcher)>> = Vec::new();
    for source in &rules {
        let mut faults = Vec::new();
        matchers.push(matcher::compile(source.item, options.playbooks, &mut paths, &mut faults));
        problems.add_all(source.subject, source.item.id.as_str(), faults);
    }
    let mut selectors = Vec::new();
    for source in &subscriptions {
        let mut faults = Vec::new();
        selectors.extend(selector(source.item, &places, &mut paths, &mut faults));
        problems.add_all(source.subject, &source.item.id, faults);
    }
    let mut naming: BTreeMap<&RuleId, Vec<&Subscription>> = BTreeMap::new();
    for source in &subscriptions {
        source.item.rules.iter().for_each(|id| naming.entry(id).or_default().push(source.item));
    }
    for source in &rules {
        let naming = naming.get(&source.item.id).map(Vec::as_slice).unwrap_or_default();
        problems.add_all(source.subject, source.item.id.as_str(), selection::check(source.item, naming));
    }
    problems.none()?;

    let paths = paths.finish();
    let mut compiled: Vec<(Vec<Window>, Matcher)> = matchers.into_iter().flatten().collect();
    for (place, selector) in selectors.iter().enumerate() {
        for &rule in &selector.rules {
            compiled[rule].1.subscriptions.push(place);
        }
    }
    let planned: Vec<PlannedRule> = rules
        .iter()
        .zip(compiled)
        .map(|(source, (windows, matcher))| {
            let feeding: Vec<&Subscription> =
                matcher.subscriptions.iter().map(|&place| subscriptions[place].item).collect();
            planned(source, windows, &feeding, matcher, &paths)
        })
        .collect();
    let places = planned.iter().zip(0..).map(|(planned, place)| (planned.rule.id.clone(), place)).collect();
    let subscriptions: Vec<PlannedSubscription> = subscriptions.iter().map(Source::planned).collect();
    let index = Index::new(&entries(&planned, &subscriptions, &selectors, &paths), &paths);
    Ok(Plan {
        set: RuleSetRef { name: set.name.clone(), digest: json_form::set_to_json(set).digest() },
        limits: options.limits.clone(),
        rules: planned,
        subscriptions,
        rule_set: set.clone(),
        playbooks: options.playbooks.map(<[String]>::to_vec),
        selectors,
        places,
        named: Named::of(set.watchers.iter().flat_map(|watcher| &watcher.rules)),
        paths,
        index,
    })
}

/// A rule or a subscription, whose it is and where it stands.
struct Source<'r, T> {
    subject: Subject,
    watcher: &'r str,
    item: &'r T,
}

impl Source<'_, Subscription> {
    fn planned(&self) -> PlannedSubscription {
        PlannedSubscription { watcher: self.watcher.to_owned(), subscription: self.item.clone() }
    }
}

fn rules_of(set: &RuleSet) -> Vec<Source<'_, Rule>> {
    let rules = set.watchers.iter().enumerate().flat_map(|(watcher, of)| {
        of.rules.iter().enumerate().map(move |(rule, item)| Source {
            subject: Subject::Rule { watcher, rule },
            watcher: &of.name,
            item,
        })
    });
    rules.collect()
}

fn subscriptions_of<'r>(
    set: &'r RuleSet,
    added: &'r [PlannedSubscription],
    removed: &[String],
) -> Vec<Source<'r, Subscription>> {
    let own = set.watchers.iter().enumerate().flat_map(|(watcher, of)| {
        of.subscriptions.iter().enumerate().map(move |(subscription, item)| Source {
            subject: Subject::Subscription { watcher, subscription },
            watcher: of.name.as_str(),
            item,
        })
    });
    let own = own.filter(|source| !removed.contains(&source.item.id));
    let added = added.iter().enumerate().map(|(place, added)| Source {
        subject: Subject::Added(place),
        watcher: &added.watcher,
        item: &added.subscription,
    });
    own.chain(added).collect()
}

fn check_sizes(
    rules: &[Source<'_, Rule>],
    subscriptions: &[Source<'_, Subscription>],
    emptiness: Emptiness,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    if rules.is_empty() && emptiness == Emptiness::Refuse {
        faults.push(Fault {
            expected: Some("one rule at least".to_owned()),
            help: Some("a set without rules would watch nothing and say nothing of it".to_owned()),
            ..fault(Place::Rule, "an empty rule set")
        });
    }
    for (kind, found, max) in
        [("rules", rules.len(), RULES_MAX), ("subscriptions", subscriptions.len(), SUBSCRIPTIONS_MAX)]
    {
        if found > max {
            faults.push(Fault {
                expected: Some(format!("at most {max}")),
                found: Some(found.to_string()),
                ..fault(Place::Rule, format!("too many {kind}"))
            });
        }
    }
    faults
}

/// `None` only beside a fault.
fn selector(
    subscription: &Subscription,
    places: &BTreeMap<&str, usize>,
    paths: &mut PathList,
    faults: &mut Vec<Fault>,
) -> Option<Selector> {
    let faults_before = faults.len();
    let mut rules = Vec::new();
    for (item, id) in subscription.rules.iter().enumerate() {
        match places.get(id.as_str()) {
            Some(&place) => rules.push(place),
            None => faults.push(unknown(Place::Key("rules", Some(item)), "rule", id.as_str(), places.keys().copied())),
        }
    }
    rules.sort_unstable();
    rules.dedup();
    let filters = subscription.payload_filters.iter().enumerate().map(|(item, filter)| {
        predicate::compile_filter(filter, Place::Key("payload_filters", Some(item)), paths, faults)
    });
    let filters: Vec<_> = filters.collect();
    let filters: Vec<_> = filters.into_iter().collect::<Option<_>>()?;
    selection::check_subscription(subscription, &filters, paths, faults);
    (faults.len() == faults_before).then_some(Selector { filters, rules })
}

fn planned(
    source: &Source<'_, Rule>,
    windows: Vec<Window>,
    feeding: &[&Subscription],
    matcher: Matcher,
    paths: &Paths,
) -> PlannedRule {
    PlannedRule {
        rule: source.item.clone(),
        source: source.watcher.to_owned(),
        digest: digest::of_rule(source.item),
        state_digest: digest::of_state(source.item, feeding),
        routing: routing::decide(source.item, &windows),
        windows,
        compared: matcher.compared(paths),
        matcher,
    }
}

/// Under what everything is filed that an event is held against.
fn entries(
    rules: &[PlannedRule],
    subscriptions: &[PlannedSubscription],
    selectors: &[Selector],
    paths: &Paths,
) -> Vec<(Entry, Target)> {
    let of_rules = rules.iter().zip(0..).flat_map(|(planned, target)| {
        let entries = entry::of_rule(planned, subscriptions, selectors, paths);
        entries.into_iter().map(move |entry| (entry, target))
    });
    let first = Target::try_from(rules.len()).expect("invariant: rules are capped");
    let limits = subscriptions.iter().zip(selectors).zip(first..);
    let of_limits = limits
        .filter(|((planned, _), _)| planned.subscription.events_per_sec_max.is_some())
        .map(|((planned, selector), target)| (entry::of_limit(planned, selector, paths), target));
    of_rules.chain(of_limits).collect()
}

#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn add_all(&mut self, subject: Subject, name: &str, faults: Vec<Fault>) {
        self.0.extend(faults.into_iter().map(|fault| Problem { subject, name: name.to_owned(), fault }));
    }

    /// The place of each rule by its id, which no two may have: state, commands and alerts are found by it.
    fn rule_places<'r>(&mut self, rules: &[Source<'r, Rule>]) -> BTreeMap<&'r str, usize> {
        let mut places = BTreeMap::new();
        for (place, source) in rules.iter().enumerate() {
            let id = source.item.id.as_str();
            let first = *places.entry(id).or_insert(place);
            if first != place {
                let twice = Fault {
                    found: Some(format!("the same id in watcher `{}`", rules[first].watcher)),
                    help: Some("give one of them another name".to_owned()),
                    ..fault(Place::Rule, "a rule id that another rule has")
                };
                self.add_all(source.subject, id, vec![twice]);
            }
        }
        places
    }

    fn check_subscription_ids(&mut self, subscriptions: &[Source<'_, Subscription>]) {
        let mut watchers = BTreeMap::new();
        for source in subscriptions {
            if let Some(first) = watchers.insert(source.item.id.as_str(), source.watcher) {
                let twice = Fault {
                    found: Some(format!("the same id in watcher `{first}`")),
                    help: Some("give one of them another id: `unsubscribe` names it alone".to_owned()),
                    ..fault(Place::Rule, "a subscription id that another subscription has")
                };
                self.add_all(source.subject, &source.item.id, vec![twice]);
            }
        }
    }

    /// In the order of what they are about.
    fn none(mut self) -> Result<(), Vec<Problem>> {
        self.0.sort_by_key(|problem| problem.subject);
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }
}
