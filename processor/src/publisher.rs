//! Beside the applying thread: takes the rows that are ready and publishes them together with how far their inputs were
//! applied. While a publication runs, rows gather: under load publications grow instead of holding anything up.
//!
//! Invariant: epochs are read before the rows, and compared after they were sent: rows of an earlier owner never pass. Rows
//! below N are never taken. After any answer but committed this publisher's log is made anew, and N decides.

#[cfg(test)]
mod tests;

use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::{Aborted, BusError, Inputs, Membership, Outcome, Ownership as Verdict, Publication, Publisher, Row};

use crate::ProcessorError;
use crate::failpoint::{Point, Stopped};
use crate::metrics::Doing;
use crate::ownership::Epoch;
use crate::recovery;
use crate::shared::Shared;
use crate::store::Taken;
use crate::task::TaskId;
use crate::traces::Begun;

/// Of one publication; beyond, its last offset is finished and the rest waits for the next.
const PUBLICATION_BYTES_MAX: usize = 8 * 1024 * 1024;
/// In a row; beyond, somebody else has this instance's name.
const FENCES_MAX: u32 = 20;
/// How long a log that cannot be reached is left alone, and a group to find its order.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// The publishing half of a processor.
#[derive(Debug)]
pub struct Outbound {
    shared: Arc<Shared>,
    membership: Membership,
    standing: Standing,
    /// When input positions were committed last.
    committed_at: Instant,
    /// Whose rows are taken first, so that a busy task does not hold up the others.
    turn: usize,
    fences: Fences,
}

/// How often in a row this instance was fenced, and when last.
#[derive(Debug)]
struct Fences {
    count: u32,
    last: Instant,
}

#[derive(Debug)]
enum Standing {
    Ready(Box<dyn Publisher>),
    /// A new one has to be made, and N to be read.
    Spent,
    /// Not before then: the log could not be reached.
    SpentUntil(Instant),
    /// The group went on: this member will hear of it, or find that nothing of its own has changed. Or another process has
    /// this name; then it happens again and again.
    Fenced {
        until: Instant,
        changes: u64,
    },
}

/// What a turn did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    Nothing,
    /// Rows, or positions alone.
    Committed {
        rows: usize,
    },
    /// The publication was not committed, or not known to be.
    Undecided,
    /// A new publisher was made, and N read.
    Settled,
}

impl Outbound {
    pub(crate) fn new(
        shared: Arc<Shared>,
        publisher: Box<dyn Publisher>,
        membership: Membership,
        now: Instant,
    ) -> Self {
        Self {
            shared,
            membership,
            standing: Standing::Ready(publisher),
            committed_at: now,
            turn: 0,
            fences: Fences { count: 0, last: now },
        }
    }

    /// Publishes what is ready, or makes a new publisher where the last was spent.
    pub fn turn(&mut self, now: Instant) -> Result<Sent, ProcessorError> {
        let shared = Arc::clone(&self.shared);
        let _running = shared.ownership.publishing();
        match &self.standing {
            Standing::Ready(_) => self.publish(now),
            Standing::SpentUntil(then) if *then > now => Ok(Sent::Nothing),
            Standing::Fenced { changes, .. } if *changes != shared.ownership.changes() => self.settle(now),
            Standing::Fenced { until, .. } if *until > now => Ok(Sent::Nothing),
            Standing::Spent | Standing::SpentUntil(_) | Standing::Fenced { .. } => self.settle(now),
        }
    }

    /// Until rows were written or it is time to commit positions.
    pub fn wait(&self) {
        self.shared.ownership.wait(self.shared.settings.offsets_every.min(RETRY_AFTER));
    }

    fn publish(&mut self, now: Instant) -> Result<Sent, ProcessorError> {
        let (epochs, taken) = self.take(now)?;
        if taken.tasks.is_empty() {
            self.in_trouble(None);
            return Ok(Sent::Nothing);
        }
        self.shared.failpoints.hit(Point::RowsTaken)?;
        let changes = self.shared.ownership.changes();
        let began = Instant::now();
        let outcome = self.attempt(&epochs, &taken)?;
        self.shared.figures.publication(&outcome, began.elapsed(), taken.row_count());
        self.shared.failpoints.hit(Point::PublicationAnswered)?;
        let standing = match outcome {
            Outcome::Committed => {
                self.committed(&taken)?;
                self.committed_at = now;
                self.in_trouble(None);
                return Ok(Sent::Committed { rows: taken.row_count() });
            }
            Outcome::Fenced(error) => {
                self.count_fence(now, error)?;
                Standing::Fenced { until: now + RETRY_AFTER, changes }
            }
            Outcome::Aborted(Aborted::OwnershipChanged) => {
                tracing::info!("a publication was stopped: what it was of moved on");
                Standing::Spent
            }
            // Of rows that a topic will not take, the next one is as likely to fail as this one was.
            Outcome::Aborted(Aborted::Failed(error)) => {
                self.in_trouble(Some(&error));
                Standing::SpentUntil(now + RETRY_AFTER)
            }
            Outcome::Unknown(error) => {
                tracing::warn!(%error, "the answer to a publication was lost; the committed offsets will tell");
                Standing::Spent
            }
        };
        self.standing = standing;
        Ok(Sent::Undecided)
    }

