//! Asking a table for its keys.
//!
//! Invariant: every question is remembered with its answer; what nobody asked for is found in the end.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::path::KeyPath;
use super::problem::{Place, Problem, ProblemKind, Problems};
use super::quantity::{parse_duration, parse_size, show_duration, show_size};
use super::raw::{Raw, Reach, Reason, Refusal, parse_address};
use super::{Input, Key, Origin, Override, Settings};
use crate::nearest::nearest;

/// A table of the settings, there or not.
#[derive(Debug)]
pub struct Table<'r> {
    reading: &'r Reading<'r>,
    path: KeyPath,
    content: Content<'r>,
}

#[derive(Debug, Clone, Copy)]
enum Content<'r> {
    Here(&'r DeTable<'r>),
    Absent,
    /// Something else stands in its place, and that was reported.
    Refused(Reported),
}

/// The answer to a question; what an absent one means is for the reader to say.
#[must_use = "an answer counts only after `required`, `optional` or `or`"]
pub struct Field<'r, T> {
    reading: &'r Reading<'r>,
    path: KeyPath,
    expected: String,
    answer: Answer<T>,
    show: Box<dyn Fn(&T) -> String + 'r>,
}

enum Answer<T> {
    Set(T),
    Absent,
    Refused(Reported),
}

/// Proof that a problem was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reported(());

/// One run of a reader.
#[derive(Debug)]
pub(super) struct Reading<'i> {
    input: &'i Input<'i>,
    keys: RefCell<BTreeMap<KeyPath, Key>>,
    tables: RefCell<BTreeSet<KeyPath>>,
    problems: RefCell<Problems>,
}

