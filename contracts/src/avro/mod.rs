//! Avro's bytes: framing, fingerprints, our own reader and writer, and the way of data that other schemas wrote.

mod canonical_form;
mod foreign;
mod framing;
mod reader;
mod skim;
mod writer;

pub use canonical_form::{Fingerprint, SchemaError};
pub(crate) use canonical_form::{LogicalTypes, canonical_form};
pub(crate) use foreign::meaning;
pub use foreign::{ForeignError, WriterSchema};
pub use framing::{Framed, Framing, FramingError, SchemaId};
pub use reader::Reader;
pub(crate) use writer::{write_bytes, write_length, write_long};
