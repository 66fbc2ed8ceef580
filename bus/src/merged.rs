//! Several readers as one, in the order of append times.
//!
//! Invariant: the order of each reader stays; between readers the earlier append time comes first, of equal ones the reader
//! named first. A time that goes backwards within a reader counts as the greatest so far, as it does for whoever applies it.
//! The order follows from the records alone, never from when they were read.

use contracts::time::Timestamp;

use crate::{Batch, BatchLimit, Progress, Reader, Result};

/// Reads to the end: readers that follow would let all others wait.
#[derive(Debug)]
pub struct Merged {
    lanes: Vec<Lane>,
}

#[derive(Debug)]
struct Lane {
    reader: Box<dyn Reader>,
    batch: Batch,
    /// The next record of `batch`.
    at: usize,
    /// The greatest append time so far.
    latest: Timestamp,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Another batch may come.
    Open,
    Done,
}

/// Of each reader: what is taken at once, and so what waits in memory.
const LANE: BatchLimit =
    BatchLimit { records_max: 2_000, bytes_max: 1024 * 1024, wait: std::time::Duration::from_millis(200) };

impl Merged {
    /// Each made to read to an end ([`crate::Until::End`]).
    pub fn over(readers: Vec<Box<dyn Reader>>) -> Self {
        let lane = |reader| Lane { reader, batch: Batch::default(), at: 0, latest: Timestamp::MIN, state: State::Open };
        Self { lanes: readers.into_iter().map(lane).collect() }
    }

    fn earliest(&self) -> Option<usize> {
        let waiting = self.lanes.iter().enumerate().filter_map(|(place, lane)| Some((lane.next_at()?, place)));
        waiting.min().map(|(_, place)| place)
    }
}

impl Lane {
    fn next_at(&self) -> Option<Timestamp> {
        let next = self.batch.get(self.at)?;
        Some(next.appended_at.max(self.latest))
    }

    /// Has a record, or is done.
    fn fill(&mut self) -> Result<()> {
        while self.at == self.batch.len() && self.state == State::Open {
            self.at = 0;
            if self.reader.next(&mut self.batch, &LANE)? == Progress::Done {
                self.state = State::Done;
            }
        }
        Ok(())
    }
}

impl Reader for Merged {
    fn next(&mut self, batch: &mut Batch, limit: &BatchLimit) -> Result<Progress> {
        batch.clear();
        for lane in &mut self.lanes {
            lane.fill()?;
        }
        while !batch.is_full(limit) {
            let Some(place) = self.earliest() else { break };
            let lane = &mut self.lanes[place];
            let record = lane.batch.get(lane.at).expect("invariant: the earliest lane has a record");
            lane.latest = record.appended_at.max(lane.latest);
            batch.push_record(&record);
            lane.at += 1;
            lane.fill()?;
        }
        Ok(if batch.is_empty() { Progress::Done } else { Progress::More })
    }
}
