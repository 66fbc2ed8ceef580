//! Files of rules of either form, read in one run: every rule that can be read, and everything that is wrong.
//!
//! Invariant: a rule that came out is complete, and each of its paths, patterns and calls was parsed. What takes the whole
//! rule to judge, or other rules, subscriptions and partition keys, is for the compiler, whose faults are given back to the
//! reading, which knows where they stand.

use crate::diagnostic::{Code, Diagnostics, Elsewhere, Log, Trouble};
use crate::form::Origin;
use crate::limits::{RULE_FILE_BYTES_MAX, RULES_MAX};
use crate::rule::{Fault, Place, Rule};
use crate::{json_form, text};

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
    /// Where each of the rules was written, and in which of the files.
    origins: Vec<(usize, Origin)>,
    /// Rules whose id was there before.
    repeats: Vec<usize>,
    diagnostics: Diagnostics,
}

/// Reads all files; nothing stops at the first error.
pub fn read<'t>(files: &'t [File<'t>]) -> Reading<'t> {
    let mut reading = Reading {
        files,
        rules: Vec::new(),
        origins: Vec::new(),
        repeats: Vec::new(),
        diagnostics: Diagnostics::default(),
    };
    for place in 0..files.len() {
        reading.read_file(place);
    }
    reading.check_ids();
    reading
}

impl Reading<'_> {
    fn read_file(&mut self, place: usize) {
        let file = &self.files[place];
        let mut log = Log::new(file, place, &mut self.diagnostics);
        if file.text.len() > RULE_FILE_BYTES_MAX {
            let trouble = Trouble::new(Code::TooLarge, "a file of rules over the limit")
                .expected(format!("at most {RULE_FILE_BYTES_MAX} bytes"))
                .found(file.text.len().to_string());
            log.report(0..0, trouble.help("spread its rules over several files"));
            return;
        }
        let rules = match file.form {
            Form::Text => text::rules(&mut log),
            Form::Json => json_form::rules(&mut log),
        };
        for (rule, origin) in rules {
            self.rules.push(rule);
            self.origins.push((place, origin));
        }
    }

    /// An id names one rule of the set; and a set has rules, but not without bound.
    fn check_ids(&mut self) {
        let mut by_id: Vec<usize> = (0..self.rules.len()).collect();
        by_id.sort_by_key(|rule| &self.rules[*rule].id);
        let repeats = by_id.chunk_by(|a, b| self.rules[*a].id == self.rules[*b].id).filter(|same| same.len() > 1);
        let repeats: Vec<(usize, usize)> =
            repeats.flat_map(|same| same[1..].iter().map(|again| (same[0], *again))).collect();
        for (first, again) in repeats {
            self.repeats.push(again);
            let (place, origin) = &self.origins[first];
            let files = self.files;
            let earlier = Elsewhere { file: &files[*place], place: *place, span: origin.head.clone() };
            let id = self.rules[again].id.clone();
            let trouble = Trouble::new(Code::DuplicateRule, format!("the rule `{id}` is there twice"));
            let span = self.origins[again].1.head.clone();
            self.log_of(again).report_with(
                span,
                trouble.help("give one of them another name"),
                "it is here first",
                &earlier,
            );
        }
        if self.rules.is_empty() && self.diagnostics.is_empty() && !self.files.is_empty() {
            let trouble = Trouble::new(Code::Empty, "a rule set without a rule").expected("one rule or more");
            Log::new(&self.files[0], 0, &mut self.diagnostics).report(0..0, trouble.help("write `rule NAME { … }`"));
        }
        if let Some(rule) = (self.rules.len() > RULES_MAX).then_some(RULES_MAX) {
            let trouble = Trouble::new(Code::TooLarge, "more rules than a set may have");
            let trouble = trouble.expected(format!("at most {RULES_MAX}")).found(self.rules.len().to_string());
            let span = self.origins[rule].1.head.clone();
            self.log_of(rule).report(span, trouble);
        }
    }

    fn log_of(&mut self, rule: usize) -> Log<'_> {
        let place = self.origins[rule].0;
        let mut log = Log::new(&self.files[place], place, &mut self.diagnostics);
        log.rule = Some(self.rules[rule].id.as_str().to_owned());
        log
    }

    /// For what is wrong with a file that has no rules; told after what is wrong with those that do.
    pub(crate) fn log_beside<'l>(&'l mut self, file: &'l File<'l>) -> Log<'l> {
        Log::new(file, self.files.len(), &mut self.diagnostics)
    }

    /// The rules that could be read, in the order of the files and of their lines.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Which file, by its place, holds this rule.
    pub fn file_of(&self, rule: usize) -> usize {
        self.origins[rule].0
    }

    /// Adds what a compiler found wrong with one of [`Reading::rules`].
    pub fn fault(&mut self, rule: usize, fault: &Fault) {
        // An id that is there twice was told with both places, which a compiler does not know.
        if fault.place == Place::Rule && self.repeats.contains(&rule) {
            return;
        }
        let span = self.origins[rule].1.span(&fault.place);
        self.log_of(rule).report(span, fault.into());
    }

    /// What is wrong so far, in the order it was found.
    pub fn diagnostics(&self) -> &Diagnostics {
        &self.diagnostics
    }

    /// The rules, unless anything is wrong.
    pub fn finish(self) -> Result<Vec<Rule>, Diagnostics> {
        if self.diagnostics.is_empty() { Ok(self.rules) } else { Err(self.diagnostics.sorted()) }
    }
}
