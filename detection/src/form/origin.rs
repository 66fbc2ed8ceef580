//! Where the parts of a rule stand in its file.

use std::ops::Range;

use super::Entry;
use super::Value;
use crate::rule::Place;

/// Where a rule was written.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    /// Its name, as the file has it.
    pub head: Range<usize>,
    keys: Vec<Written>,
    filter: Option<Spot>,
}

/// The value of a key.
#[derive(Debug, Clone)]
struct Written {
    /// The key, by its name in the text form.
    key: &'static str,
    span: Range<usize>,
    items: Vec<Range<usize>>,
}

/// A node of a filter, and what is inside: the conditions of `and` and `or`, the operands of a comparison, the arguments of
/// a function, the pattern, the values of a set after what is looked for in it; of a count its distinct path, of a window its
/// steps and after them its `by`; of a step what is inside its filter.
#[derive(Debug, Clone)]
pub(crate) struct Spot {
    pub span: Range<usize>,
    pub inner: Vec<Spot>,
}

impl Spot {
    pub fn leaf(span: Range<usize>) -> Self {
        Self { span, inner: Vec::new() }
    }

    /// The innermost known place on the way.
    fn at(&self, way: &[usize]) -> Range<usize> {
        let next = way.split_first().and_then(|(child, rest)| Some((self.inner.get(*child)?, rest)));
        next.map_or_else(|| self.span.clone(), |(child, rest)| child.at(rest))
    }
}

impl Origin {
    pub fn new(head: Range<usize>, entries: &[Entry], filter: Option<Spot>) -> Self {
        let spans = |entry: &Entry| {
            let node = entry.value.as_ref().ok()?;
            let items = match &node.value {
                Value::List(items) => items.iter().map(|item| item.span.clone()).collect(),
                _ => vec![node.span.clone()],
            };
            Some(Written { key: entry.key.name, span: node.span.clone(), items })
        };
        Self { head, keys: entries.iter().filter_map(spans).collect(), filter }
    }

    /// Where a compiler's fault stands; the rule's name if it is about what was not written.
    pub fn span(&self, place: &Place) -> Range<usize> {
        let found = match place {
            Place::Rule => None,
            Place::Key(name, item) => self.keys.iter().find(|written| written.key == *name).map(|written| {
                let item = item.and_then(|item| written.items.get(item));
                item.unwrap_or(&written.span).clone()
            }),
            Place::Filter(way) => self.filter.as_ref().map(|filter| filter.at(way)),
        };
        found.unwrap_or_else(|| self.head.clone())
    }
}
