//! What the stages say to each other: records, ids, canonical JSON, Avro in and out, topic names.
//!
//! Invariant: pure. No clock, no I/O, no randomness, no iteration over hash maps; the same input gives the same bytes.

pub mod nearest;
pub mod settings;
pub mod time;
pub mod topics;
pub mod topology;
