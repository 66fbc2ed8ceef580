//! The partition of a key, as Kafka's Java client computes it, so that producers in any language and the embedded log
//! agree. Records without a key are not spread here: each of our topics has a key or names its partition.

use std::num::NonZeroU32;

/// The partition among `partitions` on which a record with this key belongs.
pub fn partition_of(key: &[u8], partitions: NonZeroU32) -> u32 {
    let positive = murmur2(key) & 0x7FFF_FFFF;
    positive % partitions
}

/// `MurmurHash2` of 32 bits with the seed of Kafka's `Utils.murmur2`.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// From Kafka's `UtilsTest.testMurmur2`.
    #[test]
    fn hashes_are_those_of_kafkas_own_test() {
        let table: [(&[u8], i32); 6] = [
            (b"21", -973_932_308),
            (b"foobar", -790_332_482),
            (b"a-little-bit-long-string", -985_981_536),
            (b"a-little-bit-longer-string", -1_486_304_829),
            (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            (b"abc", 479_470_107),
        ];
        for (key, expected) in table {
            assert_eq!(murmur2(key).cast_signed(), expected, "{key:?}");
        }
    }

    /// From librdkafka's `unittest_murmur2`.
    #[test]
    fn hashes_are_those_of_librdkafkas_own_test() {
        let table: [(&str, u32); 7] = [
            ("kafka", 0xd067_cf64),
            ("giberish123456789", 0x8f55_2b0c),
            ("1234", 0x9fc9_7b14),
            ("234", 0xe7c0_09ca),
            ("34", 0x8739_30da),
            ("4", 0x5a4b_5ca1),
            ("", 0x106e_08d9),
        ];
        for (key, expected) in table {
            assert_eq!(murmur2(key.as_bytes()), expected, "{key:?}");
        }
    }

    /// From `BuiltInPartitioner.partitionForKey` of Kafka's client 4.1.1.
    #[test]
    fn partitions_are_those_of_the_java_client() {
        let table = [
            ("", [0, 0, 9, 25, 681]),
            ("h", [0, 1, 1, 45, 165]),
            ("host-1", [0, 0, 9, 29, 765]),
            ("endpoint-42", [0, 0, 6, 38, 646]),
            ("web-01.example.org", [0, 0, 6, 30, 942]),
            ("_", [0, 2, 5, 53, 717]),
            ("é", [0, 0, 3, 7, 271]),
            ("日本語", [0, 1, 10, 10, 170]),
            ("😀", [0, 0, 9, 17, 617]),
            ("rule/[\"x\"]", [0, 2, 2, 22, 62]),
            ("00000000-0000-4000-8000-000000000000", [0, 2, 5, 5, 525]),
        ];
        for (key, expected) in table {
            let found = [1, 3, 12, 64, 1000].map(|n| partition_of(key.as_bytes(), NonZeroU32::new(n).expect("not 0")));
            assert_eq!(found, expected, "{key}");
        }
    }

    #[test]
    fn the_sign_bit_is_masked_not_negated() {
        let partitions = |n| NonZeroU32::new(n).expect("not 0");
        // murmur2 is -973932308; Java's `& 0x7fffffff` makes that 1173551340.
        assert_eq!(partition_of(b"21", partitions(u32::MAX)), 1_173_551_340);
        assert_eq!(partition_of(b"21", partitions(12)), 0);
        assert_eq!(partition_of(b"21", partitions(1)), 0);
    }

    /// Kafka's `Utils.murmur2`, line by line, in Java's signed arithmetic.
    #[expect(
        clippy::cast_possible_wrap,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "as Java does"
    )]
    fn javas_murmur2(data: &[u8]) -> i32 {
        let length = data.len() as i32;
        let seed = 0x9747_b28c_u32 as i32;
        let (m, r) = (0x5bd1_e995, 24);
        let at = |i: i32| i32::from(data[i as usize]);
        let unsigned_shift = |value: i32, by: u32| (value.cast_unsigned() >> by).cast_signed();
        let mut h = seed ^ length;
        let length4 = length / 4;
        for i in 0..length4 {
            let i4 = i * 4;
            let mut k = at(i4) + (at(i4 + 1) << 8) + (at(i4 + 2) << 16) + (at(i4 + 3) << 24);
            k = k.wrapping_mul(m);
            k ^= unsigned_shift(k, r);
            k = k.wrapping_mul(m);
            h = h.wrapping_mul(m);
            h ^= k;
        }
        let tail = length & !3;
        if length % 4 == 3 {
            h ^= at(tail + 2) << 16;
        }
        if length % 4 >= 2 {
            h ^= at(tail + 1) << 8;
        }
        if length % 4 >= 1 {
            h ^= at(tail);
            h = h.wrapping_mul(m);
        }
        h ^= unsigned_shift(h, 13);
        h = h.wrapping_mul(m);
        h ^ unsigned_shift(h, 15)
    }

    proptest! {
        #[test]
        fn every_key_goes_where_javas_code_puts_it(key: Vec<u8>, partitions in 1..=i32::MAX) {
            let positive = javas_murmur2(&key) & 0x7fff_ffff;
            let partitions_unsigned = NonZeroU32::new(partitions.cast_unsigned()).expect("not 0");
            let expected = (positive % partitions).cast_unsigned();
            prop_assert_eq!(partition_of(&key, partitions_unsigned), expected);
        }
    }
}
