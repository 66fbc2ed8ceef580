//! From a record that follows to a row of the outbox.

use bus::{Header, Record, Row, To};
use contracts::codec::{self, EncodeError};
use contracts::records::{AnyRecord, DeadLetter, DeadLetterReason};
use contracts::topics::DEAD_LETTERS;
use detection::step;

use super::letter;
use crate::core::CoreError;
use crate::framing::Framings;
use crate::outbox::{RowTooLarge, Rows};
use crate::task::TaskId;
use crate::traces::TRACEPARENT;

const CONTENT_TYPE: &str = "content-type";
const DEPTH: &str = "tripline-depth";
/// W3C's has 55; a longer one is nobody's trace.
const TRACEPARENT_BYTES_MAX: usize = 128;

/// Why a row cannot be published.
#[derive(Debug, thiserror::Error)]
enum RowError {
    #[error(transparent)]
    Encoding(#[from] EncodeError),
    #[error(transparent)]
    TooLarge(#[from] RowTooLarge),
}

/// Puts what follows from a record into the outbox. What cannot be written is told as a dead letter of the record it follows
/// from; the other rows go on.
pub(super) fn push_all(
    follows: &[step::Row],
    of: (TaskId, &Record<'_>),
    framings: &Framings,
    rows: &mut Rows,
) -> Result<(), CoreError> {
    for follow in follows {
        if let Err(error) = push(follow.topic, &follow.key, &follow.record, of.1, framings, rows) {
            let why = format!(
                "a {} for {} follows from it and cannot be written: {error}",
                follow.record.name(),
                follow.topic
            );
            push_letter(letter(of, DeadLetterReason::Invalid, why), of, framings, rows)?;
        }
    }
    Ok(())
}

/// A dead letter always fits.
pub(super) fn push_letter(
    letter: DeadLetter,
    of: (TaskId, &Record<'_>),
    framings: &Framings,
    rows: &mut Rows,
) -> Result<(), CoreError> {
    let (task, record) = of;
    let key = letter.topic.clone();
    push(DEAD_LETTERS, &key, &letter.into(), record, framings, rows).map_err(|error| match error {
        RowError::TooLarge(source) => CoreError::Row { task, offset: record.offset, source },
        RowError::Encoding(error) => unreachable!("invariant: a dead letter is within its limits: {error}"),
    })
}

fn push(
    topic: &str,
    key: &str,
    follow: &AnyRecord,
    of: &Record<'_>,
    framings: &Framings,
    rows: &mut Rows,
) -> Result<(), RowError> {
    let mut value = Vec::new();
    follow.encode(framings.of(topic, follow.name()), &mut value)?;
    let depth = depth_of(follow).map(|depth| depth.to_string());
    let mut headers = vec![Header { name: CONTENT_TYPE, value: codec::CONTENT_TYPE.as_bytes() }];
    headers.extend(depth.as_ref().map(|depth| Header { name: DEPTH, value: depth.as_bytes() }));
    let trace = of.headers().find(|header| header.name == TRACEPARENT);
    headers.extend(trace.filter(|trace| trace.value.len() <= TRACEPARENT_BYTES_MAX));
    rows.push(&Row { topic, to: To::Key(key.as_bytes()), value: Some(&value), headers: &headers })?;
    rows.counted.row(follow);
    Ok(())
}

fn depth_of(record: &AnyRecord) -> Option<i64> {
    match record {
        AnyRecord::TelemetryEvent(event) => Some(i64::from(event.event_depth.get())),
        AnyRecord::Alert(alert) => Some(i64::from(alert.trigger_event.event_depth.get())),
        AnyRecord::RuleMatch(found) => Some(i64::from(found.event.event_depth.get())),
        AnyRecord::GuardrailRequest(request) => Some(i64::from(request.depth.get())),
        _ => None,
    }
}
