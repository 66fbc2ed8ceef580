//! What the stages say to each other: records, ids, canonical JSON, Avro in and out, topic names.
//!
//! Invariant: pure. No clock, no I/O, no randomness, no iteration over hash maps; the same input gives the same bytes.

pub mod avro;
pub mod canonical;
pub mod codec;
pub mod fault;
pub mod field;
pub mod id;
pub mod json;
pub mod json_face;
pub mod limits;
pub mod partition;
pub mod record;
pub mod records;
pub mod schema;
pub mod shape;
pub mod time;
pub mod topics;
