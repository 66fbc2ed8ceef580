//! Window terms: counts, sequences and absences.

use super::{Kind, Parsed, Parser};
use crate::diagnostic::{Code, Reported, Trouble};
use crate::form::{Spot, duration_ms, leaf};
use crate::jsonpath::Path;
use crate::reading::Form;
use crate::rule::{Count, CountOf, Expr, Step, TopicPattern, Window};

pub(super) const NAMES: [&str; 4] = ["count_in_window", "distinct_in_window", "sequence", "absent"];

/// What stands in a window term after its length.
#[derive(Default)]
struct Arguments {
    steps: Vec<(Step, Spot)>,
    after: Option<(Step, Spot)>,
    by: Vec<(Path, Spot)>,
}

impl Parser<'_, '_> {
    /// A window term, if one begins here.
    pub(super) fn window(&mut self) -> Option<Parsed<Expr>> {
        let opens = matches!(self.tokens.get(self.at + 1)?.kind, Kind::Punctuation('('));
        let name = NAMES.into_iter().find(|name| opens && self.is_word(name))?;
        let start = self.here();
        self.at += 2;
        let window = match name {
            "count_in_window" | "distinct_in_window" => self.count(name),
            "sequence" => self.sequence(),
            _ => self.absent(start),
        };
        Some(window.map(|(window, inner)| (Expr::Window(window), Spot { span: self.since(start), inner })))
    }

    fn count(&mut self, name: &str) -> Result<(Window, Vec<Spot>), Reported> {
        let distinct = if name == "distinct_in_window" {
            let path = self.path();
            if !self.is_lost && !self.take(',') {
                return Err(self.expected_with(
                    "`,` and the length of the window",
                    Some("write it so: distinct_in_window($.user, 60s)"),
                ));
            }
            Some(path)
        } else {
            None
        };
        let window_ms = self.length()?;
        let by = self.arguments_after(|_| false)?.by;
        let threshold = self.threshold(name)?;
        let (of, first) = match distinct.transpose()? {
            Some((path, spot)) => (CountOf::Distinct(path), Some(spot)),
            None => (CountOf::Events, None),
        };
        let (by, by_spots): (Vec<_>, Vec<_>) = by.into_iter().unzip();
        let inner = first.into_iter().chain(by_spots).collect();
        Ok((Window::Count(Count { of, window_ms: window_ms?, by, threshold: threshold? }), inner))
    }

    /// `> N` or `>= N`.
    fn threshold(&mut self, name: &str) -> Result<Result<u32, Reported>, Reported> {
        let more = match (&self.peek().kind, self.peek_text()) {
            (Kind::Operator, ">") => 1,
            (Kind::Operator, ">=") => 0,
            _ => {
                let help = format!("write how many: {name}(…) >= 5");
                return Err(self.expected_with("`>` or `>=` and a number", Some(&help)));
            }
        };
        self.at += 1;
        if !matches!(self.peek().kind, Kind::Number) {
            return Err(self.expected("a whole number"));
        }
        let number = self.peek_text().parse::<u32>().ok().and_then(|number| number.checked_add(more));
        let found = self.peek_text().to_owned();
        let span = self.next().span;
        Ok(number.ok_or_else(|| {
            let trouble = Trouble::new(Code::WrongType, "not a number of events").expected("a whole number");
            self.report(span, trouble.found(format!("`{found}`")))
        }))
    }

    fn sequence(&mut self) -> Result<(Window, Vec<Spot>), Reported> {
        let window_ms = self.length()?;
        let Arguments { steps, by, .. } = self.arguments_after(|name| name == "step")?;
        let (steps, step_spots): (Vec<_>, Vec<_>) = steps.into_iter().unzip();
        let (by, by_spots): (Vec<_>, Vec<_>) = by.into_iter().unzip();
        let inner = step_spots.into_iter().chain(by_spots).collect();
        Ok((Window::Sequence { window_ms: window_ms?, by, steps }, inner))
    }

