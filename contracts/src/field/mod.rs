//! What the fields of records are made of, each with its way through both faces.
//!
//! Invariant: a value that exists obeys its field's rule where the type can hold it to that (a digest, a depth, a JSON
//! object); what only a limit bounds (text, arrays, maps) is held to it whenever it is read or written.

mod containers;
mod numbers;
mod symbols;
mod text;

pub(crate) use containers::{too_many_items, too_many_members};
pub use numbers::{Depth, Millionths, OutOfRange, RiskScore, SchemaVersion, SignedMillionths};
pub use symbols::Symbols;
pub(crate) use text::read_text;
pub use text::{Blob, JsonObject, NotAJsonObject};
