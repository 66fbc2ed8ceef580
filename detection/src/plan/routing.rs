//! Where a rule's state lives: with the endpoint, whose events are all in one partition, or with the group.
//!
//! What cannot be routed, because an event does not say its group, is refused before: see [`super::check`].

use super::Routing;
use super::check::windows::by;
use crate::rule::{Rule, Window};

pub(super) fn decide(rule: &Rule, windows: &[Window]) -> Routing {
    let mut group: Vec<String> = rule.group_by.iter().map(ToString::to_string).collect();
    group.extend(windows.first().map(by).unwrap_or_default().iter().map(ToString::to_string));
    group.extend(rule.scope.session.then(|| "session".to_owned()));
    group.extend(rule.scope.thread.then(|| "thread".to_owned()));

    if rule.scope.fleet {
        let group =
            if group.is_empty() { "the whole fleet".to_owned() } else { format!("each {}", group.join(" and ")) };
        let why = format!(
            "`scope: fleet` keeps one state for {group} over all endpoints, but events are partitioned by endpoint: matches \
             go to rule.matches.v1 by rule and group, and stage two holds the state"
        );
        return Routing::Routed { why };
    }
    let narrowed = if group.is_empty() { String::new() } else { format!(", narrowed to each {}", group.join(" and ")) };
    let why = format!(
        "its scope is the endpoint{narrowed}, and events are partitioned by endpoint: the state is where they are"
    );
    Routing::Fused { why }
}
