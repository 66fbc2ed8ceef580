//! Rows that wait to be published: how one lies in the store.
//!
//! Invariant: a row was checked against the size every topic takes before it got in; one that no topic takes would abort
//! every publication for ever.

use bus::{Header, Row, To};
use contracts::topics::MESSAGE_BYTES_MAX;

use crate::metrics::Counted;

/// The rows that follow from one record, encoded, in their order; and what was counted on the way.
#[derive(Debug, Default)]
pub struct Rows {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// A core adds to it.
    pub counted: Counted,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a row of {size} bytes for `{topic}` is larger than the {max} bytes a topic takes")]
pub struct RowTooLarge {
    pub topic: String,
    pub size: usize,
    pub max: usize,
}

impl Rows {
    pub fn push(&mut self, row: &Row<'_>) -> Result<(), RowTooLarge> {
        let (size, max) = (row.size_bytes(), MESSAGE_BYTES_MAX as usize);
        if size > max {
            return Err(RowTooLarge { topic: row.topic.to_owned(), size, max });
        }
        encode(row, &mut self.bytes);
        self.ends.push(self.bytes.len());
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.counted = Counted::default();
    }

    pub(crate) fn encoded(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, end)| &self.bytes[start..*end])
    }
}

const TO_KEY: u8 = 0;
const TO_PARTITION: u8 = 1;
const TO_PARTITION_WITH_KEY: u8 = 2;

/// Topic, destination, value, headers; each text and value behind its length in four bytes.
fn encode(row: &Row<'_>, out: &mut Vec<u8>) {
    put(out, row.topic.as_bytes());
    match row.to {
        To::Key(key) => {
            out.push(TO_KEY);
            put(out, key);
        }
        To::Partition { index, key } => {
            out.push(if key.is_some() { TO_PARTITION_WITH_KEY } else { TO_PARTITION });
            out.extend_from_slice(&index.to_le_bytes());
            if let Some(key) = key {
                put(out, key);
            }
        }
    }
    out.push(u8::from(row.value.is_some()));
    if let Some(value) = row.value {
        put(out, value);
    }
    for header in row.headers {
        put(out, header.name.as_bytes());
        put(out, header.value);
    }
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("invariant: a row is at most 2 MiB");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(bytes);
}

/// A row as it lies in the store. Its headers need a place of their own.
#[derive(Debug)]
pub(crate) struct Stored<'a> {
    topic: &'a str,
    to: To<'a>,
    value: Option<&'a [u8]>,
    headers: Vec<Header<'a>>,
}

impl<'a> Stored<'a> {
    /// `None` if this is no row of ours.
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        let mut from = Cursor(bytes);
        let topic = from.text()?;
        let to = match from.byte()? {
            TO_KEY => To::Key(from.bytes()?),
            TO_PARTITION => To::Partition { index: from.number()?, key: None },
            TO_PARTITION_WITH_KEY => To::Partition { index: from.number()?, key: Some(from.bytes()?) },
            _ => return None,
        };
        let value = if from.byte()? == 0 { None } else { Some(from.bytes()?) };
        let mut headers = Vec::new();
        while !from.0.is_empty() {
            headers.push(Header { name: from.text()?, value: from.bytes()? });
        }
        Some(Self { topic, to, value, headers })
    }

    pub fn row(&self) -> Row<'_> {
        Row { topic: self.topic, to: self.to, value: self.value, headers: &self.headers }
    }
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn number(&mut self) -> Option<u32> {
        self.take(4)?.try_into().ok().map(u32::from_le_bytes)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(usize::try_from(length).ok()?)
    }

    fn text(&mut self) -> Option<&'a str> {
        str::from_utf8(self.bytes()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bytes() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(any::<u8>(), 0..40)
    }

    proptest! {
        #[test]
        fn a_row_comes_out_as_it_went_in(
            topic in "[a-z.]{1,20}", key in proptest::option::of(bytes()), index in proptest::option::of(any::<u32>()),
            value in proptest::option::of(bytes()), headers in proptest::collection::vec(("[a-z-]{1,9}", bytes()), 0..3),
        ) {
            let headers: Vec<Header<'_>> = headers.iter().map(|(name, value)| Header { name, value }).collect();
            let to = match (index, &key) {
                (Some(index), key) => To::Partition { index, key: key.as_deref() },
                (None, key) => To::Key(key.as_deref().unwrap_or_default()),
            };
            let row = Row { topic: &topic, to, value: value.as_deref(), headers: &headers };
            let mut rows = Rows::default();
            rows.push(&row).unwrap();
            rows.push(&row).unwrap();
            for encoded in rows.encoded() {
                let stored = Stored::decode(encoded).expect("a row of ours");
                prop_assert_eq!(format!("{:?}", stored.row()), format!("{row:?}"));
                for length in 0..encoded.len() {
                    // Cut anywhere it is no row, or one with fewer headers; never a panic.
                    let _ = Stored::decode(&encoded[..length]);
                }
            }
            prop_assert_eq!(rows.len(), 2);
        }
    }

    #[test]
    fn a_row_that_no_topic_takes_does_not_get_in() {
        let value = vec![0; MESSAGE_BYTES_MAX as usize];
        let mut rows = Rows::default();
        let refused = rows.push(&Row { topic: "t", to: To::Key(b"k"), value: Some(&value), headers: &[] });
        assert!(matches!(refused, Err(RowTooLarge { .. })), "{refused:?}");
        assert!(rows.is_empty());
    }
}
