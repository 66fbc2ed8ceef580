//! The topology file, read.

use std::num::NonZeroU32;
use std::time::Duration;

use super::watching::{self, NAME};
use super::{LogKind, PARTITIONS_DEFAULT, Topology};
use crate::nearest::nearest;
use crate::settings::{Reported, Table, parse_duration, show_duration};
use crate::topics::{self, Compression, Declared, Keep, Partitioning, Topic};

/// Each partition costs files and memory on every broker that has it.
pub const PARTITIONS_MAX: u32 = 4_096;
pub const REPLICATION_MAX: u16 = 15;
/// Below this a reader that restarts finds its records gone.
pub const KEEP_TIME_MIN: Duration = Duration::from_mins(1);
pub const KEEP_TIME_MAX: Duration = Duration::from_hours(24 * 3_650);
/// Room for a few of the largest records.
pub const KEEP_BYTES_MIN: u64 = 16 << 20;
pub const KEEP_BYTES_MAX: u64 = 64 << 40;

const NAME_CHARS_MAX: usize = 64;

const COMPRESSIONS: [(&str, Compression); 3] =
    [("none", Compression::None), ("lz4", Compression::Lz4), ("zstd", Compression::Zstd)];

/// What stands for every topic that does not say otherwise.
#[derive(Clone, Copy)]
struct Defaults {
    partitions: NonZeroU32,
    replication: u16,
    compression: Compression,
}

pub(super) fn topology(root: &Table<'_>) -> Result<Topology, Reported> {
    let name = root.parsed("name", NAME, parse_name, String::clone).required();
    let rule_set = root.parsed("rule_set", NAME, parse_name, String::clone);
    let rule_set = match &name {
        Ok(name) => rule_set.or_from(name.clone(), "`name`"),
        Err(reported) => rule_set.optional().and(Err(*reported)),
    };
    let log = root.word("bus", &LogKind::WORDS).required();
    let omitted = root.parsed_list("omit", "topic names", parse_topic, |topic| topic.name.to_owned()).optional();
    let defaults = defaults(&root.table("defaults"), log);
    let table = root.table("topics");
    // Defaults that are wrong were reported; ours stand in, so that the topics are checked in the same run.
    let standing = defaults.unwrap_or_default();
    let read: Vec<_> =
        topics::ALL.iter().map(|row| (row, declared(&table.table(row.name), row, log, standing))).collect();
    let watchers = watching::watchers(root, &name);
    let escalation = watching::escalation(&root.table("escalation"));
    let tests = watching::tests(root);
    let omitted = omitted?.unwrap_or_default();
    for topic in omitted.iter().filter(|topic| table.table(topic.name).is_present()) {
        table.contradiction(topic.name, "the topic is left out by `omit`");
    }
    defaults?;
    let exists = |row: &Topic| !omitted.iter().any(|topic| topic.name == row.name);
    let topics =
        read.into_iter().filter(|(row, _)| exists(row)).map(|(_, declared)| declared).collect::<Result<_, _>>();
    Ok(Topology {
        name: name?,
        log: log?,
        topics: topics?,
        rule_set: rule_set?,
        watchers: watchers?,
        escalation: escalation?,
        tests: tests?,
    })
}

fn defaults(table: &Table<'_>, log: Result<LogKind, Reported>) -> Result<Defaults, Reported> {
    let ours = Defaults::default();
    let partitions = table.integer("partitions", 1..=PARTITIONS_MAX).or(ours.partitions.get());
    let replication = replication(table, log, ours.replication, "1");
    let compression = table.word("compression", &COMPRESSIONS).or(ours.compression);
    Ok(Defaults { partitions: at_least_one(partitions?), replication: replication?, compression: compression? })
}

fn declared(
    table: &Table<'_>,
    row: &Topic,
    log: Result<LogKind, Reported>,
    defaults: Defaults,
) -> Result<Declared, Reported> {
    let partitions = partitions(table, row, defaults.partitions);
    let replication = replication(table, log, defaults.replication, "`defaults.replication`");
    let keep = keep(table, row);
    let keep_bytes_max = keep_bytes_max(table, keep);
    let compression = table.word("compression", &COMPRESSIONS).or_from(defaults.compression, "`defaults.compression`");
    Ok(Declared {
        replication: replication?,
        keep: keep?,
        keep_bytes_max: keep_bytes_max?,
        compression: compression?,
        ..row.declare(partitions?)
    })
}

