//! Topics as declared against topics as found: what differs, and what of that can be mended in place.
//!
//! Invariant: the number of partitions never changes in place. Keys would land elsewhere, and the state of a partition
//! would no longer be the state of its keys.

use std::fmt;
use std::num::NonZeroU32;

use contracts::topics::{Compression, Declared, Keep, Partitioning};

use crate::{Bus, BusError, Result};

/// A topic as a log describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub name: String,
    pub partitions: NonZeroU32,
    pub replication: u16,
    pub keep: Keep,
    pub keep_bytes_max: Option<u64>,
    /// As the log names it, when it is none of [`Compression`].
    pub compression: std::result::Result<Compression, String>,
    /// Whether records carry the log's own time.
    pub append_time: bool,
    pub message_bytes_max: u32,
}

/// One way in which a topic is not as declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    Missing { topic: String },
    Partitions { topic: String, declared: NonZeroU32, found: NonZeroU32, partitioning: Partitioning },
    Setting { topic: String, setting: &'static str, declared: String, found: String },
}

/// Everything in which `found` is not as declared.
pub fn differences(declared: &Declared, found: Option<&Found>) -> Vec<Difference> {
    let topic = || declared.name.clone();
    let Some(found) = found else {
        return vec![Difference::Missing { topic: topic() }];
    };
    let mut differences = Vec::new();
    if declared.partitions != found.partitions {
        differences.push(Difference::Partitions {
            topic: topic(),
            declared: declared.partitions,
            found: found.partitions,
            partitioning: declared.partitioning,
        });
    }
    let settings = [
        ("copies", declared.replication.to_string(), found.replication.to_string()),
        ("keep", keep_text(declared.keep), keep_text(found.keep)),
        ("keep at most", bytes_text(declared.keep_bytes_max), bytes_text(found.keep_bytes_max)),
        ("compression", compression_text(&Ok(declared.compression)), compression_text(&found.compression)),
        ("time of a record", time_text(true), time_text(found.append_time)),
        (
            "largest record",
            bytes_text(Some(contracts::topics::MESSAGE_BYTES_MAX.into())),
            bytes_text(Some(found.message_bytes_max.into())),
        ),
    ];
    differences.extend(
        settings
            .into_iter()
            .filter(|(_, declared, found)| declared != found)
            .map(|(setting, declared, found)| Difference::Setting { topic: topic(), setting, declared, found }),
    );
    differences
}

/// Makes what is missing and mends what can be mended; answers what was different before. A partition count that
/// differs is refused before anything is touched.
pub fn apply(bus: &dyn Bus, topics: &[Declared]) -> Result<Vec<Difference>> {
    let existing = bus.topics()?;
    let compared: Vec<(&Declared, Vec<Difference>)> = topics
        .iter()
        .map(|declared| (declared, differences(declared, existing.iter().find(|found| found.name == declared.name))))
        .collect();
    for difference in compared.iter().flat_map(|(_, differences)| differences) {
        if let Difference::Partitions { topic, declared, found, .. } = difference {
            return Err(BusError::PartitionsFixed {
                topic: topic.clone(),
                declared: declared.get(),
                found: found.get(),
            });
        }
    }
    for (declared, differences) in &compared {
        match differences.first() {
            None => {}
            Some(Difference::Missing { .. }) => bus.create(declared)?,
            Some(_) => bus.alter(declared)?,
        }
    }
    Ok(compared.into_iter().flat_map(|(_, differences)| differences).collect())
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { topic } => write!(f, "{topic}: missing"),
            Self::Partitions { topic, declared, found, .. } => {
                write!(f, "{topic}: {found} partitions, {declared} declared; the number cannot change in place")
            }
            Self::Setting { topic, setting, declared, found } => {
                write!(f, "{topic}: {setting} is {found}, {declared} declared")
            }
        }
    }
}

fn keep_text(keep: Keep) -> String {
    match keep {
        Keep::For(time) => format!("{} ms", time.as_millis()),
        Keep::NewestOfKey => "the newest of each key".to_owned(),
        Keep::Forever => "for ever".to_owned(),
    }
}

fn bytes_text(bytes: Option<u64>) -> String {
    bytes.map_or_else(|| "no bound".to_owned(), |bytes| format!("{bytes} bytes"))
}

fn compression_text(compression: &std::result::Result<Compression, String>) -> String {
    match compression {
        Ok(Compression::None) => "none".to_owned(),
        Ok(Compression::Lz4) => "lz4".to_owned(),
        Ok(Compression::Zstd) => "zstd".to_owned(),
        Err(other) => other.clone(),
    }
}

fn time_text(append_time: bool) -> String {
    if append_time { "its appending".to_owned() } else { "what its producer says".to_owned() }
}
