//! Evaluation of segments: from nodes to their children and descendants.

use contracts::json::{Object, Value};

use super::ast::{Segment, Selector, Slice};
use super::filter;
use super::location::{Step, Trail};
use crate::eval::{OverBudget, Work};

/// A node, and what is kept of the way to it.
pub type Node<'v, T> = (T, &'v Value<'v>);

/// The nodes of a query from the root on. `start` is the trail of the root itself.
pub fn select<'v, T: Trail<'v>>(
    segments: &[Segment],
    root: &'v Value<'v>,
    start: T,
    work: &mut Work,
) -> Result<Vec<Node<'v, T>>, OverBudget> {
    Selection { root, work }.nodes(segments, (start, root))
}

/// One evaluation.
pub struct Selection<'v, 'w> {
    pub root: &'v Value<'v>,
    pub work: &'w mut Work,
}

impl<'v> Selection<'v, '_> {
    pub fn nodes<T: Trail<'v>>(
        &mut self,
        segments: &[Segment],
        start: Node<'v, T>,
    ) -> Result<Vec<Node<'v, T>>, OverBudget> {
        let mut nodes = vec![start];
        for segment in segments {
            let mut selected = Vec::new();
            for node in &nodes {
                match segment {
                    Segment::Children(selectors) => self.children(selectors, node, &mut selected)?,
                    Segment::Descendants(selectors) => {
                        // First all of them, then their children: so a filter never runs inside this recursion.
                        let mut descendants = Vec::new();
                        self.descendants(node.clone(), &mut descendants)?;
                        for descendant in &descendants {
                            self.children(selectors, descendant, &mut selected)?;
                        }
                    }
                }
            }
            nodes = selected;
        }
        Ok(nodes)
    }

    /// The node itself and all below it, each before what it holds. Recursion ends with the depth of the value.
    fn descendants<T: Trail<'v>>(&mut self, node: Node<'v, T>, out: &mut Vec<Node<'v, T>>) -> Result<(), OverBudget> {
        self.visit(&node)?;
        let (trail, value) = node.clone();
        out.push(node);
        for (step, child) in children_of(value) {
            self.descendants((trail.then(step), child), out)?;
        }
        Ok(())
    }

    fn children<T: Trail<'v>>(
        &mut self,
        selectors: &[Selector],
        (trail, value): &Node<'v, T>,
        out: &mut Vec<Node<'v, T>>,
    ) -> Result<(), OverBudget> {
        for selector in selectors {
            match (selector, value) {
                (Selector::Name(name), Value::Object(object)) => {
                    self.work.spend(object.len())?;
                    if let Some((name, member)) = object.iter().find(|(key, _)| *key == &**name) {
                        self.take((trail.then(Step::Name(name)), member), out)?;
                    }
                }
                (Selector::Index(index), Value::Array(items)) => {
                    if let Some(place) = place(*index, items.len()) {
                        self.take((trail.then(Step::Index(place)), &items[place]), out)?;
                    }
                }
                (Selector::Slice(slice), Value::Array(items)) => {
                    for place in places(*slice, items.len()) {
                        self.take((trail.then(Step::Index(place)), &items[place]), out)?;
                    }
                }
                (Selector::Wildcard, value) => {
                    for (step, child) in children_of(value) {
                        self.take((trail.then(step), child), out)?;
                    }
                }
                (Selector::Filter(condition), value) => {
                    for (step, child) in children_of(value) {
                        self.work.spend(1)?;
                        if filter::holds(self, condition, child)? {
                            self.take((trail.then(step), child), out)?;
                        }
                    }
                }
                (Selector::Name(_) | Selector::Index(_) | Selector::Slice(_), _) => {}
            }
        }
        Ok(())
    }

    fn take<T: Trail<'v>>(&mut self, node: Node<'v, T>, out: &mut Vec<Node<'v, T>>) -> Result<(), OverBudget> {
        self.visit(&node)?;
        out.push(node);
        Ok(())
    }

    fn visit<T: Trail<'v>>(&mut self, (trail, _): &Node<'v, T>) -> Result<(), OverBudget> {
        self.work.spend(1 + trail.len())
    }
}

/// The members of an object or the items of an array, in their order.
fn children_of<'v>(value: &'v Value<'v>) -> impl Iterator<Item = (Step<'v>, &'v Value<'v>)> {
    let items = value.as_array().unwrap_or_default().iter().enumerate();
    let members = value.as_object().into_iter().flat_map(Object::iter);
    let items = items.map(|(place, item)| (Step::Index(place), item));
    items.chain(members.map(|(name, member)| (Step::Name(name), member)))
}

/// The place an index means among `length` items, if there is one.
fn place(index: i64, length: usize) -> Option<usize> {
    let place = if index < 0 { index + signed(length) } else { index };
    usize::try_from(place).ok().filter(|&place| place < length)
}

/// The places of a slice, as RFC 9535 section 2.3.4.2.2 computes them.
fn places(slice: Slice, length: usize) -> impl Iterator<Item = usize> {
    let length = signed(length);
    let step = slice.step.unwrap_or(1);
    let from_start = |bound: i64| if bound >= 0 { bound } else { length + bound };
    let (start, end) = if step >= 0 { (0, length) } else { (length - 1, -length - 1) };
    let (start, end) = (from_start(slice.start.unwrap_or(start)), from_start(slice.end.unwrap_or(end)));
    // What is outside is as far outside as counts. No bound is beyond 2^53, so that no sum overflows.
    let (first, end) = if step >= 0 {
        (start.clamp(0, length), end.clamp(0, length))
    } else {
        (start.clamp(-1, length - 1), end.clamp(-1, length - 1))
    };
    let is_inside = move |&place: &i64| if step > 0 { place < end } else { step < 0 && place > end };
    let places = std::iter::successors(Some(first), move |place| Some(place + step)).take_while(is_inside);
    places.map(|place| usize::try_from(place).expect("invariant: bounds are clamped to the items"))
}

fn signed(length: usize) -> i64 {
    i64::try_from(length).expect("invariant: no array is longer than isize::MAX")
}
