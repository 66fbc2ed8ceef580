//! One record of the control topic.

use bus::Record;
use contracts::canonical::Digest;
use contracts::codec::{self, Schemas};
use contracts::dead_letter::Origin;
use contracts::json::{self, Mode};
use contracts::json_face;
use contracts::limits::JSON_FACE_DEPTH_MAX;
use contracts::records::{ControlCommand, ControlCommandType, DeadLetter};
use contracts::topics::CONTROL;

use super::ControlError;

/// What stands at a place of the control topic.
#[derive(Debug)]
pub struct Given {
    pub offset: i64,
    /// What a marker for it says: SHA-256 of the command's canonical JSON, of the bytes themselves where they are none.
    pub digest: Digest,
    /// The command; or why there is none.
    pub command: Result<ControlCommand, Box<DeadLetter>>,
}

impl Given {
    /// Fails only where nothing may be concluded about the record yet.
    pub(super) fn read(record: &Record<'_>, schemas: &dyn Schemas) -> Result<Self, ControlError> {
        let offset = i64::try_from(record.offset.0).unwrap_or(i64::MAX);
        let value = record.value.unwrap_or_default();
        let error = match codec::decode::<ControlCommand>(value, schemas) {
            Ok(command) => return Ok(Self { offset, digest: digest(&command), command: Ok(command) }),
            Err(error) => error,
        };
        let (key, appended_at) = (record.key, record.appended_at);
        let origin = Origin { topic: CONTROL, partition: 0, offset, key, appended_at };
        let letter = DeadLetter::of_error(&origin, value, &error);
        let letter =
            letter.ok_or_else(|| ControlError::SchemaUnavailable { topic: CONTROL, reason: error.to_string() })?;
        Ok(Self { offset, digest: Digest::of(value), command: Err(Box::new(letter)) })
    }

    /// The rule set that the command asks for, if it asks for one.
    pub fn wants_set(&self) -> Option<Digest> {
        let command = self.command.as_ref().ok()?;
        if command.command != ControlCommandType::SwapRuleSet {
            return None;
        }
        let parameters = command.parameters.value();
        parameters.as_object()?.get("digest")?.as_str()?.parse().ok()
    }

    #[cfg(test)]
    pub fn unreadable_for_tests(offset: i64, digest: Digest) -> Self {
        let appended_at = contracts::time::Timestamp::MAX;
        let origin = Origin { topic: CONTROL, partition: 0, offset, key: None, appended_at };
        let letter = DeadLetter::new(&origin, b"", contracts::records::DeadLetterReason::Empty, "");
        Self { offset, digest, command: Err(Box::new(letter)) }
    }
}

fn digest(command: &ControlCommand) -> Digest {
    let text = json_face::to_json(command);
    let value = json::parse(text.as_bytes(), Mode::Tolerant, JSON_FACE_DEPTH_MAX)
        .expect("invariant: the JSON face of a record is JSON");
    contracts::canonical::tolerant_text(&value).digest()
}
