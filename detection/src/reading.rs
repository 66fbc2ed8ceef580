//! Files of rules of either form, read in one run: every rule that can be read, and everything that is wrong.
//!
//! Invariant: a rule that came out of a reading without diagnostics is complete, each of its paths and patterns was parsed,
//! and each of its windows is within the limits. What needs other rules, subscriptions or a partition key to be judged is for
//! the compiler, whose faults are given back to the reading, which knows where they stand.

use crate::diagnostic::Diagnostics;
use crate::rule::{Fault, Rule};

/// A file that was read: this crate does no I/O.
#[derive(Debug, Clone, Copy)]
pub struct File<'t> {
    /// What it is called in diagnostics.
    pub name: &'t str,
    pub text: &'t str,
    pub form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `*.rules`: any number of rules.
    Text,
    /// `*.json`: one rule.
    Json,
}

/// What the files say.
#[derive(Debug)]
pub struct Reading<'t> {
    files: &'t [File<'t>],
    rules: Vec<Rule>,
    diagnostics: Diagnostics,
}

/// Reads all files; nothing stops at the first error.
pub fn read<'t>(files: &'t [File<'t>]) -> Reading<'t> {
    Reading { files, rules: Vec::new(), diagnostics: Diagnostics::default() }
}

impl Reading<'_> {
    /// The rules that could be read, in the order of the files and of their lines.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Which file, by its place, holds this rule.
    pub fn file_of(&self, rule: usize) -> usize {
        let _ = (rule, self.files);
        0
    }

    /// Adds what a compiler found wrong with one of [`Reading::rules`].
    pub fn fault(&mut self, rule: usize, fault: &Fault) {
        let _ = (rule, fault);
    }

    /// The rules, unless anything is wrong.
    pub fn finish(self) -> Result<Vec<Rule>, Diagnostics> {
        if self.diagnostics.is_empty() { Ok(self.rules) } else { Err(self.diagnostics) }
    }
}
