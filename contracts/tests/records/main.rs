//! The records' promises, each for every record there is.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod arbitrary;
mod both_paths;
mod compatibility;
mod dead_letters;
mod drafts;
mod evolution;
mod hostile;
mod ids;
mod independent;
mod json;
mod limits;
mod reference;
mod registry;
mod schemas;
