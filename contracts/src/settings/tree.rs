//! Values of any shape, for a reader that knows the shape: as JSON, each with where it stands in the file.
//!
//! Invariant: members stand in the order of the file, in the value as in the places.

use toml::Spanned;
use toml::de::DeValue;

use crate::json::{Number, Object, Spans, Value};

/// A table as JSON. Its places are bytes of the file's text, without a byte order mark.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    pub value: Value<'static>,
    pub spans: Spans,
}

impl Tree {
    /// An error is a number that JSON cannot write.
    pub(super) fn of<'w, 'i>(written: &'w Spanned<DeValue<'i>>) -> Result<Self, &'w Spanned<DeValue<'i>>> {
        let span = written.span();
        let (mut keys, mut inner) = (Vec::new(), Vec::new());
        let value = match written.get_ref() {
            DeValue::String(text) => text.clone().into_owned().into(),
            DeValue::Boolean(value) => (*value).into(),
            DeValue::Datetime(time) => time.to_string().into(),
            DeValue::Integer(value) if value.radix() == 10 => number(value.as_str()).ok_or(written)?.into(),
            DeValue::Integer(value) => {
                let value = u64::from_str_radix(value.as_str(), value.radix()).map_err(|_| written)?;
                Number::from(value).into()
            }
            DeValue::Float(value) => number(value.as_str()).ok_or(written)?.into(),
            DeValue::Array(items) => {
                let items = items.iter().map(Self::of).collect::<Result<Vec<_>, _>>()?;
                let (values, places): (Vec<_>, Vec<_>) = items.into_iter().map(|item| (item.value, item.spans)).unzip();
                inner = places;
                values.into()
            }
            DeValue::Table(members) => {
                let mut members: Vec<_> = members.iter().collect();
                members.sort_by_key(|(key, _)| key.span().start);
                let mut object = Object::new();
                for (key, value) in members {
                    let member = Self::of(value)?;
                    keys.push(key.span());
                    inner.push(member.spans);
                    object.insert(key.get_ref().clone().into_owned(), member.value);
                }
                object.into()
            }
        };
        Ok(Self { value, spans: Spans { span, keys, inner } })
    }
}

/// TOML writes `+1`, JSON does not.
fn number(text: &str) -> Option<Number<'static>> {
    Number::parse(text.strip_prefix('+').unwrap_or(text).to_owned())
}
