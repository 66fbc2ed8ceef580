//! What is refused before anything runs, and why: all of it at once.

pub(super) mod caps;
mod never;
pub(super) mod selection;
pub(super) mod template;
pub(super) mod windows;

pub(super) use never::never;

use contracts::nearest::nearest;

use crate::rule::{Fault, Place};

/// A fault of which only this much can be said; the rest is filled in by struct update.
pub(super) fn fault(place: Place, what: impl Into<String>) -> Fault {
    Fault { place, what: what.into(), expected: None, found: None, help: None }
}

/// Something named that is not among the `known`.
pub(super) fn unknown<'k>(place: Place, kind: &str, name: &str, known: impl IntoIterator<Item = &'k str>) -> Fault {
    let help = nearest(name, known).map(|nearest| format!("did you mean `{nearest}`?"));
    Fault { found: Some(format!("`{name}`")), help, ..fault(place, format!("no {kind} of this name")) }
}
