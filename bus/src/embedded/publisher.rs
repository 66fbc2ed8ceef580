//! Rows and input offsets in one write batch.
//!
//! Invariant: under the appender's lock, and therefore as one step for everybody else, it is checked that this publisher
//! is the newest of its instance and that its member belongs to the group, and then the batch is written. Before that,
//! with no lock held, `still_owner` is asked, as the protocol wants it: the group does not check who owns what.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::append::Epoch;
use super::layout;
use super::log::Log;
use super::member::Place;
use super::options::Lost;
use super::producer::{encode, place};
use super::topics::Topic;
use crate::membership::Kind;
use crate::{Aborted, BusError, Inputs, Instance, Outcome, Ownership, Publication, Publisher, Result};

#[derive(Debug)]
pub(super) struct EmbeddedPublisher {
    log: Arc<Log>,
    instance: Instance,
    epoch: Epoch,
    spent: bool,
}

/// Rows that were checked, as they will lie in the log.
struct Placed {
    rows: Vec<(Arc<Topic>, u32, usize)>,
    bytes: Vec<u8>,
}

impl EmbeddedPublisher {
    pub fn new(log: Arc<Log>, instance: &Instance) -> Result<Self> {
        let epoch = log.fence(instance)?;
        Ok(Self { log, instance: instance.clone(), epoch, spent: false })
    }

    fn attempt(&self, publication: &Publication<'_>, still_owner: &mut dyn FnMut() -> Ownership) -> Outcome {
        let mut placed = match self.check(publication) {
            Ok(placed) => placed,
            Err(error) => return Outcome::Aborted(Aborted::Failed(error)),
        };
        let inputs = publication.inputs.as_ref().map(|inputs| place_of(inputs).map(|place| (inputs, place)));
        let inputs = match inputs.transpose() {
            Ok(inputs) => inputs,
            Err(error) => return Outcome::Aborted(Aborted::Failed(error)),
        };
        let member = inputs.map(|(_, place)| place.id());
        if still_owner() == Ownership::Changed {
            return Outcome::Aborted(Aborted::OwnershipChanged);
        }
        let mut append = self.log.append();
        if !append.is_newest(&self.instance, self.epoch) {
            return self.fenced("a newer publisher of this instance was made".to_owned());
        }
        let mut group = inputs.map(|(_, place)| place.lock());
        if let (Some(group), Some(member)) = (&mut group, member)
            && !group.has(member, Instant::now())
        {
            return self.fenced("its member was dropped from the group, or another took its place".to_owned());
        }
        let mut start = 0;
        for (topic, index, end) in &placed.rows {
            append.push(topic, *index, &mut placed.bytes[start..*end]);
            start = *end;
        }
        if let Some((inputs, place)) = inputs {
            for (partition, offset) in inputs.offsets {
                let key = layout::committed_key(place.group_name(), &partition.topic, partition.index);
                append.batch().put(key, offset.0.to_be_bytes());
            }
        }
        let lost = append.begin_publication();
        if lost == Some(Lost::BeforeCommit) {
            return unknown();
        }
        match append.commit() {
            Ok(()) => {}
            // Whether the disk has it is told by the next start at the latest; until then it is not visible.
            Err(error @ BusError::NotWritable { .. }) => return Outcome::Unknown(error),
            Err(error) => return Outcome::Aborted(Aborted::Failed(error)),
        }
        if let Some((_, place)) = inputs {
            self.log.delay_stable_offsets(place.group_name());
        }
        if lost == Some(Lost::AfterCommit) { unknown() } else { Outcome::Committed }
    }

    fn check(&self, publication: &Publication<'_>) -> Result<Placed> {
        let mut placed = Placed { rows: Vec::with_capacity(publication.rows.len()), bytes: Vec::new() };
        for row in publication.rows {
            let (topic, index) = place(&self.log, row)?;
            encode(&mut placed.bytes, row);
            placed.rows.push((topic, index, placed.bytes.len()));
        }
        for (partition, _) in publication.inputs.iter().flat_map(|inputs| inputs.offsets) {
            self.log.topic_of(partition)?;
        }
        Ok(placed)
    }

    fn fenced(&self, reason: String) -> Outcome {
        Outcome::Fenced(BusError::Fenced { instance: self.instance.as_str().to_owned(), reason })
    }
}

impl Publisher for EmbeddedPublisher {
    fn publish(
        &mut self,
        publication: &Publication<'_>,
        still_owner: &mut dyn FnMut() -> Ownership,
    ) -> Result<Outcome> {
        if self.spent {
            return Err(BusError::Spent);
        }
        // Spent first: should `still_owner` panic, this publisher does not go on as if nothing had been.
        self.spent = true;
        let outcome = self.attempt(publication, still_owner);
        self.spent = !matches!(outcome, Outcome::Committed);
        Ok(outcome)
    }
}

fn place_of<'p>(inputs: &Inputs<'p>) -> Result<&'p Place> {
    match &inputs.membership.0 {
        Kind::Embedded(place) => Ok(place),
        Kind::Kafka(_) => Err(BusError::ForeignMembership),
    }
}

/// The answer of a habit that loses answers.
fn unknown() -> Outcome {
    Outcome::Unknown(BusError::NotAcknowledged { waited: Duration::ZERO })
}
