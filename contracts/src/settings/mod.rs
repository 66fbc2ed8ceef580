//! Settings: TOML text and what overrides it, read into types, with everything that is wrong reported at once.
//!
//! A reader is a function from a [`Table`] to a value. It asks for keys, and by asking says which keys there are:
//!
//! ```
//! use contracts::settings::{self, Input};
//!
//! let read = settings::read(&Input::file("demo.toml", "partitions = 12"), |root| {
//!     let partitions = root.integer("partitions", 1..=64_u32).or(4);
//!     let name = root.text("name").optional();
//!     Ok((partitions?, name?))
//! });
//! assert_eq!(read.unwrap().value, (12, None));
//! ```
//!
//! Invariants:
//! - a key that was not asked for is unknown, so there is no second list of keys that could be forgotten;
//! - a reader asks for every key first and uses `?` after: an early return would leave keys unasked;
//! - [`Reported`] exists only where a problem was recorded, so a reader cannot fail in silence.
//!
//! Absent on purpose: I/O (the caller reads files and the environment) and derive macros (a reader is plain code, and
//! what depends on two keys is an `if`).

mod path;
mod problem;
mod quantity;
mod raw;
mod reading;
mod source;
mod table;
mod tree;

use std::fmt;
use std::path::Path;

pub use path::KeyPath;
pub use problem::{PROBLEMS_MAX, Place, Problem, ProblemKind, Problems};
pub use quantity::{parse_duration, parse_size, show_duration, show_size};
pub use raw::LIST_ITEMS_MAX;
pub use source::{FILE_BYTES_MAX, Source};
pub use table::{Field, Reported, Table};
pub use tree::Tree;

use reading::Reading;

/// What is read: a file, and values set elsewhere that win over it.
#[derive(Debug, Clone, Default)]
pub struct Input<'i> {
    pub file: Option<Source<'i>>,
    /// A later one wins over an earlier one of the same key.
    pub overrides: Vec<Override>,
    /// What the environment variables of keys begin with, to be named in problems; `None` where variables have no say.
    pub variable_prefix: Option<&'static str>,
}

/// A value set outside of the file. Lists are separated by commas.
#[derive(Clone, PartialEq, Eq)]
pub struct Override {
    pub key: KeyPath,
    pub value: String,
    pub setter: Setter,
}

/// What set a value outside of the file, by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setter {
    Variable(String),
    Flag(String),
}

/// A value and every key its reader asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings<T> {
    pub value: T,
    /// By name.
    pub keys: Vec<Key>,
}

/// A key there is, and what it came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    pub path: KeyPath,
    /// What it must be, in words.
    pub expected: String,
    /// What stands when nobody sets it, in words that hold everywhere; `None`: nothing does.
    pub default: Option<String>,
    pub state: KeyState,
}

/// What a key came to. Values are in the key's own notation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyState {
    Set { value: String, origin: Origin },
    Default { value: String },
    Unset,
}

/// Where a value was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    File { name: String, line: usize },
    Variable(String),
    Flag(String),
}

/// Reads settings. Problems of the file's syntax hide only what they make doubtful: other keys are checked all the same.
pub fn read<T>(
    input: &Input<'_>,
    reader: impl FnOnce(&Table<'_>) -> Result<T, Reported>,
) -> Result<Settings<T>, Problems> {
    if let Some(file) = &input.file
        && file.text.len() > FILE_BYTES_MAX
    {
        let reason = format!("it has {} bytes, {FILE_BYTES_MAX} are taken", file.text.len());
        return Err(Problems::unreadable(file.name, reason));
    }
    let (document, syntax) = input.file.as_ref().map_or_else(Default::default, |file| {
        let (document, errors) = toml::de::DeTable::parse_recoverable(file.text);
        (Some(document), errors)
    });
    let reading = Reading::new(input);
    let document = document.as_ref().map(toml::Spanned::get_ref);
    let result = reader(&Table::root(&reading, document));
    reading.finish(document, &syntax, result)
}

impl<'i> Input<'i> {
    /// A file alone, with nothing that overrides it.
    pub fn file(name: &'i str, text: &'i str) -> Self {
        Self { file: Some(Source::new(name, text, Path::new(""))), overrides: Vec::new(), variable_prefix: None }
    }
}

impl Override {
    /// What an environment variable sets; `None` if its name does not begin with the prefix.
    pub fn from_variable(prefix: &str, name: &str, value: &str) -> Option<Self> {
        let key = KeyPath::from_variable(prefix, name)?;
        Some(Self { key, value: value.to_owned(), setter: Setter::Variable(name.to_owned()) })
    }

    /// `flag` as the user types it, with its dashes.
    pub fn from_flag<'n>(flag: &str, key: impl IntoIterator<Item = &'n str>, value: impl Into<String>) -> Self {
        Self { key: KeyPath::new(key), value: value.into(), setter: Setter::Flag(flag.to_owned()) }
    }
}

impl Setter {
    fn place(&self) -> Place {
        match self {
            Self::Variable(name) => Place::Variable(name.clone()),
            Self::Flag(name) => Place::Flag(name.clone()),
        }
    }

    fn origin(&self) -> Origin {
        match self {
            Self::Variable(name) => Origin::Variable(name.clone()),
            Self::Flag(name) => Origin::Flag(name.clone()),
        }
    }
}

/// Without the value: nobody knows yet whether it is a secret in the wrong place.
impl fmt::Debug for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Override").field("key", &self.key).field("setter", &self.setter).finish_non_exhaustive()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { name, line } => write!(f, "{name}:{line}"),
            Self::Variable(name) | Self::Flag(name) => f.write_str(name),
        }
    }
}
