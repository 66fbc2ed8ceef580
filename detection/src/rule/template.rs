//! An alert's text with its `{fields}`.
//!
//! `{model}` and `{worker.id}` are values of the payload, by their names from the outside in; `{count}` is the number of
//! matches in the window, `{group}` the values that the rule groups by; `{{` and `}}` are the braces themselves.
//!
//! Invariant: whatever the payload holds, the text is one line of at most [`MESSAGE_BYTES_MAX`] bytes, and nothing in it
//! moves a terminal's cursor or turns the direction of what is read.
//!
//! Absent on purpose: places in arrays and formats. A backslash of a value stands as it is, so that paths stay readable.

use contracts::json::{self, Mode, Value};
use contracts::limits::JSON_DEPTH_MAX;

use crate::limits::{MESSAGE_BYTES_MAX, MESSAGE_VALUE_CHARS_MAX};

/// A text that was taken apart once, to be filled in for every alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Count,
    Group,
    Field(Field),
}

/// A value of the payload that a text names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Where its `{` stands, in bytes.
    pub offset: usize,
    /// As written: the names, joined by dots.
    pub name: String,
}

/// Why a text is none, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} (at byte {offset})")]
pub struct TemplateError {
    /// Of the byte in the text where it goes wrong.
    pub offset: usize,
    pub problem: TemplateProblem,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateProblem {
    #[error("expected `}}` after `{{`, found the end; write `{{{{` for a brace")]
    Unclosed,
    #[error("expected `{{` before `}}`, found none; write `}}}}` for a brace")]
    Unopened,
    #[error("expected a name such as `model` or `worker.id` between braces, found {found:?}")]
    NoName { found: String },
    #[error("expected at most {MESSAGE_BYTES_MAX} bytes, found {bytes}")]
    TooLong { bytes: usize },
}

impl Template {
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        if text.len() > MESSAGE_BYTES_MAX {
            let problem = TemplateProblem::TooLong { bytes: text.len() };
            return Err(TemplateError { offset: MESSAGE_BYTES_MAX, problem });
        }
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(brace) = rest.find(['{', '}']) {
            let offset = text.len() - rest.len() + brace;
            plain.push_str(&rest[..brace]);
            rest = &rest[brace..];
            if let Some(after) = rest.strip_prefix("{{").or_else(|| rest.strip_prefix("}}")) {
                plain.push_str(&rest[..1]);
                rest = after;
                continue;
            }
            let (part, after) = field(rest, offset).map_err(|problem| TemplateError { offset, problem })?;
            if !plain.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut plain)));
            }
            parts.push(part);
            rest = after;
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self { parts })
    }

    /// The values of the payload that it names, in their order.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.parts.iter().filter_map(|part| match part {
            Part::Field(field) => Some(field),
            Part::Text(_) | Part::Count | Part::Group => None,
        })
    }

    pub fn names_count(&self) -> bool {
        self.parts.contains(&Part::Count)
    }

    pub fn names_group(&self) -> bool {
        self.parts.contains(&Part::Group)
    }

    /// The alert's text. Of one too long the beginning, and `…`.
    pub fn fill(&self, payload: &Value<'_>, count: i64, group_key: &str) -> String {
        let mut message = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => push_line(&mut message, text, usize::MAX),
                Part::Count => message.push_str(&count.to_string()),
                Part::Group => push_group(&mut message, group_key),
                Part::Field(field) => match value_at(payload, &field.name) {
                    Some(value) => push_value(&mut message, value),
                    None => message.extend(["<no ", &field.name, ">"]),
                },
            }
            if message.len() > MESSAGE_BYTES_MAX {
                cut(&mut message);
                break;
            }
        }
        message
    }
}