impl<'r> Table<'r> {
    /// A table within this one.
    pub fn table(&self, name: &str) -> Table<'r> {
        let path = self.path.child(name);
        self.reading.tables.borrow_mut().insert(path.clone());
        let content = match self.entry(name) {
            _ if let Content::Refused(reported) = self.content => Content::Refused(reported),
            None => Content::Absent,
            Some((_, value)) => match value.get_ref() {
                DeValue::Table(table) => Content::Here(table),
                _ => {
                    let refusal = Raw::spanned(value).refused(None);
                    let reported = self.reading.refused(&path, "a table", refusal, &Setting::File(value));
                    Content::Refused(reported)
                }
            },
        };
        Table { reading: self.reading, path, content }
    }

    /// Whether the file has this table or anything else sets a key in it.
    pub fn is_present(&self) -> bool {
        let is_within = |set: &Override| set.key.names().starts_with(self.path.names());
        !matches!(self.content, Content::Absent) || self.reading.input.overrides.iter().any(is_within)
    }

    /// Whether anything sets the key.
    pub fn is_set(&self, key: &str) -> bool {
        self.setting(key).is_some()
    }

    /// A text that is not empty.
    pub fn text(&self, key: &str) -> Field<'r, String> {
        self.field(key, "a text", |raw| raw.text().map(str::to_owned), String::clone)
    }

    /// A text in a notation of its own: `show` gives back what `parse` takes, and what `parse` refuses it may explain.
    pub fn parsed<T>(
        &self,
        key: &str,
        expected: &str,
        parse: impl Fn(&str) -> Result<T, Option<String>>,
        show: impl Fn(&T) -> String + 'r,
    ) -> Field<'r, T> {
        self.field(key, expected, |raw| raw.spelt(&parse), show)
    }

    /// A list of such texts.
    pub fn parsed_list<T>(
        &self,
        key: &str,
        expected: &str,
        parse: impl Fn(&str) -> Result<T, Option<String>>,
        show: impl Fn(&T) -> String + 'r,
    ) -> Field<'r, Vec<T>> {
        self.field(
            key,
            &format!("a list of {expected}"),
            |raw| raw.list()?.iter().map(|item| item.item(|item| item.spelt(&parse))).collect(),
            move |items: &Vec<T>| items.iter().map(&show).collect::<Vec<_>>().join(","),
        )
    }

    /// A whole number.
    pub fn integer<T>(&self, key: &str, range: RangeInclusive<T>) -> Field<'r, T>
    where
        T: TryFrom<i128> + PartialOrd + fmt::Display + 'r,
    {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.field(key, &expected, |raw| raw.integer(&range), T::to_string)
    }

    pub fn boolean(&self, key: &str) -> Field<'r, bool> {
        self.field(key, "true or false", |raw| raw.boolean(), bool::to_string)
    }

    pub fn duration(&self, key: &str, range: RangeInclusive<Duration>) -> Field<'r, Duration> {
        let (from, to) = (show_duration(*range.start()), show_duration(*range.end()));
        self.field(
            key,
            &format!("a duration from {from} to {to}, such as \"90s\" (units ms, s, m, h, d)"),
            |raw| raw.within(raw.spelt(|text| parse_duration(text).ok_or(None))?, &range),
            |duration| show_duration(*duration),
        )
    }

    /// A number of bytes.
    pub fn size(&self, key: &str, range: RangeInclusive<u64>) -> Field<'r, u64> {
        let (from, to) = (show_size(*range.start()), show_size(*range.end()));
        self.field(
            key,
            &format!("a size from {from} to {to}, such as \"64MiB\" (units B, KiB, MiB, GiB, TiB)"),
            |raw| raw.within(raw.spelt(|text| parse_size(text).ok_or(None))?, &range),
            |bytes| show_size(*bytes),
        )
    }

    /// A path. One in the file is relative to the file's directory, any other is left as it is.
    pub fn path(&self, key: &str) -> Field<'r, PathBuf> {
        let base = match self.setting(key) {
            Some(Setting::File(_)) => self.reading.input.file.map(|file| file.directory),
            _ => None,
        };
        self.field(
            key,
            "a path",
            |raw| {
                raw.spelt(|text| {
                    if text == "~" || text.starts_with("~/") {
                        return Err(Some("write the home directory out: `~` is the shell's".to_owned()));
                    }
                    Ok(base.unwrap_or(Path::new("")).join(text))
                })
            },
            |path| path.display().to_string(),
        )
    }

    /// One of several words.
    pub fn word<T: Copy + PartialEq>(&self, key: &str, words: &'r [(&'r str, T)]) -> Field<'r, T> {
        let quoted: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let parse = |text: &str| {
            let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
            found.ok_or_else(|| {
                nearest(text, words.iter().map(|(word, _)| *word)).map(|near| format!("did you mean \"{near}\"?"))
            })
        };
        let show = |value: &T| words.iter().find(|(_, known)| known == value).map_or("", |(word, _)| *word).to_owned();
        self.parsed(key, &quoted.join(" or "), parse, show)
    }

    /// A numeric address with a port.
    pub fn address(&self, key: &str, reach: Reach) -> Field<'r, SocketAddr> {
        let expected = match reach {
            Reach::Loopback => "a loopback address with a port, such as \"127.0.0.1:7710\"",
            Reach::Anywhere => "an address with a port, such as \"127.0.0.1:7710\"",
        };
        self.parsed(key, expected, |text| parse_address(text, reach), SocketAddr::to_string)
    }

    /// Records that a key contradicts another one.
    pub fn contradiction(&self, key: &str, message: impl Into<String>) -> Reported {
        self.problem(key, ProblemKind::Contradiction { key: self.path.child(key), message: message.into() })
    }

    /// Records that the file a key names cannot be used.
    pub fn unusable_file(&self, key: &str, file: &Path, reason: impl Into<String>) -> Reported {
        let (file, reason) = (file.display().to_string(), reason.into());
        self.problem(key, ProblemKind::File { key: self.path.child(key), file, reason })
    }

    fn problem(&self, key: &str, kind: ProblemKind) -> Reported {
        let place = self.setting(key).map_or_else(|| self.own_place(), |setting| self.reading.place(&setting, None));
        self.reading.report(place, kind)
    }

    /// Where a key that is not there would have to be.
    fn own_place(&self) -> Place {
        self.reading.input.file.map_or(Place::Nowhere, |file| Place::File(file.name.to_owned()))
    }

    fn field<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&Raw<'_>) -> Result<T, Refusal>,
        show: impl Fn(&T) -> String + 'r,
    ) -> Field<'r, T> {
        let path = self.path.child(key);
        let mut asked = Key { path: path.clone(), expected: expected.to_owned(), default: None, set: None };
        let answer = match (self.setting(key), self.content) {
            (None, Content::Refused(reported)) => Answer::Refused(reported),
            (None, _) => Answer::Absent,
            (Some(setting), _) => match read(&setting.raw()) {
                Ok(value) => {
                    asked.set = Some((show(&value), self.reading.origin(&setting)));
                    Answer::Set(value)
                }
                Err(refusal) => Answer::Refused(self.reading.refused(&path, expected, refusal, &setting)),
            },
        };
        self.reading.keys.borrow_mut().insert(path.clone(), asked);
        Field { reading: self.reading, path, expected: expected.to_owned(), answer, show: Box::new(show) }
    }

    /// What sets a key: the last override of it, else the file.
    fn setting(&self, key: &str) -> Option<Setting<'r>> {
        let path = self.path.child(key);
        let overriding = self.reading.input.overrides.iter().rev().find(|set| set.key == path);
        overriding.map(Setting::Override).or_else(|| Some(Setting::File(self.entry(key)?.1)))
    }

    fn entry(&self, name: &str) -> Option<(&'r Spanned<toml::de::DeString<'r>>, &'r Spanned<DeValue<'r>>)> {
        match self.content {
            Content::Here(table) => table.get_key_value(name),
            Content::Absent | Content::Refused(_) => None,
        }
    }
}

