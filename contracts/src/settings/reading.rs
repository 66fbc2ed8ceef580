//! One run of a reader: what was asked, what was wrong, and in the end what nobody asked for.
//!
//! Invariant: every question is remembered, so that what is left over in the file is unknown.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::path::KeyPath;
use super::problem::{Place, Problem, ProblemKind, Problems};
use super::raw::{Raw, Reason, Refusal};
use super::table::Reported;
use super::{Input, Key, KeyState, Origin, Override, Settings, Source};
use crate::nearest::nearest;

/// What was asked and reported so far.
#[derive(Debug)]
pub(super) struct Reading<'i> {
    pub input: &'i Input<'i>,
    keys: RefCell<BTreeMap<KeyPath, Key>>,
    tables: RefCell<BTreeSet<KeyPath>>,
    /// Of tables.
    lists: RefCell<BTreeSet<KeyPath>>,
    problems: RefCell<Problems>,
}

/// What sets one key.
pub(super) enum Setting<'r> {
    File(Source<'r>, &'r Spanned<DeValue<'r>>),
    Override(&'r Override),
}

impl<'i> Reading<'i> {
    pub(super) fn new(input: &'i Input<'i>) -> Self {
        Self {
            input,
            keys: RefCell::default(),
            tables: RefCell::default(),
            lists: RefCell::default(),
            problems: RefCell::default(),
        }
    }

    pub(super) fn ask_key(&self, key: Key) {
        self.keys.borrow_mut().insert(key.path.clone(), key);
    }

    pub(super) fn ask_table(&self, path: &KeyPath) {
        self.tables.borrow_mut().insert(path.clone());
    }

    pub(super) fn ask_list(&self, path: &KeyPath) {
        self.lists.borrow_mut().insert(path.clone());
    }

    pub(super) fn set_default(&self, path: &KeyPath, words: &str, value: String) {
        if let Some(key) = self.keys.borrow_mut().get_mut(path) {
            key.default = Some(words.to_owned());
            if key.state == KeyState::Unset {
                key.state = KeyState::Default { value };
            }
        }
    }

    pub(super) fn report(&self, place: Place, kind: ProblemKind) -> Reported {
        self.problems.borrow_mut().push(Problem { place, kind });
        Reported::by_reading()
    }

    pub(super) fn refused(&self, key: &KeyPath, expected: &str, refusal: Refusal, setting: &Setting<'_>) -> Reported {
        let place = setting.place(refusal.span);
        let (key, expected, found) = (key.clone(), expected.to_owned(), refusal.found);
        let kind = match refusal.reason {
            Reason::Type { hint } => ProblemKind::WrongType { key, expected, found, hint },
            Reason::Range => ProblemKind::OutOfRange { key, expected, found },
        };
        self.report(place, kind)
    }

    /// Where a key would have to be that is not there.
    pub(super) fn place_of_absent(&self) -> Place {
        self.input.file.map_or(Place::Nowhere, |file| Place::File(file.name.to_owned()))
    }

    /// The value, unless anything is wrong.
    pub(super) fn finish<T>(
        self,
        document: Option<&DeTable<'_>>,
        syntax: &[toml::de::Error],
        result: Result<T, Reported>,
    ) -> Result<Settings<T>, Problems> {
        if let (Some(file), Some(document)) = (self.input.file, document) {
            self.report_unknown(file, &KeyPath::default(), document);
        }
        self.report_unknown_overrides();
        let problems = match self.input.file {
            Some(file) if !syntax.is_empty() => with_syntax(file, syntax, self.problems.into_inner()),
            _ => self.problems.into_inner(),
        };
        match result {
            Ok(value) if problems.is_empty() => {
                Ok(Settings { value, keys: self.keys.into_inner().into_values().collect() })
            }
            _ => Err(problems.sorted()),
        }
    }

    fn report_unknown(&self, file: Source<'_>, path: &KeyPath, table: &DeTable<'_>) {
        for (name, value) in table {
            let key = path.child(name.get_ref());
            let is_table = self.tables.borrow().contains(&key);
            let is_list = self.lists.borrow().contains(&key);
            match value.get_ref() {
                DeValue::Table(table) if is_table => self.report_unknown(file, &key, table),
                DeValue::Array(items) if is_list => {
                    for (index, item) in items.iter().enumerate() {
                        if let DeValue::Table(table) = item.get_ref() {
                            self.report_unknown(file, &key.item(index), table);
                        }
                    }
                }
                _ if is_table || is_list || self.keys.borrow().contains_key(&key) => {}
                _ if self.problems.borrow().is_full() => self.problems.borrow_mut().count_unlisted(),
                _ => {
                    self.report(file.place(&name.span()), self.unknown(key));
                }
            }
        }
    }

    fn report_unknown_overrides(&self) {
        for set in &self.input.overrides {
            let key = set.key.clone();
            if self.tables.borrow().contains(&key) {
                // The value is not shown: what does not belong here may be a secret.
                let (expected, found) = ("set key by key, for it is a table".to_owned(), "one value".to_owned());
                self.report(set.setter.place(), ProblemKind::WrongType { key, expected, found, hint: None });
            } else if !self.keys.borrow().contains_key(&key) {
                self.report(set.setter.place(), self.unknown(key));
            }
        }
    }

    /// Looks for the name meant: beside it, then the same name in another table.
    fn unknown(&self, key: KeyPath) -> ProblemKind {
        let (keys, tables, lists) = (self.keys.borrow(), self.tables.borrow(), self.lists.borrow());
        let paths = || keys.keys().chain(tables.iter()).chain(lists.iter());
        let (above, name) = key.split_last().unwrap_or_default();
        let known: Vec<String> = paths()
            .filter_map(KeyPath::split_last)
            .filter(|(parent, _)| *parent == above)
            .map(|(_, name)| name.to_owned())
            .collect();
        let meant = nearest(name, known.iter().map(String::as_str))
            .map(|name| above.child(name))
            .or_else(|| paths().find(|path| path.names().last().is_some_and(|last| last == name)).cloned());
        ProblemKind::UnknownKey { key, nearest: meant, known }
    }
}

/// The problems of the syntax, the first of each line, for the others mostly follow from it; and those other problems
/// that they do not explain: text that is not TOML makes its line doubtful, and what is missing may stand in it.
fn with_syntax(file: Source<'_>, errors: &[toml::de::Error], others: Problems) -> Problems {
    let mut problems = Problems::default();
    let mut doubtful = BTreeSet::new();
    let newlines: Vec<usize> = file.text.match_indices('\n').map(|(at, _)| at).collect();
    for error in errors {
        let span = error.span().unwrap_or_default();
        let is_first = doubtful.insert(newlines.partition_point(|newline| *newline < span.start) + 1);
        if is_first && problems.is_full() {
            problems.count_unlisted();
        } else if is_first {
            let kind = ProblemKind::Syntax { message: error.message().to_owned() };
            problems.push(Problem { place: file.place(&span), kind });
        }
    }
    problems.extend(others, |problem| match problem.kind {
        ProblemKind::Missing { .. } | ProblemKind::Contradiction { .. } => false,
        _ => problem.place.line().is_none_or(|line| !doubtful.contains(&line)),
    });
    problems
}

impl<'r> Setting<'r> {
    pub(super) fn raw(&self) -> Raw<'r> {
        match self {
            Self::File(_, value) => Raw::spanned(value),
            Self::Override(set) => Raw::Text(set.value.as_str().into()),
        }
    }

    pub(super) fn place(&self, span: Option<Range<usize>>) -> Place {
        match self {
            Self::File(file, value) => file.place(&span.unwrap_or_else(|| value.span())),
            Self::Override(set) => set.setter.place(),
        }
    }

    pub(super) fn origin(&self) -> Origin {
        match self {
            Self::File(file, value) => {
                Origin::File { name: file.name.to_owned(), line: file.line_of(value.span().start) }
            }
            Self::Override(set) => set.setter.origin(),
        }
    }
}
