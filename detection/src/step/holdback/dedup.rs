//! A fingerprint that raised an alert is quiet for the rule's `dedup_window`.
//!
//! Invariant: a repeat does not make the window longer, and what does not fit into a scope's cap closes the window that
//! would close first, its count told.

use contracts::canonical::{self, Digest};
use contracts::id::AlertId;
use contracts::identity::{dedup_hash, window_dedup_hash};
use contracts::json::{Object, Value};
use contracts::limits::JSON_DEPTH_MAX;

use super::entries::{self, Entry};
use super::held::{self, Hold};
use super::slot::{Slot, Subject, Tag};
use crate::eval::Work;
use crate::jsonpath::Path;
use crate::step::clock::micros;
use crate::step::deadline::Kind;
use crate::step::effects::Held;
use crate::step::round::{Match, Round};
use crate::step::row::row;

row! {
    /// A fingerprint that is quiet.
    pub(super) struct Quiet version 1 {
        until: i64,
        alert_id: AlertId,
    }
}

impl Entry for Quiet {
    fn time(&self) -> i64 {
        self.until
    }
}

/// What repeats of the match are known by.
pub(crate) fn fingerprint(matched: &Match<'_>, work_max: u64) -> Digest {
    let planned = matched.rule;
    let rule = &planned.rule;
    if !planned.windows.is_empty() {
        return window_dedup_hash(matched.group_key, &rule.id);
    }
    let payload = match rule.holdback.dedup_by.as_slice() {
        [] => None,
        paths => chosen(paths, matched.payload, work_max),
    };
    let payload = payload.unwrap_or_else(|| {
        let ignore: Vec<&str> = rule.holdback.dedup_ignore.iter().map(String::as_str).collect();
        canonical::payload(matched.event.payload, &ignore, JSON_DEPTH_MAX)
            .expect("invariant: an event that matched holds a JSON object")
    });
    dedup_hash(matched.event.event_type, matched.event.topic, &rule.id, payload)
}

/// The values that these paths select, by path: of a singular one its value, if there is one, of others a list. None if that
/// is too much work.
fn chosen<'v>(paths: &[Path], payload: &'v Value<'v>, work_max: u64) -> Option<canonical::Text> {
    let mut work = Work::new(work_max);
    let mut object = Object::new();
    for path in paths {
        let values: Vec<Value<'v>> = path.select(payload, &mut work).ok()?.into_iter().cloned().collect();
        if !path.is_singular() {
            object.insert(path.to_string(), values);
        } else if let Some(value) = values.into_iter().next() {
            object.insert(path.to_string(), value);
        }
    }
    Some(canonical::tolerant_text(&object.into()))
}

pub(super) fn judge(round: &mut Round<'_, '_>, matched: &Match<'_>, hash: Digest) -> Result<(), Hold> {
    match entries::get::<Quiet>(round.view, Slot::of(matched), Tag::Dedup, &hash) {
        Some(quiet) if matched.judged_at < quiet.until => Err(Hold {
            reason: Held::Deduplication,
            until: quiet.until,
            repeats: Some(hash),
            alert_id: Some(quiet.alert_id),
        }),
        _ => Ok(()),
    }
}

pub(super) fn open(round: &mut Round<'_, '_>, matched: &Match<'_>, hash: Digest, alert_id: &AlertId) {
    let window_ms = matched.rule.rule.holdback.dedup_window_ms;
    if window_ms == 0 {
        return;
    }
    let until = matched.judged_at.saturating_add(micros(window_ms));
    let quiet = Quiet { until, alert_id: alert_id.clone() };
    let slot = Slot::of(matched);
    let full = entries::put(round.view, slot, Tag::Dedup, &hash, &quiet, round.plan.limits.dedup_entries_max);
    slot.set(round.view, Kind::Held, until, &Subject::Row(Tag::Dedup, Some(hash)));
    if let Some((leaving, _)) = full {
        held::close(round, slot, Held::Deduplication, Some(&leaving), matched.judged_at);
    }
}

/// The window that this alert opened closes now, if it is still open.
pub(super) fn close(round: &mut Round<'_, '_>, slot: Slot<'_>, hash: Digest, alert_id: &AlertId, at: i64) {
    let quiet: Option<Quiet> = entries::get(round.view, slot, Tag::Dedup, &hash);
    if quiet.is_some_and(|quiet| quiet.alert_id == *alert_id) {
        held::close(round, slot, Held::Deduplication, Some(&hash), at);
        entries::remove::<Quiet>(round.view, slot, Tag::Dedup, &hash);
    }
}

pub(super) fn forget(round: &mut Round<'_, '_>, slot: Slot<'_>, hash: &Digest, time: i64) {
    let quiet: Option<Quiet> = entries::get(round.view, slot, Tag::Dedup, hash);
    if quiet.is_some_and(|quiet| quiet.until <= time) {
        held::due(round, slot, Held::Deduplication, Some(hash), time);
        entries::remove::<Quiet>(round.view, slot, Tag::Dedup, hash);
    }
}
