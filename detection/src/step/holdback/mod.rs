//! What keeps a rule quiet: whether a match raises an alert, or is held back and counted.
//!
//! Invariants:
//! - The first reason in the order below is the one that counts. Only a raised alert opens a window, and no repeat makes one
//!   longer.
//! - Everything is judged by times kept in rows that only events change; counts lie in rows of their own (see `held`), which
//!   ticks may tell and take away.
//!
//! Absent on purpose: who is told of the alert.

mod breaker;
mod dedup;
mod duplicate;
mod entries;
mod episode;
mod held;
mod mute;
mod slot;
mod storm;
mod suppression;

pub(crate) use breaker::failed;
pub(crate) use dedup::fingerprint;
pub(crate) use entries::{Entry, get, put, remove, remove_rule};
#[cfg(test)]
pub(crate) use held::HeldRow;
use held::Hold;
pub(crate) use mute::{Mute, forget_rule as forget_mutes, set as set_mute};
use slot::Subject;
pub(crate) use slot::{Slot, Tag};
pub(crate) use suppression::until as suppressed_until;

use contracts::canonical::Digest;
use contracts::id::AlertId;

use super::alert;
use super::deadline::Due;
use super::effects::Held;
use super::round::{Match, Round};

/// What becomes of a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admitted {
    Raise { episode: i64 },
    Held(Held),
}

/// Judges a match with this fingerprint; one that is held back is counted.
pub(crate) fn admit(round: &mut Round<'_, '_>, matched: &Match<'_>, hash: Digest) -> Admitted {
    round.out.counts.matches += 1;
    match judge(round, matched, hash) {
        Ok(()) => Admitted::Raise { episode: episode::of(round.view, Slot::of(matched), hash) },
        Err(hold) => {
            let reason = hold.reason;
            held::count(round, matched, hash, hold);
            if matched.rule.rule.tell_matches {
                alert::tell_match(round, matched);
            }
            Admitted::Held(reason)
        }
    }
}

fn judge(round: &mut Round<'_, '_>, matched: &Match<'_>, hash: Digest) -> Result<(), Hold> {
    duplicate::judge(round, matched)?;
    mute::judge(round, matched)?;
    dedup::judge(round, matched, hash)?;
    suppression::judge(round, matched)?;
    storm::judge(round, matched)?;
    breaker::judge(round, matched)
}

/// An alert was raised: the windows that it opens.
pub(crate) fn raised(round: &mut Round<'_, '_>, matched: &Match<'_>, hash: Digest, alert_id: &AlertId) {
    duplicate::open(round, matched, alert_id);
    dedup::open(round, matched, hash, alert_id);
    suppression::open(round, matched, alert_id);
    storm::open(round, matched);
}

/// An alert was resolved: what it keeps quiet may speak again, in a new episode. `at` is the owner's time.
pub(crate) fn resolved(round: &mut Round<'_, '_>, slot: Slot<'_>, hash: Digest, alert_id: &AlertId, at: i64) {
    dedup::close(round, slot, hash, alert_id, at);
    suppression::close(round, slot, alert_id, at);
    episode::next(round, slot, hash, at);
}

/// A rule is dropped, or its state is: what is held back is told first. Episodes and active alerts are not of the holdback.
pub(crate) fn dropped(round: &mut Round<'_, '_>, rule_id: &str) {
    let at = round.appended_at;
    held::close_rule(round, rule_id, at, |_| true);
    for tag in [Tag::Duplicate, Tag::Dedup] {
        remove_rule(round.view, tag, rule_id);
    }
    for tag in [Tag::Suppression, Tag::Storm, Tag::Breaker] {
        round.view.remove_prefix(&slot::of_rule(tag, rule_id));
    }
}

/// A deadline of the holdback came: [`Kind::TellHeld`](super::deadline::Kind), `Held` or `MuteEnd`.
pub(crate) fn due(round: &mut Round<'_, '_>, due: &Due) {
    let slot = Slot { rule_id: &due.rule_id, owner: due.owner.as_owner(), group_key: &due.group_key };
    match Subject::from_bytes(&due.subject) {
        Some(Subject::Held(reason, repeats)) => held::due(round, slot, reason, repeats.as_ref(), due.time),
        Some(Subject::Row(Tag::Duplicate, Some(trigger))) => duplicate::forget(round, slot, &trigger, due.time),
        Some(Subject::Row(Tag::Dedup, Some(hash))) => dedup::forget(round, slot, &hash, due.time),
        Some(Subject::Row(Tag::Suppression, None)) => suppression::forget(round, slot, due.time),
        Some(Subject::Row(Tag::Storm, None)) => storm::forget(round, slot, due.time),
        Some(Subject::Row(tag @ (Tag::Breaker | Tag::OwnerBreaker), None)) => {
            breaker::due(round, slot, tag, due.kind, due.time);
        }
        Some(Subject::Row(..)) | None => {}
    }
}
