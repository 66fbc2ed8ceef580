//! What is due later, and when: deadlines of detection on the owner's clock, deadlines of people on append time, and what
//! stream time makes an owner forget.
//!
//! Invariants:
//! - What is due fires before the event of the same record is evaluated: first the owner's alarms, then people's deadlines,
//!   each in the order (time, kind, rule, group, subject), at most `deadlines_per_record_max` of them; the rest fire with the
//!   next record. A tick takes one alarm at a time, from the owner whose alarm came due first by append time.
//! - Ticks fire alarms and people's deadlines, never expiries: what an event decides does not depend on them. Expiries have a
//!   budget of their own, so that it does not depend on the alarms either. Still, nothing decides by whether a row was
//!   forgotten yet; times are compared.
//! - A row of the ticks' index never stands later than its owner's earliest alarm comes due. It may stand earlier: then the
//!   tick that finds it puts it right. So an event touches it only when stream time jumps ahead of append time.
//!
//! Absent on purpose: what firing does. One match in the step says that, by [`Kind`].

#[cfg(test)]
mod tests;

use super::clock::{self, Appended, Moment, NEVER};
use super::round::{Owner, Round};
use crate::view::View;
use crate::view::keys::{self, Key, Tag};
use crate::view::value::{Malformed, Reader, Writer, row};

/// What is due. The order of the kinds is that in which they fire at one time; the numbers stand in keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Kind {
    /// An awaited step did not come.
    Absence = 0x01,
    /// The count of what was held back is told.
    TellHeld = 0x02,
    /// A tally is told.
    Tally = 0x03,
    /// A window's group can no longer matter.
    Group = 0x11,
    /// Something of the holdback is over.
    Held = 0x12,
    /// Nobody acknowledged an alert in time.
    Escalation = 0x21,
    MuteEnd = 0x22,
    /// An owner has been silent for long.
    Idle = 0x23,
}

/// Which time it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queue {
    /// The owner's clock.
    Alarm,
    /// The owner's stream time.
    Expiry,
    /// Append time.
    Append,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deadline<'d> {
    pub time: i64,
    pub kind: Kind,
    /// Empty where it is about no rule.
    pub rule_id: &'d str,
    pub group_key: &'d str,
    /// What tells it from others of its kind, rule and group: a hash, an alert's id, nothing.
    pub subject: &'d [u8],
}

/// A deadline that came due; its row is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Due {
    pub owner: OwnerBuf,
    pub time: i64,
    pub kind: Kind,
    pub rule_id: String,
    pub group_key: String,
    pub subject: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OwnerBuf {
    Endpoint(String),
    Group { rule_id: String, group_key: String },
}

/// Which clocks a record moves, beside append time.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Passing<'p> {
    /// That of the event's owner.
    Event(Owner<'p>, Moment),
    /// Those of all owners.
    Tick,
    /// None.
    Command,
}

pub(crate) type Fire = fn(&mut Round<'_, '_>, &Due);

const VERSION: u8 = 1;

/// Fires what is due with this record.
pub(crate) fn fire(round: &mut Round<'_, '_>, appended: Appended, passing: Passing<'_>, fire: Fire) {
    let mut left = round.plan.limits.deadlines_per_record_max;
    match passing {
        Passing::Event(owner, moment) if moment.is_due => {
            fire_alarms(round, owner, moment.stream_time, &mut left, fire);
        }
        Passing::Tick => fire_by_index(round, &mut left, fire),
        Passing::Event(..) | Passing::Command => {}
    }
    if appended.is_due {
        fire_by_append_time(round, &mut left, fire);
    }
    if let Passing::Event(owner, moment) = passing
        && moment.is_due
    {
        expire(round, owner, moment.stream_time, fire);
    }
}

/// Sets a deadline; one that is set already stays as it is. Its owner has a clock.
pub(crate) fn set(view: &mut View<'_>, owner: Owner<'_>, deadline: &Deadline<'_>) {
    let value = row(VERSION, |row| {
        row.byte(deadline.kind as u8).text(deadline.rule_id).text(deadline.group_key).bytes(deadline.subject);
        write_owner(row, owner);
    });
    view.put(&key(owner, deadline), value);
    match deadline.kind.queue() {
        Queue::Alarm => {
            clock::change(view, owner, |clock| clock.alarm_from = clock.alarm_from.min(deadline.time));
            index(view, owner);
        }
        Queue::Expiry => {
            clock::change(view, owner, |clock| clock.expiry_from = clock.expiry_from.min(deadline.time));
        }
        Queue::Append => {
            clock::change_task(view, |task| task.due_from = task.due_from.min(deadline.time));
        }
    }
}

