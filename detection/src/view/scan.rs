//! Rows of the store and of the batch as one ascending walk.

use std::borrow::Cow;
use std::collections::btree_map::Range;
use std::iter::Peekable;
use std::ops::Bound;

use super::{Changes, Store};

/// See [`super::View::scan`].
pub struct Scan<'v> {
    store: &'v dyn Store,
    stored: Stored,
    end: Vec<u8>,
    changes: Peekable<Range<'v, Vec<u8>, Option<Vec<u8>>>>,
}

/// What is known of the store from here on.
enum Stored {
    /// Nothing before this key has to be looked at again.
    From(Vec<u8>),
    /// The next row.
    Next(Vec<u8>, Vec<u8>),
    End,
}

/// The least key that is greater than all with this prefix.
pub(super) fn end_of(prefix: &[u8]) -> Vec<u8> {
    let kept = prefix.iter().rposition(|byte| *byte < u8::MAX).expect("invariant: a key begins with a tag below 0xFF");
    let mut end = prefix[..=kept].to_vec();
    end[kept] += 1;
    end
}

impl<'v> Scan<'v> {
    pub(super) fn new(store: &'v dyn Store, changes: &'v Changes, from: &[u8], end: &[u8]) -> Self {
        // What begins behind its end is empty; a map and a store need not know that.
        let from = from.min(end);
        let changes = changes.range::<[u8], _>((Bound::Included(from), Bound::Excluded(end))).peekable();
        let stored = if from < end { Stored::From(from.to_vec()) } else { Stored::End };
        Self { store, stored, end: end.to_vec(), changes }
    }

    fn look(&mut self) {
        if let Stored::From(from) = &self.stored {
            self.stored = match self.store.first(from, &self.end) {
                Some((key, value)) => Stored::Next(key, value),
                None => Stored::End,
            };
        }
    }

    /// Gives the stored row out, and looks behind it the next time.
    fn take_stored(&mut self) -> Option<(Vec<u8>, Vec<u8>)> {
        match std::mem::replace(&mut self.stored, Stored::End) {
            Stored::Next(key, value) => {
                self.stored = Stored::From([&*key, &[0]].concat());
                Some((key, value))
            }
            Stored::From(_) | Stored::End => None,
        }
    }
}

impl<'v> Iterator for Scan<'v> {
    type Item = (Cow<'v, [u8]>, Cow<'v, [u8]>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.look();
            let Some((changed, _)) = self.changes.peek() else {
                return self.take_stored().map(|(key, value)| (key.into(), value.into()));
            };
            if let Stored::Next(key, _) = &self.stored {
                if key < *changed {
                    return self.take_stored().map(|(key, value)| (key.into(), value.into()));
                }
                if key == *changed {
                    self.take_stored();
                }
            }
            if let Some((key, Some(value))) = self.changes.next() {
                return Some((key.into(), value.into()));
            }
        }
    }
}

impl std::fmt::Debug for Scan<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scan").field("end", &self.end).finish_non_exhaustive()
    }
}
