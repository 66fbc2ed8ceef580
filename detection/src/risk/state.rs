//! What is kept of each agent, as rows of the store.
//!
//! | tag | fields after it | the row |
//! | --- | --- | --- |
//! | `40` | – | the layout that all of this has |
//! | `41` | agent, entered, snapshot id | a snapshot that is rated: its id, when it was observed, its signal |
//! | `42` | agent, raised, type | an alert that is active: `risk_alert_v1` |
//! | `43` | agent, generated | a report: `risk_report_v1` |
//! | `44` | time, agent | the agent's id: when the oldest row of the agent was made |
//! | `45` | agent | what people were told of it: when its reports were made, newest first; which alert is active |
//!
//! Texts and times of keys, and what rows are made of, are those of [`crate::view`]. The times of 41 to 43 stand inverted,
//! newest first, so that the newest row of an agent is the first with its prefix. Records are Avro single objects, which
//! name their schema; the signal is Avro without framing.
//!
//! Invariant: each agent with rows has exactly one of tag 44. It is of the oldest snapshot, or where none is left, of the
//! newest report. Tag 45 says which rows of tags 42 and 43 there are: a report is as large as all that it rests on, and to walk
//! over sixteen of them for each alert costs more than to score it.

use std::cmp::Ordering;

use contracts::avro::{self, Framing};
use contracts::codec;
use contracts::field::Symbols;
use contracts::id::{AgentId, SnapshotId};
use contracts::record::{Field, Record};
use contracts::records::{RiskAlert, RiskAlertType, RiskReport, Signal, Snapshot};
use contracts::schema::BuiltIn;

use super::plan::{REPORTS_MAX, SIGNALS_MAX};
use crate::view::View;
use crate::view::keys::{Key, time_at};
use crate::view::value::{Malformed, Reader, row};

const LAYOUT: u8 = 0x40;
const SNAPSHOTS: u8 = 0x41;
const ACTIVE: u8 = 0x42;
const REPORTS: u8 = 0x43;
const OLDEST: u8 = 0x44;
const TOLD: u8 = 0x45;

/// Of each row.
const VERSION: u8 = 1;

/// State of a program that is newer than this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "risk state: expected layout {known} or an older one, found {found}; run the release that wrote it, or drop this task's state and let it be replayed"
)]
pub struct NewerLayout {
    pub known: u8,
    pub found: u8,
}

/// Turns one layout into the next.
type Migration = fn(&mut View<'_>);

/// From layout 1 to 2, from 2 to 3, and so on.
const MIGRATIONS: &[Migration] = &[note_what_was_told];

/// Brings the state to the layout of this program, one layout after the other, and records each. The owner of a task
/// calls it once, before its first alert; what is newer than this program is left alone.
pub fn migrate(view: &mut View<'_>) -> Result<(), NewerLayout> {
    migrate_with(view, MIGRATIONS)
}

fn migrate_with(view: &mut View<'_>, migrations: &[Migration]) -> Result<(), NewerLayout> {
    let known = u8::try_from(1 + migrations.len()).expect("invariant: there are fewer layouts than bytes");
    let key = Key::tagged(LAYOUT);
    // Before the first layout that had to be told from another, nothing was recorded.
    let found = view.get(&key).and_then(|row| row.first().copied()).unwrap_or(1);
    if found > known {
        return Err(NewerLayout { known, found });
    }
    for layout in found..known {
        migrations[usize::from(layout) - 1](view);
    }
    view.put(&key, vec![known]);
    Ok(())
}

/// A snapshot as it is rated: its one signal, and when it entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    pub entered_at: i64,
    pub id: SnapshotId,
    pub observed_at: i64,
    pub signal: Signal,
}

impl Kept {
    /// The newest first; of those that entered together, in the order of their ids: as their rows stand.
    pub fn order(&self, other: &Self) -> Ordering {
        other.entered_at.cmp(&self.entered_at).then_with(|| self.id.cmp(&other.id))
    }
}

/// What people were told of an agent and is kept.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// When its reports were made, the newest first.
    pub reports: Vec<i64>,
    /// One excludes the other.
    pub active: Option<RiskAlertType>,
}

impl Told {
    pub fn newest_report(&self) -> Option<i64> {
        self.reports.first().copied()
    }
}

/// Snapshots of an agent, the newest first.
pub fn snapshots(view: &mut View<'_>, agent: &AgentId, count_max: usize) -> Vec<Snapshot> {
    let kept = kept(view, agent, count_max).into_iter();
    kept.map(|kept| Snapshot::new(agent.clone(), kept.observed_at, vec![kept.signal])).collect()
}

