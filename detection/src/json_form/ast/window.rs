//! Window terms in JSON.

use super::read::{Read, Reader};
use crate::diagnostic::Reported;
use crate::form::{Items, Node, Spot, leaf};
use crate::json_form::members::Members;
use crate::jsonpath::Path;
use crate::rule::{Count, CountOf, Expr, Step, Window};

impl Reader<'_, '_> {
    pub(super) fn window(&mut self, node: &Node, tag: &str, members: &Members<'_>) -> Read<Expr> {
        let window_ms = members.required("window_ms", self.items.log).and_then(|node| self.items.duration_ms(node));
        let by = self.by(members);
        let (window, inner) = match tag {
            "Sequence" => {
                let steps = members.required("steps", self.items.log)?;
                let steps = self.list(steps, Self::step)?;
                let (steps, inner): (Vec<_>, Vec<_>) = steps.into_iter().unzip();
                let (by, by_spots) = by?;
                let window = Window::Sequence { window_ms: window_ms?, by, steps };
                (window, [inner, by_spots].concat())
            }
            "Absent" => {
                let step = members.required("step", self.items.log).and_then(|node| self.step(node));
                let after = members.required("after", self.items.log).and_then(|node| self.step(node));
                let ((step, step_spot), (after, after_spot), (by, by_spots)) = (step?, after?, by?);
                let window = Window::Absent { window_ms: window_ms?, step, after, by };
                (window, [vec![step_spot, after_spot], by_spots].concat())
            }
            _ => {
                let distinct = match tag {
                    "DistinctInWindow" => {
                        Some(members.required("path", self.items.log).and_then(|node| self.path(node)))
                    }
                    _ => None,
                };
                let threshold = members.required("threshold", self.items.log).and_then(|node| self.items.count(node));
                let (of, first) = match distinct.transpose()? {
                    Some((path, spot)) => (CountOf::Distinct(path), vec![spot]),
                    None => (CountOf::Events, Vec::new()),
                };
                let (by, by_spots) = by?;
                let count = Count { of, window_ms: window_ms?, by, threshold: threshold? };
                (Window::Count(count), [first, by_spots].concat())
            }
        };
        Ok((Expr::Window(window), Spot { span: node.span.clone(), inner }))
    }

    fn by(&mut self, members: &Members<'_>) -> Result<(Vec<Path>, Vec<Spot>), Reported> {
        let Some(node) = members.get("by") else { return Ok((Vec::new(), Vec::new())) };
        let read = |items: &mut Items<'_, '_>, node: &Node| {
            items.parsed(node, leaf::path).map(|path| (path, Spot::leaf(node.span.clone())))
        };
        Ok(self.items.list(node, read)?.into_iter().unzip())
    }

    fn step(&mut self, node: &Node) -> Read<Step> {
        let members = Members::open(node, &["topic", "condition"], self.items.log)?;
        let topic = members.required("topic", self.items.log).and_then(|node| self.items.parsed(node, leaf::topic));
        let filter = members.get("condition").map(|node| self.condition(node)).transpose()?;
        let (filter, inner) = filter.map(|(filter, spot)| (Box::new(filter), spot.inner)).unzip();
        let spot = Spot { span: node.span.clone(), inner: inner.unwrap_or_default() };
        Ok((Step { topic: topic?, filter }, spot))
    }
}