    fn absent(&mut self, start: usize) -> Result<(Window, Vec<Spot>), Reported> {
        const HELP: &str = "write it so: absent(60s, topic 'b', after: topic 'a', by: $.id)";
        let window_ms = self.length()?;
        let Arguments { steps, after, by } = self.arguments_after(|name| name != "by")?;
        let number = steps.len();
        let (Some((step, step_spot)), 1, Some((after, after_spot))) = (steps.into_iter().next(), number, after) else {
            let trouble = Trouble::new(Code::Syntax, "an absence of one step after another, which are not both here");
            let span = start..self.tokens[self.at - 1].span.end;
            return Err(self.report(span, trouble.expected("one step, and `after:` with one").help(HELP)));
        };
        let (by, by_spots): (Vec<_>, Vec<_>) = by.into_iter().unzip();
        let inner = [step_spot, after_spot].into_iter().chain(by_spots).collect();
        Ok((Window::Absent { window_ms: window_ms?, step, after, by }, inner))
    }

    /// The length of the window; the outer error is one of grammar.
    fn length(&mut self) -> Result<Result<u64, Reported>, Reported> {
        if !matches!(self.peek().kind, Kind::Number) {
            let found = self.peek_text();
            let trouble = Trouble::new(Code::MissingWindow, "a window term without its length")
                .expected("a duration such as 60s or 5m")
                .found(if found.is_empty() { "the end of the filter".to_owned() } else { format!("`{found}`") })
                .help("every window is bounded: write how far it reaches back, as in count_in_window(60s)");
            let span = self.peek().span.clone();
            return Err(self.grammar(span, trouble));
        }
        let written = self.peek_text().to_owned();
        let span = self.next().span;
        Ok(duration_ms(&written, Form::Text).map_err(|trouble| self.report(span, trouble)))
    }

    /// What follows the length, up to and with the `)`. `takes` says which of `step` and `after` may stand.
    fn arguments_after(&mut self, takes: impl Fn(&str) -> bool) -> Result<Arguments, Reported> {
        let mut arguments = Arguments::default();
        let mut has_by = false;
        while self.take(',') {
            if self.is_word("by") && !has_by {
                has_by = true;
                self.label()?;
                arguments.by = self.by()?;
            } else if self.is_word("after") && takes("after") && arguments.after.is_none() {
                self.label()?;
                arguments.after = Some(self.step()?);
            } else if self.is_word("topic") && takes("step") {
                arguments.steps.push(self.step()?);
            } else {
                let expected = match (has_by, takes("step")) {
                    (false, false) => "`by:` and a path, or `)`",
                    (true, false) => "`)`",
                    (_, true) => "a step such as `topic 'a.b' where $.c == 1`",
                };
                return Err(self.expected(expected));
            }
        }
        self.close(')')?;
        Ok(arguments)
    }

    /// `by:` or `after:`
    fn label(&mut self) -> Result<(), Reported> {
        self.at += 1;
        self.close(':')
    }

    /// One path, or several in brackets.
    fn by(&mut self) -> Result<Vec<(Path, Spot)>, Reported> {
        if !self.take('[') {
            return Ok(vec![self.path()?]);
        }
        let mut paths = vec![self.path()?];
        while self.take(',') {
            paths.push(self.path()?);
        }
        self.close(']')?;
        Ok(paths)
    }

    /// `topic "…" where expression`
    fn step(&mut self) -> Parsed<Step> {
        let start = self.here();
        if !self.take_word("topic") {
            return Err(self.expected("a step such as `topic 'a.b' where $.c == 1`"));
        }
        let topic = self.topic()?;
        let filter = if self.take_word("where") { Some(self.nested(Self::expression)?) } else { None };
        let (filter, inner) = filter.map(|(filter, spot)| (Box::new(filter), spot.inner)).unzip();
        let spot = Spot { span: self.since(start), inner: inner.unwrap_or_default() };
        Ok((Step { topic, filter }, spot))
    }

    fn topic(&mut self) -> Result<TopicPattern, Reported> {
        let Kind::Text(text) = self.peek().kind.clone() else {
            return Err(self.expected("a topic in quotes"));
        };
        let span = self.next().span;
        leaf::topic(&text.value).map_err(|trouble| self.report(span, trouble))
    }
}
