//! How readers report: what is wrong is said without a place, and whoever knows the place adds it.

use std::ops::Range;

use super::{Code, Diagnostic, Diagnostics, Mark};
use crate::reading::File;
use crate::rule::Fault;

/// Something wrong, before anybody knows where that stands. Boxed, so that the way without errors stays narrow.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    words: Box<Words>,
    /// Which bytes of the string that is wrong; all of them if none.
    pub within: Option<Range<usize>>,
}

#[derive(Debug, Clone)]
struct Words {
    code: Code,
    message: String,
    expected: Option<String>,
    found: Option<String>,
    help: Option<String>,
}

impl Trouble {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let words = Words { code, message: message.into(), expected: None, found: None, help: None };
        Self { words: Box::new(words), within: None }
    }

    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.words.expected = Some(expected.into());
        self
    }

    #[must_use]
    pub fn found(mut self, found: impl Into<String>) -> Self {
        self.words.found = Some(found.into());
        self
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.words.help = Some(help.into());
        self
    }

    #[must_use]
    pub fn within(mut self, range: Range<usize>) -> Self {
        self.within = Some(range);
        self
    }
}

impl From<&Fault> for Trouble {
    fn from(fault: &Fault) -> Self {
        let Fault { place: _, what, expected, found, help } = fault.clone();
        let words = Words { code: Code::Meaning, message: what, expected, found, help };
        Self { words: Box::new(words), within: None }
    }
}

/// The proof that a diagnostic was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reported(());

/// Collects what is wrong with one file.
#[derive(Debug)]
pub(crate) struct Log<'l> {
    pub file: &'l File<'l>,
    /// The file's among those read.
    pub place: usize,
    /// The rule that is being read.
    pub rule: Option<String>,
    out: &'l mut Diagnostics,
}

impl<'l> Log<'l> {
    pub fn new(file: &'l File<'l>, place: usize, out: &'l mut Diagnostics) -> Self {
        Self { file, place, rule: None, out }
    }

    pub fn report(&mut self, span: Range<usize>, trouble: Trouble) -> Reported {
        self.push(&span, trouble, None)
    }

    /// With another place that has to do with it, and what that is.
    pub fn report_with(
        &mut self,
        span: Range<usize>,
        trouble: Trouble,
        label: &str,
        other: &Elsewhere<'_>,
    ) -> Reported {
        self.push(&span, trouble, Some((label, other)))
    }

    /// A place of this file.
    pub fn here(&self, span: &Range<usize>) -> Elsewhere<'l> {
        Elsewhere { file: self.file, place: self.place, span: span.clone() }
    }

    fn push(&mut self, span: &Range<usize>, trouble: Trouble, also: Option<(&str, &Elsewhere<'_>)>) -> Reported {
        // Lines are counted from the beginning of the file, which only what is told is worth.
        if self.out.is_full() {
            self.out.count_unlisted();
            return Reported(());
        }
        let Words { code, message, expected, found, help } = *trouble.words;
        let (mark, rule) = (self.here(span).mark(), self.rule.clone());
        let also = also.map(|(label, other)| Box::new((label.to_owned(), other.mark())));
        self.out.push(Diagnostic { code, mark, rule, message, expected, found, help, also });
        Reported(())
    }
}

/// A place of any of the files.
#[derive(Debug, Clone)]
pub(crate) struct Elsewhere<'l> {
    pub file: &'l File<'l>,
    pub place: usize,
    pub span: Range<usize>,
}

impl Elsewhere<'_> {
    fn mark(&self) -> Mark {
        Mark::of(self.file, self.place, &self.span)
    }
}