/// What stands between the brace that `text` begins with and the one that closes it, and what follows.
fn field(text: &str, offset: usize) -> Result<(Part, &str), TemplateProblem> {
    let Some(inner) = text.strip_prefix('{') else { return Err(TemplateProblem::Unopened) };
    let Some(end) = inner.find(['{', '}']) else { return Err(TemplateProblem::Unclosed) };
    let (name, after) = inner.split_at(end);
    let Some(after) = after.strip_prefix('}') else { return Err(TemplateProblem::Unclosed) };
    let is_name = |part: &str| !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control());
    let part = match name {
        "count" => Part::Count,
        "group" => Part::Group,
        _ if name.split('.').all(is_name) => Part::Field(Field { offset, name: name.to_owned() }),
        _ => return Err(TemplateProblem::NoName { found: name.chars().take(MESSAGE_VALUE_CHARS_MAX).collect() }),
    };
    Ok((part, after))
}

fn value_at<'v, 'a>(payload: &'v Value<'a>, name: &str) -> Option<&'v Value<'a>> {
    name.split('.').try_fold(payload, |value, key| value.as_object()?.get(key))
}

/// The values of the group, without the brackets around them.
fn push_group(message: &mut String, group_key: &str) {
    let group = json::parse(group_key.as_bytes(), Mode::Tolerant, JSON_DEPTH_MAX);
    match group.as_ref().ok().and_then(Value::as_array) {
        Some([]) | None => message.push_str("<no group>"),
        Some(values) => {
            for (place, value) in values.iter().enumerate() {
                message.push_str(if place == 0 { "" } else { ", " });
                push_value(message, value);
            }
        }
    }
}

/// A string without its quotes, a number as it was written, anything else as JSON.
fn push_value(message: &mut String, value: &Value<'_>) {
    match value {
        Value::String(text) => push_line(message, text, MESSAGE_VALUE_CHARS_MAX),
        Value::Number(number) => push_line(message, number.as_str(), MESSAGE_VALUE_CHARS_MAX),
        other => push_line(message, &other.to_string(), MESSAGE_VALUE_CHARS_MAX),
    }
}

/// The first `chars_max` characters on one line, and `…` if there are more.
fn push_line(message: &mut String, text: &str, chars_max: usize) {
    for (place, c) in text.chars().enumerate() {
        if place == chars_max {
            message.push('…');
            break;
        }
        match c {
            '\n' => message.push_str("\\n"),
            '\r' => message.push_str("\\r"),
            '\t' => message.push_str("\\t"),
            c if c.is_control() || misleads(c) => {
                let escaped = format!("\\u{:04x}", u32::from(c));
                message.push_str(&escaped);
            }
            c => message.push(c),
        }
    }
}

