//! What a processor writes onto its own inputs: ticks, so that time goes on when nobody sends anything, and markers, so that
//! the input itself says where each command took effect.
//!
//! Written by the owner of a partition, outside of publications (an open one would hold back readers). One too many, by an
//! owner of before, does no harm: a tick says nothing but its append time, and a marker that is not for the next command is
//! passed over. The task of the partition takes both as it takes any record, at the same place in every replay.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use bus::{ErrorKind, Fate, Header, Producer, ProducerSettings, Row, To};
use contracts::avro::Framing;
use contracts::codec;
use contracts::draft::{Fill, event_from_json};
use contracts::id::EndpointId;
use contracts::owner_event::{MARKER, NO_ENDPOINT, TICK};
use contracts::record::Record as _;
use contracts::records::TelemetryEvent;
use contracts::time::Timestamp;

use crate::ProcessorError;
use crate::control::{Control, Follower, Given};
use crate::core::Standing;
use crate::metrics::Doing;
use crate::ownership::Epoch;
use crate::shared::Shared;
use crate::task::{Stage, TaskId};

/// How long a swap waits for its rule set to come onto the log; beyond, it takes effect, which is that it is refused.
const SET_PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether it has: each look reads all of `rule.sets.v1`.
const SET_LOOK_EVERY: Duration = Duration::from_secs(1);
/// Markers written in one turn for one task.
const MARKERS_MAX: usize = 100;

#[derive(Debug)]
pub struct Pulse {
    shared: Arc<Shared>,
    /// None: made again with the next row.
    producer: Option<Box<dyn Producer>>,
    /// None: made again with the next turn.
    follower: Option<Follower>,
    marked: BTreeMap<TaskId, Marked>,
    /// A marker was not taken by the log.
    is_missing: Arc<AtomicBool>,
    /// By the places of their swaps; no more than there are tasks.
    waiting_sets: BTreeMap<i64, WaitingSet>,
}

/// Up to where markers were written for a task, by the owner it had then.
#[derive(Debug, Clone, Copy)]
struct Marked {
    epoch: Epoch,
    passed: i64,
}

/// A rule set that a swap asks for and that is not on the log.
#[derive(Debug, Clone, Copy)]
struct WaitingSet {
    since: Instant,
    look_at: Instant,
}

