//! Rows on their way to a log: `length kind key value headers`, one frame after the other, nothing around them.
//!
//! Invariant: a row comes out as it went in; which partition a key belongs on is decided by the log, not here.

use bus::{Header, Row, To};

use super::bytes::{Cursor, Malformed, framed, put_headers, put_optional};

const BY_KEY: u8 = 0;
const BY_NUMBER: u8 = 1;

/// A row as it came, without its topic: that is in the address of the request.
#[derive(Debug, PartialEq, Eq)]
pub struct ReceivedRow<'a> {
    pub key: Option<&'a [u8]>,
    /// The partition it was put on by number; else its key decides.
    pub partition: Option<u32>,
    pub value: Option<&'a [u8]>,
    pub headers: Vec<Header<'a>>,
}

impl ReceivedRow<'_> {
    /// The row to send, or nothing where neither a key nor a partition says where to.
    pub fn as_row<'r>(&'r self, topic: &'r str) -> Option<Row<'r>> {
        let to = match (self.partition, self.key) {
            (Some(index), key) => To::Partition { index, key },
            (None, Some(key)) => To::Key(key),
            (None, None) => return None,
        };
        Some(Row { topic, to, value: self.value, headers: &self.headers })
    }
}

pub fn put_row(out: &mut Vec<u8>, row: &Row<'_>) {
    framed(out, |out| {
        let key = match row.to {
            To::Key(key) => {
                out.push(BY_KEY);
                Some(key)
            }
            To::Partition { index, key } => {
                out.push(BY_NUMBER);
                out.extend_from_slice(&index.to_be_bytes());
                key
            }
        };
        put_optional(out, key);
        put_optional(out, row.value);
        put_headers(out, row.headers.iter().copied());
    });
}

/// All rows of a body.
pub fn take_rows(body: &[u8]) -> Result<Vec<ReceivedRow<'_>>, Malformed> {
    let mut frames = Cursor::new(body);
    let mut rows = Vec::new();
    while !frames.is_empty() {
        let length = frames.u32("the length of a row")?;
        rows.push(take_row(frames.take(length as usize, "a whole row")?)?);
    }
    Ok(rows)
}

fn take_row(frame: &[u8]) -> Result<ReceivedRow<'_>, Malformed> {
    let mut frame = Cursor::new(frame);
    let partition = match frame.u8("how the row finds its partition")? {
        BY_KEY => None,
        BY_NUMBER => Some(frame.u32("a partition")?),
        _ => return Err(frame.malformed("0 (by key) or 1 (by number)")),
    };
    let key = frame.optional("a key")?;
    if partition.is_none() && key.is_none() {
        return Err(frame.malformed("a key, as no partition is named"));
    }
    let row = ReceivedRow { key, partition, value: frame.optional("a value")?, headers: frame.headers()? };
    if frame.is_empty() { Ok(row) } else { Err(frame.malformed("the end of the row")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Vec<u8>> {
        let headers = [Header { name: "content-type", value: b"application/avro" }, Header { name: "", value: b"" }];
        let rows = [
            Row { topic: "t", to: To::Key(b"host-1"), value: Some(b"\x00\xff"), headers: &headers },
            Row { topic: "t", to: To::Key(b""), value: None, headers: &[] },
            Row { topic: "t", to: To::Partition { index: 7, key: None }, value: Some(b""), headers: &[] },
            Row { topic: "t", to: To::Partition { index: 0, key: Some(b"k") }, value: Some(b"v"), headers: &headers },
        ];
        rows.iter()
            .map(|row| {
                let mut out = Vec::new();
                put_row(&mut out, row);
                let received = take_rows(&out).unwrap();
                assert_eq!(format!("{row:?}"), format!("{:?}", received[0].as_row("t").unwrap()));
                out
            })
            .collect()
    }

    #[test]
    fn rows_come_out_as_they_went_in() {
        let body = rows().concat();
        assert_eq!(take_rows(&body).unwrap().len(), 4);
        assert_eq!(take_rows(b"").unwrap(), Vec::new());
    }

    #[test]
    fn a_body_cut_anywhere_or_with_a_lying_length_is_refused() {
        for row in rows() {
            for cut in 1..row.len() {
                assert!(take_rows(&row[..cut]).is_err(), "cut at {cut} of {row:?}");
            }
            for at in 0..row.len().min(16) {
                let mut lying = row.clone();
                lying[at] = 0x7f;
                drop(take_rows(&lying));
            }
            let mut longer = row.clone();
            longer[3] += 1;
            longer.push(0);
            assert!(take_rows(&longer).is_err(), "trailing byte in {row:?}");
        }
    }

    #[test]
    fn a_row_without_key_and_partition_is_refused() {
        let body = [0, 0, 0, 13, 0, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0];
        let refused = take_rows(&body).unwrap_err();
        assert_eq!(refused.expected, "a key, as no partition is named");
    }
}