/// Active alerts of an agent, the newest first.
pub fn active_alerts(view: &mut View<'_>, agent: &AgentId) -> Vec<RiskAlert> {
    rows(view, &of(ACTIVE, agent), usize::MAX, |_, from| read_record(from))
}

/// Reports of an agent, the newest first: the first one holds.
pub fn reports(view: &mut View<'_>, agent: &AgentId, count_max: usize) -> Vec<RiskReport> {
    rows(view, &of(REPORTS, agent), count_max, |_, from| read_record(from))
}

/// Agents whose oldest row was made at `until` or before, the longest ago first.
pub(super) fn due(view: &mut View<'_>, until: i64, count_max: usize) -> Vec<AgentId> {
    let waiting = view.scan(&Key::tagged(OLDEST)).take(count_max);
    let due = waiting.take_while(|(key, _)| time_at(key, 1).is_none_or(|time| time <= until));
    let due: Vec<_> = due.map(|(key, value)| (key.into_owned(), value.into_owned())).collect();
    let agent = |(key, value): (Vec<u8>, Vec<u8>)| {
        let mut from = Reader::new(&value);
        let agent = from.version(VERSION).and_then(|()| from.text());
        view.readable(&key, agent.map(AgentId::new))
    };
    due.into_iter().filter_map(agent).collect()
}

/// The snapshots that are rated, in [their order](Kept::order).
pub(super) fn kept(view: &mut View<'_>, agent: &AgentId, count_max: usize) -> Vec<Kept> {
    let prefix = of(SNAPSHOTS, agent);
    rows(view, &prefix, count_max.min(SIGNALS_MAX), |key, from| {
        from.version(VERSION)?;
        Ok(Kept {
            entered_at: !time_of(key, prefix.len())?,
            id: SnapshotId::new(from.text()?),
            observed_at: from.int()?,
            signal: read_signal(from)?,
        })
    })
}

pub(super) fn put_kept(view: &mut View<'_>, agent: &AgentId, kept: &Kept) {
    let mut signal = Vec::new();
    kept.signal.write(&mut signal).expect("invariant: a signal of an alert is within every limit");
    let value = row(VERSION, |out| {
        out.text(kept.id.as_str()).int(kept.observed_at).raw(&signal);
    });
    view.put(&kept_key(agent, kept), value);
}

pub(super) fn remove_kept(view: &mut View<'_>, agent: &AgentId, kept: &Kept) {
    view.remove(&kept_key(agent, kept));
}

fn kept_key(agent: &AgentId, kept: &Kept) -> Key {
    let mut key = of(SNAPSHOTS, agent);
    key.time(!kept.entered_at).text(kept.id.as_str());
    key
}

/// Moves the agent's place among those that wait for their oldest row to leave.
pub(super) fn wait(view: &mut View<'_>, agent: &AgentId, before: Option<i64>, after: Option<i64>) {
    if before == after {
        return;
    }
    let key = |time| {
        let mut key = Key::tagged(OLDEST);
        key.time(time).text(agent.as_str());
        key
    };
    if let Some(before) = before {
        view.remove(&key(before));
    }
    if let Some(after) = after {
        let value = row(VERSION, |out| {
            out.text(agent.as_str());
        });
        view.put(&key(after), value);
    }
}

pub(super) fn put_active(view: &mut View<'_>, alert: &RiskAlert) {
    view.put(&active_key(alert), record(alert));
}

pub(super) fn remove_active(view: &mut View<'_>, alert: &RiskAlert) {
    view.remove(&active_key(alert));
}

fn active_key(alert: &RiskAlert) -> Key {
    let mut key = of(ACTIVE, &alert.agent_id);
    key.time(!alert.created_at.micros()).text(alert.kind.symbol());
    key
}

/// Keeps the report, and of those before it the newest.
pub(super) fn put_report(view: &mut View<'_>, report: &RiskReport, told: &mut Told) {
    let now = report.generated_at.micros();
    view.put(&report_key(&report.agent_id, now), record(report));
    if told.newest_report() != Some(now) {
        told.reports.insert(0, now);
    }
    for beyond in told.reports.drain(REPORTS_MAX.min(told.reports.len())..) {
        view.remove(&report_key(&report.agent_id, beyond));
    }
}

fn report_key(agent: &AgentId, generated_at: i64) -> Key {
    let mut key = of(REPORTS, agent);
    key.time(!generated_at);
    key
}

pub(super) fn told(view: &mut View<'_>, agent: &AgentId) -> Told {
    view.read(&of(TOLD, agent), read_told).unwrap_or_default()
}