impl Pulse {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            producer: None,
            follower: None,
            marked: BTreeMap::new(),
            is_missing: Arc::default(),
            waiting_sets: BTreeMap::new(),
        }
    }

    fn new_producer(&self) -> Result<Box<dyn Producer>, ProcessorError> {
        let missing = Arc::clone(&self.is_missing);
        let told = move |fate: Fate| {
            if let Err(error) = fate.result {
                tracing::warn!(%error, "a tick or a marker was not taken; it is written again");
                missing.store(true, Ordering::Release);
            }
        };
        Ok(self.shared.bus.producer(&ProducerSettings::default(), Box::new(told))?)
    }

    pub fn tick_every(&self) -> Duration {
        self.shared.settings.tick_every
    }

    /// A tick for each partition that is owned and whose stage goes by time. Answers how many.
    pub fn tick(&mut self) -> Result<usize, ProcessorError> {
        let live = self.shared.ownership.live();
        let ticking: Vec<TaskId> = live.into_keys().filter(|task| task.stage != Stage::Alerts).collect();
        for task in &ticking {
            self.send(*task, TICK, "{}")?;
        }
        self.shared.figures.ticks(ticking.len());
        Ok(ticking.len())
    }

    /// Waits for a command, at most this long.
    pub fn listen(&mut self, at_most: Duration) -> Result<(), ProcessorError> {
        let Some(control) = self.shared.cores.control() else {
            std::thread::sleep(at_most);
            return Ok(());
        };
        let mut follower = match self.follower.take() {
            Some(follower) => follower,
            None => Follower::new(control)?,
        };
        follower.listen(at_most)?;
        self.follower = Some(follower);
        Ok(())
    }

    /// Markers for all commands that were heard of, in each partition whose task has not taken them. Answers how many.
    pub fn mark(&mut self, now: Instant) -> Result<usize, ProcessorError> {
        let shared = Arc::clone(&self.shared);
        let Some(control) = shared.cores.control() else { return Ok(0) };
        if let Some(producer) = &mut self.producer {
            // What became of those before.
            producer.flush(Duration::ZERO)?;
        }
        if self.is_missing.swap(false, Ordering::AcqRel) {
            self.marked.clear();
        }
        let live = shared.ownership.live();
        self.marked.retain(|task, marked| live.get(task).is_some_and(|live| live.epoch == marked.epoch));
        let mut written = 0;
        let mut waits = BTreeSet::new();
        for (task, live) in live {
            let Some(Standing { passed, .. }) = live.standing else { continue };
            let mut marked = self.marked.get(&task).map_or(passed, |marked| marked.passed.max(passed));
            for _ in 0..MARKERS_MAX {
                let Some(given) = control.heard_after(marked)? else { break };
                if !self.is_ready(control, &given, now)? {
                    waits.insert(given.offset);
                    break;
                }
                self.send(task, MARKER, &given.marker().payload())?;
                marked = given.offset;
                written += 1;
            }
            self.marked.insert(task, Marked { epoch: live.epoch, passed: marked });
        }
        self.waiting_sets.retain(|offset, _| waits.contains(offset));
        Ok(written)
    }

    /// Waits for the log to have taken all that was written.
    pub fn flush(&mut self) -> Result<(), ProcessorError> {
        if let Some(producer) = &mut self.producer {
            producer.flush(ProducerSettings::default().patience)?;
        }
        Ok(())
    }

    /// What the last turn failed at, if it did; for whoever looks.
    pub(crate) fn in_trouble(&self, reason: Option<String>) {
        self.shared.figures.trouble(Doing::Pulsing, reason);
    }

    /// Its parts are written before a swap. Where they are not there, whoever commanded it has some time left.
    fn is_ready(&mut self, control: &Control, given: &Given, now: Instant) -> Result<bool, ProcessorError> {
        let Some(digest) = given.wants_set() else { return Ok(true) };
        let waiting = self.waiting_sets.get(&given.offset).copied();
        if let Some(WaitingSet { since, .. }) = waiting.filter(|waiting| now < waiting.look_at) {
            return Ok(now.duration_since(since) >= SET_PATIENCE);
        }
        match control.set(digest) {
            Err(error) if error.is_passing() => Err(error.into()),
            Ok(_) => Ok(true),
            Err(error) => {
                if waiting.is_none() {
                    tracing::warn!(%error, offset = given.offset, "a swap waits for its rule set");
                }
                let since = waiting.map_or(now, |waiting| waiting.since);
                self.waiting_sets.insert(given.offset, WaitingSet { since, look_at: now + SET_LOOK_EVERY });
                Ok(now.duration_since(since) >= SET_PATIENCE)
            }
        }
    }

    fn send(&mut self, task: TaskId, event_type: &str, payload: &str) -> Result<(), ProcessorError> {
        let topic = task.stage.topic();
        let framing = self.shared.settings.framings.of(topic, TelemetryEvent::NAME);
        let value = value(event_type, payload, framing);
        let headers = [Header { name: "content-type", value: codec::CONTENT_TYPE.as_bytes() }];
        let to = To::Partition { index: task.partition, key: Some(NO_ENDPOINT.as_bytes()) };
        let mut producer = match self.producer.take() {
            Some(producer) => producer,
            None => self.new_producer()?,
        };
        let sent = producer.send(&Row { topic, to, value: Some(&value), headers: &headers }, 0);
        if sent.as_ref().is_err_and(|error| error.kind() != ErrorKind::Unavailable) {
            // It may be of no use any more, and what it still held is gone with it.
            self.is_missing.store(true, Ordering::Release);
        } else {
            self.producer = Some(producer);
        }
        Ok(sent?)
    }
}

fn value(event_type: &str, payload: &str, framing: Framing) -> Vec<u8> {
    let text = format!(r#"{{"topic": "{event_type}", "payload": {payload}}}"#);
    let endpoint_id = EndpointId::new(NO_ENDPOINT);
    let fill = Fill { endpoint_id: &endpoint_id, now: now(), source: "processor", place: 0 };
    let event = event_from_json(text.as_bytes(), &fill).expect("invariant: what an owner says is an event");
    let mut value = Vec::new();
    codec::encode(&event, framing, &mut value).expect("invariant: what an owner says is short");
    value
}

/// For people who look at what the shell itself writes: tasks go by the time the log gives them.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let micros = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_micros(micros).unwrap_or(Timestamp::MAX)
}
