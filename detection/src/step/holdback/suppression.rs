//! After an alert the rule, in its group, is quiet for the rule's `suppression_window`, whatever the fingerprint.

use contracts::id::AlertId;

use super::held::{self, Hold};
use super::slot::{Slot, Subject, Tag};
use crate::rule::Rule;
use crate::step::clock::micros;
use crate::step::deadline::Kind;
use crate::step::effects::Held;
use crate::step::round::{Match, Round};
use crate::step::row::{Row as _, row};

row! {
    pub(super) struct Suppression version 1 {
        until: i64,
        alert_id: AlertId,
    }
}

/// Until when an alert raised now keeps the rule quiet.
pub(crate) fn until(rule: &Rule, judged_at: i64) -> Option<i64> {
    let window_ms = rule.holdback.suppression_window_ms.filter(|window_ms| *window_ms > 0)?;
    Some(judged_at.saturating_add(micros(window_ms)))
}

pub(super) fn judge(round: &mut Round<'_, '_>, matched: &Match<'_>) -> Result<(), Hold> {
    let key = Slot::of(matched).key(Tag::Suppression);
    match round.view.read(&key, Suppression::from_row) {
        Some(row) if matched.judged_at < row.until => {
            Err(Hold { reason: Held::Suppression, until: row.until, repeats: None, alert_id: Some(row.alert_id) })
        }
        _ => Ok(()),
    }
}

pub(super) fn open(round: &mut Round<'_, '_>, matched: &Match<'_>, alert_id: &AlertId) {
    if let Some(until) = until(&matched.rule.rule, matched.judged_at) {
        let slot = Slot::of(matched);
        let row = Suppression { until, alert_id: alert_id.clone() };
        round.view.put(&slot.key(Tag::Suppression), row.to_row());
        slot.set(round.view, Kind::Held, until, &Subject::Row(Tag::Suppression, None));
    }
}

/// The window that this alert opened closes now, if it is still open.
pub(super) fn close(round: &mut Round<'_, '_>, slot: Slot<'_>, alert_id: &AlertId, at: i64) {
    let key = slot.key(Tag::Suppression);
    if round.view.read(&key, Suppression::from_row).is_some_and(|row| row.alert_id == *alert_id) {
        held::close(round, slot, Held::Suppression, None, at);
        round.view.remove(&key);
    }
}

pub(super) fn forget(round: &mut Round<'_, '_>, slot: Slot<'_>, time: i64) {
    let key = slot.key(Tag::Suppression);
    if round.view.read(&key, Suppression::from_row).is_some_and(|row| row.until <= time) {
        held::due(round, slot, Held::Suppression, None, time);
        round.view.remove(&key);
    }
}
