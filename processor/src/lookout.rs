//! Looks, now and then, at what no record tells: where the inputs end, how long they are kept, and whether a lost state could
//! still be restored.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bus::Extent;
use contracts::canonical::Digest;
use contracts::topics::Keep;
use detection::limits::Limits;
use detection::plan::Plan;

use crate::ProcessorError;
use crate::checkpoint::{self, CheckpointError};
use crate::metrics::{Alarm, Checkpoint, Doing, Seen};
use crate::ownership::Epoch;
use crate::shared::Shared;
use crate::task::{Stage, TaskId};

pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long topics are kept is changed by people.
const ASK_EVERY: Duration = Duration::from_mins(1);
/// Who starts everything at once applies rules a moment later.
const LOOKS_WITHOUT_RULES: u32 = 3;
/// What whoever lost a disk has until input that is needed may go: to notice, and to restore.
pub const RESTORE_MARGIN: Duration = Duration::from_hours(1);

#[derive(Debug)]
pub(crate) struct Lookout {
    shared: Arc<Shared>,
    kept: BTreeMap<Stage, Keep>,
    asked_at: Option<Instant>,
    /// Of which assignments it is known what checkpoint they began with.
    known: BTreeMap<TaskId, Epoch>,
    /// Looks in a row at tasks that no rule set is in force for.
    without_rules: u32,
    /// The set without rules.
    nothing: Digest,
}

impl Lookout {
    pub fn new(shared: Arc<Shared>) -> Self {
        let nothing = Plan::nothing(Limits::default()).set.digest;
        Self { shared, kept: BTreeMap::new(), asked_at: None, known: BTreeMap::new(), without_rules: 0, nothing }
    }

    /// What cannot be seen now is seen later; that it cannot is told to whoever asks.
    pub fn turn(&mut self, now: Instant, time: SystemTime) {
        let looked = self.look(now, time);
        if let Err(error) = &looked {
            tracing::warn!(%error, "cannot look at the inputs; trying again");
        }
        self.shared.figures.trouble(Doing::Looking, looked.err().map(|error| error.to_string()));
    }

    fn look(&mut self, now: Instant, time: SystemTime) -> Result<(), ProcessorError> {
        let live = self.shared.ownership.live();
        if live.is_empty() {
            // Whoever has no task would not notice otherwise that the log is away.
            self.asked_at = None;
        }
        self.ask(now)?;
        self.known.retain(|task, _| live.contains_key(task));
        // A place that cannot be seen is asked once in a turn: every question may take its time.
        let mut unseen = false;
        for (task, live) in live {
            let extent = self.shared.bus.extent(&task.input())?;
            let found = if unseen { Ok(None) } else { self.first_checkpoint(task, live.epoch) };
            let found = found.unwrap_or_else(|error| {
                tracing::warn!(%error, "cannot see which checkpoints there are");
                unseen = true;
                None
            });
            let mut seen = Seen::default();
            self.shared.figures.see(task, |noted| {
                noted.extent = Some(extent);
                noted.checkpoint = noted.checkpoint.or(found);
                seen = *noted;
            });
            let alarm = self.alarm(task.stage, extent, seen.checkpoint, time);
            // Of checkpoints that could not be seen nothing is concluded.
            let is_known = seen.checkpoint.is_some() || self.known.contains_key(&task);
            if is_known && alarm != seen.alarm {
                tell(task, alarm);
                self.shared.figures.see(task, |noted| noted.alarm = alarm);
            }
        }
        self.look_for_rules();
        Ok(())
    }

    /// Told once: a deployment begins without rules, and somebody has to put them in force.
    fn look_for_rules(&mut self) {
        let live = self.shared.ownership.live();
        let is_without =
            live.values().filter_map(|live| live.standing).any(|standing| standing.rule_set == self.nothing);
        self.without_rules = if is_without { self.without_rules.saturating_add(1) } else { 0 };
        if self.without_rules == LOOKS_WITHOUT_RULES {
            tracing::warn!(
                "no rule set is in force: events are taken and no rule sees them; `tripline rules apply` puts one in force"
            );
        }
    }

