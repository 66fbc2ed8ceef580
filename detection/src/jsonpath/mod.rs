//! RFC 9535: queries over JSON, whole, and a direct way for the common ones.
//!
//! Invariants: a [`Path`] is well-typed, so evaluating it cannot fail but by its budget. Recursion is bounded by
//! [`NESTING_MAX`] in the path and by the depth of the value. What the direct way ([`Fields`]) reads from a text is what
//! the general way finds in the same text parsed tolerantly.
//!
//! Two things go beyond the RFC's letter. Numbers in filters compare exactly, not as doubles. Of objects the members are
//! visited in the order of the text, which the RFC leaves open.
//!
//! Absent on purpose: functions of our own in filters (rules have theirs, see [`crate::eval`]), and changing values.

mod ast;
mod condition;
mod display;
mod error;
mod fields;
mod filter;
mod literal;
mod location;
mod parse;
mod regexp;
mod select;
mod slot;

use contracts::json::Value;

use crate::eval::{OverBudget, Work};
use ast::{Segment, Selector};
pub use error::{PathError, PathErrorKind};
pub use fields::{Fields, Readings, Scratch, SlotId};
pub use location::{Location, Step};
pub use slot::Slot;

/// The text of a path.
pub const PATH_BYTES_MAX: usize = 4096;

/// Filters, parentheses and calls inside each other.
pub const NESTING_MAX: usize = 32;

/// A query. Its text ([`std::fmt::Display`]) is the shortest that means it: `$.a` for `$['a']`.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    segments: Vec<Segment>,
}

// Numbers in it are texts, for which equality is reflexive.
impl Eq for Path {}

impl Path {
    /// The path that is the whole of `text`.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        parse::whole(text).map(|segments| Self { segments })
    }

    /// The path `text` begins with, and how many bytes of `text` it is: for languages that have paths inside.
    pub fn parse_prefix(text: &str) -> Result<(Self, usize), PathError> {
        parse::prefix(text).map(|(segments, length)| (Self { segments }, length))
    }

    /// The values it selects, in the RFC's order. Each node visited costs one of `work`, and so does each byte a filter
    /// scans.
    pub fn select<'v>(&self, root: &'v Value<'v>, work: &mut Work) -> Result<Vec<&'v Value<'v>>, OverBudget> {
        let found = select::select(&self.segments, root, (), work)?;
        Ok(found.into_iter().map(|((), value)| value).collect())
    }

    /// [`Path::select`], and where each value is. It costs more, by the length of each location.
    pub fn select_located<'v>(
        &self,
        root: &'v Value<'v>,
        work: &mut Work,
    ) -> Result<Vec<(Location<'v>, &'v Value<'v>)>, OverBudget> {
        select::select(&self.segments, root, Location::default(), work)
    }

    /// Whether it selects one value at most, whatever the document: names and indices alone.
    pub fn is_singular(&self) -> bool {
        ast::is_singular(&self.segments)
    }

    /// Names that each value it selects is below: documents without one of them give it none.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Children(selectors) | Segment::Descendants(selectors) => match selectors.as_slice() {
                [Selector::Name(name)] => Some(&**name),
                _ => None,
            },
        })
    }

    /// Its steps, if it can be read directly from text: it is singular, and no index counts from the end.
    pub fn as_singular(&self) -> Option<Vec<Step<'_>>> {
        let step = |segment| match ast::only_selector(segment)? {
            Selector::Name(name) => Some(Step::Name(name)),
            Selector::Index(index) => Some(Step::Index(usize::try_from(*index).ok()?)),
            Selector::Wildcard | Selector::Slice(_) | Selector::Filter(_) => None,
        };
        self.segments.iter().map(step).collect()
    }
}
