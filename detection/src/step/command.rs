//! Commands.

use crate::plan::PlannedRule;
use crate::view::View;

use super::input::Command;
use super::round::Round;

pub(crate) fn is_enabled(_view: &mut View<'_>, planned: &PlannedRule) -> bool {
    planned.rule.enabled
}

pub(crate) fn offset(_view: &mut View<'_>) -> i64 {
    -1
}

pub(crate) fn apply(_round: &mut Round<'_, '_>, _given: &Command<'_>) {}
