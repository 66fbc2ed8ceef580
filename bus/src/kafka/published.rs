//! Reading one's own publications.
//!
//! Kafka answers a commit when it is decided; each partition gets its marker a moment later, and until then its end is
//! short of rows that this process knows to be committed. Who publishes and then reads by the same handle expects them.
//!
//! Invariant: a publication holds up at most one question about each partition, and that one no longer than
//! [`VISIBLE_MAX`]: another process's open transaction may lie before our rows for much longer.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::{Extent, Offset, Partition, Result};

/// Markers take milliseconds.
const VISIBLE_MAX: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// For each partition the end that our last publication must give it. As many entries as partitions were written to.
#[derive(Debug, Default)]
pub(super) struct Published(Mutex<BTreeMap<Partition, Offset>>);

impl Published {
    pub fn note(&self, ends: impl IntoIterator<Item = (Partition, Offset)>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(ends);
    }

    /// What `look` finds once our own publications are in it.
    pub fn visible(&self, partition: &Partition, look: impl Fn() -> Result<Extent>) -> Result<Extent> {
        let expected = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(partition);
        let deadline = Instant::now() + VISIBLE_MAX;
        loop {
            let extent = look()?;
            if expected.is_none_or(|end| extent.end >= end) || Instant::now() >= deadline {
                return Ok(extent);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}