    /// Epochs first: what is written after they were read is of these epochs or fails their check.
    fn take(&mut self, now: Instant) -> Result<(Vec<(TaskId, Epoch)>, Taken), ProcessorError> {
        let mut live: Vec<_> = self.shared.ownership.live().into_iter().collect();
        let mut taken = Taken::default();
        let offsets_due = now.saturating_duration_since(self.committed_at) >= self.shared.settings.offsets_every;
        if live.is_empty() || !(offsets_due || live.iter().any(|(_, live)| live.waiting_bytes > 0)) {
            return Ok((Vec::new(), taken));
        }
        self.turn = (self.turn + 1) % live.len();
        live.rotate_left(self.turn);
        let outgoing = self.shared.store.outgoing();
        for (task, live) in &live {
            outgoing.take(*task, live.published, PUBLICATION_BYTES_MAX, &mut taken)?;
        }
        let is_taken = |task: &TaskId| taken.tasks.iter().any(|taken| taken.task == *task);
        let epochs = live.iter().filter(|(task, _)| is_taken(task)).map(|(task, live)| (*task, live.epoch));
        Ok((epochs.collect(), taken))
    }

    fn attempt(&mut self, epochs: &[(TaskId, Epoch)], taken: &Taken) -> Result<Outcome, ProcessorError> {
        let Standing::Ready(publisher) = &mut self.standing else {
            unreachable!("invariant: only a ready publisher takes rows")
        };
        let stored = taken.stored(&self.shared.store)?;
        let rows: Vec<Row<'_>> = stored.iter().map(|stored| stored.row()).collect();
        let offsets: Vec<_> = taken.tasks.iter().map(|taken| (taken.task.input(), taken.next)).collect();
        let inputs = Some(Inputs { membership: &self.membership, offsets: &offsets });
        let headers = rows.iter().map(|row| row.headers.iter().copied());
        let span = Begun::of(self.shared.settings.spans.as_ref(), "publish", headers);
        let mut stopped: Option<Stopped> = None;
        let outcome = publisher.publish(&Publication { rows: &rows, inputs }, &mut || {
            if let Err(point) = self.shared.failpoints.hit(Point::OwnershipChecked) {
                stopped = Some(point);
                return Verdict::Changed;
            }
            self.shared.ownership.check(epochs)
        });
        if let Some(stopped) = stopped {
            return Err(stopped.into());
        }
        let outcome = outcome?;
        if let Some(span) = span {
            span.end(undone(&outcome));
        }
        Ok(outcome)
    }

    /// A rebalance fences whoever publishes in the midst of it, now and then. Another process of this name does it for as long
    /// as both run.
    fn count_fence(&mut self, now: Instant, error: BusError) -> Result<(), ProcessorError> {
        let is_new = now.saturating_duration_since(self.fences.last) > self.shared.settings.session_timeout * 2;
        self.fences = Fences { count: if is_new { 1 } else { self.fences.count + 1 }, last: now };
        if self.fences.count > FENCES_MAX {
            return Err(ProcessorError::Fenced { count: self.fences.count, source: error });
        }
        tracing::warn!(%error, "a publication was fenced; its rows wait for a new publisher");
        Ok(())
    }

    fn committed(&self, taken: &Taken) -> Result<(), ProcessorError> {
        self.shared.store.published(taken)?;
        for taken in &taken.tasks {
            self.shared.ownership.rows_published(taken.task, taken.next, taken.bytes);
        }
        Ok(self.shared.failpoints.hit(Point::RowsDeleted)?)
    }

    /// A new publisher first: it ends what an earlier one left open, and only then N is stable.
    fn settle(&mut self, now: Instant) -> Result<Sent, ProcessorError> {
        match self.try_settle() {
            Ok(publisher) => {
                self.standing = Standing::Ready(publisher);
                Ok(Sent::Settled)
            }
            Err(error) if error.is_passing() => {
                self.in_trouble(Some(&error));
                self.standing = Standing::SpentUntil(now + RETRY_AFTER);
                Ok(Sent::Nothing)
            }
            Err(error) => Err(error),
        }
    }

    /// Why nothing is published, for whoever looks; told once.
    fn in_trouble(&self, error: Option<&dyn Display>) {
        let is_news = self.shared.figures.trouble(Doing::Publishing, error.map(ToString::to_string));
        if let Some(error) = error.filter(|_| is_news) {
            tracing::warn!(%error, "nothing can be published; the rows wait, and it is tried again and again");
        }
    }

    fn try_settle(&self) -> Result<Box<dyn Publisher>, ProcessorError> {
        let publisher = self.shared.bus.publisher(&self.shared.settings.instance)?;
        self.shared.failpoints.hit(Point::PublisherReplaced)?;
        let tasks: Vec<TaskId> = self.shared.ownership.live().into_keys().collect();
        for (task, committed) in recovery::committed(&self.shared, &tasks)? {
            let (published, waiting_bytes) = recovery::settle(&self.shared, task, committed)?;
            self.shared.ownership.settled(task, published, waiting_bytes);
        }
        Ok(publisher)
    }
}

/// Why a publication was not committed, or is not known to be.
fn undone(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Committed => None,
        Outcome::Fenced(error) | Outcome::Unknown(error) => Some(error.to_string()),
        Outcome::Aborted(reason) => Some(format!("{reason:?}")),
    }
}
