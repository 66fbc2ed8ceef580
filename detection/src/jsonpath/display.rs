//! Paths as text: the shortest that parses to the same path.

use std::fmt::{self, Display, Formatter, Write};

use contracts::json::Value;

use super::Path;
use super::ast::{Condition, Extent, Operand, Origin, Pattern, Query, Segment, Selector, Slice};
use super::parse::{is_name_char, is_name_first};

impl Display for Path {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        write_segments(f, &self.segments)
    }
}

fn write_segments(f: &mut Formatter<'_>, segments: &[Segment]) -> fmt::Result {
    for segment in segments {
        let (dot, selectors) = match segment {
            Segment::Children(selectors) => (".", selectors),
            Segment::Descendants(selectors) => ("..", selectors),
        };
        match selectors.as_slice() {
            [Selector::Name(name)] if is_shorthand(name) => write!(f, "{dot}{name}")?,
            [Selector::Wildcard] => write!(f, "{dot}*")?,
            selectors => {
                f.write_str(if dot == ".." { "..[" } else { "[" })?;
                write_joined(f, selectors, ", ")?;
                f.write_str("]")?;
            }
        }
    }
    Ok(())
}

fn is_shorthand(name: &str) -> bool {
    name.starts_with(is_name_first) && name.chars().all(is_name_char)
}

fn write_joined<T: Display>(f: &mut Formatter<'_>, items: &[T], between: &str) -> fmt::Result {
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            f.write_str(between)?;
        }
        item.fmt(f)?;
    }
    Ok(())
}

impl Display for Selector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write_quoted(f, name),
            Self::Wildcard => f.write_str("*"),
            Self::Index(index) => index.fmt(f),
            Self::Slice(slice) => slice.fmt(f),
            Self::Filter(condition) => write!(f, "?{condition}"),
        }
    }
}

impl Display for Slice {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let shown = |bound: Option<i64>| bound.map(|bound| bound.to_string()).unwrap_or_default();
        write!(f, "{}:{}", shown(self.start), shown(self.end))?;
        self.step.map_or(Ok(()), |step| write!(f, ":{step}"))
    }
}

impl Display for Condition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any(conditions) => write_joined(f, conditions, " || "),
            Self::All(conditions) => {
                for (place, condition) in conditions.iter().enumerate() {
                    if place > 0 {
                        f.write_str(" && ")?;
                    }
                    match condition {
                        Self::Any(_) => write!(f, "({condition})")?,
                        _ => condition.fmt(f)?,
                    }
                }
                Ok(())
            }
            Self::Not(condition) => match **condition {
                Self::Exists(_) | Self::Match(..) => write!(f, "!{condition}"),
                _ => write!(f, "!({condition})"),
            },
            Self::Exists(query) => query.fmt(f),
            Self::Compare(left, comparison, right) => write!(f, "{left} {} {right}", comparison.symbol()),
            Self::Match(Extent::Whole, text, pattern) => write!(f, "match({text}, {pattern})"),
            Self::Match(Extent::Part, text, pattern) => write!(f, "search({text}, {pattern})"),
        }
    }
}

impl Display for Pattern {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(expression) => write_quoted(f, expression.as_str()),
            Self::Computed(operand) => operand.fmt(f),
        }
    }
}

impl Display for Operand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Literal(Value::String(text)) => write_quoted(f, text),
            Self::Literal(value) => value.fmt(f),
            Self::Node(query) => query.fmt(f),
            Self::Length(operand) => write!(f, "length({operand})"),
            Self::Count(query) => write!(f, "count({query})"),
            Self::OnlyNode(query) => write!(f, "value({query})"),
        }
    }
}

impl Display for Query {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self.from {
            Origin::Root => "$",
            Origin::Current => "@",
        })?;
        write_segments(f, &self.segments)
    }
}

/// In single quotes, escaped as normalized paths are.
pub fn write_quoted(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("'")?;
    for character in text.chars() {
        match character {
            '\'' => f.write_str("\\'")?,
            '\\' => f.write_str("\\\\")?,
            '\u{8}' => f.write_str("\\b")?,
            '\t' => f.write_str("\\t")?,
            '\n' => f.write_str("\\n")?,
            '\u{c}' => f.write_str("\\f")?,
            '\r' => f.write_str("\\r")?,
            control @ '\0'..' ' => write!(f, "\\u{:04x}", u32::from(control))?,
            plain => f.write_char(plain)?,
        }
    }
    f.write_str("'")
}
