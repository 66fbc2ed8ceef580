//! One value as it was set, and the ways to understand it.
//!
//! Invariant: a file is held to TOML's types (`5` is no text, `"5"` no number); a variable or a flag is text that must
//! spell the value.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::DeValue;

use super::source::without_secrets;
use super::tree::Tree;
use crate::shown::shown;

/// The most values of one list.
pub const LIST_ITEMS_MAX: usize = 1_000;

pub(super) enum Raw<'r> {
    Toml(&'r DeValue<'r>, Range<usize>),
    Text(Cow<'r, str>),
}

/// Why a value cannot be used.
pub(super) struct Refusal {
    pub reason: Reason,
    pub found: String,
    /// The part of the file, when it is less than the whole value.
    pub span: Option<Range<usize>>,
}

pub(super) enum Reason {
    /// Not of the type, or not spelt as the type is.
    Type {
        hint: Option<String>,
    },
    Range,
}

impl<'r> Raw<'r> {
    pub(super) fn spanned(value: &'r Spanned<DeValue<'r>>) -> Self {
        Self::Toml(value.get_ref(), value.span())
    }

    pub(super) fn text(&self) -> Result<&str, Refusal> {
        match self {
            Self::Toml(DeValue::String(text), _) | Self::Text(text) if !text.is_empty() => Ok(text),
            _ => Err(self.refused(None)),
        }
    }

    pub(super) fn integer<T>(&self, range: &RangeInclusive<T>) -> Result<T, Refusal>
    where
        T: TryFrom<i128> + PartialOrd,
    {
        let value = match self {
            Self::Toml(DeValue::Integer(value), _) => i128::from_str_radix(value.as_str(), value.radix()),
            Self::Text(text) => text.parse(),
            Self::Toml(..) => return Err(self.refused(None)),
        };
        // TOML has checked the digits of its integers: what does not parse there is too large for anybody.
        let value = match (value, self) {
            (Ok(value), _) => value,
            (Err(_), Self::Toml(..)) => return Err(self.out_of_range()),
            (Err(_), Self::Text(_)) => return Err(self.refused(None)),
        };
        T::try_from(value).ok().filter(|value| range.contains(value)).ok_or_else(|| self.out_of_range())
    }

    /// A text that `parse` understands; the hint says what is wrong with one it does not.
    pub(super) fn spelt<T>(&self, parse: impl FnOnce(&str) -> Result<T, Option<String>>) -> Result<T, Refusal> {
        parse(self.text()?).map_err(|hint| self.refused(hint))
    }

    pub(super) fn within<T: PartialOrd>(&self, value: T, range: &RangeInclusive<T>) -> Result<T, Refusal> {
        if range.contains(&value) { Ok(value) } else { Err(self.out_of_range()) }
    }

    pub(super) fn list(&self) -> Result<Vec<Raw<'_>>, Refusal> {
        let items: Vec<Raw<'_>> = match self {
            Self::Toml(DeValue::Array(items), _) => items.iter().map(Raw::spanned).collect(),
            Self::Text(text) => text.split(',').map(|item| Raw::Text(item.trim().into())).collect(),
            Self::Toml(..) => return Err(self.refused(None)),
        };
        if items.is_empty() || items.len() > LIST_ITEMS_MAX { Err(self.out_of_range()) } else { Ok(items) }
    }

    /// An item of a list refuses as part of the whole.
    pub(super) fn item<T>(&self, read: impl FnOnce(&Self) -> Result<T, Refusal>) -> Result<T, Refusal> {
        read(self).map_err(|refusal| match self {
            Self::Toml(_, span) => Refusal { span: refusal.span.or(Some(span.clone())), ..refusal },
            Self::Text(_) => refusal,
        })
    }

    pub(super) fn refused(&self, hint: Option<String>) -> Refusal {
        Refusal { reason: Reason::Type { hint }, found: self.described(), span: None }
    }

    pub(super) fn out_of_range(&self) -> Refusal {
        Refusal { reason: Reason::Range, found: self.described(), span: None }
    }

    fn described(&self) -> String {
        match self {
            Self::Text(text) | Self::Toml(DeValue::String(text), _) if text.is_empty() => "an empty text".to_owned(),
            Self::Text(text) | Self::Toml(DeValue::String(text), _) => quoted(text),
            Self::Toml(DeValue::Integer(value), _) => format!("the number {}", shown(&value.to_string())),
            Self::Toml(DeValue::Float(value), _) => format!("the number {}", shown(value.as_str())),
            Self::Toml(DeValue::Boolean(value), _) => value.to_string(),
            Self::Toml(DeValue::Datetime(value), _) => format!("the time {value}"),
            Self::Toml(DeValue::Array(items), _) if items.is_empty() => "an empty list".to_owned(),
            Self::Toml(DeValue::Array(items), _) => format!("a list of {}", items.len()),
            Self::Toml(DeValue::Table(_), _) => "a table".to_owned(),
        }
    }
}

pub(super) fn boolean(raw: &Raw<'_>) -> Result<bool, Refusal> {
    match raw {
        Raw::Toml(DeValue::Boolean(value), _) => Ok(*value),
        Raw::Text(text) => text.parse().map_err(|_| raw.refused(None)),
        Raw::Toml(..) => Err(raw.refused(None)),
    }
}

/// Tables of any shape, none at all too.
pub(super) fn trees(raw: &Raw<'_>) -> Result<Vec<Tree>, Refusal> {
    let Raw::Toml(DeValue::Array(items), _) = raw else { return Err(raw.refused(None)) };
    if items.len() > LIST_ITEMS_MAX {
        return Err(raw.out_of_range());
    }
    let items = items.iter().map(|item| match item.get_ref() {
        DeValue::Table(_) => Tree::of(item).map_err(|number| {
            let refused = Raw::spanned(number).refused(Some("JSON cannot write such a number".to_owned()));
            Refusal { span: Some(number.span()), ..refused }
        }),
        _ => Raw::spanned(item).item(|item| Err(item.refused(None))),
    });
    items.collect()
}

pub(super) fn parse_loopback(text: &str) -> Result<SocketAddr, Option<String>> {
    let address: SocketAddr = text.parse().map_err(|_| None)?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    Err(Some("that is reachable from other machines".to_owned()))
}

fn quoted(text: &str) -> String {
    format!("{:?}", shown(&without_secrets(text)))
}
