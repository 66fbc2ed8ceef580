//! Which records were sent again, and which never came: by the numbers that sources give them.
//!
//! Invariant: an event is taken for a repeat only if its number was seen: it is not above the highest, in no open gap, and not
//! before the stream was first heard of. What cannot be told is evaluated.
//!
//! Of a stream (endpoint, source, boot) the highest number is kept and up to [`OPEN_GAPS_MAX`] gaps; of more the oldest is
//! closed. A gap knows between which event times its events are missing, and is loss until it is filled. The loss of gaps
//! that were closed, and of streams that were forgotten, is kept as one stretch of time that covers it all. Of an endpoint at
//! most [`STREAMS_MAX`] streams are kept; the one with the oldest event makes room.
//!
//! The next number of a known stream changes its row in place.

use contracts::avro::{EventView, StreamView};

use super::clock::Moment;
use super::round::Round;
use super::watcher::{Cause, News, Told, tell};
use crate::limits::{OPEN_GAPS_MAX, STREAMS_MAX};
use crate::view::View;
use crate::view::keys::{Key, Tag};
use crate::view::value::{Malformed, Reader, Writer, row};

/// What a record is to its stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    Evaluate,
    SentAgain,
}

/// Event times, both ends in it; none if it ends before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stretch {
    from: i64,
    to: i64,
}

/// Numbers that have not come, both ends among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Gap {
    from_seq: i64,
    to_seq: i64,
    /// When they were observed, if they were at all.
    loss: Stretch,
}

#[derive(Debug, PartialEq, Eq)]
struct Seen {
    highest: i64,
    /// Event time of the highest.
    at: i64,
    /// Of gaps that are no longer kept.
    loss: Stretch,
    /// Ascending.
    gaps: Vec<Gap>,
}

const VERSION: u8 = 1;

/// Places a record in its stream; one without a stream is neither judged nor missed.
pub(crate) fn admit(round: &mut Round<'_, '_>, event: &EventView<'_>, moment: Moment) -> Admission {
    let Some(stream) = event.stream else { return Admission::Evaluate };
    let key = key(event, stream);
    let known = round.view.update(&key, |row| {
        if follows(row, stream.seq, moment.event_time)? {
            return Ok(Place::Next);
        }
        let mut seen = Seen::read(&mut Reader::new(row))?;
        let place = seen.take(stream.seq, moment.event_time);
        seen.write(&mut Writer::over(row, VERSION));
        Ok(place)
    });
    match known {
        None => {
            make_room(round.view, event.endpoint_id);
            let seen = Seen::first(stream.seq, moment.event_time);
            round.view.put(&key, row(VERSION, |row| seen.write(row)));
            Admission::Evaluate
        }
        Some(Place::Next | Place::Missed) => Admission::Evaluate,
        Some(Place::Again) => {
            round.out.counts.sent_again += 1;
            Admission::SentAgain
        }
        Some(Place::Behind { from_seq, to_seq }) => {
            let cause = Cause::of_event(event);
            let news = News::Gap { source: event.source, boot_id: stream.boot_id, from_seq, to_seq };
            let watcher = &round.plan.set.name;
            tell(round, Told { watcher, rule_id: None, cause: &cause, observed_at: moment.event_time }, &news);
            Admission::Evaluate
        }
    }
}

/// Whether no event of the endpoint is known to be missing in `(from, to]`.
pub(crate) fn is_complete(view: &mut View<'_>, endpoint_id: &str, from: i64, to: i64) -> bool {
    let spans = |loss: Stretch| loss.from <= loss.to && loss.from <= to && loss.to > from;
    let forgotten = view.read(&streams_key(endpoint_id), Streams::read);
    if forgotten.is_some_and(|streams| spans(streams.loss)) {
        return false;
    }
    let streams = all(view, endpoint_id);
    !streams.iter().any(|(_, seen)| spans(seen.loss) || seen.gaps.iter().any(|gap| spans(gap.loss)))
}

/// Forgets an endpoint's streams and what they lost.
pub(crate) fn forget(view: &mut View<'_>, endpoint_id: &str) {
    view.remove_prefix(&streams_of(endpoint_id));
    view.remove(&streams_key(endpoint_id));
}

/// Where a number stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Next,
    /// In an open gap.
    Missed,
    Again,
    /// Behind these, which are missing.
    Behind {
        from_seq: i64,
        to_seq: i64,
    },
}

impl Stretch {
    const NONE: Self = Self { from: i64::MAX, to: i64::MIN };

    /// What covers both.
    fn with(self, other: Self) -> Self {
        Self { from: self.from.min(other.from), to: self.to.max(other.to) }
    }
}

impl Seen {
    /// What came before the first number is unknown: neither seen nor lost.
    fn first(seq: i64, at: i64) -> Self {
        let before = Gap { from_seq: i64::MIN, to_seq: seq.saturating_sub(1), loss: Stretch::NONE };
        let gaps = if seq > i64::MIN { vec![before] } else { Vec::new() };
        Self { highest: seq, at, loss: Stretch::NONE, gaps }
    }

