//! What stands at a place of a text: the value as it is written there.

use std::borrow::Cow;

use contracts::json::{DEPTH_CEILING, Mode, Number, RawString, Token, Tokens, Value, parse};

/// A value as its text.
#[derive(Debug, Clone, Copy)]
pub enum Slot<'t> {
    Missing,
    Null,
    Bool(bool),
    Number(&'t str),
    String(RawString<'t>),
    /// With its brackets.
    Array(&'t str),
    /// With its braces.
    Object(&'t str),
}

impl<'t> Slot<'t> {
    /// `text` is one value, proven and without blanks around it, or empty.
    pub(super) fn of(text: &'t str) -> Self {
        let Ok(token) = Tokens::new(text, 1).next_token() else {
            return Self::Missing;
        };
        match token {
            Token::Null => Self::Null,
            Token::Bool(value) => Self::Bool(value),
            Token::Number(number) => Self::Number(number),
            Token::String(raw) => Self::String(raw),
            Token::ArrayStart => Self::Array(text),
            Token::ObjectStart => Self::Object(text),
            Token::ObjectEnd | Token::ArrayEnd | Token::Key(_) | Token::End => {
                unreachable!("invariant: a value stands here, not {token:?}")
            }
        }
    }

    /// The value it writes, read tolerantly. A number borrows, and so does a string without escapes; a tree is built of
    /// arrays and objects.
    pub fn to_value(self) -> Option<Value<'t>> {
        Some(match self {
            Self::Missing => return None,
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(value),
            Self::Number(text) => {
                Value::Number(Number::parse(text).expect("invariant: the scanner took it for a number"))
            }
            Self::String(raw) => Value::String(raw.decode_tolerant()),
            Self::Array(text) | Self::Object(text) => parse(text.as_bytes(), Mode::Tolerant, DEPTH_CEILING)
                .expect("invariant: the scanner took it for a value, no deeper than the ceiling"),
        })
    }

    /// What a string says.
    pub fn to_text(self) -> Option<Cow<'t, str>> {
        match self {
            Self::String(raw) => Some(raw.decode_tolerant()),
            _ => None,
        }
    }

    pub fn is_missing(self) -> bool {
        matches!(self, Self::Missing)
    }
}
