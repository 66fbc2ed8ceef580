//! A match becomes an alert: the record that people read, and what is told of it.
//!
//! Invariant: the alert follows from the trigger, the rule and the group's state alone. No append time, partition or offset
//! enters it.
//!
//! Absent on purpose: changing an alert. What happens to it later is told by watcher events; see `active`.

use contracts::canonical::Digest;
use contracts::field::JsonObject;
use contracts::id::{AlertId, EndpointId, EventId};
use contracts::identity::AlertParts;
use contracts::json::{self, Object};
use contracts::limits::JSON_DEPTH_MAX;
use contracts::records::{Alert, EvidenceRef, Window};
use contracts::topics::ALERTS;

use super::active;
use super::effects::Row;
use super::escalation::Course;
use super::holdback;
use super::round::{Match, Round};
use super::stream;
use super::watcher::{self, Cause, News, Told, timestamp};
use crate::rule::{Rule, Template};

/// What the steps after this one need of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Raised {
    pub alert_id: AlertId,
    pub message: String,
    pub evidence_refs: Vec<EvidenceRef>,
}

/// The values compared, as `rule.matched` quotes them; of more than that it says how many bytes they are.
const DETAILS_BYTES_MAX: usize = 64 * 1024;

/// Publishes the alert, opens the windows that keep its repeats quiet, and tells of it.
pub(crate) fn raise(round: &mut Round<'_, '_>, matched: &Match<'_>, hash: Digest, episode: i64) -> Raised {
    let alert = alert(round, matched, hash, episode);
    let raised = Raised {
        alert_id: alert.alert_id.clone(),
        message: alert.message.clone(),
        evidence_refs: alert.evidence_refs.clone(),
    };
    round.out.counts.alerts += 1;
    round.out.rows.push(Row { topic: ALERTS, key: alert.trigger_event.endpoint_id.to_string(), record: alert.into() });
    holdback::raised(round, matched, hash, &raised.alert_id);
    active::open(round, matched, hash, episode, &raised);

    let rule = &matched.rule.rule;
    let news = News::AlertEmitted {
        alert_id: &raised.alert_id,
        rule_id: &rule.id,
        severity: rule.severity,
        category: rule.category,
        message: &raised.message,
        source: &matched.rule.source,
    };
    tell(round, matched, &news);
    tell_match(round, matched);
    raised
}

/// Tells of a match, with the values compared.
pub(crate) fn tell_match(round: &mut Round<'_, '_>, matched: &Match<'_>) {
    let of_rule = || matched.rule.details(matched.payload);
    let details = bounded(matched.details.cloned().unwrap_or_else(of_rule));
    let news =
        News::RuleMatched { rule_id: &matched.rule.rule.id, event_id: matched.event.event_id, details: &details };
    tell(round, matched, &news);
}

/// Tells something that follows from a match.
pub(crate) fn tell(round: &mut Round<'_, '_>, matched: &Match<'_>, news: &News<'_>) {
    let told = Told {
        watcher: &matched.rule.source,
        rule_id: Some(&matched.rule.rule.id),
        cause: &Cause::of_event(matched.event),
        observed_at: matched.triggered_at,
    };
    watcher::tell(round, told, news);
}

fn alert(round: &mut Round<'_, '_>, matched: &Match<'_>, hash: Digest, episode: i64) -> Alert {
    let planned = matched.rule;
    let rule = &planned.rule;
    let parts = AlertParts {
        dedup_hash: hash,
        endpoint_id: &EndpointId::new(matched.event.endpoint_id),
        episode,
        group_key: matched.group_key,
        rule_digest: planned.digest,
        trigger_event_id: &EventId::new(matched.event.event_id)
            .expect("invariant: the length was checked when the id was read"),
    };
    let template = Template::parse(&rule.message).expect("invariant: a rule's text was parsed when it was compiled");
    Alert {
        alert_id: parts.id(),
        rule_id: rule.id.clone(),
        rule_name: rule.name.clone(),
        rule_digest: planned.digest,
        rule_set: round.plan.set.clone(),
        trigger_event: matched.event.to_event().expect("invariant: an event that matched holds a JSON object"),
        severity: rule.severity,
        category: rule.category,
        message: template.fill(matched.payload, matched.occurrences, matched.group_key),
        triggered_at: timestamp(matched.triggered_at),
        acknowledged: false,
        acknowledged_by: None,
        escalation_status: Course::of(rule).status(),
        source: planned.source.clone(),
        dedup_hash: hash,
        suppressed_until: holdback::suppressed_until(rule, matched.judged_at).map(timestamp),
        occurrences: matched.occurrences,
        group_key: matched.group_key.to_owned(),
        window: matched.window.map(|(from, to)| Window { from: timestamp(from), to: timestamp(to) }),
        action: rule.action.clone(),
        evidence_refs: evidence_refs(rule, matched),
        attack: rule.attack.clone(),
        confidence: rule.confidence,
        complete: is_complete(round, matched),
        episode,
    }
}

/// The trigger, and the playbook that the rule names for people and for the actuator.
fn evidence_refs(rule: &Rule, matched: &Match<'_>) -> Vec<EvidenceRef> {
    let reference =
        |kind: &str, reference: &str| EvidenceRef { kind: kind.to_owned(), reference: reference.to_owned() };
    let event = reference("event", matched.event.event_id);
    let playbook = rule.playbook.as_ref().map(|playbook| reference("playbook", playbook));
    [Some(event), playbook].into_iter().flatten().collect()
}

/// False if loss was recorded in the window.
fn is_complete(round: &mut Round<'_, '_>, matched: &Match<'_>) -> bool {
    matched.window.is_none_or(|(from, to)| stream::is_complete(round.view, matched.event.endpoint_id, from, to))
}

/// What an event has room for: not too long, and with two levels of nesting left around it.
fn bounded(details: JsonObject) -> JsonObject {
    let text = details.as_str();
    if text.len() <= DETAILS_BYTES_MAX && json::check_object(text, JSON_DEPTH_MAX - 2).is_ok() {
        return details;
    }
    let bytes = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let omitted = Object::new().with("omitted_bytes", bytes);
    JsonObject::new(omitted.text()).expect("invariant: an object of one number is one")
}