    fn take(&mut self, seq: i64, at: i64) -> Place {
        if seq > self.highest {
            let missing = (self.highest.saturating_add(1), seq - 1);
            let loss = Stretch { from: self.at.min(at), to: self.at.max(at) };
            (self.highest, self.at) = (seq, at);
            let (from_seq, to_seq) = missing;
            if from_seq > to_seq {
                return Place::Next;
            }
            self.gaps.push(Gap { from_seq, to_seq, loss });
            self.close_oldest();
            return Place::Behind { from_seq, to_seq };
        }
        let Some(place) = self.gaps.iter().position(|gap| gap.from_seq <= seq && seq <= gap.to_seq) else {
            return Place::Again;
        };
        let gap = self.gaps[place];
        let before = (gap.from_seq < seq).then(|| Gap { to_seq: seq - 1, ..gap });
        let after = (seq < gap.to_seq).then(|| Gap { from_seq: seq + 1, ..gap });
        self.gaps.splice(place..=place, before.into_iter().chain(after));
        self.close_oldest();
        Place::Missed
    }

    fn close_oldest(&mut self) {
        let over = self.gaps.len().saturating_sub(OPEN_GAPS_MAX);
        for gap in self.gaps.drain(..over) {
            self.loss = self.loss.with(gap.loss);
        }
    }

    fn all_loss(&self) -> Stretch {
        self.gaps.iter().fold(self.loss, |loss, gap| loss.with(gap.loss))
    }

    fn write(&self, row: &mut Writer<'_>) {
        row.time(self.highest).time(self.at).time(self.loss.from).time(self.loss.to);
        for gap in &self.gaps {
            row.time(gap.from_seq).time(gap.to_seq).time(gap.loss.from).time(gap.loss.to);
        }
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.version(VERSION)?;
        let (highest, at) = (from.time()?, from.time()?);
        let loss = Stretch { from: from.time()?, to: from.time()? };
        let mut gaps = Vec::new();
        while !from.is_at_end() {
            let (from_seq, to_seq) = (from.time()?, from.time()?);
            gaps.push(Gap { from_seq, to_seq, loss: Stretch { from: from.time()?, to: from.time()? } });
        }
        Ok(Self { highest, at, loss, gaps })
    }
}

/// Takes the number behind the highest where it stands in the row; any other is left to [`Seen::take`].
fn follows(row: &mut [u8], seq: i64, at: i64) -> Result<bool, Malformed> {
    let mut from = Reader::new(row);
    from.version(VERSION)?;
    if from.time()?.checked_add(1) != Some(seq) {
        return Ok(false);
    }
    from.time()?;
    row[1..9].copy_from_slice(&seq.to_le_bytes());
    row[9..17].copy_from_slice(&at.to_le_bytes());
    Ok(true)
}

/// The loss of streams that are no longer kept.
struct Streams {
    loss: Stretch,
}

impl Streams {
    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        from.version(VERSION)?;
        Ok(Self { loss: Stretch { from: from.time()?, to: from.time()? } })
    }
}

/// Forgets the stream with the oldest event, if there are as many as may be.
fn make_room(view: &mut View<'_>, endpoint_id: &str) {
    let streams = all(view, endpoint_id);
    if streams.len() < STREAMS_MAX {
        return;
    }
    let Some((oldest, seen)) = streams.into_iter().min_by_key(|(_, seen)| seen.at) else { return };
    view.remove(&oldest);
    let loss = seen.all_loss();
    let key = streams_key(endpoint_id);
    let loss = view.read(&key, Streams::read).map_or(loss, |streams| streams.loss.with(loss));
    view.put(
        &key,
        row(VERSION, |row| {
            row.time(loss.from).time(loss.to);
        }),
    );
}

fn all(view: &mut View<'_>, endpoint_id: &str) -> Vec<(Vec<u8>, Seen)> {
    let rows = view
        .scan(&streams_of(endpoint_id))
        .map(|(key, value)| (key.into_owned(), Seen::read(&mut Reader::new(&value))));
    let rows: Vec<_> = rows.collect();
    rows.into_iter().filter_map(|(key, seen)| view.readable(&key, seen).map(|seen| (key, seen))).collect()
}

fn streams_of(endpoint_id: &str) -> Key {
    let mut key = Key::new(Tag::Stream);
    key.text(endpoint_id);
    key
}

fn key(event: &EventView<'_>, stream: StreamView<'_>) -> Key {
    let mut key = streams_of(event.endpoint_id);
    key.text(event.source).text(stream.boot_id);
    key
}

