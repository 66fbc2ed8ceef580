//! Strings that have a syntax of their own: paths, patterns, topics, templates. What is wrong with one is told with the bytes
//! of it that are.

use contracts::canonical;
use contracts::json::{ErrorKind, Mode, Number, Value, parse};

use crate::diagnostic::{Code, Trouble};
use crate::eval::{Pattern, PatternError, PatternErrorKind};
use crate::jsonpath::Path;
use crate::rule::{Literal, Template, TopicPattern};

pub(crate) fn path(text: &str) -> Result<Path, Trouble> {
    Path::parse(text)
        .map_err(|error| told(Code::BadPath, "not a JSONPath", &error.kind).within(here(text, error.offset)))
}

pub(crate) fn topic(text: &str) -> Result<TopicPattern, Trouble> {
    text.parse().map_err(|_| {
        Trouble::new(Code::BadTopic, "not a topic")
            .expected("a topic such as `a.b`, `a.*`, `*.b` or `*`")
            .found(format!("{text:?}"))
            .help("a `*` stands for one or more segments, at one end only")
    })
}

/// The text of an alert, which is kept as written.
pub(crate) fn template(text: &str) -> Result<String, Trouble> {
    match Template::parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => {
            let trouble = told(Code::Syntax, "not a text with `{fields}`", &error.problem);
            Err(trouble.within(here(text, error.offset)))
        }
    }
}

/// A regular expression, which is kept as written.
pub(crate) fn pattern(text: &str) -> Result<String, Trouble> {
    match Pattern::parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(bad_pattern(text, &error)),
    }
}

pub(super) fn bad_pattern(text: &str, error: &PatternError) -> Trouble {
    let trouble = match &error.kind {
        PatternErrorKind::Backtracking { construct } => Trouble::new(
            Code::BacktrackingRegex,
            format!("{construct} is not offered in regular expressions"),
        )
        .expected("an expression that can be searched for in time linear in the text")
        .help(format!(
            "{construct} needs a search that goes back and tries again, and whoever writes the text could make that \
                     last for ever; write what may stand there as a part of the expression, or as a second condition"
        )),
        PatternErrorKind::TooLong { .. } | PatternErrorKind::TooLarge { .. } => {
            told(Code::TooLarge, "a regular expression over the limit", &error.kind)
        }
        PatternErrorKind::Syntax { message } => {
            Trouble::new(Code::BadRegex, format!("bad regular expression: {message}"))
        }
    };
    match error.kind {
        PatternErrorKind::TooLarge { .. } => trouble,
        _ => trouble.within(here(text, error.offset)),
    }
}

/// An error of another parser, taken apart: `expected …, found …; what to write`.
pub(super) fn told(code: Code, message: &str, error: &impl ToString) -> Trouble {
    let text = error.to_string();
    let (told, help) = text.split_once("; ").map_or((&*text, None), |(told, help)| (told, Some(help)));
    let trouble = match told.strip_prefix("expected ").map(|told| told.split_once(", found ")) {
        Some(Some((expected, found))) => Trouble::new(code, message).expected(expected).found(found),
        Some(None) => Trouble::new(code, message).expected(&told["expected ".len()..]),
        None => Trouble::new(code, format!("{message}: {told}")),
    };
    match help {
        Some(help) => trouble.help(help),
        None => trouble,
    }
}

/// The character at `offset`, or the last if that is the end.
fn here(text: &str, offset: usize) -> std::ops::Range<usize> {
    let start = text.floor_char_boundary(offset);
    let length = text[start..].chars().next().map_or(0, char::len_utf8);
    start..start + length
}

/// A value of a rule in the one spelling it is kept in, so that rules that mean the same are the same.
pub(crate) fn literal(value: &Value<'_>) -> Literal {
    match value {
        Value::Null => Value::Null,
        Value::Bool(value) => Value::Bool(*value),
        Value::String(text) => text.clone().into_owned().into(),
        Value::Number(_) => {
            let text = canonical::tolerant_text(value).into_string();
            Number::parse(text).map(Value::Number).expect("invariant: the canonical text of a number is one")
        }
        Value::Array(_) | Value::Object(_) => unreachable!("invariant: literals of rules are scalars"),
    }
}

/// An object in its canonical spelling.
pub(crate) fn object(value: &Value<'_>) -> String {
    canonical::tolerant_text(value).into_string()
}

/// A JSON text as a tree, or what is wrong with it.
pub(crate) fn json(text: &str, depth_max: usize) -> Result<Value<'_>, Trouble> {
    parse(text.as_bytes(), Mode::Strict, depth_max).map_err(|error| {
        let (code, message) = match error.kind {
            ErrorKind::DuplicateKey { .. } => (Code::DuplicateKey, "a key that stands twice"),
            ErrorKind::TooDeep { .. } => (Code::TooDeep, "JSON that is nested too deep"),
            ErrorKind::LoneSurrogate { .. } => (Code::BadEscape, "an escape that is no character"),
            _ => (Code::Syntax, "not JSON"),
        };
        told(code, message, &error.kind).within(here(text, error.offset))
    })
}
