//! One figure: what was measured, in which unit, and how the runs spread.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use serde::Serialize;

#[derive(Debug, Clone, Serialize)]
pub struct Figure {
    pub name: String,
    pub unit: &'static str,
    pub median: f64,
    pub min: f64,
    pub max: f64,
    /// What was set for it: sizes, counts, modes.
    pub settings: BTreeMap<&'static str, String>,
}

impl Figure {
    pub fn new(name: impl Into<String>, unit: &'static str, runs: &[f64]) -> Self {
        let mut sorted = runs.to_vec();
        sorted.sort_by(f64::total_cmp);
        assert!(!sorted.is_empty(), "a figure needs at least one run");
        Self {
            name: name.into(),
            unit,
            median: sorted[sorted.len() / 2],
            min: sorted[0],
            max: sorted[sorted.len() - 1],
            settings: BTreeMap::new(),
        }
    }

    pub fn with(mut self, setting: &'static str, value: usize) -> Self {
        self.settings.insert(setting, value.to_string());
        self
    }
}

/// How long one call takes: repeated until a run is long enough for the clock.
pub fn nanoseconds_per_call<T>(mut call: impl FnMut() -> T) -> f64 {
    const RUN_MIN: Duration = Duration::from_millis(200);
    let mut calls: u32 = 1;
    loop {
        let start = Instant::now();
        for _ in 0..calls {
            black_box(call());
        }
        let took = start.elapsed();
        if took >= RUN_MIN {
            return took.as_secs_f64() * 1e9 / f64::from(calls);
        }
        calls = calls.saturating_mul(2);
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts and sizes here are far below 2^53")]
pub fn to_f64(count: usize) -> f64 {
    count as f64
}
