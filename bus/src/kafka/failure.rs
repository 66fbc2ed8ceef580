//! librdkafka's codes in the words of [`BusError`].
//!
//! Invariant: what a person can mend has a variant of its own; the rest keeps librdkafka's text as its reason.

use std::time::Duration;

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::link::Link;
use super::query::{self, Asker};
use crate::{BusError, Partition};

/// What was being done, for the message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Doing<'a> {
    pub what: &'static str,
    pub topic: Option<&'a str>,
}

impl<'a> Doing<'a> {
    pub fn on(what: &'static str, topic: &'a str) -> Self {
        Self { what, topic: Some(topic) }
    }
}

impl Doing<'static> {
    pub fn what(what: &'static str) -> Self {
        Self { what, topic: None }
    }
}

/// A failed call as an error.
pub(super) fn of(error: &KafkaError, link: &Link, doing: Doing<'_>) -> BusError {
    let code = match error {
        // The one kind whose code rdkafka keeps to itself.
        KafkaError::AdminOp(code) => Some(*code),
        other => other.rdkafka_error_code(),
    };
    match code {
        Some(code) => of_code(code, &error.to_string(), link, doing),
        None => BusError::Protocol { what: doing.what, reason: error.to_string() },
    }
}

pub(super) fn of_code(code: Code, reason: &str, link: &Link, doing: Doing<'_>) -> BusError {
    let target = || link.target.clone();
    match (code, doing.topic) {
        (code, Some(topic)) if is_unknown(code) => BusError::UnknownTopic { topic: topic.to_owned() },
        (Code::InvalidTopic, Some(topic)) => BusError::TopicName { name: topic.to_owned() },
        // The broker's word for a record without a key on a compacted topic; else a corrupt batch, which we do not send.
        (Code::InvalidRecord, Some(topic)) => BusError::KeyMissing { topic: topic.to_owned() },
        (Code::TopicAlreadyExists, Some(topic)) => BusError::TopicExists { topic: topic.to_owned() },
        (code, topic) if is_denial(code) => BusError::Denied {
            target: topic.map_or_else(target, |topic| format!("{} ({topic})", link.target)),
            reason: reason.to_owned(),
        },
        (code, _) if is_unreachable(code) => unreachable(link, reason),
        _ => BusError::Protocol { what: doing.what, reason: reason.to_owned() },
    }
}

/// Why nothing answers: what the connections said, else what the call said.
pub(super) fn unreachable(link: &Link, reason: &str) -> BusError {
    let target = link.target.clone();
    match link.trouble() {
        Some(trouble) if trouble.is_denial() => BusError::Denied { target, reason: trouble.reason },
        Some(trouble) => BusError::Unreachable { target, reason: trouble.reason },
        None => BusError::Unreachable { target, reason: reason.to_owned() },
    }
}

/// What became of a row that was not acknowledged.
pub(super) fn of_row(error: &KafkaError, asker: &Asker, link: &Link, to: &Partition, waited: Duration) -> BusError {
    match error.rdkafka_error_code() {
        Some(Code::QueueFull) => BusError::BufferFull { waited },
        Some(Code::MessageTimedOut | Code::PurgeQueue | Code::PurgeInflight | Code::OperationTimedOut) => {
            BusError::NotAcknowledged { waited }
        }
        // Of a partition or of the whole topic: only the topic's size tells.
        Some(Code::UnknownPartition) => match query::partitions_of(asker, link, &to.topic) {
            Ok(partitions) => BusError::UnknownPartition { partition: to.clone(), partitions },
            Err(error) => error,
        },
        _ => of(error, link, Doing::on("a row was not taken", &to.topic)),
    }
}

/// Whether another process, or the group, has taken our place.
pub(super) fn is_fence(code: Code) -> bool {
    matches!(
        code,
        Code::Fenced
            | Code::ProducerFenced
            | Code::InvalidProducerEpoch
            | Code::FencedInstanceId
            | Code::UnknownMemberId
            | Code::IllegalGeneration
            | Code::FencedMemberEpoch
            | Code::StaleMemberEpoch
    )
}

/// Whether librdkafka goes on by itself, so that a poll has nothing to report.
pub(super) fn mends_itself(code: Code) -> bool {
    is_unreachable(code)
        || matches!(
            code,
            Code::NotLeaderForPartition
                | Code::LeaderNotAvailable
                | Code::ReplicaNotAvailable
                | Code::FencedLeaderEpoch
                | Code::UnknownLeaderEpoch
                | Code::OffsetNotAvailable
                | Code::KafkaStorageError
                | Code::CoordinatorNotAvailable
                | Code::CoordinatorLoadInProgress
                | Code::NotCoordinator
                | Code::RebalanceInProgress
                | Code::WaitingForCoordinator
                | Code::UnstableOffsetCommit
                // The partitions come back as lost, by the next rebalance.
                | Code::PollExceeded
        )
}

pub(super) fn is_unknown(code: Code) -> bool {
    matches!(code, Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition)
}

pub(super) fn is_unreachable(code: Code) -> bool {
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::Resolve
            | Code::OperationTimedOut
            | Code::RequestTimedOut
            | Code::NetworkException
            | Code::BrokerNotAvailable
            | Code::SSL
            | Code::TimedOutQueue
            // Some brokers answered, and not all.
            | Code::Partial
    )
}

pub(super) fn is_denial(code: Code) -> bool {
    matches!(
        code,
        Code::Authentication
            | Code::SaslAuthenticationFailed
            | Code::TopicAuthorizationFailed
            | Code::GroupAuthorizationFailed
            | Code::ClusterAuthorizationFailed
            | Code::TransactionalIdAuthorizationFailed
            | Code::UnsupportedSASLMechanism
            | Code::IllegalSASLState
    )
}
