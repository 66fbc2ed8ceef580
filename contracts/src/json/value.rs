//! The tree: borrowed from the text where the text says it plainly, owned where code builds it.

use std::borrow::Cow;
use std::fmt;

use super::tokens::{Token, Tokens};
use super::write::write;

#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    Number(Number<'a>),
    String(Cow<'a, str>),
    Array(Vec<Value<'a>>),
    Object(Object<'a>),
}

impl<'a> Value<'a> {
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    pub fn as_number(&self) -> Option<&Number<'a>> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_array(&self) -> Option<&[Value<'a>]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    pub fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The same, of no other text.
    pub fn to_static(&self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(number) => Value::Number(Number(Cow::Owned(number.as_str().to_owned()))),
            Self::String(text) => Value::String(Cow::Owned(text.to_string())),
            Self::Array(items) => Value::Array(items.iter().map(Value::to_static).collect()),
            Self::Object(object) => Value::Object(object.to_static()),
        }
    }

    /// What this is, as an error message says it: `a number`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        write(&mut text, self);
        f.write_str(&text)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Number(value.into())
    }
}

impl<'a> From<Number<'a>> for Value<'a> {
    fn from(value: Number<'a>) -> Self {
        Self::Number(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::String(Cow::Borrowed(value))
    }
}

impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Self::String(Cow::Owned(value))
    }
}

impl<'a> From<Vec<Value<'a>>> for Value<'a> {
    fn from(value: Vec<Value<'a>>) -> Self {
        Self::Array(value)
    }
}

impl<'a> From<Object<'a>> for Value<'a> {
    fn from(value: Object<'a>) -> Self {
        Self::Object(value)
    }
}

/// A number as its text, which is always a JSON number. Equality is equality of text: `1` and `1.0` differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number<'a>(pub(super) Cow<'a, str>);

impl<'a> Number<'a> {
    /// `None` for what is not the text of a JSON number.
    pub fn parse(text: impl Into<Cow<'a, str>>) -> Option<Self> {
        let text = text.into();
        let mut tokens = Tokens::new(&text, 0);
        let is_number = matches!(tokens.next_token(), Ok(Token::Number(number)) if number.len() == text.len());
        is_number.then_some(Self(text))
    }

    /// The number in RFC 8785's form; `None` for what JSON cannot write: NaN and the infinities.
    pub fn from_f64(value: f64) -> Option<Self> {
        let mut buffer = ryu_js::Buffer::new();
        value.is_finite().then(|| Self(Cow::Owned(buffer.format_finite(value).to_owned())))
    }

    /// The text exactly as it stood.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value of a whole number written as one. `5.0` and `5e0` are `None`: a writer that means a whole number
    /// writes one, and a reader that guessed would turn `1e3` into a port. So is what does not fit.
    pub fn to_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }

    /// The nearest double; an infinity beyond the greatest.
    pub fn to_f64(&self) -> f64 {
        self.0.parse().expect("invariant: every JSON number is float syntax")
    }
}

impl From<i64> for Number<'_> {
    fn from(value: i64) -> Self {
        Self(Cow::Owned(value.to_string()))
    }
}

impl From<u64> for Number<'_> {
    fn from(value: u64) -> Self {
        Self(Cow::Owned(value.to_string()))
    }
}

impl fmt::Display for Number<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Members in their order, each key once. Equality is equality of members in order; the source text does not count.
#[derive(Debug, Clone, Default)]
pub struct Object<'a> {
    members: Vec<(Cow<'a, str>, Value<'a>)>,
    /// The text this was parsed from, until it is changed.
    source: Option<&'a str>,
}

impl<'a> Object<'a> {
    pub fn new() -> Self {
        Self::default()
    }

    /// `members` hold each key once: the parser has seen to it.
    pub(super) fn parsed(members: Vec<(Cow<'a, str>, Value<'a>)>, source: &'a str) -> Self {
        Self { members, source: Some(source) }
    }

    /// Adds a member, or gives the one of that key another value.
    pub fn insert(&mut self, key: impl Into<Cow<'a, str>>, value: impl Into<Value<'a>>) {
        self.source = None;
        let (key, value) = (key.into(), value.into());
        match self.members.iter_mut().find(|(known, _)| *known == key) {
            Some(member) => member.1 = value,
            None => self.members.push((key, value)),
        }
    }

    /// [`Object::insert`] for building in one expression.
    #[must_use]
    pub fn with(mut self, key: impl Into<Cow<'a, str>>, value: impl Into<Value<'a>>) -> Self {
        self.insert(key, value);
        self
    }

    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        self.members.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value<'a>)> {
        self.members.iter().map(|(key, value)| (&**key, value))
    }

    /// The same, of no other text.
    pub fn to_static(&self) -> Object<'static> {
        let members = self.members.iter().map(|(key, value)| (Cow::Owned(key.to_string()), value.to_static()));
        Object { members: members.collect(), source: None }
    }

    pub fn len(&self) -> usize {
        self.members.len()
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// The whole object as JSON: exactly as it stood if it was parsed, written anew if code built or changed it.
    pub fn text(&self) -> Cow<'a, str> {
        if let Some(source) = self.source {
            return Cow::Borrowed(source);
        }
        let mut text = String::new();
        super::write::write_object(&mut text, self);
        Cow::Owned(text)
    }
}

impl PartialEq for Object<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.members == other.members
    }
}

impl<'a> IntoIterator for Object<'a> {
    type Item = (Cow<'a, str>, Value<'a>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.members.into_iter()
    }
}