    fn ask(&mut self, now: Instant) -> Result<(), ProcessorError> {
        if self.asked_at.is_some_and(|asked_at| now.saturating_duration_since(asked_at) < ASK_EVERY) {
            return Ok(());
        }
        let topics = self.shared.bus.topics()?;
        let kept = |stage: Stage| Some((stage, topics.iter().find(|topic| topic.name == stage.topic())?.keep));
        self.kept = Stage::ALL.into_iter().filter_map(kept).collect();
        self.asked_at = Some(now);
        Ok(())
    }

    /// What an earlier owner left; later ones are noted when they are written.
    fn first_checkpoint(&mut self, task: TaskId, epoch: Epoch) -> Result<Option<Checkpoint>, CheckpointError> {
        if self.known.get(&task) == Some(&epoch) {
            return Ok(None);
        }
        let newest = checkpoint::newest(&self.shared, task)?;
        self.known.insert(task, epoch);
        Ok(newest)
    }

    fn alarm(&self, stage: Stage, extent: Extent, newest: Option<Checkpoint>, time: SystemTime) -> Option<Alarm> {
        let every = self.shared.settings.checkpoints.as_ref().map(|_| self.shared.settings.checkpoint_every);
        alarm(self.kept.get(&stage).copied(), extent, newest, every, time)
    }
}

/// `every`: how often checkpoints are written, if they are.
fn alarm(
    kept: Option<Keep>,
    extent: Extent,
    newest: Option<Checkpoint>,
    every: Option<Duration>,
    time: SystemTime,
) -> Option<Alarm> {
    let is_whole = extent.earliest.0 == 0;
    match newest {
        None if !is_whole => return Some(Alarm::NoCheckpoint),
        Some(newest) if newest.at < extent.earliest => return Some(Alarm::InputGone),
        _ => {}
    }
    let Some(Keep::For(kept)) = kept else { return None };
    let age = newest.map(|newest| newest.age(time)).max(every)?;
    (kept < age + RESTORE_MARGIN).then_some(Alarm::KeptTooShort)
}

fn tell(task: TaskId, alarm: Option<Alarm>) {
    match alarm {
        None => tracing::info!(%task, "a lost state could be restored again"),
        Some(Alarm::NoCheckpoint) => {
            tracing::error!(%task, "the beginning of the input is gone and there is no checkpoint: a lost state could not be restored; \
                 set `processor.checkpoints`");
        }
        Some(Alarm::InputGone) => {
            tracing::error!(%task, "input after the newest checkpoint is gone: a lost state could not be restored; keep the input \
                 longer, and see why no newer checkpoint is written");
        }
        Some(Alarm::KeptTooShort) => {
            tracing::error!(%task, margin = ?RESTORE_MARGIN, "the input is kept for less than the age of the newest checkpoint and the \
                 time for a restore; keep it longer, or write checkpoints more often");
        }
    }
}

#[cfg(test)]
mod tests {
    use bus::Offset;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn an_alarm_says_that_a_lost_state_could_not_be_restored() {
        let time = SystemTime::UNIX_EPOCH + 100 * HOUR;
        let every = Some(Duration::from_mins(5));
        let extent = |earliest| Extent { earliest: Offset(earliest), end: Offset(1_000) };
        let newest = |at, age| Some(Checkpoint { at: Offset(at), bytes: 1, written_at: time - age });
        let day = Some(Keep::For(24 * HOUR));
        let check = |kept, extent, newest, every, expected: Option<Alarm>| {
            assert_eq!(alarm(kept, extent, newest, every, time), expected, "{kept:?} {extent:?} {newest:?}");
        };
        check(day, extent(0), None, every, None);
        check(day, extent(0), None, None, None);
        check(day, extent(1), None, every, Some(Alarm::NoCheckpoint));
        check(None, extent(1), None, None, Some(Alarm::NoCheckpoint));
        check(day, extent(10), newest(10, HOUR), every, None);
        check(day, extent(11), newest(10, HOUR), every, Some(Alarm::InputGone));
        check(day, extent(5), newest(10, 23 * HOUR), every, None);
        check(day, extent(5), newest(10, 23 * HOUR + Duration::from_secs(1)), every, Some(Alarm::KeptTooShort));
        check(Some(Keep::Forever), extent(5), newest(10, 99 * HOUR), every, None);
        check(Some(Keep::For(HOUR)), extent(0), None, every, Some(Alarm::KeptTooShort));
    }
}
