//! A small core in place of detection: what follows from a record depends on all records before it, on their append times and
//! on the order of rows of state, so that nothing can be lost, doubled or moved without being seen.

use std::collections::BTreeMap;

use bus::{Offset, Record, Row, To};
use contracts::topics::{ALERTS, DEAD_LETTERS, RULE_MATCHES, WATCHER_EVENTS};
use detection::view::View;
use processor::store::TaskState;
use processor::{Core, CoreError, Cores, Rows, Stage, TaskId};

/// The topics rows go to.
pub const OUTPUTS: [&str; 4] = [RULE_MATCHES, ALERTS, WATCHER_EVENTS, DEAD_LETTERS];

/// A row that follows: topic, key, value.
pub type Follows = (&'static str, Vec<u8>, Vec<u8>);

/// State, as the view and the oracle both have it.
pub trait State {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>>;
    fn set(&mut self, key: &[u8], value: Option<Vec<u8>>);
    /// The first row of group counts.
    fn least(&self) -> Option<(Vec<u8>, Vec<u8>)>;
}

const CHAIN: &[u8] = b"\x01";
const COUNT: u8 = 2;
const COUNT_END: u8 = 3;

/// Deterministic, and blind to nothing: FNV-1a over what was before and what came.
pub fn follow(task: TaskId, record: &Record<'_>, state: &mut dyn State) -> Vec<Follows> {
    let value = record.value.unwrap_or_default();
    let group = [&[COUNT], record.key.unwrap_or_default()].concat();
    let count = state.get(&group).map_or(0, number) + 1;
    let least = state.least().unwrap_or_default();
    let mut chain = state.get(CHAIN).map_or(0xcbf2_9ce4_8422_2325, number);
    let time = record.appended_at.micros().to_le_bytes();
    for byte in [value, &record.offset.0.to_le_bytes(), &time, &count.to_le_bytes(), &least.0, &least.1].concat() {
        chain = (chain ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    state.set(CHAIN, Some(chain.to_le_bytes().to_vec()));
    // Groups come and go.
    state.set(&group, (count < 5).then(|| count.to_le_bytes().to_vec()));
    let row = |number: usize, topic: &'static str| {
        let text = format!("{}|{}|{number}|{chain:016x}|{count}", task, record.offset);
        (topic, format!("g{}", chain >> 60).into_bytes(), text.into_bytes())
    };
    let topics: &[&str] = match (task.stage, chain >> 7 & 7) {
        (_, 0 | 1) => &[],
        (_, 2) => &[DEAD_LETTERS],
        (Stage::Events, 3 | 4) => &[RULE_MATCHES, WATCHER_EVENTS],
        (Stage::Events, 5) => &[ALERTS, WATCHER_EVENTS, RULE_MATCHES],
        (Stage::Matches, 3 | 4) => &[ALERTS],
        _ => &[WATCHER_EVENTS, WATCHER_EVENTS],
    };
    topics.iter().enumerate().map(|(number, topic)| row(number, topic)).collect()
}

fn number(bytes: Vec<u8>) -> u64 {
    u64::from_le_bytes(bytes.try_into().expect("eight bytes of ours"))
}

impl State for BTreeMap<Vec<u8>, Vec<u8>> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.get(key).cloned()
    }

    fn set(&mut self, key: &[u8], value: Option<Vec<u8>>) {
        match value {
            Some(value) => drop(self.insert(key.to_vec(), value)),
            None => drop(self.remove(key)),
        }
    }

    fn least(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let first = self.range(vec![COUNT]..vec![COUNT_END]).next();
        first.map(|(key, value)| (key.clone(), value.clone()))
    }
}

impl State for View<'_> {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        View::get(self, key).map(std::borrow::Cow::into_owned)
    }

    fn set(&mut self, key: &[u8], value: Option<Vec<u8>>) {
        match value {
            Some(value) => self.put(key, value),
            None => self.remove(key),
        }
    }

    fn least(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        self.first(&[COUNT], &[COUNT_END])
    }
}

#[derive(Debug)]
pub struct Standin;

#[derive(Debug)]
struct Following(TaskId);

impl Cores for Standin {
    fn core(&self, task: TaskId, _state: &TaskState<'_>) -> Result<Box<dyn Core>, CoreError> {
        Ok(Box::new(Following(task)))
    }
}

impl Core for Following {
    fn apply(&mut self, record: &Record<'_>, view: &mut View<'_>, rows: &mut Rows) -> Result<(), CoreError> {
        for (topic, key, value) in follow(self.0, record, view) {
            let row = Row { topic, to: To::Key(&key), value: Some(&value), headers: &[] };
            let offset: Offset = record.offset;
            rows.push(&row).map_err(|source| CoreError::Row { task: self.0, offset, source })?;
        }
        Ok(())
    }
}
