//! Random numbers that come back with their seed.

use std::hash::{BuildHasher, RandomState};

/// `TRIPLINE_SEED` repeats a run; without it every run has another.
pub fn seed() -> u64 {
    match std::env::var("TRIPLINE_SEED") {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("TRIPLINE_SEED={text} is not a whole number")),
        Err(_) => RandomState::new().hash_one("seed"),
    }
}

/// `SplitMix64`.
#[derive(Debug, Clone)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    #[expect(clippy::should_implement_trait, reason = "it never ends, and is no iterator to anybody")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// One of them; none of them is a mistake of the test.
    pub fn of<'a, T>(&mut self, these: &'a [T]) -> &'a T {
        let count = u64::try_from(these.len()).expect("invariant: they are in memory");
        &these[usize::try_from(self.below(count)).expect("invariant: fewer than there are")]
    }

    /// In any order.
    pub fn shuffle<T>(&mut self, these: &mut [T]) {
        for last in (1..these.len()).rev() {
            let other = self.below(last as u64 + 1);
            these.swap(last, usize::try_from(other).expect("invariant: one of them"));
        }
    }

    /// Bytes that no compression makes smaller.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }
}
