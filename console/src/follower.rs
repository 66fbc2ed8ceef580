//! The read model, kept up with the log while this process runs.
//!
//! Invariant: what [`Follower::ask`] answers has in it what the topics held when it was called, or says that it waited
//! [`CATCH_UP_MAX`] in vain: whoever was answered that a command is done sees what it did.
//!
//! A thread for each topic reads it from its beginning. A log that fails is read again after a while, from the beginning: the
//! model passes over what it has.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bus::{Batch, BatchLimit, BusError, Partition, Start, Until};
use contracts::codec::{DecodeError, Schemas};

use crate::Log;
use crate::log::partitions;
use crate::model::{self, CHANGES_MAX, Change, Model, What};
use crate::wire::view::{AlertSummary, ChangeJson};

/// How long an answer waits for records that are there and not yet taken.
const CATCH_UP_MAX: Duration = Duration::from_secs(2);
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(1);
const READ: BatchLimit = BatchLimit { records_max: 1_000, bytes_max: 1024 * 1024, wait: Duration::from_millis(100) };

#[derive(Debug)]
pub struct Follower {
    log: Arc<dyn Log>,
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Debug, Default)]
struct State {
    model: Model,
    /// The newest [`CHANGES_MAX`].
    changes: VecDeque<Change>,
    /// The number of the first of `changes`.
    first: u64,
    is_ending: bool,
}

/// Changes since a number, and the number to ask from the next time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    pub changes: Vec<ChangeJson>,
    pub next: u64,
}

/// Reads all that the topics hold now.
pub fn fold(log: &dyn Log, schemas: &dyn Schemas) -> Result<Model, FoldError> {
    let mut model = Model::default();
    for topic in model::TOPICS {
        follow(log, topic, Until::End, &mut |batch| {
            for record in batch.records() {
                model.take(&record, schemas)?;
            }
            Ok(true)
        })?;
    }
    Ok(model)
}

/// Why a topic cannot be read into the model.
#[derive(Debug, thiserror::Error)]
pub enum FoldError {
    #[error(transparent)]
    Log(#[from] BusError),
    #[error(transparent)]
    Schema(#[from] DecodeError),
}

impl Follower {
    pub fn start(log: Arc<dyn Log>, schemas: &Arc<dyn Schemas + Send + Sync>) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let threads = model::TOPICS.map(|topic| {
            let (log, schemas, shared) = (Arc::clone(&log), Arc::clone(schemas), Arc::clone(&shared));
            let name = format!("model {topic}");
            std::thread::Builder::new().name(name).spawn(move || shared.follow(&*log, &*schemas, topic))
        });
        let threads = threads.into_iter().collect::<Result<_, _>>()?;
        Ok(Self { log, shared, threads: Mutex::new(threads) })
    }

    /// Asks the model once it has what the topics hold now. Fails where the log does.
    pub fn ask<T>(&self, question: impl FnOnce(&Model) -> T) -> bus::Result<T> {
        let wanted = self.ends()?;
        let until = Instant::now() + CATCH_UP_MAX;
        let lags = |state: &mut State| {
            !state.is_ending && wanted.iter().any(|(partition, end)| state.model.position(partition) < *end)
        };
        let state = self.shared.lock();
        let left = until.saturating_duration_since(Instant::now());
        let (state, waited) = self.shared.news.wait_timeout_while(state, left, lags).expect(POISONED);
        if waited.timed_out() {
            tracing::debug!("the model lags behind its topics; it is asked all the same");
        }
        Ok(question(&state.model))
    }

    /// The number that the next change will have.
    pub fn next_change(&self) -> u64 {
        self.shared.lock().end()
    }

    /// Changes from that number on; waits for one, at most this long.
    pub fn changes(&self, from: u64, wait: Duration) -> Changes {
        let state = self.shared.lock();
        let nothing_new = |state: &mut State| !state.is_ending && state.end() <= from;
        let (state, _) = self.shared.news.wait_timeout_while(state, wait, nothing_new).expect(POISONED);
        let mut changes = Vec::new();
        let missed = state.first.saturating_sub(from);
        if missed > 0 {
            changes.push(missed_json(missed));
        }
        let known = usize::try_from(from.saturating_sub(state.first)).unwrap_or(usize::MAX);
        if state.changes.len() > known {
            let summaries = state.model.summaries();
            let alert = |change: &Change| summaries(&change.alert_id);
            changes.extend(state.changes.iter().skip(known).map(|change| json(change, alert(change))));
        }
        Changes { changes, next: state.end() }
    }

    /// Ends the threads and waits for them.
    pub fn end(&self) {
        self.shared.lock().is_ending = true;
        self.shared.news.notify_all();
        for thread in self.threads.lock().expect(POISONED).drain(..) {
            drop(thread.join());
        }
    }

    /// The partitions that hold something, and their ends.
    fn ends(&self) -> bus::Result<Vec<(Partition, u64)>> {
        let mut ends = Vec::new();
        for topic in model::TOPICS {
            // A log without the topic has nothing of it to tell.
            let Some(found) = known(partitions(&*self.log, topic))? else { continue };
            for partition in found {
                let extent = self.log.extent(&partition)?;
                if extent.earliest < extent.end {
                    ends.push((partition, extent.end.0));
                }
            }
        }
        Ok(ends)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.end();
    }
}

const POISONED: &str = "invariant: nobody panics while holding the model";

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect(POISONED)
    }

    fn follow(&self, log: &dyn Log, schemas: &dyn Schemas, topic: &str) {
        while !self.lock().is_ending {
            let mut take = |batch: &Batch| self.take(batch, schemas);
            match follow(log, topic, Until::Forever, &mut take) {
                Ok(()) => return,
                Err(FoldError::Log(BusError::UnknownTopic { .. })) => {}
                Err(error) => tracing::warn!(topic, %error, "the read model cannot read its topic; it tries again"),
            }
            let state = self.lock();
            let waited = self.news.wait_timeout_while(state, TRY_AGAIN_AFTER, |state| !state.is_ending);
            drop(waited.expect(POISONED));
        }
    }

    /// False once the end was asked for.
    fn take(&self, batch: &Batch, schemas: &dyn Schemas) -> Result<bool, FoldError> {
        let mut state = self.lock();
        for record in batch.records() {
            if let Some(change) = state.model.take(&record, schemas)? {
                state.push(change);
            }
        }
        let is_ending = state.is_ending;
        drop(state);
        if !batch.is_empty() {
            self.news.notify_all();
        }
        Ok(!is_ending)
    }
}

