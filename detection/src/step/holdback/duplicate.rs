//! The same trigger raises one alert: of an event that was sent again, or that completes two windows.

use contracts::canonical::Digest;
use contracts::id::AlertId;

use super::entries::{self, Entry};
use super::held::{self, Hold};
use super::slot::{Slot, Subject, Tag};
use crate::step::clock::micros;
use crate::step::deadline::Kind;
use crate::step::effects::Held;
use crate::step::round::{Match, Round};
use crate::step::row::row;

row! {
    /// A trigger that raised an alert.
    pub(super) struct Raised version 1 {
        until: i64,
        alert_id: AlertId,
    }
}

impl Entry for Raised {
    fn time(&self) -> i64 {
        self.until
    }
}

pub(super) fn judge(round: &mut Round<'_, '_>, matched: &Match<'_>) -> Result<(), Hold> {
    let trigger = Digest::of(matched.event.event_id.as_bytes());
    match entries::get::<Raised>(round.view, Slot::of(matched), Tag::Duplicate, &trigger) {
        Some(raised) if matched.judged_at < raised.until => Err(Hold {
            reason: Held::Duplicate,
            until: raised.until,
            repeats: Some(trigger),
            alert_id: Some(raised.alert_id),
        }),
        _ => Ok(()),
    }
}

pub(super) fn open(round: &mut Round<'_, '_>, matched: &Match<'_>, alert_id: &AlertId) {
    let trigger = Digest::of(matched.event.event_id.as_bytes());
    let limits = &round.plan.limits;
    let until = matched.judged_at.saturating_add(micros(limits.duplicate_window_ms));
    let raised = Raised { until, alert_id: alert_id.clone() };
    let slot = Slot::of(matched);
    let full = entries::put(round.view, slot, Tag::Duplicate, &trigger, &raised, limits.dedup_entries_max);
    slot.set(round.view, Kind::Held, until, &Subject::Row(Tag::Duplicate, Some(trigger)));
    if let Some((leaving, _)) = full {
        held::close(round, slot, Held::Duplicate, Some(&leaving), matched.judged_at);
    }
}

pub(super) fn forget(round: &mut Round<'_, '_>, slot: Slot<'_>, trigger: &Digest, time: i64) {
    let raised: Option<Raised> = entries::get(round.view, slot, Tag::Duplicate, trigger);
    if raised.is_some_and(|raised| raised.until <= time) {
        held::due(round, slot, Held::Duplicate, Some(trigger), time);
        entries::remove::<Raised>(round.view, slot, Tag::Duplicate, trigger);
    }
}
