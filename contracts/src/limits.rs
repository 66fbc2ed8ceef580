//! How large anything may be. Both faces of a record, Avro and JSON, hold to these before they spend memory on it.
//!
//! A limit counts bytes unless its name says otherwise. What is over one is refused with its name, the limit and what
//! was found; nothing is ever cut, except the raw bytes of a dead letter, which say so themselves.

/// What topics and producers are set to: the largest message.
pub const MESSAGE_BYTES_MAX: usize = crate::topics::MESSAGE_BYTES_MAX as usize;

/// Kept free in a message for its key, its headers, the framing and the log's own batch header.
pub const MESSAGE_OVERHEAD_BYTES: usize = 16 * 1024;

/// The Avro body of any record but an event.
pub const RECORD_BYTES_MAX: usize = MESSAGE_BYTES_MAX - MESSAGE_OVERHEAD_BYTES;

/// The Avro body of an event: small enough that an alert, a match or a dead letter still has room for all of it.
pub const EVENT_BYTES_MAX: usize = 512 * 1024;

/// A string field, and each key and value of a map. Fields that hold JSON are bounded by their record alone.
pub const STRING_BYTES_MAX: usize = 256 * 1024;

/// A field of raw bytes.
pub const BLOB_BYTES_MAX: usize = 512 * 1024;

/// Nesting of a field that holds a JSON object; `{}` is one deep.
pub const JSON_DEPTH_MAX: usize = 64;

/// Members of a map, `labels` above all.
pub const LABELS_MAX: usize = 64;

/// Items of an array.
pub const ITEMS_MAX: usize = 16_384;

/// The shortest event id, in characters.
pub const EVENT_ID_CHARS_MIN: usize = 8;

/// JSON text may be this many times as long as the Avro body it stands for: the longest spelling of one byte is the
/// six characters of `\u00XX`.
pub const JSON_GROWTH_MAX: usize = 6;

/// Nesting of the JSON face as a whole: a field of JSON, inside an event, inside an alert.
pub const JSON_FACE_DEPTH_MAX: usize = JSON_DEPTH_MAX + 8;

/// Values of one datum that another schema wrote, counted through all arrays, maps and records. Reading such a datum
/// builds a tree first, of up to some 150 bytes for each value.
pub const FOREIGN_VALUES_MAX: usize = 65_536;

/// Nesting of one datum that another schema wrote; only recursive schemas can come near.
pub const FOREIGN_DEPTH_MAX: usize = 64;

/// The text of a writer's schema.
pub const SCHEMA_BYTES_MAX: usize = 1024 * 1024;

/// The key of a record as a dead letter keeps it; of a longer one the first bytes.
pub const DEAD_LETTER_KEY_BYTES_MAX: usize = 64 * 1024;

/// The explanation in a dead letter; of a longer one the beginning.
pub const DEAD_LETTER_DETAIL_BYTES_MAX: usize = 4 * 1024;

/// The JSON of an agent and its snapshots, as `tripline risk score` takes it.
pub const RISK_INPUT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Faults named in one error; what is over it is counted.
pub const FAULTS_MAX: usize = 64;
