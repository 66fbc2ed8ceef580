//! Which arrays and objects are open: one bit for each.
//!
//! Invariant: nothing is allocated up to 64 deep, which is as deep as a payload may be.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    Array,
    Object,
}

/// A stack of containers. Its cap is the scanner's `depth_max`.
#[derive(Debug, Default)]
pub(super) struct Nesting {
    depth: usize,
    /// The innermost up to 64, the innermost of all in the lowest bit; set for an object.
    innermost: u64,
    /// Full words of those further out.
    outer: Vec<u64>,
}

impl Nesting {
    pub fn depth(&self) -> usize {
        self.depth
    }

    pub fn innermost(&self) -> Option<Container> {
        let container = if self.innermost & 1 == 1 { Container::Object } else { Container::Array };
        (self.depth > 0).then_some(container)
    }

    pub fn push(&mut self, container: Container) {
        if self.depth > 0 && self.depth.is_multiple_of(WORD_BITS) {
            self.outer.push(self.innermost);
        }
        self.innermost = self.innermost << 1 | u64::from(container == Container::Object);
        self.depth += 1;
    }

    /// Something is open.
    pub fn pop(&mut self) {
        self.depth -= 1;
        self.innermost >>= 1;
        if self.depth.is_multiple_of(WORD_BITS) {
            self.innermost = self.outer.pop().unwrap_or_default();
        }
    }
}

const WORD_BITS: usize = u64::BITS as usize;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Container, Nesting};

    proptest! {
        /// Up and down, and down to the ground.
        #[test]
        fn it_is_a_stack(steps in prop::collection::vec(prop::option::weighted(0.7, any::<bool>()), 0..600)) {
            let mut nesting = Nesting::default();
            let mut plain = Vec::new();
            let downward = vec![None; steps.len()];
            for step in steps.into_iter().chain(downward) {
                if let Some(is_object) = step {
                    let container = if is_object { Container::Object } else { Container::Array };
                    nesting.push(container);
                    plain.push(container);
                } else if plain.pop().is_some() {
                    nesting.pop();
                }
                prop_assert_eq!(nesting.depth(), plain.len());
                prop_assert_eq!(nesting.innermost(), plain.last().copied());
            }
        }
    }
}
