//! Distinct counts: a window that holds enough different values.
//!
//! Invariant: as for counts, with values in place of events. Of a value a cell `[kW, (k + 1)W)` keeps the first time and the
//! last: a window is the end of one cell and the beginning of the next, and a value lies in the end of a cell if its last
//! time does, in the beginning if its first does. Of the values a cell keeps the N that began first and the N that ended
//! last, at most 2N times. So of one value two times are kept in each cell, never more than 64 where W is at least a 30th of
//! the lateness.
//!
//! `{count}` is the number of different values kept in the earliest full window: N, or more.
//!
//! A row is 17 bytes, and 24 for each time kept.

use std::collections::{BTreeMap, BTreeSet};

use super::count::Taken;
use super::entries::{Entries, Short};
use super::{Fired, HEAD_BYTES, Head, Span};
use crate::view::value::Malformed;

/// Time, value, event.
const ENTRY_BYTES: usize = 24;

/// Takes an event's value into its place. The row's newest time has the event in it.
pub(super) fn take(
    row: &mut Vec<u8>,
    span: Span,
    threshold: usize,
    time: i64,
    value: Short,
    id: Short,
) -> Result<Taken, Malformed> {
    let Head { newest, .. } = Head::of(row)?;
    let mut entries = Entries::of(row, HEAD_BYTES)?;
    if entries.has(2, id) {
        return Ok(Taken::Again);
    }
    let mut entry = [0; ENTRY_BYTES];
    entry[..8].copy_from_slice(&time.to_le_bytes());
    entry[8..16].copy_from_slice(&value);
    entry[16..].copy_from_slice(&id);
    entries.insert(time, entry);
    let fired = earliest_full(&entries, span.window, threshold, time);
    thin(&mut entries, span.window, threshold, time, value);
    let old = entries.before(newest.saturating_sub(span.kept()).saturating_add(1));
    if old > 0 {
        entries.remove_first(old);
    }
    Ok(fired.map_or(Taken::Kept, Taken::Fired))
}

/// Of the windows that hold enough values and contain `time`, the one that ends first.
fn earliest_full(entries: &Entries<'_, ENTRY_BYTES>, window: i64, threshold: usize, time: i64) -> Option<Fired> {
    let candidates_end = entries.before(time.saturating_add(window));
    let begin = entries.before(time.saturating_sub(window).saturating_add(1));
    let mut first = begin;
    let mut values = BTreeMap::<Short, usize>::new();
    for place in begin..candidates_end {
        *values.entry(entries.short(place, 1)).or_default() += 1;
        let end = entries.time(place);
        while entries.time(first) <= end.saturating_sub(window) {
            let value = entries.short(first, 1);
            let left = values.get_mut(&value).expect("invariant: each value between the two places was counted");
            *left -= 1;
            if *left == 0 {
                values.remove(&value);
            }
            first += 1;
        }
        let is_last_of_its_time = place + 1 == entries.len() || entries.time(place + 1) > end;
        if end >= time && is_last_of_its_time && values.len() >= threshold {
            let occurrences = i64::try_from(values.len()).unwrap_or(i64::MAX);
            return Some(Fired { occurrences, window: (end - window, end) });
        }
    }
    None
}

/// Drops what the cell of a new time need not keep any more.
fn thin(entries: &mut Entries<'_, ENTRY_BYTES>, window: i64, threshold: usize, time: i64, value: Short) {
    let cell = time.div_euclid(window);
    let start = entries.before(cell.saturating_mul(window));
    let mut end = entries.before((cell + 1).saturating_mul(window));
    let times: Vec<_> = (start..end).filter(|place| entries.short(*place, 1) == value).collect();
    if let [_, middle, _] = *times {
        entries.remove(middle);
        end -= 1;
    }
    if end - start > 2 * threshold {
        let mut needed = edge(entries, start..end, threshold);
        needed.extend(edge(entries, (start..end).rev(), threshold));
        if let Some(place) = (start..end).find(|place| !needed.contains(place)) {
            entries.remove(place);
        }
    }
}

/// Where the first `threshold` different values of a walk stand.
fn edge(entries: &Entries<'_, ENTRY_BYTES>, walk: impl Iterator<Item = usize>, threshold: usize) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    walk.filter(|place| seen.insert(entries.short(*place, 1))).take(threshold).collect()
}
