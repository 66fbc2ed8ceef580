//! What a path says, well-typed: where the RFC wants one value there is an [`Operand`], where it wants nodes a [`Query`].

use contracts::json::Value;

use super::regexp::Expression;
use crate::eval::Comparison;

#[derive(Debug, Clone, PartialEq)]
pub enum Segment {
    Children(Vec<Selector>),
    Descendants(Vec<Selector>),
}

#[derive(Debug, Clone, PartialEq)]
pub enum Selector {
    Name(Box<str>),
    Wildcard,
    /// From the end if negative.
    Index(i64),
    Slice(Slice),
    Filter(Condition),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    pub start: Option<i64>,
    pub end: Option<i64>,
    pub step: Option<i64>,
}

/// `LogicalType`.
#[derive(Debug, Clone, PartialEq)]
pub enum Condition {
    /// Two at least, none of them [`Condition::Any`].
    Any(Vec<Condition>),
    /// Two at least, none of them [`Condition::All`].
    All(Vec<Condition>),
    Not(Box<Condition>),
    Exists(Query),
    Compare(Operand, Comparison, Operand),
    Match(Extent, Operand, Pattern),
}

/// How much of a text a pattern has to match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// `match()`
    Whole,
    /// `search()`
    Part,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Pattern {
    Fixed(Expression),
    /// A string in the document, or what is no pattern at all.
    Computed(Operand),
}

/// `ValueType`: one value, or nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    Literal(Value<'static>),
    /// The query is singular.
    Node(Query),
    /// `length()`
    Length(Box<Operand>),
    /// `count()`
    Count(Query),
    /// `value()`
    OnlyNode(Query),
}

/// `NodesType`.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    pub from: Origin,
    pub segments: Vec<Segment>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// `$`
    Root,
    /// `@`
    Current,
}

/// Whether at most one node can be selected, whatever the document.
pub fn is_singular(segments: &[Segment]) -> bool {
    let is_one = |segment| matches!(only_selector(segment), Some(Selector::Name(_) | Selector::Index(_)));
    segments.iter().all(is_one)
}

/// The selector of a child segment that has one.
pub fn only_selector(segment: &Segment) -> Option<&Selector> {
    match segment {
        Segment::Children(selectors) => match selectors.as_slice() {
            [selector] => Some(selector),
            _ => None,
        },
        Segment::Descendants(_) => None,
    }
}
