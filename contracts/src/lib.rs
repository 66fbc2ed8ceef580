//! What the stages say to each other: records, ids, encodings, topic names, and the shape of what configures them.
//!
//! Invariant: pure. No clock, no I/O, no randomness, no iteration over hash maps; the same input gives the same bytes.

#![cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_types))]

pub mod avro;
pub mod canonical;
pub mod codec;
pub mod dead_letter;
pub mod draft;
pub mod excerpt;
pub mod failure;
pub mod fault;
pub mod field;
pub mod id;
pub mod identity;
pub mod json;
pub mod json_face;
pub mod limits;
pub mod nearest;
pub mod owner_event;
pub mod partition;
pub mod record;
pub mod records;
pub mod schema;
pub mod settings;
pub mod shape;
mod shown;
pub mod time;
pub mod topics;
pub mod topology;
