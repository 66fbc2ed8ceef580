//! What both forms of a rule share: a rule is a name and values by key, and this is where they become a [`Rule`] and where
//! a [`Rule`] becomes them.
//!
//! Invariants: a form knows how values are written, and nothing of what keys there are but their names; each default, each
//! required key and each pair of keys that goes together stands once, in [`read`]; [`write`] is its inverse.
//!
//! [`Rule`]: crate::rule::Rule

mod action;
pub(crate) mod call;
mod item;
pub(crate) mod key;
pub(crate) mod leaf;
mod origin;
mod read;
mod text;
mod write;

use std::ops::Range;

use crate::diagnostic::Reported;

pub(crate) use item::{Items, duration_ms};
pub(crate) use key::Key;
pub(crate) use origin::{Origin, Spot};
pub(crate) use read::{Written, read};
pub(crate) use text::{Quoted, Text};
pub(crate) use write::{Output, write};

/// A value as it stands in a file.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub span: Range<usize>,
    pub value: Value,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(Text),
    /// `high`, and `true`, `false` and `null` in both forms.
    Word(String),
    /// A number, maybe with a unit.
    Number(String),
    List(Vec<Node>),
    Object(Vec<Member>),
}

#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub span: Range<usize>,
    pub name: String,
    pub node: Node,
}

/// A key and its value as they stand in a file.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub key: &'static Key,
    /// Of the key.
    pub span: Range<usize>,
    pub value: Result<Node, Reported>,
}

impl Node {
    /// What this is, as an error says it.
    pub fn kind(&self) -> String {
        match &self.value {
            Value::Text(_) => "a string".to_owned(),
            Value::Word(word) => format!("the word `{word}`"),
            Value::Number(number) => format!("`{number}`"),
            Value::List(_) => "a list".to_owned(),
            Value::Object(_) => "an object".to_owned(),
        }
    }
}
