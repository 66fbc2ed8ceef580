//! Alerts that nobody resolved yet: what a later command needs to know of them.
//!
//! Invariant: an alert is here from the moment it is raised until it is resolved, its rule is dropped, or
//! [`ACTIVE_PER_SCOPE_MAX`] later ones of its rule in its scope pushed it out, which is said as a log signal.

use contracts::canonical::Digest;
use contracts::id::{AlertId, EndpointId, RuleId};
use contracts::records::{EscalationStatus, LogLevel};
use contracts::time::Timestamp;

use super::alert::{self, Raised};
use super::escalation::Escalation;
use super::holdback::{self, Entry, Slot, Tag};
use super::round::{Match, Round};
use super::row::{Row as _, row};
use super::watcher::{Cause, News, timestamp};
use crate::view::View;
use crate::view::keys::Key;
use crate::view::value::Reader;

/// Unresolved alerts of one rule in one scope.
pub const ACTIVE_PER_SCOPE_MAX: u32 = 1_000;

row! {
    /// An alert that is not resolved.
    pub(crate) struct Active version 1 {
        alert_id: AlertId,
        rule_id: RuleId,
        group_key: String,
        watcher: String,
        dedup_hash: Digest,
        episode: i64,
        message: String,
        triggered_at: i64,
        /// By append time.
        raised_at: i64,
        /// The beginning of its window and the matches in it.
        window_from: Option<i64>,
        occurrences: i64,
        cause: Cause,
        acknowledged: Option<Acknowledged>,
        /// None if nobody is waited for.
        escalation: Option<Escalation>,
    }
}

row! {
    pub(crate) struct Acknowledged version 1 {
        by: String,
        at: i64,
    }
}

/// An active alert, as operators list them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveAlert {
    pub alert_id: AlertId,
    pub rule_id: RuleId,
    pub group_key: String,
    pub endpoint_id: EndpointId,
    pub triggered_at: Timestamp,
    pub window_from: Option<Timestamp>,
    pub occurrences: i64,
    pub episode: i64,
    pub acknowledged_by: Option<String>,
    pub escalation_status: EscalationStatus,
}

/// All active alerts of the task, by rule.
pub fn active_alerts(view: &mut View<'_>) -> Vec<ActiveAlert> {
    let rows = view.scan(&Key::tagged(Tag::Active as u8));
    let rows: Vec<_> = rows.map(|(key, row)| (key.into_owned(), row.into_owned())).collect();
    let read = rows.into_iter().filter_map(|(key, row)| {
        let active = Active::from_row(&mut Reader::new(&row));
        view.readable(&key, active)
    });
    read.map(Active::shown).collect()
}

impl Active {
    fn shown(self) -> ActiveAlert {
        let escalation_status = match (&self.acknowledged, &self.escalation) {
            (Some(_), _) => EscalationStatus::Acknowledged,
            (None, Some(escalation)) if escalation.has_begun() => EscalationStatus::Escalated,
            (None, Some(_)) => EscalationStatus::Pending,
            (None, None) => EscalationStatus::None,
        };
        ActiveAlert {
            alert_id: self.alert_id,
            rule_id: self.rule_id,
            group_key: self.group_key,
            endpoint_id: self.cause.endpoint_id,
            triggered_at: timestamp(self.triggered_at),
            window_from: self.window_from.map(timestamp),
            occurrences: self.occurrences,
            episode: self.episode,
            acknowledged_by: self.acknowledged.map(|acknowledged| acknowledged.by),
            escalation_status,
        }
    }
}

impl Entry for Active {
    fn time(&self) -> i64 {
        self.raised_at
    }
}

pub(super) fn open(round: &mut Round<'_, '_>, matched: &Match<'_>, hash: Digest, episode: i64, raised: &Raised) {
    let active = Active {
        alert_id: raised.alert_id.clone(),
        rule_id: matched.rule.rule.id.clone(),
        group_key: matched.group_key.to_owned(),
        watcher: matched.rule.source.clone(),
        dedup_hash: hash,
        episode,
        message: raised.message.clone(),
        triggered_at: matched.triggered_at,
        raised_at: round.appended_at,
        window_from: matched.window.map(|(from, _)| from),
        occurrences: matched.occurrences,
        cause: Cause::of_event(matched.event),
        acknowledged: None,
        escalation: None,
    };
    let slot = Slot::of(matched);
    let full = holdback::put(round.view, slot, Tag::Active, &key(&active.alert_id), &active, ACTIVE_PER_SCOPE_MAX);
    if let Some((_, leaving)) = full {
        let message = format!(
            "alert {} of rule {} is no longer active: {ACTIVE_PER_SCOPE_MAX} later ones are unresolved; its escalation ends",
            leaving.alert_id, leaving.rule_id
        );
        let news = News::LogSignal { level: LogLevel::Warn, message: &message, timestamp: matched.triggered_at };
        alert::tell(round, matched, &news);
    }
}

pub(super) fn get(view: &mut View<'_>, slot: Slot<'_>, alert_id: &AlertId) -> Option<Active> {
    holdback::get(view, slot, Tag::Active, &key(alert_id))
}

/// Writes an alert anew that is active.
pub(super) fn put(view: &mut View<'_>, slot: Slot<'_>, active: &Active) {
    holdback::put(view, slot, Tag::Active, &key(&active.alert_id), active, ACTIVE_PER_SCOPE_MAX);
}

pub(super) fn remove(view: &mut View<'_>, slot: Slot<'_>, alert_id: &AlertId) {
    holdback::remove::<Active>(view, slot, Tag::Active, &key(alert_id));
}

/// Ends all alerts of a rule, and its episodes; says how many alerts there were.
pub(super) fn drop_rule(view: &mut View<'_>, rule_id: &str) -> usize {
    holdback::remove_rule(view, Tag::Episode, rule_id);
    holdback::remove_rule(view, Tag::Active, rule_id)
}

fn key(alert_id: &AlertId) -> Digest {
    Digest::of(alert_id.as_str().as_bytes())
}
