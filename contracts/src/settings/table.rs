//! Asking a table for its keys.
//!
//! Invariant: every question is remembered with its answer; what nobody asked for is found in the end.

use std::fmt;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::path::KeyPath;
use super::problem::{Place, ProblemKind};
use super::quantity::{parse_duration, parse_size, show_duration, show_size};
use super::raw::{LIST_ITEMS_MAX, Raw, Refusal, boolean, parse_loopback, trees};
use super::reading::{Reading, Setting};
use super::tree::Tree;
use super::{Key, KeyState, Override, Source};
use crate::nearest::nearest;

/// A table of the settings, there or not.
#[derive(Debug)]
pub struct Table<'r> {
    reading: &'r Reading<'r>,
    path: KeyPath,
    content: Content<'r>,
    /// Where it begins, if that is nearer than the file to what is missing in it.
    head: Option<Place>,
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
    /// Where the key would have to be.
    place: Place,
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

impl Reported {
    pub(super) fn by_reading() -> Self {
        Self(())
    }
}

impl<'r> Table<'r> {
    pub(super) fn root(reading: &'r Reading<'r>, document: Option<&'r DeTable<'r>>) -> Self {
        let content = document.map_or(Content::Absent, Content::Here);
        Self { reading, path: KeyPath::default(), content, head: None }
    }

