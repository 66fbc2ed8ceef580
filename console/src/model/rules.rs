//! Rules and subscriptions as they run: the rule set in force, and what people commanded since.

use std::collections::{BTreeMap, BTreeSet};

use contracts::canonical::Digest;
use contracts::field::Symbols;
use contracts::time::Timestamp;
use detection::json_form;
use detection::rule::RuleSet;

use super::alerts::time;
use super::orders::{Standing, Wants};
use super::{Model, orders};
use crate::wire::view::{MuteJson, RuleJson, Rules, SetJson, SubscriptionJson, Subscriptions, SwitchJson};

/// What commands came to, replayed in their order as tasks do it.
#[derive(Debug, Default)]
struct Commanded<'m> {
    set: Option<(Digest, Standing)>,
    switches: BTreeMap<&'m str, (bool, Standing, &'m orders::Order)>,
    mutes: BTreeMap<Muted<'m>, (Timestamp, Standing, &'m orders::Order)>,
    added: BTreeMap<&'m str, (&'m orders::Order, Standing)>,
    removed: BTreeSet<&'m str>,
}

/// A rule, in a group or in all, on an endpoint or on all.
type Muted<'m> = (&'m str, Option<&'m str>, Option<&'m str>);

impl Model {
    /// Rules of the set in force, and others that raised alerts, by id. Mutes count that end after `now`.
    pub fn rules(&self, now: Timestamp) -> Rules {
        let commanded = self.commanded();
        let set = commanded.set.and_then(|(digest, _)| self.sets.get(&digest));
        let mut rules = BTreeMap::new();
        for watcher in set.iter().flat_map(|set| &set.watchers) {
            for rule in &watcher.rules {
                let id = rule.id.as_str();
                let known = RuleJson {
                    severity: Some(rule.severity.symbol().to_owned()),
                    watcher: Some(watcher.name.clone()),
                    is_on: rule.enabled,
                    ..self.rule_numbers(id)
                };
                rules.insert(id.to_owned(), known);
            }
        }
        for (id, _) in self.tally.rules.iter() {
            rules.entry(id.to_owned()).or_insert_with(|| self.rule_numbers(id));
        }
        for (id, rule) in &mut rules {
            if let Some((is_on, standing, order)) = commanded.switches.get(&**id) {
                rule.is_on = *is_on;
                rule.switched = Some(SwitchJson {
                    by: order.by.clone(),
                    at: time(order.at),
                    reason: order.reason.clone(),
                    confirmed: *standing == Standing::Confirmed,
                });
            }
            let mutes = commanded.mutes.iter().filter(|((rule_id, ..), (until, ..))| rule_id == id && *until > now);
            let mutes = mutes.map(|((_, group_key, endpoint_id), (until, standing, order))| MuteJson {
                group_key: group_key.map(str::to_owned),
                endpoint_id: endpoint_id.map(str::to_owned),
                until: until.to_string(),
                by: order.by.clone(),
                reason: order.reason.clone(),
                confirmed: *standing == Standing::Confirmed,
            });
            rule.mutes = mutes.collect();
        }
        Rules { set: self.set_in_force(&commanded), rules: rules.into_values().collect() }
    }

    /// Those of the set in force that nobody removed, and those added since.
    pub fn subscriptions(&self) -> Subscriptions {
        let commanded = self.commanded();
        let set = commanded.set.and_then(|(digest, _)| self.sets.get(&digest));
        let mut subscriptions = Vec::new();
        for watcher in set.iter().flat_map(|set| &set.watchers) {
            let staying = watcher.subscriptions.iter().filter(|own| !commanded.removed.contains(&*own.id));
            subscriptions.extend(staying.map(|own| SubscriptionJson {
                subscription_id: own.id.clone(),
                watcher: watcher.name.clone(),
                topic: Some(own.topic.to_string()),
                rules: own.rules.iter().map(|rule| rule.as_str().to_owned()).collect(),
                subscription: serde_json::from_str(&json_form::subscription_to_object(own).text()).ok(),
                added_by: None,
                confirmed: true,
            }));
        }
        for (id, (order, standing)) in commanded.added {
            let Wants::Subscribe { watcher, text, rules, .. } = &order.wants else { continue };
            let subscription: Option<serde_json::Value> =
                text.as_deref().and_then(|text| serde_json::from_str(text).ok());
            let topic = subscription.as_ref().and_then(|text| text["topic"].as_str()).map(str::to_owned);
            subscriptions.push(SubscriptionJson {
                subscription_id: id.to_owned(),
                watcher: watcher.clone(),
                topic,
                rules: rules.clone(),
                subscription,
                added_by: Some(order.by.clone()),
                confirmed: standing == Standing::Confirmed,
            });
        }
        Subscriptions { set: self.set_in_force(&self.commanded()), subscriptions }
    }

    fn rule_numbers(&self, id: &str) -> RuleJson {
        let counted = self.tally.rules.get(id).cloned().unwrap_or_default();
        let open =
            self.breakers.iter().filter(|(_, key, breaker)| key.rule_id.as_deref() == Some(id) && !breaker.is_closed());
        RuleJson {
            rule_id: id.to_owned(),
            severity: None,
            watcher: None,
            is_on: false,
            switched: None,
            mutes: Vec::new(),
            breakers_open: open.count() as u64,
            alerts: counted.alerts,
            held_back: counted.held_back,
            last_alert_at: counted.last_alert.map(time),
        }
    }

    fn set_in_force(&self, commanded: &Commanded<'_>) -> Option<SetJson> {
        let (digest, standing) = commanded.set?;
        let name = self.sets.get(&digest).map(|set| set.name.clone());
        Some(SetJson { name, digest: digest.to_string(), confirmed: standing == Standing::Confirmed })
    }

    fn commanded(&self) -> Commanded<'_> {
        let mut commanded = Commanded::default();
        for (order, standing) in self.standing() {
            commanded.take(order, standing, |digest| self.sets.get(digest));
        }
        commanded
    }
}

impl<'m> Commanded<'m> {
    fn take(&mut self, order: &'m orders::Order, standing: Standing, set: impl Fn(&Digest) -> Option<&'m RuleSet>) {
        match &order.wants {
            Wants::Switch { rule_id, is_on } => {
                self.switches.insert(rule_id, (*is_on, standing, order));
            }
            Wants::Mute { rule_id, group_key, endpoint_id, until } => {
                let key = (&**rule_id, group_key.as_deref(), endpoint_id.as_deref());
                self.mutes.insert(key, (*until, standing, order));
            }
            Wants::Subscribe { subscription_id, .. } => {
                self.added.insert(subscription_id, (order, standing));
            }
            Wants::Unsubscribe { subscription_id } => {
                if self.added.remove(&**subscription_id).is_none() {
                    self.removed.insert(subscription_id);
                }
            }
            Wants::Swap { digest } => {
                self.set = Some((*digest, standing));
                // A removal is void once the set itself has no such subscription.
                if let Some(set) = set(digest) {
                    let own: BTreeSet<&str> =
                        set.watchers.iter().flat_map(|watcher| &watcher.subscriptions).map(|own| &*own.id).collect();
                    self.removed.retain(|id| own.contains(id));
                    // What is said of a rule is forgotten with the rule.
                    let rules: BTreeSet<&str> =
                        set.watchers.iter().flat_map(|watcher| &watcher.rules).map(|rule| rule.id.as_str()).collect();
                    self.switches.retain(|id, _| rules.contains(id));
                    self.mutes.retain(|(id, ..), _| rules.contains(id));
                }
            }
            Wants::Acknowledge { .. } | Wants::Resolve { .. } | Wants::Other => {}
        }
    }
}
