//! A person said that a rule is to be quiet until a time: everywhere, in a group, on an endpoint.
//!
//! Invariant: a mute ends by append time, which is a person's time. Of several that hold, the one that ends last counts.
//!
//! Every task keeps all mutes, in one row per rule, for any of them may meet a match of the rule.

use contracts::canonical::Digest;

use super::held::{self, Hold};
use crate::step::effects::Held;
use crate::step::round::{Match, Round};
use crate::step::row::{Row as _, row};
use crate::view::View;
use crate::view::keys::Key;

/// Mutes of one rule at a time; one more is refused.
pub(crate) const MUTES_PER_RULE_MAX: usize = 64;

const TAG: u8 = 0x35;

row! {
    /// A mute. Without a group it means all of them, and so for endpoints.
    pub(crate) struct Mute version 1 {
        group_key: Option<String>,
        endpoint_id: Option<String>,
        until: i64,
    }
}

row! {
    struct Mutes version 1 {
        mutes: Vec<Mute>,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum MuteError {
    #[error("expected at most {MUTES_PER_RULE_MAX} mutes of one rule; let one end, or mute the rule as a whole")]
    TooMany,
    #[error("expected a time that is still to come, found one that is past, and nothing is muted that it could end")]
    Past,
}

pub(super) fn judge(round: &mut Round<'_, '_>, matched: &Match<'_>) -> Result<(), Hold> {
    let means = |mute: &Mute| {
        mute.group_key.as_deref().is_none_or(|group_key| group_key == matched.group_key)
            && mute.endpoint_id.as_deref().is_none_or(|endpoint_id| endpoint_id == matched.event.endpoint_id)
    };
    let mutes = of_rule(round.view, matched.rule.rule.id.as_str());
    let until = mutes.iter().filter(|mute| means(mute)).map(|mute| mute.until).max();
    match until {
        Some(until) if round.appended_at < until => {
            // Several mutes may hold at once, each for other endpoints of a group: each has its own count.
            let repeats = Some(Digest::of(&until.to_le_bytes()));
            Err(Hold { reason: Held::Mute, until, repeats, alert_id: None })
        }
        _ => Ok(()),
    }
}

/// Sets a mute in place of the one with the same group and endpoint; a time that is past ends that one. What it held back
/// until another time is told.
pub(crate) fn set(round: &mut Round<'_, '_>, rule_id: &str, mute: Mute) -> Result<(), MuteError> {
    let now = round.appended_at;
    let mut mutes = of_rule(round.view, rule_id);
    mutes.retain(|known| known.until > now);
    let place =
        mutes.iter().position(|known| known.group_key == mute.group_key && known.endpoint_id == mute.endpoint_id);
    let replaced = place.map(|place| mutes.remove(place));
    if mute.until > now {
        if mutes.len() >= MUTES_PER_RULE_MAX {
            return Err(MuteError::TooMany);
        }
        mutes.push(mute);
    } else if replaced.is_none() {
        return Err(MuteError::Past);
    }
    round.view.put(&key(rule_id), Mutes { mutes }.to_row());
    if let Some(replaced) = replaced {
        held::close_rule(round, rule_id, now, |row| row.reason == Held::Mute && row.until == replaced.until);
    }
    Ok(())
}

pub(crate) fn of_rule(view: &mut View<'_>, rule_id: &str) -> Vec<Mute> {
    view.read(&key(rule_id), Mutes::from_row).map_or_else(Vec::new, |row| row.mutes)
}

/// The rule is no more.
pub(crate) fn forget_rule(view: &mut View<'_>, rule_id: &str) {
    view.remove(&key(rule_id));
}

fn key(rule_id: &str) -> Key {
    let mut key = Key::tagged(TAG);
    key.text(rule_id);
    key
}
