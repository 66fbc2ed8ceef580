//! A member as most cases want one: joined, its partitions accepted at the start and flowing.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use bus::{Batch, BatchLimit, Bus, Instance, Member, MemberSettings, Membership, Offset, Partition, Polled};

use crate::seen::Seen;
use crate::world::{PATIENCE, World};

#[derive(Debug)]
pub struct Taker {
    pub member: Box<dyn Member>,
    pub owned: BTreeSet<Partition>,
    batch: Batch,
    /// Came while the member still waited for partitions.
    early: Vec<Seen>,
    pub limit: BatchLimit,
    /// In the order in which they came.
    pub news: Vec<Polled>,
}

pub fn settings(group: &str, instance: &Instance, topic: &str) -> MemberSettings {
    MemberSettings {
        group: group.to_owned(),
        instance: instance.clone(),
        is_static: false,
        topics: vec![topic.to_owned()],
        session_timeout: Duration::from_secs(6),
    }
}

/// A member that owns `partitions` partitions, from their earliest records.
pub fn joined(world: &World, group: &str, instance: &Instance, topic: &str, partitions: usize) -> Taker {
    let mut taker = Taker::join(world, &settings(group, instance, topic));
    taker.until_owning(partitions);
    taker
}

impl Taker {
    pub fn join(world: &World, settings: &MemberSettings) -> Self {
        Self::on(world.bus(), settings)
    }

    pub fn on(bus: &dyn Bus, settings: &MemberSettings) -> Self {
        let limit = BatchLimit { wait: Duration::from_millis(100), ..BatchLimit::default() };
        let member = bus.join(settings).unwrap();
        Self { member, owned: BTreeSet::new(), batch: Batch::default(), early: Vec::new(), limit, news: Vec::new() }
    }

    /// One poll. News of the group are answered: partitions are accepted at offset 0 and resumed, or released.
    pub fn turn(&mut self) -> Vec<Seen> {
        self.try_turn().unwrap_or_else(|error| panic!("{error} ({error:?})"))
    }

    pub fn try_turn(&mut self) -> bus::Result<Vec<Seen>> {
        let polled = self.member.poll(&mut self.batch, &self.limit)?;
        match &polled {
            Polled::Batch => return Ok(self.batch.records().map(|record| Seen::of(&record)).collect()),
            Polled::Assigned(partitions) => {
                let starts: Vec<_> = partitions.iter().map(|partition| (partition.clone(), Offset(0))).collect();
                self.member.accept(&starts)?;
                self.member.resume(partitions)?;
                self.owned.extend(partitions.iter().cloned());
            }
            Polled::Revoked(partitions) | Polled::Lost(partitions) => {
                self.member.release(partitions)?;
                self.owned.retain(|partition| !partitions.contains(partition));
            }
        }
        self.news.push(polled);
        Ok(Vec::new())
    }

    pub fn until_owning(&mut self, partitions: usize) {
        let end = Instant::now() + PATIENCE;
        while self.owned.len() != partitions {
            let early = self.turn();
            self.early.extend(early);
            assert!(Instant::now() < end, "owns {:?} after {PATIENCE:?}, not {partitions}", self.owned);
        }
    }

    /// The next `count` records, and no others with them.
    pub fn take(&mut self, count: usize) -> Vec<Seen> {
        let taken = self.take_at_least(count);
        assert_eq!(taken.len(), count, "more came than were sent: {taken:?}");
        taken
    }

    pub fn take_at_least(&mut self, count: usize) -> Vec<Seen> {
        let end = Instant::now() + PATIENCE;
        let mut taken = std::mem::take(&mut self.early);
        while taken.len() < count {
            taken.extend(self.turn());
            assert!(Instant::now() < end, "only {} of {count} records: {taken:?}", taken.len());
        }
        taken
    }

    pub fn ends(&self) -> &[Partition] {
        self.batch.ends()
    }

    pub fn membership(&self) -> Membership {
        self.member.membership()
    }

    pub fn close(self) -> bus::Result<()> {
        self.member.close()
    }
}
