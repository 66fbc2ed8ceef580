//! Sequences: steps in order, all of them in one window `(e − W, e]` that ends with the last.
//!
//! The meaning is that of one walk over the group's events in the order of their times, whatever the order they came in. Of
//! equal times the event that can serve the earlier step comes first, so that equal times satisfy the order. The walk keeps
//! for each step the sequence that has come so far and began latest: a later beginning can only do better, and the earlier
//! one is gone. An event serves one step of a sequence. It may stand in several that are under way; the first that is
//! completed consumes its events, and from there on whatever else they stood in is gone.
//!
//! Invariant: an event completes a sequence exactly if that walk does with the event in it. Events that none can come before
//! any more are walked once and then stand only in what is under way; the later ones are kept and walked again.
//!
//! Kept are at most [`PENDING_MAX`] events within the lateness; of more the oldest is walked for good, and what comes late
//! before it then finds less than it might have. Under way is one sequence for each step but the last.
//!
//! A row is 17 bytes, 18 to 21 for each event within the lateness, and 17 or 18 for each event of what is under way: of k
//! steps at most k (k − 1) / 2.

use super::entries::Short;
use super::{Fired, Head, Span};
use crate::view::value::{Malformed, Reader};

/// Events within the lateness of one group.
pub(super) const PENDING_MAX: usize = 256;

/// The steps an event can serve: one bit each.
type Steps = u16;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Event {
    time: i64,
    id: Short,
    steps: Steps,
    consumed: Option<Consumed>,
}

/// By which completed sequence an event was consumed. Until its end the walk goes as it went before; no other sequence is
/// completed with the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Consumed {
    /// Tells completed sequences apart, as long as any event of one is kept.
    by: u64,
    /// The event was its last: here the walk forgets what its events stand in.
    is_end: bool,
}

/// An event in its place in a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Link {
    time: i64,
    id: Short,
    consumed: Option<Consumed>,
}

/// The events of a sequence so far, in the order of the steps.
type Chain = Vec<Link>;

#[derive(Debug, Default)]
struct State {
    /// Of each step but the last: what has come so far and began latest. Empty is none.
    under_way: Vec<Chain>,
    /// In the order of the walk.
    pending: Vec<Event>,
}

/// Takes an event into its place. The row's newest time has the event in it.
pub(super) fn take(
    row: &mut Vec<u8>,
    span: Span,
    steps: usize,
    time: i64,
    id: Short,
    serves: &[usize],
) -> Result<super::count::Taken, Malformed> {
    use super::count::Taken;
    let head = Head::of(row)?;
    let newest = head.newest;
    let mut state = State::read(row, steps)?;
    if state.knows(id) {
        return Ok(Taken::Again);
    }
    let serves = serves.iter().fold(0, |bits, step| bits | 1 << step);
    state.insert(Event { time, id, steps: serves, consumed: None });
    let fired = state.complete(span.window).map(|chain| {
        state.consume(&chain);
        let end = chain.last().map_or(time, |link| link.time);
        Fired { occurrences: i64::try_from(chain.len()).unwrap_or(i64::MAX), window: (end - span.window, end) }
    });
    state.settle(newest.saturating_sub(span.lateness), newest.saturating_sub(span.kept()), span.window);
    state.write(row, head);
    Ok(fired.map_or(Taken::Kept, Taken::Fired))
}

impl State {
    fn knows(&self, id: Short) -> bool {
        let under_way = self.under_way.iter().flatten().any(|link| link.id == id);
        under_way || self.pending.iter().any(|event| event.id == id)
    }

    fn insert(&mut self, event: Event) {
        let order = |event: &Event| (event.time, event.steps.trailing_zeros(), u16::BITS - event.steps.leading_zeros());
        let place = self.pending.partition_point(|known| order(known) <= order(&event));
        self.pending.insert(place, event);
    }

    /// The first sequence that the walk completes.
    fn complete(&self, window: i64) -> Option<Chain> {
        let mut under_way = self.under_way.clone();
        self.pending.iter().find_map(|event| walk(&mut under_way, event, window))
    }

