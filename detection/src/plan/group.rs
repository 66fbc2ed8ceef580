//! What an event's group is called, and the hashes of the values that are counted.

use contracts::avro::EventView;
use contracts::canonical::{Digest, tolerant_text};
use contracts::json::Value;

use super::matcher::Matcher;
use super::values::EventValues;
use crate::limits::GROUP_KEY_BYTES_MAX;
use crate::rule::Scope;

/// The canonical array of the values that the rule groups by; `None` if the event lacks one, or if they are too long.
pub(super) fn key(
    matcher: &Matcher,
    scope: Scope,
    event: &EventView<'_>,
    values: &EventValues<'_, '_, '_>,
) -> Option<String> {
    let mut group = Vec::new();
    for &path in &matcher.group {
        group.push(values.first(path)?);
    }
    // An event of no session is of no session's group: grouping all such together would mix what nobody said belongs together.
    if scope.session {
        group.push(Value::from(event.session_id?));
    }
    if scope.thread {
        group.push(Value::from(event.thread_id?));
    }
    if group.is_empty() {
        return Some("[]".to_owned());
    }
    let key = tolerant_text(&Value::Array(group)).into_string();
    (key.len() <= GROUP_KEY_BYTES_MAX).then_some(key)
}

/// For each distinct term its value's hash, if the event has the value.
pub(super) fn hashes(matcher: &Matcher, values: &EventValues<'_, '_, '_>) -> Vec<Option<Digest>> {
    let hash = |&path| values.first(path).map(|value| tolerant_text(&value).digest());
    matcher.distinct.iter().map(hash).collect()
}