/// Takes a deadline back, if it is set.
pub(crate) fn cancel(view: &mut View<'_>, owner: Owner<'_>, deadline: &Deadline<'_>) {
    // What is noted of the earliest one may now be too early. It is put right when that time comes.
    view.remove(&key(owner, deadline));
}

/// Puts an owner into the ticks' index, or earlier in it, if its earliest alarm asks for that.
pub(crate) fn index(view: &mut View<'_>, owner: Owner<'_>) {
    if let Some(clock) = clock::read(view, owner) {
        let bound = clock.earliest_bound();
        if bound < clock.bound {
            put_bound(view, owner, clock.bound, bound);
        }
    }
}

fn fire_alarms(round: &mut Round<'_, '_>, owner: Owner<'_>, until: i64, left: &mut usize, fire: Fire) {
    let prefix = prefix(Tag::Alarm, owner);
    while *left > 0
        && let Some(due) = take_first(round.view, &prefix, until)
    {
        *left -= 1;
        fire(round, &due);
    }
    let next = first_time(round.view, &prefix).unwrap_or(NEVER);
    let clock = clock::change(round.view, owner, |clock| clock.alarm_from = next);
    if let Some(clock) = clock
        && next == NEVER
        && clock.bound != NEVER
    {
        put_bound(round.view, owner, clock.bound, NEVER);
    }
}

fn fire_by_index(round: &mut Round<'_, '_>, left: &mut usize, fire: Fire) {
    while *left > 0
        && let Some((bound, owner)) = first_bound(round.view, round.appended_at)
    {
        let owner = owner.as_owner();
        let prefix = prefix(Tag::Alarm, owner);
        let now = clock::now(round, owner).unwrap_or(NEVER);
        if let Some(due) = take_first(round.view, &prefix, now) {
            *left -= 1;
            fire(round, &due);
        }
        let next = first_time(round.view, &prefix).unwrap_or(NEVER);
        let clock = clock::change(round.view, owner, |clock| clock.alarm_from = next);
        put_bound(round.view, owner, bound, clock.map_or(NEVER, |clock| clock.earliest_bound()));
    }
}

fn fire_by_append_time(round: &mut Round<'_, '_>, left: &mut usize, fire: Fire) {
    let prefix = Key::new(Tag::Append);
    while *left > 0
        && let Some(due) = take_first(round.view, &prefix, round.appended_at)
    {
        *left -= 1;
        fire(round, &due);
    }
    let next = first_time(round.view, &prefix).unwrap_or(NEVER);
    clock::change_task(round.view, |task| task.due_from = next);
}

fn expire(round: &mut Round<'_, '_>, owner: Owner<'_>, stream_time: i64, fire: Fire) {
    let prefix = prefix(Tag::Expiry, owner);
    for _ in 0..round.plan.limits.deadlines_per_record_max {
        let Some(due) = take_first(round.view, &prefix, stream_time) else { break };
        fire(round, &due);
    }
    let next = first_time(round.view, &prefix).unwrap_or(NEVER);
    clock::change(round.view, owner, |clock| clock.expiry_from = next);
}

/// Takes an owner's expiries out before their time, at most so many.
pub(crate) fn expiries(view: &mut View<'_>, owner: Owner<'_>, count_max: usize) -> Vec<Due> {
    let prefix = prefix(Tag::Expiry, owner);
    let mut taken = Vec::new();
    while taken.len() < count_max
        && let Some(due) = take_first(view, &prefix, NEVER)
    {
        taken.push(due);
    }
    taken
}

pub(crate) fn remove_expiries(view: &mut View<'_>, owner: Owner<'_>) {
    view.remove_prefix(&prefix(Tag::Expiry, owner));
}

/// Removes the first deadline of a queue, if it is due by `until`, and gives it.
fn take_first(view: &mut View<'_>, prefix: &[u8], until: i64) -> Option<Due> {
    let (key, value) = view.scan(prefix).next()?;
    let time = time_behind(prefix, &key).filter(|time| *time <= until)?;
    let due = Due::read(&mut Reader::new(&value), time);
    let key = key.into_owned();
    view.remove(&key);
    view.readable(&key, due)
}

fn first_time(view: &View<'_>, prefix: &[u8]) -> Option<i64> {
    view.scan(prefix).next().and_then(|(key, _)| time_behind(prefix, &key))
}

