//! What changes a running processor, and what could not be read.

use crate::canonical::Digest;
use crate::field::{Blob, JsonObject};
use crate::id::CommandId;
use crate::record::{record, symbols};
use crate::time::Timestamp;

record! {
    /// A change of a running watcher. Kept for ever: state can always be rebuilt from the logs.
    pub struct ControlCommand as "control_command_v1" {
        /// Names the command; a repeated one does nothing.
        command_id: CommandId,
        /// What to do.
        command: ControlCommandType,
        /// The text of a JSON object with the command's parameters.
        parameters: JsonObject,
        /// Who commands.
        issued_by: String,
        /// When.
        issued_at: Timestamp,
        /// Why, for people.
        reason: Option<String>,
    }
}

symbols! {
    /// What can be commanded. It has no default: a command must never be taken for another.
    pub enum ControlCommandType as "control_command_type" {
        Subscribe = "subscribe",
        Unsubscribe = "unsubscribe",
        Acknowledge = "acknowledge",
        Resolve = "resolve",
        Mute = "mute",
        EnableRule = "enable_rule",
        DisableRule = "disable_rule",
        SwapRuleSet = "swap_rule_set",
        SetAgentStatus = "set_agent_status",
    }
}

record! {
    /// A slice of a rule set.
    pub struct RuleSetPart as "rule_set_part_v1" {
        /// SHA-256 of the whole body.
        digest: Digest,
        /// Which slice, from 0.
        part: i32,
        /// How many there are.
        parts: i32,
        /// The slice of the rule set's canonical JSON, at most 512 KiB.
        body: Blob,
    }
}

record! {
    /// A value that could not be read. It never stops a partition and is never dropped silently.
    pub struct DeadLetter as "dead_letter_v1" {
        /// The topic it stood on.
        topic: String,
        /// Its partition.
        partition: i32,
        /// Its offset.
        offset: i64,
        /// Its key; of one over 64 KiB the beginning.
        key: Option<Blob>,
        /// Why it could not be read.
        reason: DeadLetterReason,
        /// What was expected and found, and where.
        detail: String,
        /// The value whole up to 512 KiB, else its first 512 KiB.
        raw: Blob,
        /// How long the value is.
        raw_length: i64,
        /// SHA-256 of the whole value.
        raw_sha256: Digest,
        /// When the log took it.
        appended_at: Timestamp,
    }
}

symbols! {
    /// Why a value could not be read. Readers take a reason of a later version for `invalid`; the detail says more.
    pub enum DeadLetterReason as "dead_letter_reason" default "invalid" {
        /// No bytes at all.
        Empty = "empty",
        /// No schema by that id or fingerprint.
        UnknownSchema = "unknown_schema",
        /// Not what its schema says.
        Undecodable = "undecodable",
        /// Over a limit.
        TooLarge = "too_large",
        /// Decoded, and against a rule of the record.
        Invalid = "invalid",
        /// Not what the control topic says.
        ControlMismatch = "control_mismatch",
    }
}
