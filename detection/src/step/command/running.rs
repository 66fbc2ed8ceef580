//! What a task runs by, as its rows say it: what a shell needs at a restart to compile the plan again.
//!
//! Tag `32`: the digest of the rule set. Tag `33`, subscription: one that was added at run time, or one of the set that was
//! removed.

use contracts::canonical::Digest;

use crate::diagnostic::Diagnostics;
use crate::json_form;
use crate::plan::PlannedSubscription;
use crate::step::row::{Row as _, row};
use crate::view::View;
use crate::view::keys::Key;
use crate::view::value::Reader;

const SET: u8 = 0x32;
const SUBSCRIPTION: u8 = 0x33;

/// What was commanded so far. Switches and mutes are not of the plan: they are in the view.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Running {
    /// None: no set was ever swapped in.
    pub set: Option<Digest>,
    /// By id.
    pub added: Vec<PlannedSubscription>,
    /// Ids of subscriptions of the set that do not run.
    pub removed: Vec<String>,
}

row! {
    pub(super) struct SetRow version 1 {
        digest: Digest,
        since: i64,
    }
}

row! {
    /// What was commanded of an id: the set's own subscription may be removed, and another added in its place.
    pub(super) struct Changed version 1 {
        subscription_id: String,
        is_removed: bool,
        added: Option<Added>,
    }
}

row! {
    pub(super) struct Added version 1 {
        watcher: String,
        /// Its JSON form.
        text: String,
        at: i64,
    }
}

/// Fails only where an older release took a subscription that this one refuses.
pub fn running(view: &mut View<'_>) -> Result<Running, Diagnostics> {
    let mut running = Running { set: set(view).map(|row| row.digest), ..Running::default() };
    for changed in changes(view) {
        if let Some(Added { watcher, text, .. }) = changed.added {
            let subscription = json_form::subscription_from_json(&changed.subscription_id, &text)?;
            running.added.push(PlannedSubscription { watcher, subscription });
        }
        if changed.is_removed {
            running.removed.push(changed.subscription_id);
        }
    }
    Ok(running)
}

pub(super) fn set(view: &mut View<'_>) -> Option<SetRow> {
    view.read(&Key::tagged(SET), SetRow::from_row)
}

pub(super) fn put_set(view: &mut View<'_>, row: &SetRow) {
    view.put(&Key::tagged(SET), row.to_row());
}

pub(super) fn get(view: &mut View<'_>, subscription_id: &str) -> Changed {
    let none = || Changed { subscription_id: subscription_id.to_owned(), is_removed: false, added: None };
    view.read(&key(subscription_id), Changed::from_row).unwrap_or_else(none)
}

/// Writes what was commanded of an id, or that nothing is in force.
pub(super) fn put(view: &mut View<'_>, changed: &Changed) {
    let key = key(&changed.subscription_id);
    if changed.is_removed || changed.added.is_some() {
        view.put(&key, changed.to_row());
    } else {
        view.remove(&key);
    }
}

fn changes(view: &mut View<'_>) -> Vec<Changed> {
    let rows = view.scan(&Key::tagged(SUBSCRIPTION));
    let rows: Vec<_> = rows.map(|(key, row)| (key.into_owned(), row.into_owned())).collect();
    rows.into_iter()
        .filter_map(|(key, row)| {
            let changed = Changed::from_row(&mut Reader::new(&row));
            view.readable(&key, changed)
        })
        .collect()
}

fn key(subscription_id: &str) -> Key {
    let mut key = Key::tagged(SUBSCRIPTION);
    key.text(subscription_id);
    key
}