    fn consume(&mut self, chain: &Chain) {
        let links = self.under_way.iter_mut().flatten().map(|link| (link.id, &mut link.consumed));
        let events = self.pending.iter_mut().map(|event| (event.id, &mut event.consumed));
        let mut kept: Vec<_> = links.chain(events).collect();
        let is_taken = |by: &u64| kept.iter().any(|(_, consumed)| consumed.is_some_and(|consumed| consumed.by == *by));
        let by = (0..=kept.len() as u64).find(|by| !is_taken(by));
        let by = by.expect("invariant: there are no more numbers in use than events that are kept");
        let end = chain.last().map(|link| link.id);
        for (id, consumed) in &mut kept {
            if chain.iter().any(|link| link.id == *id) {
                **consumed = Some(Consumed { by, is_end: end == Some(*id) });
            }
        }
    }

    /// Walks for good what nothing can come before any more, and drops what can no longer be completed.
    fn settle(&mut self, open_from: i64, dead_until: i64, window: i64) {
        let old = self.pending.partition_point(|event| event.time < open_from);
        let over = self.pending.len().saturating_sub(PENDING_MAX);
        for event in self.pending.drain(..old.max(over)) {
            // Whatever this could complete was completed when it came.
            walk(&mut self.under_way, &event, window);
        }
        for chain in &mut self.under_way {
            if chain.first().is_some_and(|start| start.time <= dead_until) {
                chain.clear();
            }
        }
    }

    fn read(row: &[u8], steps: usize) -> Result<Self, Malformed> {
        let mut from = Reader::new(row);
        Head::read(&mut from)?;
        let mut state = Self { under_way: vec![Chain::new(); steps.saturating_sub(1)], pending: Vec::new() };
        if from.is_at_end() {
            return Ok(state);
        }
        for chain in &mut state.under_way {
            for _ in 0..from.uint()? {
                let (time, id) = (from.time()?, from.array("an event")?);
                chain.push(Link { time, id, consumed: Consumed::read(&mut from)? });
            }
        }
        while !from.is_at_end() {
            let time = from.time()?;
            let id = from.array("an event")?;
            let steps = Steps::try_from(from.uint()?).map_err(|_| from.expected("steps"))?;
            state.pending.push(Event { time, id, steps, consumed: Consumed::read(&mut from)? });
        }
        Ok(state)
    }

    fn write(&self, row: &mut Vec<u8>, head: Head) {
        let mut row = head.begin(row);
        for chain in &self.under_way {
            row.uint(chain.len() as u64);
            for link in chain {
                row.time(link.time).raw(&link.id).uint(Consumed::code(link.consumed));
            }
        }
        for event in &self.pending {
            row.time(event.time).raw(&event.id).uint(event.steps.into()).uint(Consumed::code(event.consumed));
        }
    }
}

impl Consumed {
    /// As it stands in a row: nothing is 0.
    fn code(consumed: Option<Self>) -> u64 {
        consumed.map_or(0, |Self { by, is_end }| 2 * by + 1 + u64::from(is_end))
    }

    fn read(from: &mut Reader<'_>) -> Result<Option<Self>, Malformed> {
        let code = from.uint()?.checked_sub(1);
        Ok(code.map(|code| Self { by: code / 2, is_end: code % 2 == 1 }))
    }
}

/// One event of the walk: the sequence that it completes, if it does.
fn walk(under_way: &mut [Chain], event: &Event, window: i64) -> Option<Chain> {
    if let Some(Consumed { by, is_end: true }) = event.consumed {
        let is_of_it = |link: &Link| link.consumed.is_some_and(|consumed| consumed.by == by);
        under_way.iter_mut().filter(|chain| chain.iter().any(is_of_it)).for_each(Chain::clear);
        return None;
    }
    let last = under_way.len();
    // From the last step down, so that the event does not follow itself.
    for step in (0..=last).rev().filter(|step| event.steps >> step & 1 == 1) {
        let before: &[_] = if step == 0 { &[] } else { &under_way[step - 1] };
        let is_viable = match before {
            [] => step == 0,
            [start, ..] => start.time > event.time - window && before[before.len() - 1].time <= event.time,
        };
        if !is_viable {
            continue;
        }
        let link = Link { time: event.time, id: event.id, consumed: event.consumed };
        let chain = [before, &[link]].concat();
        if step == last {
            if chain.iter().all(|link| link.consumed.is_none()) {
                return Some(chain);
            }
        } else if under_way[step].first().is_none_or(|start| start.time <= chain[0].time) {
            under_way[step] = chain;
        }
    }
    None
}