/// Line and paragraph separators, and what turns the direction of the text around it.
fn misleads(c: char) -> bool {
    matches!(c, '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn cut(message: &mut String) {
    let end = (0..=MESSAGE_BYTES_MAX - '…'.len_utf8()).rev().find(|&at| message.is_char_boundary(at));
    message.truncate(end.unwrap_or(0));
    message.push('…');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fill(template: &str, payload: &str) -> String {
        let payload = json::parse(payload.as_bytes(), Mode::Tolerant, JSON_DEPTH_MAX).unwrap();
        Template::parse(template).unwrap().fill(&payload, 7, r#"["alice",2]"#)
    }

    #[test]
    fn what_is_named_stands_in_the_text_as_people_read_it() {
        let cases = [
            ("no fields", "{}", "no fields"),
            ("", "{}", ""),
            ("{model} took {duration_ms}ms", r#"{"model":"gpt-4","duration_ms":12500}"#, "gpt-4 took 12500ms"),
            ("{a.b.c}", r#"{"a":{"b":{"c":"deep"}}}"#, "deep"),
            ("{count} by {group}", "{}", "7 by alice, 2"),
            ("{{count}} }}{{ {{{count}}}", "{}", "{count} }{ {7}"),
            ("numbers {n} {m}", r#"{"n":1.50,"m":1e400}"#, "numbers 1.50 1e400"),
            ("{t} {n} {l} {o}", r#"{"t":true,"n":null,"l":["x",1],"o":{"k":"v"}}"#, r#"true null ["x",1] {"k":"v"}"#),
            ("{model}", "{}", "<no model>"),
            ("{a.b}", r#"{"a":"text"}"#, "<no a.b>"),
            ("{a.b}", r#"{"a.b":"not nested"}"#, "<no a.b>"),
            ("{l.0}", r#"{"l":["x"]}"#, "<no l.0>"),
            ("{k}", r#"{"k":"first","k":"last"}"#, "last"),
            ("{path}", r#"{"path":"C:\\temp\\new"}"#, r"C:\temp\new"),
            ("{ünïcode}", r#"{"ünïcode":"日本"}"#, "日本"),
        ];
        for (template, payload, expected) in cases {
            assert_eq!(fill(template, payload), expected, "{template:?} of {payload}");
        }
    }

    #[test]
    fn a_payload_cannot_break_the_line_or_turn_it_around() {
        let payload = r#"{"v":"a\nb\r\tc\u001b[2Jd\u0000e\u202ef\u2028g\u0085h"}"#;
        assert_eq!(fill("{v}", payload), r"a\nb\r\tc\u001b[2Jd\u0000e\u202ef\u2028g\u0085h");
        assert_eq!(fill("{v}", "{\"v\":[1,\n2]}").lines().count(), 1);
    }

    #[test]
    fn a_long_value_is_cut_and_says_so() {
        let long = |chars: usize| format!(r#"{{"v":"{}"}}"#, "ü".repeat(chars));
        assert_eq!(fill("{v}", &long(MESSAGE_VALUE_CHARS_MAX)), "ü".repeat(MESSAGE_VALUE_CHARS_MAX));
        let cut = fill("<{v}>", &long(MESSAGE_VALUE_CHARS_MAX + 1));
        assert_eq!(cut, format!("<{}…>", "ü".repeat(MESSAGE_VALUE_CHARS_MAX)));
        let all = fill(&"{v}".repeat(1000), &long(MESSAGE_VALUE_CHARS_MAX));
        assert!(all.len() <= MESSAGE_BYTES_MAX && all.ends_with('…'), "{} bytes", all.len());
    }

    #[test]
    fn a_broken_text_is_refused_where_it_breaks() {
        let no_name = |found: &str| TemplateProblem::NoName { found: found.to_owned() };
        let cases = [
            ("ab {", 3, TemplateProblem::Unclosed),
            ("{a {b}", 0, TemplateProblem::Unclosed),
            ("ü}", 2, TemplateProblem::Unopened),
            ("{{}", 2, TemplateProblem::Unopened),
            ("{}", 0, no_name("")),
            ("{a..b}", 0, no_name("a..b")),
            ("{a b}", 0, no_name("a b")),
            ("x{.a}", 1, no_name(".a")),
        ];
        for (text, offset, problem) in cases {
            assert_eq!(Template::parse(text), Err(TemplateError { offset, problem }), "{text:?}");
        }
        let long = "x".repeat(MESSAGE_BYTES_MAX + 1);
        let problem = TemplateProblem::TooLong { bytes: long.len() };
        assert_eq!(Template::parse(&long), Err(TemplateError { offset: MESSAGE_BYTES_MAX, problem }));
    }

    #[test]
    fn fields_are_found_with_their_places() {
        let template = Template::parse("ä {a} {count} {b.c}").unwrap();
        let fields: Vec<_> = template.fields().map(|field| (field.offset, &*field.name)).collect();
        assert_eq!(fields, [(3, "a"), (15, "b.c")]);
    }

    proptest! {
        #[test]
        fn a_text_is_one_bounded_line_whatever_comes(text in ".{0,40}", value: String) {
            if let Ok(template) = Template::parse(&text) {
                let payload = json::Object::new().with("v", value.clone());
                let message = template.fill(&payload.into(), 1, &value);
                prop_assert!(message.len() <= MESSAGE_BYTES_MAX);
                prop_assert!(!message.chars().any(|c| c.is_control() || misleads(c)), "{message:?}");
            }
            let escaped = value.replace('{', "{{").replace('}', "}}");
            let plain: String = value.chars().filter(|&c| !c.is_control() && !misleads(c)).collect();
            if plain == value {
                prop_assert_eq!(Template::parse(&escaped).unwrap().fill(&Value::Null, 1, "[]"), value);
            }
        }
    }
}
