//! Which commands were applied, so that a repeated one does nothing.
//!
//! The newest [`COMMANDS_REMEMBERED_MAX`] are known by their ids; one that is repeated after so many others is applied again.

use contracts::canonical::Digest;

use crate::step::holdback::{self, Entry, Slot, Tag};
use crate::step::input::Command;
use crate::step::round::{Owner, Round};
use crate::step::row::{Row as _, row};
use crate::view::View;
use crate::view::keys::Key;

/// Ids of commands that a task remembers.
pub const COMMANDS_REMEMBERED_MAX: u32 = 10_000;

row! {
    struct Applied version 1 {
        offset: i64,
    }
}

impl Entry for Applied {
    fn time(&self) -> i64 {
        self.offset
    }
}

/// Of the task as a whole: no rule, no owner.
const TASK: Slot<'static> = Slot { rule_id: "", owner: Owner::Endpoint(""), group_key: "" };

/// The place of the newest command that reached this task.
const NEWEST: u8 = 0x3f;

row! {
    struct Newest version 1 {
        offset: i64,
    }
}

/// The place on the control topic of the last command in force; -1 before the first.
pub fn offset(view: &mut View<'_>) -> i64 {
    view.read(&Key::tagged(NEWEST), Newest::from_row).map_or(-1, |newest| newest.offset)
}

/// What stands at this place of the control topic has had its effect, if any.
pub(crate) fn pass(view: &mut View<'_>, offset: i64) {
    view.put(&Key::tagged(NEWEST), Newest { offset }.to_row());
}

/// Whether the command was not applied before; from now on it was.
pub(super) fn is_new(round: &mut Round<'_, '_>, command: &Command<'_>) -> bool {
    pass(round.view, command.offset);
    let id = Digest::of(command.command.command_id.as_str().as_bytes());
    if holdback::get::<Applied>(round.view, TASK, Tag::Applied, &id).is_some() {
        return false;
    }
    let applied = Applied { offset: command.offset };
    holdback::put(round.view, TASK, Tag::Applied, &id, &applied, COMMANDS_REMEMBERED_MAX);
    true
}