pub(super) fn put_told(view: &mut View<'_>, agent: &AgentId, told: &Told) {
    let value = row(VERSION, |out| {
        out.uint(told.active.map_or(0, |kind| 1 + kind.place() as u64));
        for time in &told.reports {
            out.time(*time);
        }
    });
    view.put(&of(TOLD, agent), value);
}

fn read_told(from: &mut Reader<'_>) -> Result<Told, Malformed> {
    from.version(VERSION)?;
    let active = match from.uint()? {
        0 => None,
        place => {
            let kind = usize::try_from(place - 1).ok().and_then(|place| RiskAlertType::ALL.get(place));
            Some(*kind.ok_or_else(|| from.expected("the type of a risk alert"))?)
        }
    };
    let mut reports = Vec::new();
    while !from.is_at_end() {
        reports.push(from.time()?);
    }
    Ok(Told { reports, active })
}

/// Of an agent without snapshots: its reports, and what waits for them to leave.
pub(super) fn forget(view: &mut View<'_>, agent: &AgentId, told: &Told, waited: Option<i64>) {
    for generated_at in &told.reports {
        view.remove(&report_key(agent, *generated_at));
    }
    view.remove(&of(TOLD, agent));
    wait(view, agent, waited, None);
}

/// From layout 1 to 2: tag 45.
fn note_what_was_told(view: &mut View<'_>) {
    let waiting = rows(view, &Key::tagged(OLDEST), usize::MAX, |_, from| {
        from.version(VERSION)?;
        Ok(AgentId::new(from.text()?))
    });
    for agent in waiting {
        let prefix = of(REPORTS, &agent);
        let reports = rows(view, &prefix, usize::MAX, |key, _| Ok(!time_of(key, prefix.len())?));
        let active = active_alerts(view, &agent).first().map(|alert| alert.kind);
        put_told(view, &agent, &Told { reports, active });
    }
}

fn of(tag: u8, agent: &AgentId) -> Key {
    let mut key = Key::tagged(tag);
    key.text(agent.as_str());
    key
}

fn time_of(key: &[u8], at: usize) -> Result<i64, Malformed> {
    time_at(key, at).ok_or(Malformed::End { at, expected: "a time in its key" })
}

fn record(record: &impl Record) -> Vec<u8> {
    let mut framed = Vec::new();
    let encoded = codec::encode(record, Framing::SingleObject, &mut framed);
    encoded.expect("invariant: signals are bounded so that what is made of them fits in a record");
    row(VERSION, |out| {
        out.raw(&framed);
    })
}

fn read_record<R: Record>(from: &mut Reader<'_>) -> Result<R, Malformed> {
    from.version(VERSION)?;
    codec::decode(from.rest(), &BuiltIn).map_err(|_| from.expected(R::NAME))
}

fn read_signal(from: &mut Reader<'_>) -> Result<Signal, Malformed> {
    Signal::read(&mut avro::Reader::new(from.rest())).map_err(|_| from.expected("a signal"))
}

fn rows<T>(
    view: &mut View<'_>,
    prefix: &[u8],
    count_max: usize,
    read: impl Fn(&[u8], &mut Reader<'_>) -> Result<T, Malformed>,
) -> Vec<T> {
    let rows = view.scan(prefix).take(count_max);
    let rows: Vec<_> = rows
        .map(|(key, value)| read(&key, &mut Reader::new(&value)).map_err(|wrong| (key.into_owned(), wrong)))
        .collect();
    let readable = |row: Result<T, (Vec<u8>, Malformed)>| match row {
        Ok(row) => Some(row),
        Err((key, wrong)) => view.readable(&key, Err(wrong)),
    };
    rows.into_iter().filter_map(readable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::MemoryStore;

    #[test]
    fn migrations_run_once_in_order_and_are_recorded() {
        const MARKS: u8 = 0xF0;
        fn mark(view: &mut View<'_>, number: u8) {
            let mut marks = view.get(&[MARKS]).unwrap_or_default().into_owned();
            marks.push(number);
            view.put(&[MARKS], marks);
        }
        let all: [Migration; 3] = [|view| mark(view, 1), |view| mark(view, 2), |view| mark(view, 3)];
        let store = MemoryStore::default();
        let mut view = View::over(&store);
        // A program with one migration, the same again, then one with three.
        for (known, marks) in [(1, &[1][..]), (1, &[1]), (3, &[1, 2, 3]), (3, &[1, 2, 3])] {
            migrate_with(&mut view, &all[..known]).unwrap();
            assert_eq!(view.get(&[MARKS]).as_deref(), Some(marks));
        }
        assert_eq!(migrate_with(&mut view, &all[..2]), Err(NewerLayout { known: 3, found: 4 }));
        assert_eq!(view.get(&[MARKS]).as_deref(), Some(&[1, 2, 3][..]));
    }
}
