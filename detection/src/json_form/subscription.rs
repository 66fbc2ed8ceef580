//! Subscriptions.

use contracts::id::RuleId;
use contracts::json::{Object, Value};

use super::ast::scalar;
use super::members::Members;
use crate::diagnostic::{Log, Reported};
use crate::form::{Items, Node, leaf};
use crate::reading::Form;
use crate::rule::{PayloadCondition, PayloadFilter, Subscription};

const MEMBERS: [&str; 7] =
    ["subscription_id", "topic", "actor_id", "scope", "payload_filters", "max_events_per_sec", "rules"];

/// The conditions by their names.
const CONDITIONS: [&str; 6] = ["Equals", "Contains", "Regex", "GreaterThan", "LessThan", "Exists"];

pub(super) fn read(node: &Node, log: &mut Log<'_>) -> Result<Subscription, Reported> {
    let members = Members::open(node, &MEMBERS, log)?;
    let id = members.required("subscription_id", log).and_then(|node| items(log).string(node));
    let topic = members.required("topic", log).and_then(|node| items(log).parsed(node, leaf::topic));
    let actor_id = optional(members.get("actor_id"), log);
    let scope = members.get("scope").map(|node| scope(node, log)).transpose();
    let filters = members.get("payload_filters").map(|node| each(node, log, payload_filter)).transpose();
    let rate = members.get("max_events_per_sec").map(|node| items(log).count(node)).transpose();
    let rules = members.get("rules").map(|node| each(node, log, |node, log| items(log).string(node))).transpose();
    let (session_id, thread_id) = scope?.unwrap_or_default();
    Ok(Subscription {
        id: id?,
        topic: topic?,
        actor_id: actor_id?,
        session_id,
        thread_id,
        payload_filters: filters?.unwrap_or_default(),
        events_per_sec_max: rate?,
        rules: rules?.unwrap_or_default().into_iter().map(RuleId::new).collect(),
    })
}

fn items<'i, 'l>(log: &'i mut Log<'l>) -> Items<'i, 'l> {
    Items { form: Form::Json, log }
}

fn optional(node: Option<&Node>, log: &mut Log<'_>) -> Result<Option<String>, Reported> {
    node.map(|node| items(log).string(node)).transpose()
}

/// All items of a list are read, so that all of their errors are told.
pub(super) fn each<T>(
    node: &Node,
    log: &mut Log<'_>,
    mut read: impl FnMut(&Node, &mut Log<'_>) -> Result<T, Reported>,
) -> Result<Vec<T>, Reported> {
    let crate::form::Value::List(list) = &node.value else {
        return Err(items(log).wrong_type(node, "a list", None));
    };
    let list: Vec<_> = list.iter().map(|node| read(node, log)).collect();
    list.into_iter().collect()
}

/// The session and the thread.
fn scope(node: &Node, log: &mut Log<'_>) -> Result<(Option<String>, Option<String>), Reported> {
    let members = Members::open(node, &["session_id", "thread_id"], log)?;
    let session_id = optional(members.get("session_id"), log);
    let thread_id = optional(members.get("thread_id"), log);
    Ok((session_id?, thread_id?))
}

fn payload_filter(node: &Node, log: &mut Log<'_>) -> Result<PayloadFilter, Reported> {
    let members = Members::open(node, &["path", "condition", "value"], log)?;
    let path = members.required("path", log).and_then(|node| items(log).parsed(node, leaf::path));
    let choices = CONDITIONS.map(|name| (name, name));
    let condition = members.required("condition", log).and_then(|node| items(log).choice(node, &choices))?;
    if condition == "Exists" {
        // Nothing to compare with, so nothing else may stand there.
        Members::open(node, &["path", "condition"], log)?;
        return Ok(PayloadFilter { path: path?, condition: PayloadCondition::Exists });
    }
    let value = members.comparand("value", log)?;
    let condition = match condition {
        "Regex" => PayloadCondition::Regex(items(log).parsed(value, leaf::pattern)?),
        "Equals" => PayloadCondition::Equals(scalar(value, log)?),
        "Contains" => PayloadCondition::Contains(scalar(value, log)?),
        "GreaterThan" => PayloadCondition::GreaterThan(scalar(value, log)?),
        _ => PayloadCondition::LessThan(scalar(value, log)?),
    };
    Ok(PayloadFilter { path: path?, condition })
}

pub(super) fn write(subscription: &Subscription) -> Object<'static> {
    let Subscription { id, topic, actor_id, session_id, thread_id, payload_filters, events_per_sec_max, rules } =
        subscription;
    let mut object = Object::new().with("subscription_id", id.clone()).with("topic", topic.to_string());
    if let Some(actor_id) = actor_id {
        object.insert("actor_id", actor_id.clone());
    }
    let scope = [("session_id", session_id), ("thread_id", thread_id)];
    let mut narrowed = Object::new();
    for (name, id) in scope {
        if let Some(id) = id {
            narrowed.insert(name, id.clone());
        }
    }
    if !narrowed.is_empty() {
        object.insert("scope", narrowed);
    }
    if !payload_filters.is_empty() {
        let filters: Vec<Value<'static>> = payload_filters.iter().map(|filter| write_filter(filter).into()).collect();
        object.insert("payload_filters", filters);
    }
    if let Some(rate) = events_per_sec_max {
        object.insert("max_events_per_sec", i64::from(*rate));
    }
    let rules: Vec<Value<'static>> = rules.iter().map(|id| id.as_str().to_owned().into()).collect();
    object.with("rules", rules)
}

fn write_filter(filter: &PayloadFilter) -> Object<'static> {
    let (condition, value) = match &filter.condition {
        PayloadCondition::Equals(value) => ("Equals", Some(value.clone())),
        PayloadCondition::Contains(value) => ("Contains", Some(value.clone())),
        PayloadCondition::Regex(pattern) => ("Regex", Some(pattern.clone().into())),
        PayloadCondition::GreaterThan(value) => ("GreaterThan", Some(value.clone())),
        PayloadCondition::LessThan(value) => ("LessThan", Some(value.clone())),
        PayloadCondition::Exists => ("Exists", None),
    };
    let object = Object::new().with("path", filter.path.to_string()).with("condition", condition);
    match value {
        Some(value) => object.with("value", value),
        None => object,
    }
}