fn time_behind(prefix: &[u8], key: &[u8]) -> Option<i64> {
    keys::time_at(key, prefix.len())
}

/// The owner that stands first in the ticks' index, if its time has come.
fn first_bound(view: &mut View<'_>, until: i64) -> Option<(i64, OwnerBuf)> {
    let prefix = Key::new(Tag::Bound);
    let (key, value) = view.scan(&prefix).next()?;
    let bound = time_behind(&prefix, &key).filter(|bound| *bound <= until)?;
    let mut from = Reader::new(&value);
    let owner = from.version(VERSION).and_then(|()| OwnerBuf::read(&mut from));
    let key = key.into_owned();
    view.readable(&key, owner).map(|owner| (bound, owner))
}

/// Moves an owner within the ticks' index; [`NEVER`] is outside of it.
fn put_bound(view: &mut View<'_>, owner: Owner<'_>, from: i64, to: i64) {
    if from != NEVER {
        view.remove(&bound_key(from, owner));
    }
    if to != NEVER {
        view.put(&bound_key(to, owner), row(VERSION, |row| write_owner(row, owner)));
    }
    clock::change(view, owner, |clock| clock.bound = to);
}

fn bound_key(bound: i64, owner: Owner<'_>) -> Key {
    let mut key = Key::new(Tag::Bound);
    key.time(bound).owner(owner);
    key
}

fn prefix(tag: Tag, owner: Owner<'_>) -> Key {
    let mut key = Key::new(tag);
    key.owner(owner);
    key
}

fn key(owner: Owner<'_>, deadline: &Deadline<'_>) -> Key {
    let queue = deadline.kind.queue();
    let mut key = match queue {
        Queue::Alarm => prefix(Tag::Alarm, owner),
        Queue::Expiry => prefix(Tag::Expiry, owner),
        Queue::Append => Key::new(Tag::Append),
    };
    key.time(deadline.time).byte(deadline.kind as u8);
    key.text(deadline.rule_id).text(deadline.group_key).bytes(deadline.subject);
    if queue == Queue::Append {
        key.owner(owner);
    }
    key
}

fn write_owner(row: &mut Writer<'_>, owner: Owner<'_>) {
    match owner {
        Owner::Endpoint(endpoint_id) => row.byte(0).text(endpoint_id),
        Owner::Group { rule_id, group_key } => row.byte(1).text(rule_id).text(group_key),
    };
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Absence,
        Self::TellHeld,
        Self::Tally,
        Self::Group,
        Self::Held,
        Self::Escalation,
        Self::MuteEnd,
        Self::Idle,
    ];

    pub fn queue(self) -> Queue {
        match self {
            Self::Absence | Self::TellHeld | Self::Tally => Queue::Alarm,
            Self::Group | Self::Held => Queue::Expiry,
            Self::Escalation | Self::MuteEnd | Self::Idle => Queue::Append,
        }
    }
}

impl Due {
    fn read(from: &mut Reader<'_>, time: i64) -> Result<Self, Malformed> {
        from.version(VERSION)?;
        Ok(Self {
            time,
            kind: kind(from)?,
            rule_id: from.text()?.to_owned(),
            group_key: from.text()?.to_owned(),
            subject: from.bytes()?.to_vec(),
            owner: OwnerBuf::read(from)?,
        })
    }
}

fn kind(from: &mut Reader<'_>) -> Result<Kind, Malformed> {
    let found = from.byte()?;
    let kind = Kind::ALL.into_iter().find(|kind| *kind as u8 == found);
    kind.ok_or_else(|| from.expected("a kind of deadline"))
}

impl OwnerBuf {
    pub fn as_owner(&self) -> Owner<'_> {
        match self {
            Self::Endpoint(endpoint_id) => Owner::Endpoint(endpoint_id),
            Self::Group { rule_id, group_key } => Owner::Group { rule_id, group_key },
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        match from.byte()? {
            0 => Ok(Self::Endpoint(from.text()?.to_owned())),
            1 => Ok(Self::Group { rule_id: from.text()?.to_owned(), group_key: from.text()?.to_owned() }),
            _ => Err(from.expected("an owner")),
        }
    }
}

impl From<Owner<'_>> for OwnerBuf {
    fn from(owner: Owner<'_>) -> Self {
        match owner {
            Owner::Endpoint(endpoint_id) => Self::Endpoint(endpoint_id.to_owned()),
            Owner::Group { rule_id, group_key } => {
                Self::Group { rule_id: rule_id.to_owned(), group_key: group_key.to_owned() }
            }
        }
    }
}
