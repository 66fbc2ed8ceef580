//! How long something took, as counts below bounds.

use std::time::Duration;

/// Upper bounds in seconds: from less than a commit takes to more than a publication may.
pub const BOUNDS_S: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Histogram {
    /// By the first bound that is not exceeded, each by itself; what exceeds all is in `count` alone.
    within: [u64; BOUNDS_S.len()],
    pub count: u64,
    pub sum_s: f64,
}

impl Histogram {
    pub(crate) fn observe(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        if let Some(within) = BOUNDS_S.iter().position(|bound| seconds <= *bound) {
            self.within[within] += 1;
        }
        self.count += 1;
        self.sum_s += seconds;
    }

    /// Each bound, and how many took at most so long.
    pub fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        let sums = self.within.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        BOUNDS_S.into_iter().zip(sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_exactly_a_bound_is_within_it_and_what_exceeds_all_is_counted() {
        let mut histogram = Histogram::default();
        for millis in [1, 2, 100, 60_000] {
            histogram.observe(Duration::from_millis(millis));
        }
        let below: Vec<u64> = histogram.cumulative().map(|(_, count)| count).collect();
        assert_eq!(below, [0, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3]);
        assert_eq!((histogram.count, histogram.sum_s), (4, 60.103));
    }
}