impl<T> Field<'_, T> {
    /// It is a problem if nobody set it.
    pub fn required(self) -> Result<T, Reported> {
        match self.answer {
            Answer::Set(value) => Ok(value),
            Answer::Refused(reported) => Err(reported),
            Answer::Absent => {
                let input = self.reading.input;
                let place = input.file.map_or(Place::Nowhere, |file| Place::File(file.name.to_owned()));
                let variable = input.variable_prefix.map(|prefix| self.path.variable(prefix));
                let kind = ProblemKind::Missing { key: self.path, expected: self.expected, variable };
                Err(self.reading.report(place, kind))
            }
        }
    }

    pub fn optional(self) -> Result<Option<T>, Reported> {
        match self.answer {
            Answer::Set(value) => Ok(Some(value)),
            Answer::Refused(reported) => Err(reported),
            Answer::Absent => Ok(None),
        }
    }

    pub fn or(self, default: T) -> Result<T, Reported> {
        let shown = (self.show)(&default);
        Ok(self.or_described(&shown)?.unwrap_or(default))
    }

    /// Optional, with words for what stands in its place when that is found elsewhere.
    pub fn or_described(self, default: &str) -> Result<Option<T>, Reported> {
        if let Some(key) = self.reading.keys.borrow_mut().get_mut(&self.path) {
            key.default = Some(default.to_owned());
        }
        self.optional()
    }
}

impl<T> fmt::Debug for Field<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Field").field("path", &self.path).finish_non_exhaustive()
    }
}

/// What sets one key.
enum Setting<'r> {
    File(&'r Spanned<DeValue<'r>>),
    Override(&'r Override),
}

impl<'r> Setting<'r> {
    fn raw(&self) -> Raw<'r> {
        match self {
            Self::File(value) => Raw::spanned(value),
            Self::Override(set) => Raw::Text(set.value.as_str().into()),
        }
    }
}

impl<'i> Reading<'i> {
    pub(super) fn new(input: &'i Input<'i>) -> Self {
        Self { input, keys: RefCell::default(), tables: RefCell::default(), problems: RefCell::default() }
    }

