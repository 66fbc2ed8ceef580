//! How readers report: what is wrong is said without a place, and whoever knows the place adds it.

use std::ops::Range;

use super::{Code, Diagnostic, Diagnostics, Mark};
use crate::reading::File;
use crate::rule::Fault;

/// Something wrong, before anybody knows where that stands.
#[derive(Debug, Clone)]
pub(crate) struct Trouble {
    code: Code,
    message: String,
    expected: Option<String>,
    found: Option<String>,
    help: Option<String>,
    /// Which bytes of the string that is wrong; all of them if none.
    pub within: Option<Range<usize>>,
}

impl Trouble {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), expected: None, found: None, help: None, within: None }
    }

    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    #[must_use]
    pub fn found(mut self, found: impl Into<String>) -> Self {
        self.found = Some(found.into());
        self
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
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
        Self {
            code: Code::Meaning,
            message: fault.what.clone(),
            expected: fault.expected.clone(),
            found: fault.found.clone(),
            help: fault.help.clone(),
            within: None,
        }
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
    pub fn report_with(&mut self, span: Range<usize>, trouble: Trouble, label: &str, other: Mark) -> Reported {
        self.push(&span, trouble, Some(Box::new((label.to_owned(), other))))
    }

    pub fn mark(&self, span: &Range<usize>) -> Mark {
        Mark::of(self.file, self.place, span)
    }

    fn push(&mut self, span: &Range<usize>, trouble: Trouble, also: Option<Box<(String, Mark)>>) -> Reported {
        let Trouble { code, message, expected, found, help, within: _ } = trouble;
        let (mark, rule) = (self.mark(span), self.rule.clone());
        self.out.push(Diagnostic { code, mark, rule, message, expected, found, help, also });
        Reported(())
    }
}
