//! Avro's bytes: framing, fingerprints, our own reader and writer, and the way of data that other schemas wrote.

mod canonical_form;
mod event_view;
mod foreign;
mod framing;
mod reader;
mod skim;
mod writer;

pub use canonical_form::{Fingerprint, LogicalTypes, SchemaError, canonical_form};
pub use event_view::{Ancestry, EventView, Labels, StreamView};
pub(crate) use foreign::meaning;
pub use foreign::{ForeignError, WriterSchema};
pub use framing::{Framed, Framing, FramingError, SchemaId};
pub use reader::{Items, Reader};
pub use writer::{write_bytes, write_length, write_long};
