//! What a row says: a version byte, then its fields one after the other, without names.
//!
//! Whole numbers take as few bytes as they need; times stand in eight, so that a row that is changed for every event keeps
//! its length.

/// Bytes that are not the row they were read as.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error(
        "expected version {known}, found {found}; open this state with the release that wrote it, or let it migrate"
    )]
    Version { known: u8, found: u8 },
    #[error("expected {expected} at byte {at}, found the end; the state is damaged: restore it from a checkpoint")]
    End { at: usize, expected: &'static str },
    #[error(
        "expected {expected} at byte {at}, found something else; the state is damaged: restore it from a checkpoint"
    )]
    Field { at: usize, expected: &'static str },
}

/// Writes a row from its beginning.
#[derive(Debug)]
pub struct Writer<'o> {
    out: &'o mut Vec<u8>,
}

/// A new row.
pub fn row(version: u8, write: impl FnOnce(&mut Writer<'_>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut Writer::over(&mut out, version));
    out
}

impl<'o> Writer<'o> {
    /// Writes in place of what `out` holds; its memory stays.
    pub fn over(out: &'o mut Vec<u8>, version: u8) -> Self {
        out.clear();
        out.push(version);
        Self { out }
    }

    pub fn byte(&mut self, byte: u8) -> &mut Self {
        self.out.push(byte);
        self
    }

    pub fn time(&mut self, micros: i64) -> &mut Self {
        self.raw(&micros.to_le_bytes())
    }

    pub fn uint(&mut self, number: u64) -> &mut Self {
        let mut rest = number;
        while rest >= 0x80 {
            self.out.push(rest.to_le_bytes()[0] | 0x80);
            rest >>= 7;
        }
        self.out.push(rest.to_le_bytes()[0]);
        self
    }

    /// Small where the number is near zero, on either side.
    pub fn int(&mut self, number: i64) -> &mut Self {
        self.uint(((number << 1) ^ (number >> 63)).cast_unsigned())
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.uint(bytes.len() as u64).raw(bytes)
    }

    pub fn text(&mut self, text: &str) -> &mut Self {
        self.bytes(text.as_bytes())
    }

    /// Bytes whose number the reader knows.
    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.out.extend_from_slice(bytes);
        self
    }
}

/// Reads what a [`Writer`] wrote.
#[derive(Debug, Clone)]
pub struct Reader<'r> {
    bytes: &'r [u8],
    at: usize,
}

impl<'r> Reader<'r> {
    pub fn new(bytes: &'r [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The first byte of every row.
    pub fn version(&mut self, known: u8) -> Result<(), Malformed> {
        match self.byte()? {
            found if found == known => Ok(()),
            found => Err(Malformed::Version { known, found }),
        }
    }

    pub fn byte(&mut self) -> Result<u8, Malformed> {
        self.raw(1, "a byte").map(|bytes| bytes[0])
    }

    pub fn time(&mut self) -> Result<i64, Malformed> {
        self.array("a time").map(i64::from_le_bytes)
    }

    pub fn uint(&mut self) -> Result<u64, Malformed> {
        let at = self.at;
        let mut number = 0;
        for place in 0..10 {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7F) << (7 * place);
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Malformed::Field { at, expected: "a whole number of at most ten bytes" })
    }

    pub fn int(&mut self) -> Result<i64, Malformed> {
        self.uint().map(|number| (number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    pub fn bytes(&mut self) -> Result<&'r [u8], Malformed> {
        let at = self.at;
        let length = usize::try_from(self.uint()?);
        self.raw(length.map_err(|_| Malformed::Field { at, expected: "a length" })?, "as many bytes as its length says")
    }

    pub fn text(&mut self) -> Result<&'r str, Malformed> {
        let at = self.at;
        str::from_utf8(self.bytes()?).map_err(|_| Malformed::Field { at, expected: "UTF-8" })
    }

    pub fn array<const N: usize>(&mut self, expected: &'static str) -> Result<[u8; N], Malformed> {
        self.raw(N, expected).map(|bytes| bytes.try_into().expect("invariant: as many bytes were taken"))
    }

    pub fn raw(&mut self, length: usize, expected: &'static str) -> Result<&'r [u8], Malformed> {
        let taken = self.bytes[self.at..].get(..length).ok_or(Malformed::End { at: self.at, expected })?;
        self.at += length;
        Ok(taken)
    }

    /// The mistake of what was read last.
    pub fn expected(&self, expected: &'static str) -> Malformed {
        Malformed::Field { at: self.at.saturating_sub(1), expected }
    }

    /// The rest of the row.
    pub fn rest(&mut self) -> &'r [u8] {
        let rest = &self.bytes[self.at..];
        self.at = self.bytes.len();
        rest
    }

    pub fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }
}
