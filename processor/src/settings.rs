//! What whoever runs a processor decides.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bus::config::{self, Checkpoints};
use bus::{BatchLimit, Instance};

use crate::framing::Framings;
use crate::store::Memory;
use crate::task::Stage;
use crate::traces::Spans;

/// The consumer group of all processors of a deployment, unless it is named otherwise.
pub const GROUP: &str = "tripline-processor";
/// Rows that wait to be published, in bytes; beyond, no more records are taken until half of them have gone.
pub const OUTBOX_BYTES_MAX: usize = 32 * 1024 * 1024;
/// How long records are applied in one turn. The tasks that have some share it, and each applies at least one; what is left is
/// applied in the next turns. In between the group is heard and others' records are polled.
pub const APPLY_MAX: Duration = Duration::from_millis(50);
/// How often input positions are committed when there are no rows.
pub const OFFSETS_EVERY: Duration = Duration::from_secs(1);
/// How often each owned partition is told that time goes on.
pub const TICK_EVERY: Duration = Duration::from_secs(1);
/// How often the state of each task is copied.
pub const CHECKPOINT_EVERY: Duration = Duration::from_mins(5);

#[derive(Debug, Clone)]
pub struct Settings {
    /// Unique among all processors: two of one name fence each other.
    pub instance: Instance,
    pub group: String,
    /// A static member keeps its partitions over a restart.
    pub is_static: bool,
    pub session_timeout: Duration,
    /// The kinds of tasks that run here.
    pub stages: Vec<Stage>,
    /// The state of all tasks.
    pub dir: PathBuf,
    pub memory: Memory,
    pub batch: BatchLimit,
    pub apply_max: Duration,
    pub outbox_bytes_max: usize,
    pub offsets_every: Duration,
    /// Where checkpoints go.
    pub checkpoints: Option<Checkpoints>,
    pub checkpoint_every: Duration,
    pub tick_every: Duration,
    pub framings: Framings,
    pub state_loss: StateLoss,
    /// Where spans go, if anywhere.
    pub spans: Option<Arc<dyn Spans>>,
}

/// What to do about a partition that was worked on before, with no state, no checkpoint and the beginning of its input gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateLoss {
    Refuse,
    /// Go on at N with no state. What windows held is forgotten.
    Accept,
}

impl Settings {
    /// As an operator configured it. What else there is keeps its default.
    pub fn of(instance: Instance, config: &config::Processor) -> Self {
        let stages = config.stages.iter().map(|task| match task {
            config::Task::Events => Stage::Events,
            config::Task::Matches => Stage::Matches,
            config::Task::Risk => Stage::Alerts,
        });
        Self {
            group: config.group.clone(),
            is_static: config.is_static,
            session_timeout: config.session_timeout,
            stages: stages.collect(),
            memory: Memory {
                hot_rows_bytes: config.hot_rows_bytes,
                block_cache_bytes: config.block_cache_bytes,
                write_buffer_bytes: config.write_buffer_bytes,
                open_files_max: config.open_files_max,
                ..Memory::default()
            },
            outbox_bytes_max: config.outbox_bytes_max,
            checkpoints: config.checkpoints.clone(),
            checkpoint_every: config.checkpoint_every,
            tick_every: config.tick_every,
            ..Self::new(instance, config.dir.clone())
        }
    }

    pub fn new(instance: Instance, dir: PathBuf) -> Self {
        Self {
            instance,
            group: GROUP.to_owned(),
            is_static: true,
            session_timeout: Duration::from_secs(8),
            stages: Stage::ALL.to_vec(),
            dir,
            memory: Memory::default(),
            batch: BatchLimit::default(),
            apply_max: APPLY_MAX,
            outbox_bytes_max: OUTBOX_BYTES_MAX,
            offsets_every: OFFSETS_EVERY,
            checkpoints: None,
            checkpoint_every: CHECKPOINT_EVERY,
            tick_every: TICK_EVERY,
            framings: Framings::default(),
            state_loss: StateLoss::Refuse,
            spans: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn what_is_documented_as_a_default_is_one() {
        let instance = Instance::new("p").unwrap();
        let configured = Settings::of(instance.clone(), &config::Processor::defaults(Path::new("/data")));
        let own = Settings::new(instance, PathBuf::from("/data/processor"));
        assert_eq!(format!("{configured:?}"), format!("{own:?}"));
    }
}
