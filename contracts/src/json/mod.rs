//! JSON as it stands on the wire: a borrowed tree, a scanner that builds nothing, and the one writer.
//!
//! Invariants: number text is never touched; an [`Object`] never holds a key twice; a parsed object knows the text
//! it came from. Nesting is bounded twice: by the caller's `depth_max` and by [`DEPTH_CEILING`], which keeps the
//! recursion over a parsed tree (reading, writing, dropping) far below any thread's stack.
//!
//! Absent on purpose: streaming, comments and other dialects, pretty printing, derive.

mod compact;
mod decimal;
mod decode;
mod error;
mod nesting;
mod parse;
mod spans;
mod tokens;
mod value;
mod write;

pub use compact::compact;
pub use decimal::Decimal;
pub use error::{Error, ErrorKind, Fault, Found};
pub use parse::{Mode, check_object, parse};
pub use spans::{Spans, spans};
pub use tokens::{RawString, Token, Tokens};
pub use value::{Number, Object, Value};
pub use write::{write, write_string};

/// The deepest nesting anything is parsed to, whatever the caller allows.
pub const DEPTH_CEILING: usize = 512;
