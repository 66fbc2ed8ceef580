//! Avro's binary encoding, read where it lies: every length is checked against what is left before it is believed.
//!
//! Invariant: no method reads past the end, allocates by a number found in the bytes, or accepts a number spelled in
//! more than ten bytes. Strings are borrowed.

use crate::fault::Fault;

#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The place of the next byte, from the start of the datum.
    pub fn at(&self) -> usize {
        self.at
    }

    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// What lies between `from` and here.
    pub fn since(&self, from: usize) -> &'a [u8] {
        &self.bytes[from..self.at]
    }

    /// A datum ends where its bytes end.
    pub fn finish(&self) -> Result<(), Fault> {
        match self.left() {
            0 => Ok(()),
            left => Err(Fault::malformed(self.at, "the end", format!("{left} more bytes"))),
        }
    }

    #[inline]
    pub fn long(&mut self) -> Result<i64, Fault> {
        match self.bytes.get(self.at) {
            Some(&byte) if byte < 0x80 => {
                self.at += 1;
                Ok(unzigzag(u64::from(byte)))
            }
            _ => self.long_of_many_bytes(),
        }
    }

    fn long_of_many_bytes(&mut self) -> Result<i64, Fault> {
        let mut number = 0u64;
        for (place, &byte) in self.bytes[self.at..].iter().take(10).enumerate() {
            // The tenth byte holds the last of 64 bits.
            if place == 9 && byte > 1 {
                break;
            }
            number |= u64::from(byte & 0x7F) << (7 * place);
            if byte < 0x80 {
                self.at += place + 1;
                return Ok(unzigzag(number));
            }
        }
        let found = if self.left() < 10 { "the end" } else { "more than 64 bits" };
        Err(Fault::malformed(self.at, "a number", found))
    }

    #[inline]
    pub fn int(&mut self) -> Result<i32, Fault> {
        let at = self.at;
        let number = self.long()?;
        i32::try_from(number).map_err(|_| Fault::malformed(at, "a number of 32 bits", number.to_string()))
    }

    #[inline]
    pub fn boolean(&mut self) -> Result<bool, Fault> {
        let at = self.at;
        match self.take(1)? {
            [0] => Ok(false),
            [1] => Ok(true),
            other => Err(Fault::malformed(at, "a boolean (0 or 1)", format!("byte {}", other[0]))),
        }
    }

    /// The branch of a union or the symbol of an enum, one of `count`.
    #[inline]
    pub fn choice(&mut self, count: usize) -> Result<usize, Fault> {
        let at = self.at;
        let number = self.long()?;
        match usize::try_from(number) {
            Ok(choice) if choice < count => Ok(choice),
            _ => {
                Err(Fault::malformed(at, format!("a choice from 0 to {}", count.saturating_sub(1)), number.to_string()))
            }
        }
    }

    /// Bytes with their length before them.
    #[inline]
    pub fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        let at = self.at;
        let number = self.long()?;
        match usize::try_from(number) {
            Ok(length) if length <= self.left() => self.take(length),
            _ => Err(Fault::malformed(
                at,
                format!("a length from 0 to the {} bytes left", self.left()),
                number.to_string(),
            )),
        }
    }

    #[inline]
    pub fn str(&mut self) -> Result<&'a str, Fault> {
        let bytes = self.bytes()?;
        str::from_utf8(bytes).map_err(|error| {
            let bad = error.valid_up_to();
            Fault::malformed(self.at - bytes.len() + bad, "UTF-8", format!("byte 0x{:02x}", bytes[bad]))
        })
    }

    #[inline]
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        match self.bytes[self.at..].get(..length) {
            Some(taken) => {
                self.at += length;
                Ok(taken)
            }
            None => Err(Fault::malformed(self.at, format!("{length} bytes"), format!("the end after {}", self.left()))),
        }
    }

    /// How many items the next block holds, and where it ends if it says so.
    #[inline]
    fn block(&mut self) -> Result<(u64, Option<usize>), Fault> {
        let count = self.long()?;
        if count >= 0 {
            return Ok((count.unsigned_abs(), None));
        }
        let at = self.at;
        let size = self.long()?;
        match usize::try_from(size) {
            Ok(length) if length <= self.left() => Ok((count.unsigned_abs(), Some(self.at + length))),
            _ => Err(Fault::malformed(
                at,
                format!("a block size from 0 to the {} bytes left", self.left()),
                size.to_string(),
            )),
        }
    }
}

/// A walk over the items of an array or a map, block by block. A count that lies is stopped by the end of the bytes;
/// where items can have no bytes, the caller has to count.
#[derive(Debug, Clone, Default)]
pub struct Items {
    left: u64,
    block_end: Option<usize>,
    place: usize,
}

impl Items {
    /// The place of the next item, which then has to be read; `None` after the last.
    #[inline]
    pub fn next(&mut self, from: &mut Reader<'_>) -> Result<Option<usize>, Fault> {
        if self.left == 0 {
            self.end_block(from)?;
            (self.left, self.block_end) = from.block()?;
            if self.left == 0 {
                return Ok(None);
            }
        }
        self.left -= 1;
        self.place += 1;
        Ok(Some(self.place - 1))
    }

    fn end_block(&mut self, from: &Reader<'_>) -> Result<(), Fault> {
        match self.block_end.take() {
            Some(end) if end != from.at => Err(Fault::malformed(
                from.at,
                format!("the block to end at byte {end}, as its size says"),
                "another end",
            )),
            _ => Ok(()),
        }
    }
}

#[inline]
fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}
