//! The JSON of the API. Records are not here: their JSON face is `contracts`'.
//!
//! Invariant: names are contract; fields may be added, and readers pass over what they do not know.

use std::num::NonZeroU32;
use std::time::Duration;

use bus::{ErrorKind, Found};
use contracts::topics::{Compression, Declared, Keep, Partitioning};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
pub struct ErrorBody {
    pub error: ErrorJson,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorJson {
    /// One of [`ErrorKind`]'s names.
    pub kind: String,
    pub message: String,
}

impl ErrorJson {
    pub fn new(kind: ErrorKind, message: &(impl ToString + ?Sized)) -> Self {
        Self { kind: kind.as_str().to_owned(), message: message.to_string() }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Health {
    pub status: String,
    pub version: String,
    pub pid: u32,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Topics {
    pub topics: Vec<TopicJson>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct TopicJson {
    pub name: String,
    pub partitions: NonZeroU32,
    pub replication: u16,
    pub keep: KeepJson,
    pub keep_bytes_max: Option<u64>,
    /// `none`, `lz4`, `zstd`, or what else the log calls it.
    pub compression: String,
    pub append_time: bool,
    pub message_bytes_max: u32,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeepJson {
    ForMs(u64),
    NewestOfKey,
    Forever,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Topology {
    pub topics: Vec<DeclaredJson>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredJson {
    pub name: String,
    pub partitions: NonZeroU32,
    pub replication: u16,
    pub keep: KeepJson,
    pub keep_bytes_max: Option<u64>,
    pub compression: CompressionJson,
    pub partitioning: PartitioningJson,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CompressionJson {
    None,
    Lz4,
    Zstd,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartitioningJson {
    Stateful,
    Free,
    Single,
}

/// What was different before, as sentences.
#[derive(Debug, Serialize, Deserialize)]
pub struct Applied {
    pub differences: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Extents {
    pub extents: Vec<ExtentJson>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct ExtentJson {
    pub topic: String,
    pub partition: u32,
    pub earliest: u64,
    pub end: u64,
}

/// One fate for each row, in their order.
#[derive(Debug, Serialize, Deserialize)]
pub struct Fates {
    pub fates: Vec<FateJson>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FateJson {
    Stored { partition: u32, offset: u64 },
    Lost { error: ErrorJson },
}

/// What became of posted events; a result for each line that was not blank.
#[derive(Debug, Serialize, Deserialize)]
pub struct Accepted {
    pub accepted: u64,
    pub refused: u64,
    pub results: Vec<LineResult>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct LineResult {
    pub line: u64,
    #[serde(flatten)]
    pub outcome: LineOutcome,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LineOutcome {
    Stored { event_id: String, partition: u32, offset: u64 },
    Refused { error: ErrorJson },
}

impl From<&Found> for TopicJson {
    fn from(found: &Found) -> Self {
        Self {
            name: found.name.clone(),
            partitions: found.partitions,
            replication: found.replication,
            keep: found.keep.into(),
            keep_bytes_max: found.keep_bytes_max,
            compression: match &found.compression {
                Ok(Compression::None) => "none".to_owned(),
                Ok(Compression::Lz4) => "lz4".to_owned(),
                Ok(Compression::Zstd) => "zstd".to_owned(),
                Err(other) => other.clone(),
            },
            append_time: found.append_time,
            message_bytes_max: found.message_bytes_max,
        }
    }
}

impl From<TopicJson> for Found {
    fn from(topic: TopicJson) -> Self {
        Self {
            name: topic.name,
            partitions: topic.partitions,
            replication: topic.replication,
            keep: topic.keep.into(),
            keep_bytes_max: topic.keep_bytes_max,
            compression: match topic.compression.as_str() {
                "none" => Ok(Compression::None),
                "lz4" => Ok(Compression::Lz4),
                "zstd" => Ok(Compression::Zstd),
                _ => Err(topic.compression),
            },
            append_time: topic.append_time,
            message_bytes_max: topic.message_bytes_max,
        }
    }
}

impl From<&Declared> for DeclaredJson {
    fn from(declared: &Declared) -> Self {
        Self {
            name: declared.name.clone(),
            partitions: declared.partitions,
            replication: declared.replication,
            keep: declared.keep.into(),
            keep_bytes_max: declared.keep_bytes_max,
            compression: match declared.compression {
                Compression::None => CompressionJson::None,
                Compression::Lz4 => CompressionJson::Lz4,
                Compression::Zstd => CompressionJson::Zstd,
            },
            partitioning: match declared.partitioning {
                Partitioning::Stateful => PartitioningJson::Stateful,
                Partitioning::Free => PartitioningJson::Free,
                Partitioning::Single => PartitioningJson::Single,
            },
        }
    }
}

impl From<DeclaredJson> for Declared {
    fn from(declared: DeclaredJson) -> Self {
        Self {
            name: declared.name,
            partitions: declared.partitions,
            replication: declared.replication,
            keep: declared.keep.into(),
            keep_bytes_max: declared.keep_bytes_max,
            compression: match declared.compression {
                CompressionJson::None => Compression::None,
                CompressionJson::Lz4 => Compression::Lz4,
                CompressionJson::Zstd => Compression::Zstd,
            },
            partitioning: match declared.partitioning {
                PartitioningJson::Stateful => Partitioning::Stateful,
                PartitioningJson::Free => Partitioning::Free,
                PartitioningJson::Single => Partitioning::Single,
            },
        }
    }
}

impl From<Keep> for KeepJson {
    fn from(keep: Keep) -> Self {
        match keep {
            Keep::For(time) => Self::ForMs(u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
            Keep::NewestOfKey => Self::NewestOfKey,
            Keep::Forever => Self::Forever,
        }
    }
}

impl From<KeepJson> for Keep {
    fn from(keep: KeepJson) -> Self {
        match keep {
            KeepJson::ForMs(ms) => Self::For(Duration::from_millis(ms)),
            KeepJson::NewestOfKey => Self::NewestOfKey,
            KeepJson::Forever => Self::Forever,
        }
    }
}
