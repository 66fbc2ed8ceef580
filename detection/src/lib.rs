//! Given a rule set, the state so far and one record: what follows.
//!
//! Invariant: pure. No clock, no I/O, no randomness, no iteration over hash maps; the same input gives the same bytes.

#![cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_types))]

pub mod assembly;
pub mod diagnostic;
pub mod eval;
mod form;
pub mod json_form;
pub mod jsonpath;
pub mod limits;
pub mod pack;
pub mod parts;
pub mod plan;
pub mod reading;
pub mod risk;
pub mod rule;
pub mod scenario;
pub mod step;
pub mod text;
pub mod view;
