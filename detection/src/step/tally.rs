//! What was not evaluated, or not counted: tallied, and told once in a while.
//!
//! Invariant: each event that is tallied is in exactly one `count` that is told, within [`TALLY_MS`] on the owner's clock
//! after the first; ticks tell it, too.
//!
//! A row is changed in place: a flood costs one row, not one for each event.

use std::ops::Range;

use contracts::avro::EventView;
use contracts::id::RuleId;

use super::clock::{self, micros};
use super::deadline::{self, Deadline, Due, Kind};
use super::round::{Owner, Round};
use super::row::Part;
use super::watcher::{Cause, News, Tally, Told, tell};
use crate::view::keys::{Key, Tag};
use crate::view::value::{Malformed, Reader, row};

/// How long is counted before it is told.
pub(crate) const TALLY_MS: u64 = 60_000;

/// What the tally is about, beside the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum About<'a> {
    Event,
    /// By its id.
    Rule(&'a str),
    /// By its id.
    Subscription(&'a str),
}

/// A row: version, the count in eight bytes, where the last event's id begins in four, the cause, that id.
const VERSION: u8 = 1;
const COUNT: Range<usize> = 1..9;
const LAST_AT: Range<usize> = 9..13;

/// Counts an event of an owner that has a clock.
pub(crate) fn count(
    round: &mut Round<'_, '_>,
    owner: Owner<'_>,
    tally: Tally,
    about: About<'_>,
    event: &EventView<'_>,
) {
    let counts = &mut round.out.counts;
    *match tally {
        Tally::EventLate => &mut counts.late,
        Tally::EventTooDeep => &mut counts.too_deep,
        Tally::EventUngrouped => &mut counts.ungrouped,
        Tally::SubscriptionLimited => &mut counts.limited,
        Tally::WindowOverflow => &mut counts.overflows,
    } += 1;

    let key = key(owner, tally, about);
    let known = round.view.update(&key, |row| {
        let head = Head::read(&mut Reader::new(row))?;
        row[COUNT].copy_from_slice(&head.count.saturating_add(1).to_le_bytes());
        row.truncate(head.last_at);
        row.extend_from_slice(event.event_id.as_bytes());
        Ok(())
    });
    if known.is_none() {
        round.view.put(&key, first_row(event));
        let stream_time = clock::read(round.view, owner).map_or(round.appended_at, |clock| clock.stream_time);
        let time = stream_time.saturating_add(micros(TALLY_MS));
        let (rule_id, subscription_id) = about.ids();
        let subject = [&[tally as u8], subscription_id.as_bytes()].concat();
        let deadline = Deadline { time, kind: Kind::Tally, rule_id, group_key: "", subject: &subject };
        deadline::set(round.view, owner, &deadline);
    }
}

/// A tally's time has come: it is told, and begins anew.
pub(crate) fn tell_due(round: &mut Round<'_, '_>, due: &Due) {
    let Some((tally, about)) = About::of(due) else { return };
    let key = key(due.owner.as_owner(), tally, about);
    let Some((count, cause, last_event_id)) = round.view.read(&key, read) else { return };
    round.view.remove(&key);
    let plan = round.plan;
    let rule_id = match about {
        About::Rule(rule_id) => Some(RuleId::new(rule_id)),
        About::Event | About::Subscription(_) => None,
    };
    let watcher = rule_id.as_ref().and_then(|rule_id| plan.rule(rule_id)).map_or(&plan.set.name, |rule| &rule.source);
    let told = Told { watcher, rule_id: rule_id.as_ref(), cause: &cause, observed_at: due.time };
    let news = News::Tally {
        kind: tally,
        rule_id: rule_id.as_ref(),
        subscription_id: match about {
            About::Subscription(id) => Some(id),
            About::Event | About::Rule(_) => None,
        },
        endpoint_id: cause.endpoint_id.as_str(),
        count,
        first_event_id: cause.event_id.as_str(),
        last_event_id: &last_event_id,
    };
    tell(round, told, &news);
}

struct Head {
    count: i64,
    last_at: usize,
}

impl Head {
    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.version(VERSION)?;
        let count = from.time()?;
        let last_at = u32::from_le_bytes(from.array("where the last id begins")?) as usize;
        Ok(Self { count, last_at })
    }
}

fn first_row(event: &EventView<'_>) -> Vec<u8> {
    let mut value = row(VERSION, |row| {
        row.time(1).raw(&[0; LAST_AT.end - LAST_AT.start]);
        Cause::of_event(event).write(row);
    });
    let last_at = u32::try_from(value.len()).expect("invariant: a cause is shorter than an event");
    value[LAST_AT].copy_from_slice(&last_at.to_le_bytes());
    value.extend_from_slice(event.event_id.as_bytes());
    value
}

fn read(from: &mut Reader<'_>) -> Result<(i64, Cause, String), Malformed> {
    let head = Head::read(from)?;
    let cause = Cause::read(from)?;
    let last_event_id = str::from_utf8(from.rest()).map_err(|_| from.expected("the id of an event"))?;
    Ok((head.count, cause, last_event_id.to_owned()))
}

impl<'a> About<'a> {
    fn ids(self) -> (&'a str, &'a str) {
        match self {
            Self::Event => ("", ""),
            Self::Rule(rule_id) => (rule_id, ""),
            Self::Subscription(subscription_id) => ("", subscription_id),
        }
    }

    /// What a deadline was set for; none if its subject is no tally's.
    fn of(due: &'a Due) -> Option<(Tally, Self)> {
        let (first, subscription_id) = due.subject.split_first()?;
        let tally = TALLIES.into_iter().find(|tally| *tally as u8 == *first)?;
        let about = match (&*due.rule_id, str::from_utf8(subscription_id).ok()?) {
            ("", "") => Self::Event,
            ("", subscription_id) => Self::Subscription(subscription_id),
            (rule_id, _) => Self::Rule(rule_id),
        };
        Some((tally, about))
    }
}

const TALLIES: [Tally; 5] =
    [Tally::EventLate, Tally::EventTooDeep, Tally::EventUngrouped, Tally::SubscriptionLimited, Tally::WindowOverflow];

fn key(owner: Owner<'_>, tally: Tally, about: About<'_>) -> Key {
    let (rule_id, subscription_id) = about.ids();
    let mut key = Key::new(Tag::Tally);
    key.owner(owner).byte(tally as u8).text(rule_id).text(subscription_id);
    key
}
