//! A JSON text as values with their places.

use std::ops::Range;

use contracts::json::{self, DEPTH_CEILING, Spans, spans};
use contracts::settings::Tree;

use crate::diagnostic::{Log, Reported};
use crate::form::{Member, Node, Quoted, Text, Value, leaf};

/// The whole of a file.
pub(super) fn document(log: &mut Log<'_>) -> Result<Node, Reported> {
    let text = log.file.text;
    let value = leaf::json(text, DEPTH_CEILING)
        .map_err(|trouble| log.report(trouble.within.clone().unwrap_or(0..text.len()), trouble))?;
    let escaped = |_: &str, span: &Range<usize>| {
        let content = span.start + 1..span.end - 1;
        let read = Quoted::Escaped.read(&text[content.clone()], content.start);
        read.unwrap_or_else(|_| unreachable!("invariant: a strict parser took its escapes"))
    };
    Ok(node(&value, &spans(text), &escaped))
}

/// A part of a file in another notation, that says the same as JSON would.
pub(super) fn part(tree: &Tree, text: &str) -> Node {
    let plain = |value: &str, span: &Range<usize>| {
        let within = text[span.clone()].find(value).unwrap_or_default();
        Text::nearly(value.to_owned(), span.start + within)
    };
    node(&tree.value, &tree.spans, &plain)
}

/// `text` says what the string at a place of the file reads as.
fn node(value: &json::Value<'_>, spans: &Spans, text: &impl Fn(&str, &Range<usize>) -> Text) -> Node {
    let inner = &spans.inner;
    let value = match value {
        json::Value::Null => Value::Word("null".to_owned()),
        json::Value::Bool(value) => Value::Word(value.to_string()),
        json::Value::Number(number) => Value::Number(number.as_str().to_owned()),
        json::Value::String(value) => Value::Text(text(value, &spans.span)),
        json::Value::Array(items) => {
            Value::List(items.iter().zip(inner).map(|(item, spans)| node(item, spans, text)).collect())
        }
        json::Value::Object(object) => {
            let members = object.iter().zip(&spans.keys).zip(inner);
            let members = members.map(|(((name, value), span), spans)| Member {
                span: span.clone(),
                name: name.to_owned(),
                node: node(value, spans, text),
            });
            Value::Object(members.collect())
        }
    };
    Node { span: spans.span.clone(), value }
}
