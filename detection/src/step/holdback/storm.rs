//! At most so many alerts of a rule, in its group, in each window. A window opens with the first alert in it.

use super::held::{self, Hold};
use super::slot::{Slot, Subject, Tag};
use crate::step::clock::micros;
use crate::step::deadline::Kind;
use crate::step::effects::Held;
use crate::step::round::{Match, Round};
use crate::step::row::{Row as _, row};

row! {
    pub(super) struct StormWindow version 1 {
        until: i64,
        alerts: i64,
    }
}

pub(super) fn judge(round: &mut Round<'_, '_>, matched: &Match<'_>) -> Result<(), Hold> {
    let Some(storm) = matched.rule.rule.holdback.storm else { return Ok(()) };
    match round.view.read(&Slot::of(matched).key(Tag::Storm), StormWindow::from_row) {
        Some(row) if matched.judged_at < row.until && row.alerts >= i64::from(storm.alerts_max) => {
            Err(Hold { reason: Held::StormLimit, until: row.until, repeats: None, alert_id: None })
        }
        _ => Ok(()),
    }
}

pub(super) fn open(round: &mut Round<'_, '_>, matched: &Match<'_>) {
    let Some(storm) = matched.rule.rule.holdback.storm else { return };
    let slot = Slot::of(matched);
    let key = slot.key(Tag::Storm);
    let open = round.view.read(&key, StormWindow::from_row).filter(|row| matched.judged_at < row.until);
    let row = if let Some(row) = open {
        StormWindow { alerts: row.alerts + 1, ..row }
    } else {
        let until = matched.judged_at.saturating_add(micros(storm.window_ms));
        slot.set(round.view, Kind::Held, until, &Subject::Row(Tag::Storm, None));
        StormWindow { until, alerts: 1 }
    };
    round.view.put(&key, row.to_row());
}

pub(super) fn forget(round: &mut Round<'_, '_>, slot: Slot<'_>, time: i64) {
    let key = slot.key(Tag::Storm);
    if round.view.read(&key, StormWindow::from_row).is_some_and(|row| row.until <= time) {
        held::due(round, slot, Held::StormLimit, None, time);
        round.view.remove(&key);
    }
}
