//! Publications: rows and input offsets in one Kafka transaction.
//!
//! Invariant: the order of [`KafkaPublisher::transact`], and that only an answer to the commit itself can be unknown.
//! Before the commit is asked for nothing can become visible, so every earlier failure is an abort or a fence.
//!
//! After anything but a commit the producer is dropped. librdkafka could go on after some aborts, but a new one with the
//! same id is the only state that is the same after every kind of failure.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::error::KafkaError;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};

use super::failure::{self, Doing};
use super::intake::{self, offset_of};
use super::link::{Context, Link};
use super::producer::{drain, enqueue, place_of};
use super::published::Published;
use super::query::Asker;
use super::settings::TRANSACTION_MAX;
use super::{Kafka, create, settings};
use crate::membership::Kind;
use crate::{
    Aborted, BusError, Inputs, Instance, Offset, Outcome, Ownership, Partition, Publication, Publisher, Result,
};

/// How long the coordinator may take to fence older producers of this id and to end their open transaction: that one's
/// timeout, the broker's scan for such at its default of 10 s, and room for a broker that restarts.
const READY_MAX: Duration = Duration::from_secs(30);
/// One try of it; between tries events are served.
const READY_TRY_MAX: Duration = Duration::from_millis(500);
/// Rows must be delivered and offsets taken before the broker aborts the transaction by itself.
const DELIVERY_MAX: Duration = TRANSACTION_MAX;
/// How long an answer to the commit is waited for. Beyond it, it is unknown.
const COMMIT_MAX: Duration = Duration::from_secs(15);
/// An abort is a courtesy to readers, who would else wait for the transaction's timeout.
const ABORT_MAX: Duration = Duration::from_secs(5);
/// Rows that librdkafka holds for one transaction; beyond, sending waits for deliveries.
const SERVE_EVERY_ROWS: usize = 256;

pub(super) struct KafkaPublisher {
    /// `None` once it is spent.
    producer: Option<BaseProducer<Context<Deliveries>>>,
    asker: Arc<Asker>,
    link: Arc<Link>,
    published: Arc<Published>,
    instance: Instance,
}

/// What became of the rows of one transaction.
#[derive(Debug, Default)]
pub(super) struct Deliveries(Mutex<Delivered>);

#[derive(Debug, Default)]
struct Delivered {
    /// The first row that was not taken.
    failed: Option<(KafkaError, Partition)>,
    /// Behind the last row of each partition.
    ends: Vec<(Partition, Offset)>,
}

/// Why a transaction was not committed. All but `Unanswered` are certain.
enum Stop {
    Changed,
    Fenced(String),
    Failed(BusError),
    Unanswered(String),
}

impl Kafka {
    pub(super) fn open_publisher(&self, instance: &Instance) -> Result<KafkaPublisher> {
        let link = self.new_link();
        let config = settings::publisher(&self.connection, instance.as_str());
        let producer: BaseProducer<_> = create(&config, &link, Deliveries::default())?;
        let publisher = KafkaPublisher {
            producer: None,
            asker: self.asker.clone(),
            link,
            published: self.published.clone(),
            instance: instance.clone(),
        };
        let deadline = Instant::now() + READY_MAX;
        loop {
            let Err(error) = producer.init_transactions(READY_TRY_MAX) else { break };
            producer.poll(Duration::ZERO);
            let is_denied = publisher.link.trouble().is_some_and(|trouble| trouble.is_final());
            if !can_retry(&error) || is_denied || Instant::now() >= deadline {
                return Err(publisher.explain(&error, "becoming the publisher of this instance"));
            }
        }
        Ok(KafkaPublisher { producer: Some(producer), ..publisher })
    }
}

impl Publisher for KafkaPublisher {
    fn publish(
        &mut self,
        publication: &Publication<'_>,
        still_owner: &mut dyn FnMut() -> Ownership,
    ) -> Result<Outcome> {
        if self.producer.is_none() {
            return Err(BusError::Spent);
        }
        // A row that no topic takes would abort this publication every time: it is refused while nothing is open.
        for row in publication.rows {
            row.check_size()?;
        }
        if publication.rows.is_empty() && publication.inputs.is_none_or(|inputs| inputs.offsets.is_empty()) {
            return Ok(Outcome::Committed);
        }
        let producer = self.producer.take().expect("invariant: looked at above");
        match self.transact(&producer, publication, still_owner) {
            Ok(()) => {
                self.published.note(std::mem::take(&mut delivered_of(&producer).ends));
                self.producer = Some(producer);
                Ok(Outcome::Committed)
            }
            Err(stop) => Ok(self.stopped(&producer, stop)),
        }
    }
}