    pub(super) fn root<'r>(&'r self, document: Option<&'r DeTable<'r>>) -> Table<'r>
    where
        'i: 'r,
    {
        Table { reading: self, path: KeyPath::default(), content: document.map_or(Content::Absent, Content::Here) }
    }

    /// The value, unless anything is wrong.
    pub(super) fn finish<T>(
        self,
        document: Option<&DeTable<'_>>,
        syntax: &[toml::de::Error],
        result: Result<T, Reported>,
    ) -> Result<Settings<T>, Problems> {
        if let Some(document) = document {
            self.report_unknown(&KeyPath::default(), document);
        }
        self.report_unknown_overrides();
        self.report_syntax(syntax);
        let mut problems = self.problems.into_inner();
        problems.sort();
        match result {
            Ok(value) if problems.is_empty() => {
                Ok(Settings { value, keys: self.keys.into_inner().into_values().collect() })
            }
            _ => Err(problems),
        }
    }

    fn report_unknown(&self, path: &KeyPath, table: &DeTable<'_>) {
        for (name, value) in table {
            let key = path.child(name.get_ref());
            match value.get_ref() {
                _ if self.keys.borrow().contains_key(&key) => {}
                DeValue::Table(table) if self.tables.borrow().contains(&key) => self.report_unknown(&key, table),
                _ if self.tables.borrow().contains(&key) => {}
                _ => {
                    let place = self.input.file.map_or(Place::Nowhere, |file| file.place(&name.span()));
                    self.report(place, self.unknown(key));
                }
            }
        }
    }

    fn report_unknown_overrides(&self) {
        for set in &self.input.overrides {
            if !self.keys.borrow().contains_key(&set.key) {
                self.report(set.setter.place(), self.unknown(set.key.clone()));
            }
        }
    }

    /// Looks for the name meant: beside it, then under another table, then anywhere.
    fn unknown(&self, key: KeyPath) -> ProblemKind {
        let (keys, tables) = (self.keys.borrow(), self.tables.borrow());
        let paths: Vec<&KeyPath> = keys.keys().chain(tables.iter()).collect();
        let (above, name) = key.split_last().unwrap_or_default();
        let beside: Vec<String> = paths
            .iter()
            .filter_map(|path| path.split_last())
            .filter(|(parent, _)| *parent == above)
            .map(|(_, name)| name.to_owned())
            .collect();
        let whole: Vec<(String, &KeyPath)> = paths.iter().map(|path| (path.to_string(), *path)).collect();
        let meant = nearest(name, beside.iter().map(String::as_str))
            .map(|name| above.child(name))
            .or_else(|| {
                paths.iter().find(|path| path.names().last().is_some_and(|last| last == name)).copied().cloned()
            })
            .or_else(|| {
                let near = nearest(&key.to_string(), whole.iter().map(|(text, _)| text.as_str()))?.to_owned();
                whole.iter().find(|(text, _)| *text == near).map(|(_, path)| (*path).clone())
            });
        ProblemKind::UnknownKey { key, nearest: meant, known: beside }
    }

    /// Text that is not TOML makes its own lines doubtful, and what seems to be missing may stand in them.
    fn report_syntax(&self, errors: &[toml::de::Error]) {
        let Some(file) = self.input.file.filter(|_| !errors.is_empty()) else { return };
        let places: Vec<Place> = errors.iter().map(|error| file.place(&error.span().unwrap_or_default())).collect();
        let lines: BTreeSet<usize> = places.iter().filter_map(line).collect();
        self.problems.borrow_mut().retain(|problem| match problem.kind {
            ProblemKind::Missing { .. } | ProblemKind::Contradiction { .. } => false,
            _ => line(&problem.place).is_none_or(|line| !lines.contains(&line)),
        });
        for (error, place) in errors.iter().zip(places) {
            self.report(place, ProblemKind::Syntax { message: error.message().to_owned() });
        }
    }

    fn refused(&self, key: &KeyPath, expected: &str, refusal: Refusal, setting: &Setting<'_>) -> Reported {
        let place = self.place(setting, refusal.span);
        let (key, expected, found) = (key.clone(), expected.to_owned(), refusal.found);
        let kind = match refusal.reason {
            Reason::Type { hint } => ProblemKind::WrongType { key, expected, found, hint },
            Reason::Range => ProblemKind::OutOfRange { key, expected, found },
        };
        self.report(place, kind)
    }

    fn report(&self, place: Place, kind: ProblemKind) -> Reported {
        self.problems.borrow_mut().push(Problem { place, kind });
        Reported(())
    }

    fn place(&self, setting: &Setting<'_>, span: Option<Range<usize>>) -> Place {
        match setting {
            Setting::Override(set) => set.setter.place(),
            Setting::File(value) => {
                let span = span.unwrap_or_else(|| value.span());
                self.input.file.map_or(Place::Nowhere, |file| file.place(&span))
            }
        }
    }

    fn origin(&self, setting: &Setting<'_>) -> Origin {
        match (setting, &self.input.file) {
            (Setting::Override(set), _) => set.setter.origin(),
            (Setting::File(value), file) => {
                let (name, line) =
                    file.map_or((String::new(), 0), |file| (file.name.to_owned(), file.line_of(value.span().start)));
                Origin::File { name, line }
            }
        }
    }
}

fn line(place: &Place) -> Option<usize> {
    match place {
        Place::Line { line, .. } => Some(*line),
        _ => None,
    }
}