fn partitions(table: &Table<'_>, row: &Topic, default: NonZeroU32) -> Result<NonZeroU32, Reported> {
    let field = table.integer("partitions", 1..=PARTITIONS_MAX);
    if row.partitioning != Partitioning::Single {
        return field.or_from(default.get(), "`defaults.partitions`").map(at_least_one);
    }
    match field.or(1)? {
        1 => Ok(NonZeroU32::MIN),
        _ => Err(table.contradiction("partitions", "the order of all its records is the point: it has one partition")),
    }
}

fn replication(table: &Table<'_>, log: Result<LogKind, Reported>, default: u16, words: &str) -> Result<u16, Reported> {
    let replication = table.integer("replication", 1..=REPLICATION_MAX).or_from(default, words)?;
    if replication > 1 && log == Ok(LogKind::Embedded) && table.is_set("replication") {
        return Err(table.contradiction("replication", "the embedded log keeps one copy; only Kafka keeps more"));
    }
    Ok(replication)
}

fn keep(table: &Table<'_>, row: &Topic) -> Result<Keep, Reported> {
    let expected = "a duration such as \"7d\" (units ms, s, m, h, d) or \"forever\"";
    let keep = table.parsed("keep", expected, parse_keep, |keep| show_keep(*keep)).or(row.keep)?;
    let fixed = match row.keep {
        Keep::For(_) => return Ok(keep),
        Keep::NewestOfKey => "the topic is compacted: it keeps the newest record of each key, however old",
        Keep::Forever => "every record counts, from the first on: the topic keeps them for ever",
    };
    if keep == row.keep { Ok(keep) } else { Err(table.contradiction("keep", fixed)) }
}

fn keep_bytes_max(table: &Table<'_>, keep: Result<Keep, Reported>) -> Result<Option<u64>, Reported> {
    let bytes = table.size("keep_bytes_max", KEEP_BYTES_MIN..=KEEP_BYTES_MAX).optional()?;
    match (keep, bytes) {
        (Ok(Keep::NewestOfKey | Keep::Forever), Some(_)) => Err(table.contradiction(
            "keep_bytes_max",
            "only a topic that keeps its records for a time can drop them for their size",
        )),
        _ => Ok(bytes),
    }
}

impl Default for Defaults {
    fn default() -> Self {
        Self { partitions: PARTITIONS_DEFAULT, replication: 1, compression: Compression::Lz4 }
    }
}

fn at_least_one(partitions: u32) -> NonZeroU32 {
    NonZeroU32::new(partitions).expect("invariant: the range of partitions begins at 1")
}

pub(super) fn parse_name(text: &str) -> Result<String, Option<String>> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    match text.chars().find(|c| !legal(*c)) {
        Some(c) => Err(Some(format!("{c:?} is none"))),
        None if text.len() > NAME_CHARS_MAX => Err(Some(format!("at most {NAME_CHARS_MAX} of them"))),
        None => Ok(text.to_owned()),
    }
}

fn parse_topic(text: &str) -> Result<&'static Topic, Option<String>> {
    topics::find(text).ok_or_else(|| {
        nearest(text, topics::ALL.iter().map(|topic| topic.name)).map(|near| format!("did you mean \"{near}\"?"))
    })
}

fn parse_keep(text: &str) -> Result<Keep, Option<String>> {
    if text == "forever" {
        return Ok(Keep::Forever);
    }
    let time = parse_duration(text).ok_or(None)?;
    if (KEEP_TIME_MIN..=KEEP_TIME_MAX).contains(&time) {
        return Ok(Keep::For(time));
    }
    Err(Some(format!("from {} to {}", show_duration(KEEP_TIME_MIN), show_duration(KEEP_TIME_MAX))))
}

pub(super) fn show_keep(keep: Keep) -> String {
    match keep {
        Keep::For(time) => show_duration(time),
        Keep::NewestOfKey => "newest of each key".to_owned(),
        Keep::Forever => "forever".to_owned(),
    }
}

pub(super) fn show_compression(compression: Compression) -> &'static str {
    COMPRESSIONS.iter().find(|(_, known)| *known == compression).map_or("", |(word, _)| word)
}