impl KafkaPublisher {
    fn transact(
        &self,
        producer: &BaseProducer<Context<Deliveries>>,
        publication: &Publication<'_>,
        still_owner: &mut dyn FnMut() -> Ownership,
    ) -> std::result::Result<(), Stop> {
        let deadline = Instant::now() + DELIVERY_MAX;
        // Serves what came up while nothing was published: a token that is due, errors of idle connections.
        producer.poll(Duration::ZERO);
        producer.begin_transaction().map_err(|error| self.stop(&error, "beginning a transaction"))?;
        self.send_rows(producer, publication)?;
        match &publication.inputs {
            Some(inputs) => self.send_offsets(producer, inputs, still_owner)?,
            None => check(still_owner)?,
        }
        // A commit with deliveries outstanding costs 100 ms: drained first, under one.
        if drain(producer, deadline) > 0 {
            return Err(Stop::Failed(BusError::NotAcknowledged { waited: DELIVERY_MAX }));
        }
        self.delivered(producer)?;
        self.commit(producer)
    }

    fn send_rows(
        &self,
        producer: &BaseProducer<Context<Deliveries>>,
        publication: &Publication<'_>,
    ) -> std::result::Result<(), Stop> {
        for (index, row) in publication.rows.iter().enumerate() {
            if index % SERVE_EVERY_ROWS == SERVE_EVERY_ROWS - 1 {
                producer.poll(Duration::ZERO);
                self.delivered(producer)?;
            }
            enqueue(producer, row, || (), DELIVERY_MAX).map_err(|error| match error.rdkafka_error_code() {
                Some(code) if failure::is_fence(code) => Stop::Fenced(fatal_text(producer, &error)),
                _ => Stop::Failed(self.of_row(&error, &place_of(row))),
            })?;
        }
        Ok(())
    }

    /// The metadata is read first and ownership checked after: a process that slept through a rebalance has fresh
    /// metadata and old rows, and the broker takes both.
    fn send_offsets(
        &self,
        producer: &BaseProducer<Context<Deliveries>>,
        inputs: &Inputs<'_>,
        still_owner: &mut dyn FnMut() -> Ownership,
    ) -> std::result::Result<(), Stop> {
        let Kind::Kafka(membership) = &inputs.membership.0 else {
            return Err(Stop::Failed(BusError::ForeignMembership));
        };
        let metadata = membership.metadata().map_err(|error| self.stop(&error, "reading the group's metadata"))?;
        check(still_owner)?;
        if inputs.offsets.is_empty() {
            return Ok(());
        }
        // Offsets name the next record to take: last applied + 1.
        let offsets = intake::places(inputs.offsets.iter().map(|(partition, offset)| (partition, Some(*offset))))
            .map_err(Stop::Failed)?;
        producer
            .send_offsets_to_transaction(&offsets, &metadata, DELIVERY_MAX)
            .map_err(|error| self.stop(&error, "sending offsets"))
    }

    fn delivered(&self, producer: &BaseProducer<Context<Deliveries>>) -> std::result::Result<(), Stop> {
        let Some((error, to)) = delivered_of(producer).failed.take() else { return Ok(()) };
        match producer.client().fatal_error() {
            Some((code, reason)) if failure::is_fence(code) => Err(Stop::Fenced(reason)),
            _ if error.rdkafka_error_code().is_some_and(failure::is_fence) => Err(Stop::Fenced(error.to_string())),
            _ => Err(Stop::Failed(self.of_row(&error, &to))),
        }
    }

    fn of_row(&self, error: &KafkaError, to: &Partition) -> BusError {
        failure::of_row(error, &self.asker, &self.link, to, DELIVERY_MAX)
    }

    fn commit(&self, producer: &BaseProducer<Context<Deliveries>>) -> std::result::Result<(), Stop> {
        producer.poll(Duration::ZERO);
        let breaks_before = self.link.breaks();
        let Err(error) = producer.commit_transaction(COMMIT_MAX) else { return Ok(()) };
        producer.poll(Duration::ZERO);
        let was_asked_once = self.link.breaks() == breaks_before;
        let reason = fatal_text(producer, &error);
        match &error {
            // The broker's own word, and the first one: nothing of it was committed. After a broken connection the
            // same word may answer the second try of a commit whose first was carried out.
            KafkaError::Transaction(cause) if was_asked_once && failure::is_fence(cause.code()) => {
                Err(Stop::Fenced(reason))
            }
            KafkaError::Transaction(cause) if was_asked_once && cause.txn_requires_abort() => {
                Err(Stop::Failed(self.explain(&error, "committing")))
            }
            _ => Err(Stop::Unanswered(reason)),
        }
    }

