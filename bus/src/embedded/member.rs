//! A member of a group: its place there, and its cursors in the partitions it owns.
//!
//! Invariant: records come only of partitions that were assigned, accepted and resumed; what the group has to say is said
//! before any further record, and said again until it is answered.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use super::cursor::{Cursor, Cursors, deadline};
use super::group::{Group, MemberId, News, Subscription};
use super::log::Log;
use crate::membership::Kind;
use crate::{
    Batch, BatchLimit, BusError, Instance, Member, MemberSettings, Membership, Offset, Partition, Polled, Result,
};

#[derive(Debug)]
pub(super) struct EmbeddedMember {
    log: Arc<Log>,
    instance: Instance,
    subscription: Subscription,
    place: Place,
    cursors: Cursors,
    standing: Standing,
}

/// Where a member stands in its group. Shared with its publisher, so that this reads what is true when it publishes.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    group: Arc<Mutex<Group>>,
    name: Arc<str>,
    id: Arc<AtomicU64>,
}

/// What the caller still has to answer.
#[derive(Debug)]
enum Standing {
    Settled,
    Assigned(Vec<Partition>),
    Revoked(Vec<Partition>),
    /// Dropped by the group; it joins again once this is answered.
    Lost(Vec<Partition>),
}

impl EmbeddedMember {
    pub fn join(log: Arc<Log>, settings: &MemberSettings) -> Result<Self> {
        let mut subscription = Subscription {
            static_instance: settings.is_static.then(|| settings.instance.clone()),
            partitions: std::collections::BTreeSet::new(),
            session_timeout: settings.session_timeout,
        };
        for name in &settings.topics {
            let topic = log.topic(name)?;
            let partitions = 0..topic.partition_count().get();
            subscription.partitions.extend(partitions.map(|index| Partition { topic: topic.name.clone(), index }));
        }
        let group = log.group(&settings.group)?;
        let id = lock(&group).join(subscription.clone(), Instant::now());
        log.news.raise();
        Ok(Self {
            log,
            instance: settings.instance.clone(),
            subscription,
            place: Place { group, name: settings.group.as_str().into(), id: Arc::new(AtomicU64::new(id.0)) },
            cursors: Cursors::default(),
            standing: Standing::Settled,
        })
    }

    fn poll_until(&mut self, deadline: Instant, batch: &mut Batch, limit: &BatchLimit) -> Result<Polled> {
        loop {
            let seen = self.log.news.seen();
            if let Some(news) = self.hear()? {
                return Ok(news);
            }
            if self.cursors.fill(&self.log, batch, limit)? || deadline <= Instant::now() {
                return Ok(Polled::Batch);
            }
            let expiry = self.place.lock().next_expiry();
            self.log.news.wait(seen, expiry.map_or(deadline, |expiry| expiry.min(deadline)));
        }
    }

    /// What the group has to say, first of all what it said before and was not answered.
    fn hear(&mut self) -> Result<Option<Polled>> {
        match &self.standing {
            Standing::Assigned(partitions) if !partitions.is_empty() => {
                return Ok(Some(Polled::Assigned(partitions.clone())));
            }
            Standing::Revoked(partitions) => return Ok(Some(Polled::Revoked(partitions.clone()))),
            Standing::Lost(partitions) => return Ok(Some(Polled::Lost(partitions.clone()))),
            Standing::Settled | Standing::Assigned(_) => self.standing = Standing::Settled,
        }
        let static_instance = self.subscription.static_instance.as_ref();
        let news = self.place.lock().enter(self.place.id(), static_instance, Instant::now());
        match news {
            News::Nothing => Ok(None),
            News::Assigned(partitions) => {
                self.standing = Standing::Assigned(partitions.clone());
                Ok(Some(Polled::Assigned(partitions)))
            }
            News::Revoked(partitions) => {
                self.standing = Standing::Revoked(partitions.clone());
                Ok(Some(Polled::Revoked(partitions)))
            }
            News::Dropped => Ok(self.dropped()),
            News::Replaced => Err(BusError::Fenced {
                instance: self.instance.as_str().to_owned(),
                reason: format!("a newer member of the group `{}` has its name", self.place.name),
            }),
        }
    }

