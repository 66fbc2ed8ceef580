//! Strings that have a syntax of their own: paths, patterns, topics, templates. What is wrong with one is told with the bytes
//! of it that are.

use contracts::canonical;
use contracts::json::{Mode, Number, Value, parse};

use crate::diagnostic::{Code, Trouble};
use crate::eval::{Pattern, PatternError, PatternErrorKind};
use crate::jsonpath::Path;
use crate::rule::{Literal, Template, TopicPattern};

pub(crate) fn path(text: &str) -> Result<Path, Trouble> {
    Path::parse(text).map_err(|error| {
        let trouble = Trouble::new(Code::BadPath, "not a JSONPath").found(error.to_string());
        trouble.within(here(text, error.offset))
    })
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
            let trouble = Trouble::new(Code::Syntax, "not a text with `{fields}`").found(error.problem.to_string());
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
            Trouble::new(Code::TooLarge, "a regular expression over the limit").expected(expectation(&error.kind))
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

/// What an error expects, where its text begins with that word.
pub(super) fn expectation(error: &impl ToString) -> String {
    let text = error.to_string();
    text.strip_prefix("expected ").map_or_else(|| text.clone(), str::to_owned)
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
        let (message, within) = (error.kind.to_string(), here(text, error.offset));
        let code = match error.kind {
            contracts::json::ErrorKind::DuplicateKey { .. } => Code::DuplicateKey,
            contracts::json::ErrorKind::TooDeep { .. } => Code::TooDeep,
            contracts::json::ErrorKind::LoneSurrogate { .. } => Code::BadEscape,
            _ => Code::Syntax,
        };
        let (what, expected) = match message.strip_prefix("expected ").and_then(|rest| rest.split_once(", found ")) {
            Some((expected, _)) => ("not JSON".to_owned(), Some(expected.to_owned())),
            None => (message, None),
        };
        let trouble = Trouble::new(code, what).within(within.clone());
        match expected {
            Some(expected) => trouble.expected(expected).found(found(text, within)),
            None => trouble,
        }
    })
}

fn found(text: &str, within: std::ops::Range<usize>) -> String {
    match &text[within] {
        "" => "the end".to_owned(),
        character => format!("`{}`", character.escape_debug()),
    }
}
