//! The table `[processor]`: what an operator may choose of that stage.
//!
//! Absent on purpose: going on without state that is lost. That is said once, by a flag, and not written down for ever.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use contracts::nearest::nearest;
use contracts::settings::{Reported, Table};

use super::checkpoints::{self, Checkpoints};
use crate::connection::S3Credentials;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Processor {
    pub group: String,
    /// Which kinds of task this process runs; in order, each once.
    pub stages: Vec<Task>,
    /// The state of all tasks.
    pub dir: PathBuf,
    pub checkpoints: Option<Checkpoints>,
    pub checkpoint_every: Duration,
    pub is_static: bool,
    pub session_timeout: Duration,
    pub tick_every: Duration,
    pub outbox_bytes_max: usize,
    pub hot_rows_bytes: usize,
    pub block_cache_bytes: usize,
    pub write_buffer_bytes: usize,
    pub open_files_max: i32,
    /// Health and metrics.
    pub listen: SocketAddr,
}

/// The kinds of task of a processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Task {
    Events,
    Matches,
    Risk,
}

impl Task {
    pub const WORDS: [(&str, Self); 3] = [("events", Self::Events), ("matches", Self::Matches), ("risk", Self::Risk)];

    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, task)| *task == self).expect("invariant: every kind has a word").0
    }
}

/// A broker's own bounds are 6 s and 30 min; who is slower to be missed than ten seconds holds its partitions up.
const SESSION_TIMEOUT: std::ops::RangeInclusive<Duration> = Duration::from_secs(6)..=Duration::from_secs(10);
const CHECKPOINT_EVERY: std::ops::RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_hours(24);
const TICK_EVERY: std::ops::RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_mins(1);

impl Processor {
    /// What stands when nothing is set; its state lies in `dir`.
    pub fn defaults(dir: &Path) -> Self {
        Self {
            group: "tripline-processor".to_owned(),
            stages: Task::WORDS.map(|(_, task)| task).to_vec(),
            dir: dir.join(STATE),
            checkpoints: None,
            checkpoint_every: Duration::from_mins(5),
            is_static: true,
            session_timeout: Duration::from_secs(8),
            tick_every: Duration::from_secs(1),
            outbox_bytes_max: 32 << 20,
            hot_rows_bytes: 32 << 20,
            block_cache_bytes: 8 << 20,
            write_buffer_bytes: 24 << 20,
            open_files_max: 128,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 7720)),
        }
    }
}

/// In the data directory.
const STATE: &str = "processor";

/// `data_dir`: of the whole process, if that is known.
pub(super) fn processor(
    table: &Table<'_>,
    data_dir: Result<&Path, Reported>,
    s3_credentials: Option<S3Credentials>,
) -> Result<Processor, Reported> {
    let defaults = Processor::defaults(data_dir.unwrap_or(Path::new("")));
    let in_memory = |bytes: u64| usize::try_from(bytes).expect("invariant: 64 GiB fit into a 64-bit address space");
    let size = |key: &str, from: u64, default: usize| table.size(key, from..=64 << 30).or(default as u64);

    let group = table.parsed("group", GROUP, parse_group, String::clone).or(defaults.group);
    let stages = table.parsed_list("stages", STAGES, parse_task, |task| task.word().to_owned()).or(defaults.stages);
    let dir = table.path("dir").or_from(defaults.dir, "`processor` in the data directory");
    let checkpoints = checkpoints::checkpoints(table, s3_credentials);
    let checkpoint_every = table.duration("checkpoint_every", CHECKPOINT_EVERY).or(defaults.checkpoint_every);
    let is_static = table.boolean("static_membership").or(defaults.is_static);
    let session_timeout = table.duration("session_timeout", SESSION_TIMEOUT).or(defaults.session_timeout);
    let tick_every = table.duration("tick_every", TICK_EVERY).or(defaults.tick_every);
    let outbox_bytes_max = size("outbox_bytes_max", 1 << 20, defaults.outbox_bytes_max);
    let hot_rows_bytes = size("hot_rows_bytes", 1 << 20, defaults.hot_rows_bytes);
    let block_cache_bytes = size("block_cache_bytes", 1 << 20, defaults.block_cache_bytes);
    let write_buffer_bytes = size("write_buffer_bytes", 4 << 20, defaults.write_buffer_bytes);
    let open_files_max = table.integer("open_files_max", 32..=1_000_000).or(defaults.open_files_max);
    let listen = table.parsed("listen", LISTEN, |text| text.parse().map_err(|_| None), SocketAddr::to_string);
    let listen = listen.or(defaults.listen);
    if table.is_set("checkpoint_every") && checkpoints == Ok(None) {
        let message = "it has no effect: `processor.checkpoints` names no place";
        return Err(table.contradiction("checkpoint_every", message));
    }
    data_dir?;
    Ok(Processor {
        group: group?,
        stages: once_each(table, stages?)?,
        dir: dir?,
        checkpoints: checkpoints?,
        checkpoint_every: checkpoint_every?,
        is_static: is_static?,
        session_timeout: session_timeout?,
        tick_every: tick_every?,
        outbox_bytes_max: in_memory(outbox_bytes_max?),
        hot_rows_bytes: in_memory(hot_rows_bytes?),
        block_cache_bytes: in_memory(block_cache_bytes?),
        write_buffer_bytes: in_memory(write_buffer_bytes?),
        open_files_max: open_files_max?,
        listen: listen?,
    })
}

const GROUP: &str = "a text of at most 249 bytes";
const STAGES: &str = "`events`, `matches` or `risk`";
const LISTEN: &str = "an address with a port, such as \"127.0.0.1:7720\"";

fn parse_group(text: &str) -> Result<String, Option<String>> {
    if (1..=249).contains(&text.len()) { Ok(text.to_owned()) } else { Err(None) }
}

fn parse_task(text: &str) -> Result<Task, Option<String>> {
    let words = Task::WORDS;
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, task)| *task);
    found.ok_or_else(|| nearest(text, words.map(|(word, _)| word)).map(|near| format!("did you mean \"{near}\"?")))
}

fn once_each(table: &Table<'_>, stages: Vec<Task>) -> Result<Vec<Task>, Reported> {
    let named = stages.len();
    let stages: BTreeSet<Task> = stages.into_iter().collect();
    if stages.len() < named {
        return Err(table.contradiction("stages", "it names one of them twice"));
    }
    Ok(stages.into_iter().collect())
}
