//! What a slot keeps many of, each known by a digest: triggers, fingerprints, alerts, episodes.
//!
//! An entry lies behind its slot and its digest. Beside it, under tags of their own, are its place in the order of times and
//! how many entries the slot has.
//!
//! Invariant: never more than the cap; each entry has one place in the order. One too many pushes out the entry with the
//! least time, which is given to the caller.

use contracts::canonical::Digest;

use super::slot::{self, Slot, Tag};
use crate::step::row::{Row, row};
use crate::view::View;
use crate::view::keys::Key;
use crate::view::value::Reader;

/// What can be kept: it knows the time it is ordered by.
pub(crate) trait Entry: Row {
    fn time(&self) -> i64;
}

row! {
    struct Size version 1 {
        entries: i64,
    }
}

row! {
    /// The digest again: a key is not read.
    struct Place version 1 {
        digest: Digest,
    }
}

pub(crate) fn get<E: Entry>(view: &mut View<'_>, slot: Slot<'_>, tag: Tag, digest: &Digest) -> Option<E> {
    view.read(&entry(slot, tag, digest), E::from_row)
}

/// Puts an entry in, in place of the one with its digest. Gives what had to leave.
pub(crate) fn put<E: Entry>(
    view: &mut View<'_>,
    slot: Slot<'_>,
    tag: Tag,
    digest: &Digest,
    new: &E,
    entries_max: u32,
) -> Option<(Digest, E)> {
    let known: Option<E> = get(view, slot, tag, digest);
    if let Some(known) = &known {
        view.remove(&place(slot, tag, known.time(), digest));
    }
    view.put(&place(slot, tag, new.time(), digest), Place { digest: *digest }.to_row());
    view.put(&entry(slot, tag, digest), new.to_row());
    if known.is_some() || resize(view, slot, tag, 1) <= i64::from(entries_max) {
        return None;
    }
    // The new one may be the least: then it is the one that leaves.
    let order = behind(slot, Tag::Order, tag);
    let first = view.scan(&order).next().map(|(key, value)| (key.into_owned(), value.into_owned()));
    let (key, value) = first.expect("invariant: each entry has a place in the order");
    let read = Place::from_row(&mut Reader::new(&value));
    let leaving = view.readable(&key, read)?.digest;
    remove(view, slot, tag, &leaving).map(|entry| (leaving, entry))
}

/// All of a rule, in all scopes; says how many there were.
pub(crate) fn remove_rule(view: &mut View<'_>, tag: Tag, rule_id: &str) -> usize {
    for beside in [Tag::Order, Tag::Size] {
        view.remove_prefix(Key::tagged(beside as u8).byte(tag as u8).text(rule_id));
    }
    view.remove_prefix(&slot::of_rule(tag, rule_id))
}

pub(crate) fn remove<E: Entry>(view: &mut View<'_>, slot: Slot<'_>, tag: Tag, digest: &Digest) -> Option<E> {
    let known: E = get(view, slot, tag, digest)?;
    view.remove(&place(slot, tag, known.time(), digest));
    view.remove(&entry(slot, tag, digest));
    resize(view, slot, tag, -1);
    Some(known)
}

/// Changes how many there are, and says how many there are then.
fn resize(view: &mut View<'_>, slot: Slot<'_>, tag: Tag, by: i64) -> i64 {
    let key = behind(slot, Tag::Size, tag);
    let entries = view.read(&key, Size::from_row).map_or(0, |size| size.entries) + by;
    if entries == 0 {
        view.remove(&key);
    } else {
        view.put(&key, Size { entries }.to_row());
    }
    entries
}

fn entry(slot: Slot<'_>, tag: Tag, digest: &Digest) -> Key {
    let mut key = slot.key(tag);
    key.digest(digest);
    key
}

fn place(slot: Slot<'_>, tag: Tag, time: i64, digest: &Digest) -> Key {
    let mut key = behind(slot, Tag::Order, tag);
    key.time(time).digest(digest);
    key
}

fn behind(slot: Slot<'_>, beside: Tag, tag: Tag) -> Key {
    let mut key = Key::tagged(beside as u8);
    slot.write(key.byte(tag as u8));
    key
}
