//! A JSON text as values with their places.

use contracts::json::{self, DEPTH_CEILING, Spans, spans};

use crate::diagnostic::{Log, Reported};
use crate::form::{Member, Node, Quoted, Value, leaf};

/// The whole of a file.
pub(super) fn document(log: &mut Log<'_>) -> Result<Node, Reported> {
    let text = log.file.text;
    let value = leaf::json(text, DEPTH_CEILING)
        .map_err(|trouble| log.report(trouble.within.clone().unwrap_or(0..text.len()), trouble))?;
    Ok(node(&value, spans(text), text))
}

fn node(value: &json::Value<'_>, spans: Spans, text: &str) -> Node {
    let Spans { span, keys, inner } = spans;
    let value = match value {
        json::Value::Null => Value::Word("null".to_owned()),
        json::Value::Bool(value) => Value::Word(value.to_string()),
        json::Value::Number(number) => Value::Number(number.as_str().to_owned()),
        json::Value::String(_) => {
            let content = span.start + 1..span.end - 1;
            let read = Quoted::Escaped.read(&text[content.clone()], content.start);
            Value::Text(read.unwrap_or_else(|_| unreachable!("invariant: a strict parser took its escapes")))
        }
        json::Value::Array(items) => {
            Value::List(items.iter().zip(inner).map(|(item, spans)| node(item, spans, text)).collect())
        }
        json::Value::Object(object) => {
            let members = object.iter().zip(keys).zip(inner);
            let members = members.map(|(((name, value), span), spans)| Member {
                span,
                name: name.to_owned(),
                node: node(value, spans, text),
            });
            Value::Object(members.collect())
        }
    };
    Node { span, value }
}