impl State {
    fn push(&mut self, change: Change) {
        if self.changes.len() == CHANGES_MAX {
            self.changes.pop_front();
            self.first += 1;
        }
        self.changes.push_back(change);
    }

    fn end(&self) -> u64 {
        self.first + self.changes.len() as u64
    }
}

/// Hands the batches of a topic over until there are no more or `take` says so.
fn follow(
    log: &dyn Log,
    topic: &str,
    until: Until,
    take: &mut dyn FnMut(&Batch) -> Result<bool, FoldError>,
) -> Result<(), FoldError> {
    let indexes: Vec<u32> = partitions(log, topic)?.iter().map(|partition| partition.index).collect();
    let mut reader = log.read(topic, &indexes, Start::Earliest, until)?;
    let mut batch = Batch::default();
    loop {
        let progress = reader.next(&mut batch, &READ)?;
        if !take(&batch)? || progress == bus::Progress::Done {
            return Ok(());
        }
    }
}

fn known<T>(result: bus::Result<T>) -> bus::Result<Option<T>> {
    match result {
        Err(BusError::UnknownTopic { .. }) => Ok(None),
        other => other.map(Some),
    }
}

fn json(change: &Change, alert: Option<AlertSummary>) -> ChangeJson {
    let (what, who, count) = match &change.what {
        What::Raised => ("raised", None, None),
        What::Escalated { target } => ("escalated", Some(target.clone()), None),
        What::Acknowledged { by } => ("acknowledged", Some(by.clone()), None),
        What::Resolved { by } => ("resolved", Some(by.clone()), None),
        What::HeldBack { count } => ("held_back", None, Some(*count)),
    };
    ChangeJson {
        what: what.to_owned(),
        at: Some(model::time(change.at)),
        alert_id: Some(change.alert_id.as_str().to_owned()),
        who,
        count,
        alert,
    }
}

fn missed_json(missed: u64) -> ChangeJson {
    let count = i64::try_from(missed).ok();
    ChangeJson { what: "missed".to_owned(), at: None, alert_id: None, who: None, count, alert: None }
}
