//! The partition of a key, as Kafka's Java client computes it, so that producers in any language and the embedded log
//! agree. Records without a key are not spread here: each of our topics has a key or names its partition.

use std::num::NonZeroU32;

/// The partition among `partitions` on which a record with this key belongs.
pub fn partition_of(key: &[u8], partitions: NonZeroU32) -> u32 {
    let positive = murmur2(key) & 0x7FFF_FFFF;
    positive % partitions
}

/// MurmurHash2 of 32 bits with the seed of Kafka's `Utils.murmur2`.
fn murmur2(data: &[u8]) -> u32 {
    const SEED: u32 = 0x9747_B28C;
    const M: u32 = 0x5BD1_E995;
    const R: u32 = 24;

    // The hash mixes in the length as Java's int; lengths beyond it cannot be keys.
    #[expect(clippy::cast_possible_truncation, reason = "a key is far shorter than 4 GiB")]
    let mut hash = SEED ^ data.len() as u32;
    let (words, rest) = data.as_chunks::<4>();
    for word in words {
        let mut mixed = u32::from_le_bytes(*word).wrapping_mul(M);
        mixed = (mixed ^ (mixed >> R)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ mixed;
    }
    if !rest.is_empty() {
        let mut word = [0; 4];
        word[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u32::from_le_bytes(word)).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    hash ^ (hash >> 15)
}
