//! Matches that are held back, counted until their window closes; then the count is told.
//!
//! Invariant: matches = alerts + told + the counts of these rows, after every record. No decision reads these rows, so that
//! a tick, which closes windows here, changes nothing that a later event decides.

use contracts::canonical::Digest;
use contracts::id::{AlertId, RuleId};

use super::slot::{self, Slot, Subject, Tag};
use crate::step::deadline::Kind;
use crate::step::effects::Held;
use crate::step::input::Stage;
use crate::step::round::{Match, Owner, Round};
use crate::step::row::{Row as _, row};
use crate::step::watcher::{self, Cause, News, Told};

/// Why a match is held back, and for how long.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hold {
    pub reason: Held,
    /// By the owner's clock; of a mute by append time.
    pub until: i64,
    /// What the count is kept apart by: the fingerprint, the trigger, or the end of a mute; none where the rule as a whole is
    /// quiet.
    pub repeats: Option<Digest>,
    /// The alert that it repeats.
    pub alert_id: Option<AlertId>,
}

row! {
    /// The count of one window.
    pub(crate) struct HeldRow version 1 {
        reason: Held,
        until: i64,
        count: i64,
        alert_id: Option<AlertId>,
        /// Fingerprint of the first, which is also the cause.
        dedup_hash: Digest,
        watcher: String,
        rule_id: RuleId,
        group_key: String,
        cause: Cause,
    }
}

/// Counts a match as held back.
pub(super) fn count(round: &mut Round<'_, '_>, matched: &Match<'_>, hash: Digest, hold: Hold) {
    let slot = Slot::of(matched);
    let key = slot.held(hold.reason, hold.repeats.as_ref());
    round.out.counts.held[hold.reason as usize] += 1;
    match round.view.read(&key, HeldRow::from_row) {
        Some(mut row) if row.until == hold.until => {
            row.count += 1;
            round.view.put(&key, row.to_row());
            return;
        }
        // Closed by time, and its deadline is still to fire.
        Some(row) => tell(round, &row, row.until),
        None => {}
    }
    let kind = if hold.reason == Held::Mute { Kind::MuteEnd } else { Kind::TellHeld };
    slot.set(round.view, kind, hold.until, &Subject::Held(hold.reason, hold.repeats));
    let row = HeldRow {
        reason: hold.reason,
        until: hold.until,
        count: 1,
        alert_id: hold.alert_id,
        dedup_hash: hash,
        watcher: matched.rule.source.clone(),
        rule_id: matched.rule.rule.id.clone(),
        group_key: matched.group_key.to_owned(),
        cause: Cause::of_event(matched.event),
    };
    round.view.put(&key, row.to_row());
}

/// A window is over by time. A deadline of a window that was closed before finds nothing here, or a later one.
pub(super) fn due(round: &mut Round<'_, '_>, slot: Slot<'_>, reason: Held, repeats: Option<&Digest>, time: i64) {
    let key = slot.held(reason, repeats);
    if let Some(row) = round.view.read(&key, HeldRow::from_row)
        && row.until <= time
    {
        round.view.remove(&key);
        tell(round, &row, row.until);
    }
}

/// A window closes before its time.
pub(super) fn close(round: &mut Round<'_, '_>, slot: Slot<'_>, reason: Held, repeats: Option<&Digest>, at: i64) {
    let key = slot.held(reason, repeats);
    if let Some(row) = round.view.read(&key, HeldRow::from_row) {
        round.view.remove(&key);
        tell(round, &row, at);
    }
}

/// All windows of a rule close before their time, or those that `which` picks.
pub(super) fn close_rule(round: &mut Round<'_, '_>, rule_id: &str, at: i64, which: impl Fn(&HeldRow) -> bool) {
    let prefix = slot::of_rule(Tag::Held, rule_id);
    let keys: Vec<Vec<u8>> = round.view.scan(&prefix).map(|(key, _)| key.into_owned()).collect();
    for key in keys {
        if let Some(row) = round.view.read(&key, HeldRow::from_row).filter(&which) {
            round.view.remove(&key);
            let (rule_id, group_key) = (row.rule_id.as_str(), &*row.group_key);
            let owner = match round.task.stage {
                Stage::One => Owner::Endpoint(row.cause.endpoint_id.as_str()),
                Stage::Two => Owner::Group { rule_id, group_key },
            };
            tell(&mut round.of(owner), &row, at);
        }
    }
}

fn tell(round: &mut Round<'_, '_>, row: &HeldRow, at: i64) {
    let closed_at = at.min(row.until);
    round.out.counts.told[row.reason as usize] += row.count.unsigned_abs();
    let told = Told { watcher: &row.watcher, rule_id: Some(&row.rule_id), cause: &row.cause, observed_at: closed_at };
    let news = News::AlertSuppressed {
        alert_id: row.alert_id.as_ref(),
        rule_id: &row.rule_id,
        reason: row.reason,
        dedup_hash: row.dedup_hash,
        suppressed_until: closed_at,
        count: row.count,
    };
    watcher::tell(round, told, &news);
}
