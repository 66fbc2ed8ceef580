//! A member of a consumer group: partitions come and go as values.
//!
//! Invariant: librdkafka's rebalance callback decides nothing. It writes down what happened, the poll that ran it returns
//! that, and `accept` or `release` carries it out: librdkafka pauses its partitions and waits for that call, while its
//! heartbeats go on. Its protocol has one change under way at a time, and none is lost: a member that is dropped
//! with an unanswered one answers it first, because closing would wait for that answer for ever.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, ConsumerGroupMetadata};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::types::RDKafkaRespErr;

use super::failure::{self, Doing};
use super::intake::{self, Intake, Interruption};
use super::link::{Context, Link, Plain};
use super::tracks::Track;
use super::{Kafka, create, query, settings};
use crate::{Batch, BatchLimit, BusError, Instance, Member, MemberSettings, Offset, Partition, Polled, Result};

/// Brokers to wake: partitions are spread over them, and the rest wakes within a second.
const WAKE_MAX: usize = 8;
const WAKE_WAIT: Duration = Duration::from_millis(50);

type MemberConsumer = BaseConsumer<Context<Rebalances>>;

pub(super) struct KafkaMember {
    consumer: Arc<MemberConsumer>,
    link: Arc<Link>,
    instance: Instance,
    intake: Intake,
    /// What the last poll answered and the caller has not dealt with yet.
    unanswered: Option<Change>,
    /// Once the group has put another in our place, it stays so.
    fenced: Option<String>,
}

/// What rebalance callbacks wrote down.
#[derive(Debug, Default)]
pub(super) struct Rebalances {
    changes: Mutex<VecDeque<(Change, Vec<Partition>)>>,
    /// From here on nobody polls for answers: callbacks give partitions back by themselves.
    closing: AtomicBool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Assigned,
    Revoked,
    Lost,
}

/// Asks a member for its place in the group. It holds no member alive: one that is gone has no place.
#[derive(Clone)]
pub struct Membership {
    consumer: Weak<MemberConsumer>,
    instance: Instance,
}

impl Kafka {
    pub(super) fn open_member(&self, settings: &MemberSettings) -> Result<KafkaMember> {
        // librdkafka would wait for topics that do not exist, and say so only by the way.
        for topic in &settings.topics {
            query::partitions_of(&self.asker, &self.link, topic)?;
        }
        let link = self.new_link();
        let config = settings::member(&self.connection, settings);
        let consumer: MemberConsumer = create(&config, &link, Rebalances::default())?;
        let topics: Vec<&str> = settings.topics.iter().map(String::as_str).collect();
        consumer.subscribe(&topics).map_err(|error| failure::of(&error, &link, Doing::what("joining a group")))?;
        Ok(KafkaMember {
            consumer: Arc::new(consumer),
            link,
            instance: settings.instance.clone(),
            intake: Intake::default(),
            unanswered: None,
            fenced: None,
        })
    }
}

impl Member for KafkaMember {
    fn poll(&mut self, batch: &mut Batch, limit: &BatchLimit) -> Result<Polled> {
        batch.clear();
        if let Some(reason) = &self.fenced {
            return Err(self.fenced_because(reason.clone()));
        }
        if let Some(polled) = self.next_change() {
            return Ok(polled);
        }
        let rebalances = &self.consumer.context().role;
        let filled =
            intake::fill(&self.consumer, &self.link, &mut self.intake, batch, limit, || rebalances.has_changes());
        match filled {
            Ok(()) => {}
            Err(Interruption::Failed(error)) => return Err(error),
            Err(Interruption::Fatal(code, reason)) => return Err(self.fatal(code, reason)),
        }
        // Records that came before a change are handed out before it.
        if batch.is_empty()
            && let Some(polled) = self.next_change()
        {
            return Ok(polled);
        }
        Ok(Polled::Batch)
    }

    fn accept(&mut self, starts: &[(Partition, Offset)]) -> Result<()> {
        let doing = Doing::what("taking assigned partitions");
        let places = intake::places(starts.iter().map(|(partition, offset)| (partition, Some(*offset))))?;
        self.consumer.incremental_assign(&places).map_err(|error| failure::of(&error, &self.link, doing))?;
        self.unanswered = None;
        // Before the first fetch can have an answer that would be handed out: they flow when the caller says so.
        self.consumer.pause(&places).map_err(|error| failure::of(&error, &self.link, doing))?;
        for (partition, offset) in starts {
            self.intake.tracks.add(Track::paused(partition.clone(), *offset));
        }
        Ok(())
    }

    fn release(&mut self, partitions: &[Partition]) -> Result<()> {
        let doing = Doing::what("giving partitions back");
        let list = intake::places(partitions.iter().map(|partition| (partition, None)))?;
        for partition in partitions {
            self.intake.tracks.remove(partition);
        }
        self.unanswered = None;
        self.consumer.incremental_unassign(&list).map_err(|error| failure::of(&error, &self.link, doing))
    }

    fn pause(&mut self, partitions: &[Partition]) -> Result<()> {
        let list = intake::places(partitions.iter().map(|partition| (partition, None)))?;
        self.consumer
            .pause(&list)
            .map_err(|error| failure::of(&error, &self.link, Doing::what("pausing partitions")))?;
        self.set_flow(partitions, false);
        Ok(())
    }

