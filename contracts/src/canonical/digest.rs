//! A SHA-256 as a value: 64 lower-case hexadecimal digits as text.

use std::fmt;
use std::str::FromStr;

use sha2::Digest as _;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// A text that is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    #[error("expected 64 hexadecimal digits, found {length} bytes")]
    Length { length: usize },
    #[error("expected lower-case hexadecimal digits, found {found:?} at byte {offset}")]
    Character { found: char, offset: usize },
}

impl Digest {
    /// The SHA-256 of `bytes` as they are.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// A digest that was made elsewhere, as a binary record holds it.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(64);
        for byte in self.0 {
            text.push(char::from(HEX[usize::from(byte >> 4)]));
            text.push(char::from(HEX[usize::from(byte & 0x0F)]));
        }
        f.pad(&text)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let not_hex = |c: char| !matches!(c, '0'..='9' | 'a'..='f');
        if let Some((offset, found)) = text.char_indices().find(|&(_, c)| not_hex(c)) {
            return Err(DigestError::Character { found, offset });
        }
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let (Ok(pairs), []) = (<&[[u8; 2]; 32]>::try_from(pairs), rest) else {
            return Err(DigestError::Length { length: text.len() });
        };
        let nibble = |digit: u8| {
            if digit <= b'9' { digit - b'0' } else { digit - b'a' + 10 }
        };
        Ok(Self(pairs.map(|[high, low]| nibble(high) << 4 | nibble(low))))
    }
}
