//! Rule sets.

use contracts::json::{Object, Value};

use super::members::Members;
use super::subscription::each;
use super::{rule, subscription};
use crate::diagnostic::{Log, Reported};
use crate::form::{Items, Node};
use crate::reading::Form;
use crate::rule::{RuleSet, Watcher};

pub(super) fn read(node: &Node, log: &mut Log<'_>) -> Result<RuleSet, Reported> {
    let members = Members::open(node, &["name", "watchers"], log)?;
    let name = name(&members, log);
    let watchers = members.required("watchers", log).and_then(|node| each(node, log, watcher));
    Ok(RuleSet { name: name?, watchers: watchers? })
}

fn name(members: &Members<'_>, log: &mut Log<'_>) -> Result<String, Reported> {
    let node = members.required("name", log)?;
    Items { form: Form::Json, log }.string(node)
}

fn watcher(node: &Node, log: &mut Log<'_>) -> Result<Watcher, Reported> {
    let members = Members::open(node, &["name", "subscriptions", "rules"], log)?;
    let name = name(&members, log);
    let subscriptions = members.required("subscriptions", log).and_then(|node| each(node, log, subscription::read));
    let rules = members.required("rules", log).and_then(|node| each(node, log, rule::read));
    let rules = rules.map(|rules| rules.into_iter().map(|(rule, _)| rule).collect());
    Ok(Watcher { name: name?, subscriptions: subscriptions?, rules: rules? })
}

pub(super) fn write(set: &RuleSet) -> Object<'static> {
    let watchers: Vec<Value<'static>> = set.watchers.iter().map(|watcher| write_watcher(watcher).into()).collect();
    Object::new().with("name", set.name.clone()).with("watchers", watchers)
}

fn write_watcher(watcher: &Watcher) -> Object<'static> {
    let subscriptions: Vec<Value<'static>> =
        watcher.subscriptions.iter().map(|one| subscription::write(one).into()).collect();
    let rules: Vec<Value<'static>> = watcher.rules.iter().map(|one| rule::write(one).into()).collect();
    Object::new().with("name", watcher.name.clone()).with("subscriptions", subscriptions).with("rules", rules)
}
