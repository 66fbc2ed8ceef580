//! The values of one event's payload: singular paths straight from its text, all others from the tree.
//!
//! Invariant: whichever way a path is read, it gives the values it selects in the payload read tolerantly. The tree is
//! built when the first path asks for it, once.

use std::cell::OnceCell;

use contracts::json::{Mode, Value, parse};
use contracts::limits::JSON_DEPTH_MAX;

use super::paths::{PathId, Paths};
use super::predicate::Values;
use crate::eval::{OverBudget, Work, any_holds};
use crate::jsonpath::{Readings, Slot};

/// Of a payload that is proven to be a JSON object.
pub(super) struct EventValues<'p, 'e, 's> {
    pub paths: &'p Paths,
    pub payload: &'e str,
    pub readings: Readings<'e, 's>,
    pub tree: OnceCell<Value<'e>>,
}

impl<'e> EventValues<'_, 'e, '_> {
    /// The first value of a path.
    pub fn first(&self, path: PathId) -> Option<Value<'_>> {
        if let Some(slot) = self.paths.slot(path) {
            return self.readings.get(slot).to_value();
        }
        let found = self.paths.get(path).select(self.tree(), &mut Work::new(u64::MAX));
        found.ok()?.first().map(|value| (*value).clone())
    }

    pub fn tree(&self) -> &Value<'e> {
        self.tree.get_or_init(|| {
            parse(self.payload.as_bytes(), Mode::Tolerant, JSON_DEPTH_MAX)
                .expect("invariant: the payload was proven a JSON object within the depth")
        })
    }

    pub fn into_tree(self) -> Value<'e> {
        self.tree();
        self.tree.into_inner().expect("invariant: it was built the line before")
    }
}

impl Values for EventValues<'_, '_, '_> {
    fn any(
        &self,
        path: PathId,
        work: &mut Work,
        mut holds: impl FnMut(&Value<'_>, &mut Work) -> Result<bool, OverBudget>,
    ) -> Result<bool, OverBudget> {
        let Some(slot) = self.paths.slot(path) else {
            let found = self.paths.get(path).select(self.tree(), work)?;
            return any_holds(found, |value| holds(value, work));
        };
        let slot = self.readings.get(slot);
        // Of arrays and objects a tree is built.
        work.spend(match slot {
            Slot::Array(text) | Slot::Object(text) => text.len(),
            _ => 1,
        })?;
        slot.to_value().map_or(Ok(false), |value| holds(&value, work))
    }
}
