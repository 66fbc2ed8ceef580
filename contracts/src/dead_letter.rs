//! What becomes of a value that cannot be read: a record of its own, with all that is needed to read it again.
//!
//! Invariant: a dead letter always fits a message, whatever its value, key and error were.

use std::fmt;

use crate::canonical::Digest;
use crate::codec::DecodeError;
use crate::field::Blob;
use crate::limits::{DEAD_LETTER_DETAIL_BYTES_MAX, DEAD_LETTER_KEY_BYTES_MAX};
use crate::records::{DeadLetter, DeadLetterReason};
use crate::time::Timestamp;

/// Where a value stood.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    pub topic: &'a str,
    pub partition: i32,
    pub offset: i64,
    pub key: Option<&'a [u8]>,
    pub appended_at: Timestamp,
}

impl DeadLetter {
    pub fn new(origin: &Origin<'_>, value: &[u8], reason: DeadLetterReason, detail: impl fmt::Display) -> Self {
        Self {
            topic: beginning(origin.topic).to_owned(),
            partition: origin.partition,
            offset: origin.offset,
            key: origin.key.map(|key| Blob::beginning_of(&key[..key.len().min(DEAD_LETTER_KEY_BYTES_MAX)])),
            reason,
            detail: beginning(&detail.to_string()).to_owned(),
            raw: Blob::beginning_of(value),
            raw_length: i64::try_from(value.len()).expect("invariant: nothing in memory is longer than i64::MAX"),
            raw_sha256: Digest::of(value),
            appended_at: origin.appended_at,
        }
    }

    /// `None` where the error is not the value's, and reading has to be tried again.
    pub fn of_error(origin: &Origin<'_>, value: &[u8], error: &DecodeError) -> Option<Self> {
        let reason = error.dead_letter_reason()?;
        Some(Self::new(origin, value, reason, error))
    }
}

fn beginning(text: &str) -> &str {
    &text[..text.floor_char_boundary(DEAD_LETTER_DETAIL_BYTES_MAX)]
}
