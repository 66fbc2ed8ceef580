//! Filters as trees, each node an object tagged by `type`.
//!
//! An operand is a value as it stands, `{"type": "Path", "path": …}`, or `{"type": "FunctionCall", …}`. A node whose left side is a path
//! says `path`; with another left side it says `left`.

mod read;
mod window;
mod write;

pub(super) use read::{read, scalar};
pub(super) use write::write;

use crate::rule::Compare;

/// Matches a path against a regular expression; another spelling of `RegexMatch`, which is what is written.
const MATCHES: &str = "Matches";

const OPERATORS: [(&str, Compare); 7] = [
    ("Equal", Compare::Equal),
    ("NotEqual", Compare::NotEqual),
    ("GreaterThan", Compare::Greater),
    ("GreaterThanOrEqual", Compare::GreaterOrEqual),
    ("LessThan", Compare::Less),
    ("LessThanOrEqual", Compare::LessOrEqual),
    ("Contains", Compare::Contains),
];

/// The nodes by their tags, with the members that each may have.
const NODES: [(&str, &[&str]); 14] = [
    ("Always", &["type"]),
    ("And", &["type", "conditions"]),
    ("Or", &["type", "conditions"]),
    ("Not", &["type", "condition"]),
    ("FieldCondition", &["type", "path", "operator", "value"]),
    ("Comparison", &["type", "left", "operator", "right"]),
    ("RegexMatch", &["type", "path", "left", "pattern"]),
    ("In", &["type", "path", "left", "values"]),
    ("Exists", &["type", "path"]),
    ("FunctionCall", &["type", "function", "args"]),
    ("CountInWindow", &["type", "window_ms", "threshold", "by"]),
    ("DistinctInWindow", &["type", "path", "window_ms", "threshold", "by"]),
    ("Sequence", &["type", "window_ms", "by", "steps"]),
    ("Absent", &["type", "window_ms", "step", "after", "by"]),
];

const OPERANDS: [(&str, &[&str]); 2] = [("Path", &["type", "path"]), ("FunctionCall", &["type", "function", "args"])];
