//! Ticks: a record in every partition whose state must go on when nobody sends anything.
//!
//! Written by the owner of a partition, outside of publications (an open one would hold back readers). One too many, by an
//! owner of before, does no harm: a tick says nothing but its append time, and the task of the partition takes it as it
//! takes any record, at the same place in every replay.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bus::{Fate, Header, Producer, ProducerSettings, Row, To};
use contracts::avro::Framing;
use contracts::codec;
use contracts::draft::{Fill, event_from_json};
use contracts::id::EndpointId;
use contracts::record::Record as _;
use contracts::records::TelemetryEvent;
use contracts::time::Timestamp;

use crate::ProcessorError;
use crate::shared::Shared;
use crate::task::{Stage, TaskId};

pub(crate) const TICK: &str = "system.tick";
/// Of records that tasks put on their own inputs; no endpoint has this name.
pub(crate) const NO_ENDPOINT: &str = "_";
const TEXT: &[u8] = br#"{"topic": "system.tick", "payload": {}}"#;

#[derive(Debug)]
pub struct Ticker {
    shared: Arc<Shared>,
    producer: Box<dyn Producer>,
}

impl Ticker {
    pub(crate) fn new(shared: Arc<Shared>) -> Result<Self, ProcessorError> {
        let told = |fate: Fate| {
            if let Err(error) = fate.result {
                tracing::warn!(%error, "a tick was not taken; the next one says the same");
            }
        };
        let producer = shared.bus.producer(&ProducerSettings::default(), Box::new(told))?;
        Ok(Self { shared, producer })
    }

    pub fn every(&self) -> Duration {
        self.shared.settings.tick_every
    }

    /// A tick for each partition that is owned and whose stage goes by time. Answers how many.
    pub fn turn(&mut self) -> Result<usize, ProcessorError> {
        let live = self.shared.ownership.live();
        let ticking: Vec<TaskId> = live.into_keys().filter(|task| task.stage != Stage::Alerts).collect();
        if ticking.is_empty() {
            return Ok(0);
        }
        let headers = [Header { name: "content-type", value: codec::CONTENT_TYPE.as_bytes() }];
        for task in &ticking {
            let topic = task.stage.topic();
            let framing = self.shared.settings.framings.of(topic, TelemetryEvent::NAME);
            let value = tick(framing);
            let to = To::Partition { index: task.partition, key: Some(NO_ENDPOINT.as_bytes()) };
            self.producer.send(&Row { topic, to, value: Some(&value), headers: &headers }, 0)?;
        }
        self.shared.figures.ticks(ticking.len());
        Ok(ticking.len())
    }

    /// Waits for the log to have taken them.
    pub fn flush(&mut self) -> Result<(), ProcessorError> {
        self.producer.flush(ProducerSettings::default().patience)?;
        Ok(())
    }
}

fn tick(framing: Framing) -> Vec<u8> {
    let endpoint_id = EndpointId::new(NO_ENDPOINT);
    let fill = Fill { endpoint_id: &endpoint_id, now: now(), source: "processor", place: 0 };
    let event = event_from_json(TEXT, &fill).expect("invariant: the text of a tick is an event");
    let mut value = Vec::new();
    codec::encode(&event, framing, &mut value).expect("invariant: a tick is short");
    value
}

/// For people who look at what the shell itself writes: tasks go by the time the log gives them.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(micros).unwrap_or(Timestamp::MAX)
}