    /// A failure before the commit.
    fn stop(&self, error: &KafkaError, what: &'static str) -> Stop {
        match error.rdkafka_error_code() {
            Some(code) if failure::is_fence(code) => Stop::Fenced(error.to_string()),
            _ => Stop::Failed(self.explain(error, what)),
        }
    }

    fn stopped(&self, producer: &BaseProducer<Context<Deliveries>>, stop: Stop) -> Outcome {
        let fenced = |reason| BusError::Fenced { instance: self.instance.as_str().to_owned(), reason };
        let outcome = match stop {
            Stop::Changed => Outcome::Aborted(Aborted::OwnershipChanged),
            Stop::Failed(error) => Outcome::Aborted(Aborted::Failed(error)),
            Stop::Fenced(reason) => Outcome::Fenced(fenced(reason)),
            // Nothing more is said to the broker: an abort could meet a commit that is being carried out.
            Stop::Unanswered(reason) => {
                return Outcome::Unknown(BusError::Unreachable { target: self.link.target.clone(), reason });
            }
        };
        // The abort waits for deliveries that are under way, and only our polling serves them.
        let deadline = Instant::now() + ABORT_MAX;
        drain(producer, deadline);
        if let Err(error) = producer.abort_transaction(deadline.saturating_duration_since(Instant::now())) {
            // Not an error of the caller's: the broker aborts it after its timeout, or the next publisher does.
            tracing::debug!(target: "kafka", instance = self.instance.as_str(), %error, "a transaction was left open");
        }
        outcome
    }

    fn explain(&self, error: &KafkaError, what: &'static str) -> BusError {
        match error.rdkafka_error_code() {
            Some(code) if failure::is_fence(code) => {
                BusError::Fenced { instance: self.instance.as_str().to_owned(), reason: error.to_string() }
            }
            _ => failure::of(error, &self.link, Doing::what(what)),
        }
    }
}

fn check(still_owner: &mut dyn FnMut() -> Ownership) -> std::result::Result<(), Stop> {
    match still_owner() {
        Ownership::Unchanged => Ok(()),
        Ownership::Changed => Err(Stop::Changed),
    }
}

fn can_retry(error: &KafkaError) -> bool {
    match error {
        KafkaError::Transaction(cause) => cause.is_retriable() || failure::mends_itself(cause.code()),
        _ => false,
    }
}

/// What made the producer useless, where it is; later calls only say that it is.
fn fatal_text(producer: &BaseProducer<Context<Deliveries>>, error: &KafkaError) -> String {
    producer.client().fatal_error().map_or_else(|| error.to_string(), |(_, reason)| reason)
}

impl ProducerContext for Context<Deliveries> {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let mut delivered = self.role.0.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(message) => delivered.reach(message),
            Err((error, message)) => {
                delivered.failed.get_or_insert_with(|| (error.clone(), partition_of(message)));
            }
        }
    }
}

impl Delivered {
    fn reach(&mut self, message: &impl Message) {
        let end = Offset(offset_of(message.offset()).0 + 1);
        let is_it = |(partition, _): &&mut (Partition, Offset)| {
            i64::from(partition.index) == i64::from(message.partition()) && *partition.topic == *message.topic()
        };
        match self.ends.iter_mut().rev().find(is_it) {
            Some((_, known)) => *known = end.max(*known),
            None => self.ends.push((partition_of(message), end)),
        }
    }
}

fn partition_of(message: &impl Message) -> Partition {
    Partition::new(message.topic(), u32::try_from(message.partition()).unwrap_or_default())
}

fn delivered_of(producer: &BaseProducer<Context<Deliveries>>) -> MutexGuard<'_, Delivered> {
    producer.context().role.0.lock().unwrap_or_else(PoisonError::into_inner)
}

impl std::fmt::Debug for KafkaPublisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaPublisher")
            .field("instance", &self.instance)
            .field("is_spent", &self.producer.is_none())
            .finish_non_exhaustive()
    }
}