    fn dropped(&mut self) -> Option<Polled> {
        let lost = self.cursors.partitions();
        self.cursors.clear();
        if lost.is_empty() {
            self.rejoin();
            return None;
        }
        self.standing = Standing::Lost(lost.clone());
        Some(Polled::Lost(lost))
    }

    fn rejoin(&mut self) {
        let id = self.place.lock().join(self.subscription.clone(), Instant::now());
        self.place.id.store(id.0, Ordering::SeqCst);
        self.log.news.raise();
    }

    fn cursor(&mut self, partition: &Partition) -> Result<&mut Cursor> {
        let not_assigned =
            || BusError::NotAssigned { partition: partition.clone(), group: self.place.name.to_string() };
        self.cursors.get_mut(partition).ok_or_else(not_assigned)
    }
}

impl Member for EmbeddedMember {
    fn poll(&mut self, batch: &mut Batch, limit: &BatchLimit) -> Result<Polled> {
        batch.clear();
        let polled = self.poll_until(deadline(limit), batch, limit);
        self.place.lock().rest(self.place.id(), Instant::now());
        polled
    }

    fn accept(&mut self, starts: &[(Partition, Offset)]) -> Result<()> {
        for (partition, start) in starts {
            let offered = matches!(&self.standing, Standing::Assigned(offered) if offered.contains(partition));
            if !offered {
                self.cursor(partition)?;
            }
            self.cursors.put(Cursor::new(&self.log, partition, *start, None)?.paused());
        }
        if matches!(self.standing, Standing::Assigned(_)) {
            self.standing = Standing::Settled;
        }
        Ok(())
    }

    fn release(&mut self, partitions: &[Partition]) -> Result<()> {
        for partition in partitions {
            self.cursors.remove(partition);
        }
        match &mut self.standing {
            Standing::Lost(waiting) => {
                waiting.retain(|partition| !partitions.contains(partition));
                if waiting.is_empty() {
                    self.standing = Standing::Settled;
                    self.rejoin();
                }
                return Ok(());
            }
            Standing::Revoked(waiting) => {
                waiting.retain(|partition| !partitions.contains(partition));
                if waiting.is_empty() {
                    self.standing = Standing::Settled;
                }
            }
            Standing::Settled | Standing::Assigned(_) => {}
        }
        self.place.lock().release(self.place.id(), partitions);
        self.log.news.raise();
        Ok(())
    }

    fn pause(&mut self, partitions: &[Partition]) -> Result<()> {
        partitions.iter().try_for_each(|partition| self.cursor(partition).map(Cursor::pause))
    }

    fn resume(&mut self, partitions: &[Partition]) -> Result<()> {
        partitions.iter().try_for_each(|partition| self.cursor(partition).map(Cursor::resume))
    }

    fn position(&self, partition: &Partition) -> Result<Offset> {
        let not_assigned =
            || BusError::NotAssigned { partition: partition.clone(), group: self.place.name.to_string() };
        self.cursors.get(partition).map(Cursor::position).ok_or_else(not_assigned)
    }

    fn membership(&self) -> Membership {
        Membership(Kind::Embedded(self.place.clone()))
    }

    fn close(self: Box<Self>) -> Result<()> {
        // Dropping it leaves the group.
        Ok(())
    }
}

impl Drop for EmbeddedMember {
    fn drop(&mut self) {
        self.place.lock().leave(self.place.id(), Instant::now());
        self.log.news.raise();
    }
}

impl Place {
    pub(super) fn id(&self) -> MemberId {
        MemberId(self.id.load(Ordering::SeqCst))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Group> {
        lock(&self.group)
    }

    pub(super) fn group_name(&self) -> &str {
        &self.name
    }
}

fn lock(group: &Mutex<Group>) -> MutexGuard<'_, Group> {
    group.lock().expect("invariant: the arithmetic of groups does not panic")
}
