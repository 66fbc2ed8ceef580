//! A digest over records in any order.

use contracts::canonical::Digest;

/// The SHA-256 of each record's key and value, added up: as numbers of 256 bits, lowest byte first, without what goes beyond. The
/// same records give the same sum, whichever order partitions were read in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MultisetDigest([u8; 32]);

impl MultisetDigest {
    /// A record: the length of its key in eight bytes, lowest first, its key, its body.
    pub fn add(&mut self, key: &[u8], body: &[u8]) {
        let digest = Digest::of(&[&(key.len() as u64).to_le_bytes(), key, body].concat());
        let mut carry = 0;
        for (sum, byte) in self.0.iter_mut().zip(digest.as_bytes()) {
            let [low, high] = (u16::from(*sum) + u16::from(*byte) + carry).to_le_bytes();
            (*sum, carry) = (low, u16::from(high));
        }
    }
}

impl std::fmt::Display for MultisetDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        Digest::from_bytes(self.0).fmt(f)
    }
}
