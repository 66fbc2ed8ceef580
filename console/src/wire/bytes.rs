//! Whole numbers and byte strings, big-endian and with their lengths in front.
//!
//! Invariant: reading never trusts a length beyond the bytes that are there.

use bus::Header;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a frame is not what it says: expected {expected} at byte {at} of {length}; both sides must be of one version")]
pub struct Malformed {
    pub expected: &'static str,
    pub at: usize,
    pub length: usize,
}

/// Stands for the length of what is absent.
const ABSENT: u32 = u32::MAX;

pub(super) fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("invariant: nothing in a record reaches 4 GiB");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}

pub(super) fn put_optional(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => put(out, bytes),
        None => out.extend_from_slice(&ABSENT.to_be_bytes()),
    }
}

pub(super) fn put_headers<'h>(out: &mut Vec<u8>, headers: impl Iterator<Item = Header<'h>>) {
    let count_at = out.len();
    out.extend_from_slice(&[0; 4]);
    let mut count: u32 = 0;
    for header in headers {
        put(out, header.name.as_bytes());
        put(out, header.value);
        count += 1;
    }
    out[count_at..count_at + 4].copy_from_slice(&count.to_be_bytes());
}

/// Puts the length of what `fill` appends in front of it.
pub(super) fn framed(out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    fill(out);
    let length = u32::try_from(out.len() - start - 4).expect("invariant: a frame is far below 4 GiB");
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
}

/// Takes values from the front of some bytes.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    pub fn malformed(&self, expected: &'static str) -> Malformed {
        Malformed { expected, at: self.at, length: self.bytes.len() }
    }

    pub fn take(&mut self, length: usize, expected: &'static str) -> Result<&'a [u8], Malformed> {
        let rest = &self.bytes[self.at..];
        let (taken, _) = rest.split_at_checked(length).ok_or_else(|| self.malformed(expected))?;
        self.at += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, expected: &'static str) -> Result<[u8; N], Malformed> {
        Ok(self.take(N, expected)?.try_into().expect("invariant: as many bytes as were asked for"))
    }

    pub fn u8(&mut self, expected: &'static str) -> Result<u8, Malformed> {
        Ok(self.array::<1>(expected)?[0])
    }

    pub fn u32(&mut self, expected: &'static str) -> Result<u32, Malformed> {
        self.array(expected).map(u32::from_be_bytes)
    }

    pub fn u64(&mut self, expected: &'static str) -> Result<u64, Malformed> {
        self.array(expected).map(u64::from_be_bytes)
    }

    pub fn i64(&mut self, expected: &'static str) -> Result<i64, Malformed> {
        self.array(expected).map(i64::from_be_bytes)
    }

    pub fn optional(&mut self, expected: &'static str) -> Result<Option<&'a [u8]>, Malformed> {
        match self.u32(expected)? {
            ABSENT => Ok(None),
            length => self.take(length as usize, expected).map(Some),
        }
    }

    pub fn bytes(&mut self, expected: &'static str) -> Result<&'a [u8], Malformed> {
        self.optional(expected)?.ok_or_else(|| self.malformed(expected))
    }

    pub fn text(&mut self, expected: &'static str) -> Result<&'a str, Malformed> {
        let bytes = self.bytes(expected)?;
        std::str::from_utf8(bytes).map_err(|_| self.malformed(expected))
    }

    pub fn headers(&mut self) -> Result<Vec<Header<'a>>, Malformed> {
        let count = self.u32("the number of headers")?;
        // No room is made for what the count promises: each header takes at least eight bytes that must be there.
        let mut headers = Vec::new();
        for _ in 0..count {
            headers.push(Header { name: self.text("a header's name")?, value: self.bytes("a header's value")? });
        }
        Ok(headers)
    }
}