    /// A table within this one.
    #[must_use]
    pub fn table(&self, name: &str) -> Table<'r> {
        let path = self.path.child(name);
        self.reading.ask_table(&path);
        let content = match (self.content, self.in_file(name)) {
            (Content::Refused(reported), _) => Content::Refused(reported),
            (_, None) => Content::Absent,
            (_, Some((file, value))) => self.content_of(&path, file, value),
        };
        Table { reading: self.reading, path, content, head: self.head.clone() }
    }

    /// The tables of a list, `[[name]]`; none if the file has no such list.
    pub fn tables(&self, name: &str) -> Result<Vec<Table<'r>>, Reported> {
        let path = self.path.child(name);
        self.reading.ask_list(&path);
        let Some((file, value)) = self.in_file(name) else {
            return match self.content {
                Content::Refused(reported) => Err(reported),
                Content::Here(_) | Content::Absent => Ok(Vec::new()),
            };
        };
        let (raw, setting) = (Raw::spanned(value), Setting::File(file, value));
        let refused = |refusal| self.reading.refused(&path, "a list of tables", refusal, &setting);
        let DeValue::Array(items) = value.get_ref() else { return Err(refused(raw.refused(None))) };
        if items.len() > LIST_ITEMS_MAX {
            return Err(refused(raw.out_of_range()));
        }
        let items = items.iter().enumerate().map(|(index, item)| {
            let path = path.item(index);
            self.reading.ask_table(&path);
            let content = self.content_of(&path, file, item);
            Table { reading: self.reading, path, content, head: Some(file.place(&item.span())) }
        });
        Ok(items.collect())
    }

    fn content_of(&self, path: &KeyPath, file: Source<'r>, value: &'r Spanned<DeValue<'r>>) -> Content<'r> {
        match value.get_ref() {
            DeValue::Table(table) => Content::Here(table),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_) => {
                let (refusal, setting) = (Raw::spanned(value).refused(None), Setting::File(file, value));
                Content::Refused(self.reading.refused(path, "a table", refusal, &setting))
            }
        }
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
        self.field(key, "true or false", boolean, bool::to_string)
    }

    pub fn duration(&self, key: &str, range: RangeInclusive<Duration>) -> Field<'r, Duration> {
        let (from, to) = (show_duration(*range.start()), show_duration(*range.end()));
        self.field(
            key,
            &format!("a duration from {from} to {to}, such as \"{to}\" (units ms, s, m, h, d)"),
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

    /// A list of tables of any shape, in words what each of them is.
    pub fn trees(&self, key: &str, expected: &str) -> Field<'r, Vec<Tree>> {
        let show = |trees: &Vec<Tree>| {
            format!("[{}]", trees.iter().map(|tree| tree.value.to_string()).collect::<Vec<_>>().join(","))
        };
        self.field(key, &format!("a list of {expected}"), trees, show)
    }

    /// A path. One in the file is relative to the file's directory, any other is left as it is.
    pub fn path(&self, key: &str) -> Field<'r, PathBuf> {
        self.path_or(key, "a path", |_| None, |path| path, |path| path.display().to_string())
    }

    /// A path, or what `parse` makes of a text before it is taken for one.
    pub fn path_or<T>(
        &self,
        key: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<Result<T, Option<String>>>,
        of_path: impl Fn(PathBuf) -> T,
        show: impl Fn(&T) -> String + 'r,
    ) -> Field<'r, T> {
        let base = match self.setting(key) {
            Some(Setting::File(file, _)) => file.directory,
            Some(Setting::Override(_)) | None => Path::new(""),
        };
        let read = |text: &str| {
            if let Some(parsed) = parse(text) {
                return parsed;
            }
            if text == "~" || text.starts_with("~/") {
                return Err(Some("write the home directory out: `~` is the shell's".to_owned()));
            }
            Ok(of_path(base.join(text)))
        };
        self.field(key, expected, |raw| raw.spelt(read), show)
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

    /// A numeric address with a port that only this machine reaches.
    pub fn loopback_address(&self, key: &str) -> Field<'r, SocketAddr> {
        const EXPECTED: &str = "a loopback address with a port, such as \"127.0.0.1:7710\"";
        self.parsed(key, EXPECTED, parse_loopback, SocketAddr::to_string)
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
        let setting = self.setting(key);
        self.reading.report(setting.map_or_else(|| self.place(), |setting| setting.place(None)), kind)
    }

    /// Where a key would have to be that is not there.
    fn place(&self) -> Place {
        self.head.clone().unwrap_or_else(|| self.reading.place_of_absent())
    }

    fn field<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&Raw<'_>) -> Result<T, Refusal>,
        show: impl Fn(&T) -> String + 'r,
    ) -> Field<'r, T> {
        let path = self.path.child(key);
        let mut asked =
            Key { path: path.clone(), expected: expected.to_owned(), default: None, state: KeyState::Unset };
        let answer = match (self.setting(key), self.content) {
            (None, Content::Refused(reported)) => Answer::Refused(reported),
            (None, _) => Answer::Absent,
            (Some(setting), _) => match read(&setting.raw()) {
                Ok(value) => {
                    asked.state = KeyState::Set { value: show(&value), origin: setting.origin() };
                    Answer::Set(value)
                }
                Err(refusal) => Answer::Refused(self.reading.refused(&path, expected, refusal, &setting)),
            },
        };
        self.reading.ask_key(asked);
        let (expected, place) = (expected.to_owned(), self.place());
        Field { reading: self.reading, path, expected, place, answer, show: Box::new(show) }
    }

    /// What sets a key: the last override of it, else the file.
    fn setting(&self, key: &str) -> Option<Setting<'r>> {
        let path = self.path.child(key);
        let overriding = self.reading.input.overrides.iter().rev().find(|set| set.key == path);
        overriding.map(Setting::Override).or_else(|| self.in_file(key).map(|(file, value)| Setting::File(file, value)))
    }

    fn in_file(&self, name: &str) -> Option<(Source<'r>, &'r Spanned<DeValue<'r>>)> {
        match self.content {
            Content::Here(table) => self.reading.input.file.zip(table.get(name)),
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
                let place = self.place;
                let variable = self.reading.input.variable_prefix.map(|prefix| self.path.variable(prefix));
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
        let words = (self.show)(&default);
        self.or_from(default, &words)
    }

    /// A default that is found elsewhere, with words for where.
    pub fn or_from(self, default: T, words: &str) -> Result<T, Reported> {
        self.reading.set_default(&self.path, words, (self.show)(&default));
        Ok(self.optional()?.unwrap_or(default))
    }
}

impl<T> fmt::Debug for Field<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Field").field("path", &self.path).finish_non_exhaustive()
    }
}
