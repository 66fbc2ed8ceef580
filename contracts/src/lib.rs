//! What every part of Tripline agrees on: records, ids, encodings.
//!
//! Pure: no clock, no I/O, no randomness, no iteration over hash maps.

pub mod canonical;
pub mod json;
pub mod partition;
pub mod time;
