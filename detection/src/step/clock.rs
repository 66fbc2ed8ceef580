//! Time as the records tell it: of the task by append times, of an owner by its events and by the silence between them.
//!
//! Invariant: no time here goes backwards, and a tick changes no row of a clock. An owner's clock is its stream time while
//! its own records come, and runs on from there with append time while none do.
//!
//! The task's row and an owner's row are changed in place: an event of a known endpoint costs no allocation here.

use contracts::time::Timestamp;

use super::round::{Owner, Round};
use super::{deadline, idle};
use crate::view::View;
use crate::view::keys::{Key, Tag};
use crate::view::value::{Malformed, Reader, Writer};

/// The task's time with this record in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Appended {
    /// The greatest append time so far.
    pub at: i64,
    /// Whether a deadline of people is due by it.
    pub is_due: bool,
}

/// An event in its owner's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// As observed, but not more than the limit ahead of the append time.
    pub event_time: i64,
    /// The greatest event time of the owner, this one included; its clock while this record is applied.
    pub stream_time: i64,
    /// Whether an alarm or an expiry of the owner is due by it.
    pub is_due: bool,
}

/// An owner's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClockRow {
    pub stream_time: i64,
    pub last_append: i64,
    /// Nothing of the owner is due before; [`NEVER`] without alarms.
    pub alarm_from: i64,
    /// Nothing of the owner is forgotten before.
    pub expiry_from: i64,
    /// Where the owner stands in the ticks' index; [`NEVER`] if it does not.
    pub bound: i64,
}

/// The task's row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TaskRow {
    pub appended_at: i64,
    /// No deadline of people is due before.
    pub due_from: i64,
}

pub(crate) const NEVER: i64 = i64::MAX;

const VERSION: u8 = 1;

/// Takes a record's append time; one that goes backwards counts as the greatest so far.
pub(crate) fn append(view: &mut View<'_>, appended_at: Timestamp) -> Appended {
    let key = Key::new(Tag::Task);
    let appended_at = appended_at.micros();
    let known = view.update(&key, |bytes| {
        let mut task = TaskRow::read(&mut Reader::new(bytes))?;
        task.appended_at = task.appended_at.max(appended_at);
        task.write(bytes);
        Ok(task)
    });
    let task = known.unwrap_or_else(|| {
        let task = TaskRow { appended_at, due_from: NEVER };
        let mut row = Vec::new();
        task.write(&mut row);
        view.put(&key, row);
        task
    });
    Appended { at: task.appended_at, is_due: task.due_from <= task.appended_at }
}

/// Takes an event's time into its owner's clock.
pub(crate) fn advance(round: &mut Round<'_, '_>, owner: Owner<'_>, observed_at: Timestamp) -> Moment {
    let latest = round.appended_at.saturating_add(micros(round.plan.limits.clock_ahead_ms_max));
    let event_time = observed_at.micros().min(latest);
    if event_time < observed_at.micros() {
        round.out.counts.clamped += 1;
    }
    let appended_at = round.appended_at;
    let key = key(owner);
    let known = round.view.update(&key, |bytes| {
        let mut clock = ClockRow::read(&mut Reader::new(bytes))?;
        clock.stream_time = clock.stream_time.max(event_time);
        clock.last_append = appended_at;
        clock.write(bytes);
        Ok(clock)
    });
    let clock = known.unwrap_or_else(|| {
        let clock = ClockRow {
            stream_time: event_time,
            last_append: appended_at,
            alarm_from: NEVER,
            expiry_from: NEVER,
            bound: NEVER,
        };
        let mut row = Vec::new();
        clock.write(&mut row);
        round.view.put(&key, row);
        idle::watch(round, owner);
        clock
    });
    if clock.earliest_bound() < clock.bound {
        deadline::index(round.view, owner);
    }
    let is_due = clock.alarm_from.min(clock.expiry_from) <= clock.stream_time;
    Moment { event_time, stream_time: clock.stream_time, is_due }
}

/// Ends an owner's clock; its next event begins another.
pub(crate) fn remove(view: &mut View<'_>, owner: Owner<'_>) {
    view.remove(&key(owner));
}

pub(crate) fn read(view: &mut View<'_>, owner: Owner<'_>) -> Option<ClockRow> {
    view.read(&key(owner), ClockRow::read)
}

/// Changes an owner's row, if it has one, and gives it.
pub(crate) fn change(view: &mut View<'_>, owner: Owner<'_>, change: impl FnOnce(&mut ClockRow)) -> Option<ClockRow> {
    view.update(&key(owner), |bytes| {
        let mut clock = ClockRow::read(&mut Reader::new(bytes))?;
        change(&mut clock);
        clock.write(bytes);
        Ok(clock)
    })
}

/// Changes the task's row; every record has written one.
pub(crate) fn change_task(view: &mut View<'_>, change: impl FnOnce(&mut TaskRow)) {
    view.update(&Key::new(Tag::Task), |bytes| {
        let mut task = TaskRow::read(&mut Reader::new(bytes))?;
        change(&mut task);
        task.write(bytes);
        Ok(())
    });
}

/// What the owner's clock shows now, if it has one: its stream time, and the silence since its last record.
pub(crate) fn now(round: &mut Round<'_, '_>, owner: Owner<'_>) -> Option<i64> {
    read(round.view, owner).map(|clock| clock.at(round.appended_at))
}

/// Milliseconds of a rule or a limit in the unit of all times here.
pub(crate) fn micros(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1_000)
}

impl ClockRow {
    /// What the clock shows at an append time.
    pub fn at(&self, appended_at: i64) -> i64 {
        self.stream_time.saturating_add(appended_at.saturating_sub(self.last_append))
    }

    /// The append time at which the earliest alarm comes due if the owner stays silent.
    pub fn earliest_bound(&self) -> i64 {
        match self.alarm_from {
            NEVER => NEVER,
            alarm => self.last_append.saturating_add(alarm.saturating_sub(self.stream_time)),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let mut row = Writer::over(out, VERSION);
        row.time(self.stream_time).time(self.last_append).time(self.alarm_from).time(self.expiry_from).time(self.bound);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.version(VERSION)?;
        Ok(Self {
            stream_time: from.time()?,
            last_append: from.time()?,
            alarm_from: from.time()?,
            expiry_from: from.time()?,
            bound: from.time()?,
        })
    }
}

impl TaskRow {
    fn write(&self, out: &mut Vec<u8>) {
        Writer::over(out, VERSION).time(self.appended_at).time(self.due_from);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.version(VERSION)?;
        Ok(Self { appended_at: from.time()?, due_from: from.time()? })
    }
}

fn key(owner: Owner<'_>) -> Key {
    let mut key = Key::new(Tag::Clock);
    key.owner(owner);
    key
}