fn streams_key(endpoint_id: &str) -> Key {
    let mut key = Key::new(Tag::Streams);
    key.text(endpoint_id);
    key
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use contracts::records::AnyRecord;
    use proptest::prelude::*;

    use super::super::trial::{EPOCH, Event, Said, Trial, rule};
    use super::*;
    use crate::limits::Limits;
    use crate::plan::Role;
    use crate::rule::{Count, CountOf, Window};

    proptest! {
        #[test]
        fn a_number_is_a_repeat_exactly_if_it_was_seen(numbers in proptest::collection::vec(0..100_i64, 1..200)) {
            let mut seen = Seen::first(numbers[0], 0);
            let mut known = BTreeSet::from([numbers[0]]);
            for number in &numbers[1..] {
                let highest = *known.last().unwrap();
                let place = seen.take(*number, 0);
                let expected = match *number {
                    number if known.contains(&number) => Place::Again,
                    number if number < highest => Place::Missed,
                    number if number == highest + 1 => Place::Next,
                    number => Place::Behind { from_seq: highest + 1, to_seq: number - 1 },
                };
                prop_assert_eq!(place, expected);
                known.insert(*number);
                let open: i64 = seen.gaps[1..].iter().map(|gap| gap.to_seq - gap.from_seq + 1).sum();
                let before_first = seen.gaps[0].from_seq == i64::MIN;
                prop_assert!(!before_first || open <= 100);
            }
        }
    }

    #[test]
    fn of_too_many_gaps_the_oldest_is_closed_and_its_loss_stays() {
        let mut seen = Seen::first(0, 0);
        for number in (1..).take(OPEN_GAPS_MAX) {
            seen.take(2 * number, 10 * number);
        }
        assert_eq!(
            (seen.gaps.len(), seen.gaps[0].from_seq),
            (OPEN_GAPS_MAX, 1),
            "the unknown beginning is closed first"
        );
        assert_eq!(seen.loss, Stretch::NONE);
        seen.take(1_000, 1_000);
        assert_eq!((seen.gaps.len(), seen.gaps[0].from_seq), (OPEN_GAPS_MAX, 3));
        assert_eq!(seen.loss, Stretch { from: 0, to: 10 });
        assert_eq!(seen.take(1, 1_001), Place::Again, "nobody knows any more that it was missing");
        assert_eq!(seen.take(3, 1_001), Place::Missed);
    }

    fn trial() -> Trial {
        let count = Count { of: CountOf::Events, window_ms: 1_000, by: Vec::new(), threshold: 1 };
        Trial::of(rule(vec![Window::Count(count)], 0), Limits::default())
    }

    fn numbered(second: i64, seq: i64) -> Said {
        let (appended, group, role) = (second * 1_000_000, "[]".to_owned(), Role::Match);
        let id = seq.unsigned_abs();
        Said::Event(Event { appended, observed: appended, id, endpoint: "e", group, role, value: None, seq: Some(seq) })
    }

    #[test]
    fn a_repeat_is_counted_and_not_evaluated_and_loss_is_told_until_it_is_filled() {
        let mut trial = trial();
        let fired = trial.run(&[numbered(0, 7), numbered(10, 8), numbered(10, 8), numbered(20, 11), numbered(30, 12)]);
        assert_eq!(fired.iter().map(Vec::len).collect::<Vec<_>>(), [1, 1, 0, 1, 1]);
        assert_eq!(trial.out.counts.sent_again, 1);
        let told = trial.out.rows.iter().map(|row| match &row.record {
            AnyRecord::TelemetryEvent(event) => (&*event.event_type, event.payload.as_str()),
            other => panic!("{}", other.name()),
        });
        let payload = r#"{"source":"test","boot_id":"boot","from_seq":9,"to_seq":10,"lost":2}"#;
        assert_eq!(told.collect::<Vec<_>>(), [("telemetry.gap", payload)]);

        let at = |second: i64| EPOCH + second * 1_000_000;
        let mut complete = |from, to| trial.change(|view| is_complete(view, "e", at(from), at(to)));
        let table = [(0, 9, true), (0, 10, false), (12, 13, false), (19, 25, false), (20, 30, true), (0, 30, false)];
        for (from, to, expected) in table {
            assert_eq!(complete(from, to), expected, "({from}, {to}]");
        }
        trial.run(&[numbered(31, 9), numbered(31, 10)]);
        assert!(trial.change(|view| is_complete(view, "e", at(0), at(30))), "what was missing came");
    }

    #[test]
    fn of_too_many_streams_the_oldest_is_forgotten_and_its_loss_stays() {
        let store = crate::view::MemoryStore::default();
        let mut view = View::over(&store);
        let mut lost = Seen::first(1, 100);
        lost.take(3, 200);
        for number in (0..).take(STREAMS_MAX + 1) {
            make_room(&mut view, "e");
            let mut key = Key::new(Tag::Stream);
            key.text("e").text("source").text(&number.to_string());
            let seen = if number == 5 { Seen { at: 50, ..Seen::first(0, 0) } } else { Seen::first(0, 100 + number) };
            let seen = if number == 5 { Seen { gaps: lost.gaps.clone(), ..seen } } else { seen };
            view.put(&key, row(VERSION, |row| seen.write(row)));
        }
        let kept = all(&mut view, "e");
        assert_eq!(kept.len(), STREAMS_MAX);
        assert!(kept.iter().all(|(_, seen)| seen.at != 50));
        assert!(!is_complete(&mut view, "e", 150, 160));
        assert!(is_complete(&mut view, "e", 200, 300));
    }
}
