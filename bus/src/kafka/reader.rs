//! Reads chosen partitions, outside of any group.
//!
//! Invariant: one consumer per topic. librdkafka's end-of-partition event, as far as it is reachable, names a number and
//! no topic; within one topic it is certain, and only it tells the end of a partition full of aborted data.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};

use super::failure::{self, Doing};
use super::intake::{self, Intake, Interruption};
use super::link::{Context, Link, Plain};
use super::query;
use super::tracks::{Track, Tracks};
use super::{Kafka, create, settings};
use crate::{Batch, BatchLimit, BusError, Partition, Progress, Reader, Result, Start, Until};

/// How long one topic is waited for while others may have records.
const TURN_MAX: Duration = Duration::from_millis(5);

pub(super) struct KafkaReader {
    lanes: Vec<Lane>,
    turn: usize,
    until: Until,
}

/// The partitions of one topic.
struct Lane {
    consumer: BaseConsumer<Context<Plain>>,
    link: Arc<Link>,
    intake: Intake,
}

impl Kafka {
    pub(super) fn open_reader(&self, from: &[(Partition, Start)], until: Until) -> Result<KafkaReader> {
        let mut topics: Vec<&Arc<str>> = from.iter().map(|(partition, _)| &partition.topic).collect();
        topics.sort();
        topics.dedup();
        let lanes = topics
            .into_iter()
            .map(|topic| {
                let of_topic = from.iter().filter(|(partition, _)| partition.topic == *topic);
                self.open_lane(of_topic, until)
            })
            .collect::<Result<_>>()?;
        Ok(KafkaReader { lanes, turn: 0, until })
    }

    fn open_lane<'a>(&self, from: impl Iterator<Item = &'a (Partition, Start)>, until: Until) -> Result<Lane> {
        let link = self.new_link();
        let config = settings::outsider(&self.connection, &self.name, &self.name);
        let consumer: BaseConsumer<_> = create(&config, &link, Plain)?;
        let mut tracks = Tracks::default();
        for (partition, start) in from {
            let extent = self.published.visible(partition, || query::extent(&self.asker, &self.link, partition))?;
            let first = match *start {
                Start::Earliest => extent.earliest,
                Start::End => extent.end,
                Start::At(offset) => offset,
                Start::Time(time) => {
                    query::offset_at(&self.asker, &self.link, partition, time, extent)?.max(extent.earliest)
                }
            };
            query::within(partition, first, extent)?;
            match until {
                Until::Forever => tracks.add(Track::endless(partition.clone(), first)),
                Until::End if first < extent.end => tracks.add(Track::up_to(partition.clone(), first, extent.end)),
                // At its end already: there is nothing to wait for.
                Until::End => {}
            }
        }
        let places = intake::places(tracks.iter().map(|track| (&track.partition, Some(track.next))))?;
        consumer.assign(&places).map_err(|error| failure::of(&error, &link, Doing::what("beginning to read")))?;
        Ok(Lane { consumer, link, intake: Intake::of(tracks) })
    }
}

impl Reader for KafkaReader {
    fn next(&mut self, batch: &mut Batch, limit: &BatchLimit) -> Result<Progress> {
        batch.clear();
        let deadline = Instant::now() + limit.wait;
        loop {
            if self.until == Until::End
                && self.lanes.iter().all(|lane| !lane.intake.tracks.iter().any(|track| track.flows))
            {
                return Ok(Progress::Done);
            }
            for _ in 0..self.lanes.len() {
                let lane = self.turn % self.lanes.len();
                self.turn = lane + 1;
                let left = deadline.saturating_duration_since(Instant::now());
                let wait = if self.lanes.len() == 1 { left } else { left.min(TURN_MAX) };
                self.lanes[lane].fill(batch, &BatchLimit { wait, ..*limit })?;
                if !batch.is_empty() || !batch.ends().is_empty() {
                    return Ok(Progress::More);
                }
            }
            if Instant::now() >= deadline {
                return Ok(Progress::More);
            }
        }
    }
}

impl Lane {
    fn fill(&mut self, batch: &mut Batch, limit: &BatchLimit) -> Result<()> {
        if !self.intake.tracks.iter().any(|track| track.flows) {
            return Ok(());
        }
        intake::fill(&self.consumer, &self.link, &mut self.intake, batch, limit, || false).map_err(|interruption| {
            match interruption {
                Interruption::Failed(error) => error,
                Interruption::Fatal(_, reason) => BusError::Protocol { what: "reading", reason },
            }
        })?;
        self.leave_finished()
    }

    /// Records beyond the end that was fixed are nobody's business here, so they need not be fetched.
    fn leave_finished(&mut self) -> Result<()> {
        for track in self.intake.tracks.iter_mut().filter(|track| track.flows && track.is_finished()) {
            track.flows = false;
            let place = intake::places(std::iter::once((&track.partition, None)))?;
            self.consumer
                .pause(&place)
                .map_err(|error| failure::of(&error, &self.link, Doing::what("pausing a partition")))?;
        }
        Ok(())
    }
}

impl std::fmt::Debug for KafkaReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let tracks: Vec<_> = self.lanes.iter().map(|lane| &lane.intake.tracks).collect();
        f.debug_struct("KafkaReader").field("tracks", &tracks).field("until", &self.until).finish_non_exhaustive()
    }
}