    fn resume(&mut self, partitions: &[Partition]) -> Result<()> {
        let list = intake::places(partitions.iter().map(|partition| (partition, None)))?;
        let is_idle = !self.intake.tracks.iter().any(|track| track.flows);
        self.consumer
            .resume(&list)
            .map_err(|error| failure::of(&error, &self.link, Doing::what("resuming partitions")))?;
        self.set_flow(partitions, true);
        if is_idle {
            self.wake(partitions);
        }
        Ok(())
    }

    fn position(&self, partition: &Partition) -> Result<Offset> {
        self.intake.tracks.get(partition).map(|track| track.next).ok_or_else(|| BusError::Protocol {
            what: "asking for the position of a partition that this member does not own",
            reason: partition.to_string(),
        })
    }

    fn membership(&self) -> crate::Membership {
        let membership = Membership { consumer: Arc::downgrade(&self.consumer), instance: self.instance.clone() };
        crate::Membership(crate::membership::Kind::Kafka(membership))
    }

    fn close(self: Box<Self>) -> Result<()> {
        drop(self);
        Ok(())
    }
}

impl KafkaMember {
    fn next_change(&mut self) -> Option<Polled> {
        let (change, partitions) = self.consumer.context().role.take()?;
        self.unanswered = Some(change);
        Some(match change {
            Change::Assigned => Polled::Assigned(partitions),
            Change::Revoked => Polled::Revoked(partitions),
            Change::Lost => Polled::Lost(partitions),
        })
    }

    /// With nothing to fetch, librdkafka's thread for a broker sleeps up to a second and a resumed partition does not
    /// wake it; a question to that broker does. The answer is of no interest.
    fn wake(&self, partitions: &[Partition]) {
        for partition in partitions.iter().take(WAKE_MAX) {
            let _ = self.consumer.fetch_watermarks(&partition.topic, intake::index_of(partition), WAKE_WAIT);
        }
    }

    fn set_flow(&mut self, partitions: &[Partition], flows: bool) {
        for partition in partitions {
            if let Some(track) = self.intake.tracks.get_mut(partition) {
                track.flows = flows;
            }
        }
    }

    fn fatal(&mut self, code: Code, reason: String) -> BusError {
        if failure::is_fence(code) {
            self.fenced = Some(reason.clone());
            return self.fenced_because(reason);
        }
        BusError::Protocol { what: "the group refuses this member", reason }
    }

    fn fenced_because(&self, reason: String) -> BusError {
        BusError::Fenced { instance: self.instance.as_str().to_owned(), reason }
    }
}

impl Drop for KafkaMember {
    fn drop(&mut self) {
        let rebalances = &self.consumer.context().role;
        rebalances.closing.store(true, Ordering::Release);
        let pending = self.unanswered.take().or_else(|| rebalances.take().map(|(change, _)| change));
        let answered = match pending {
            Some(Change::Assigned) => self.consumer.incremental_assign(&TopicPartitionList::new()),
            Some(Change::Revoked | Change::Lost) => {
                self.consumer.assignment().and_then(|all| self.consumer.incremental_unassign(&all))
            }
            None => Ok(()),
        };
        if let Err(error) = answered {
            tracing::debug!(target: "kafka", %error, "a rebalance was left unanswered at closing");
        }
    }
}

impl Rebalances {
    fn has_changes(&self) -> bool {
        !self.changes.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    fn take(&self) -> Option<(Change, Vec<Partition>)> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

impl ConsumerContext for Context<Plain> {}

impl ConsumerContext for Context<Rebalances> {
    fn rebalance(&self, consumer: &BaseConsumer<Self>, code: RDKafkaRespErr, list: &mut TopicPartitionList) {
        let change = match code {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Change::Assigned,
            _ if consumer.assignment_lost() => Change::Lost,
            _ => Change::Revoked,
        };
        if self.role.closing.load(Ordering::Acquire) {
            give_back(consumer, change, list);
            return;
        }
        let change = (change, intake::named(list));
        self.role.changes.lock().unwrap_or_else(PoisonError::into_inner).push_back(change);
    }

    fn commit_callback(&self, _result: KafkaResult<()>, _offsets: &TopicPartitionList) {}
}

fn give_back(consumer: &MemberConsumer, change: Change, list: &TopicPartitionList) {
    let done = match change {
        Change::Assigned => consumer.incremental_assign(&TopicPartitionList::new()),
        Change::Revoked | Change::Lost => consumer.incremental_unassign(list),
    };
    if let Err(error) = done {
        tracing::debug!(target: "kafka", %error, "closing: partitions were not given back");
    }
}

impl Membership {
    /// Read anew each time: it changes with every rebalance, and a stale one is refused.
    pub(super) fn metadata(&self) -> std::result::Result<ConsumerGroupMetadata, KafkaError> {
        self.consumer
            .upgrade()
            .and_then(|consumer| consumer.group_metadata())
            .ok_or(KafkaError::ConsumerCommit(Code::UnknownMemberId))
    }
}

impl std::fmt::Debug for Membership {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Membership").field("instance", &self.instance).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for KafkaMember {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaMember")
            .field("instance", &self.instance)
            .field("tracks", &self.intake.tracks)
            .field("unanswered", &self.unanswered)
            .finish_non_exhaustive()
    }
}
