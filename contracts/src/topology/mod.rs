//! A deployment's topology: which log, which topics, how many partitions, what is kept; which rules watch, and tests of them.
//!
//! Invariants:
//! - every topic of [`topics::ALL`] exists unless the file leaves it out by name, and no other one does: a misspelt
//!   name is an error, not a new topic;
//! - what the table of topics fixes (the one partition of a total order, compaction, the whole of `control.v1`) cannot be
//!   set otherwise.
//!
//! Absent on purpose: how brokers are reached. That is configuration and differs from process to process.

mod file;
mod flow;
mod graph;
mod watching;

use std::num::NonZeroU32;

use crate::settings::{self, Input, Key, Problems};
use crate::topics::Declared;

pub use file::{KEEP_BYTES_MAX, KEEP_BYTES_MIN, KEEP_TIME_MAX, KEEP_TIME_MIN, PARTITIONS_MAX, REPLICATION_MAX};
pub use flow::{Flow, Party, flow};
pub use watching::{BUILT_IN, Escalation, Events, RuleSource, SILENCE_MAX, Test, Watcher};

/// Partitions of a topic whose number is free, where nothing says otherwise.
pub const PARTITIONS_DEFAULT: NonZeroU32 = NonZeroU32::new(4).expect("invariant: four is not zero");

/// The topology of `tripline up` without a file.
pub const SINGLE_NODE: &str = include_str!("../../../topologies/single-node.toml");

#[derive(Debug, Clone, PartialEq)]
pub struct Topology {
    pub name: String,
    pub log: LogKind,
    /// In the order of [`crate::topics::ALL`].
    pub topics: Vec<Declared>,
    /// The rule set's name.
    pub rule_set: String,
    /// One at least: without any in the file, one of the topology's name with the rules that come with the program.
    pub watchers: Vec<Watcher>,
    pub escalation: Escalation,
    pub tests: Vec<Test>,
}

/// Which log a topology is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogKind {
    Embedded,
    Kafka,
}

impl Topology {
    /// `name` is what the file is called in problems.
    pub fn parse(name: &str, text: &str) -> Result<Self, Problems> {
        settings::read(&Input::file(name, text), file::topology).map(|read| read.value)
    }

    /// `topologies/single-node.toml`, which is part of the program.
    pub fn single_node() -> Self {
        Self::parse("topologies/single-node.toml", SINGLE_NODE)
            .expect("invariant: a test parses every topology we ship")
    }

    /// The keys there are. Those of each topic stand under its name.
    pub fn all_keys() -> Vec<Key> {
        let least = "name = 'n'\nbus = 'kafka'\n[[watchers]]\nname = 'w'\nrules = ['built-in']\n\
                     [[tests]]\nname = 't'\nevents = []\nalerts = []";
        let read = settings::read(&Input::file("", least), file::topology);
        read.expect("invariant: no other key is required").keys
    }

    pub fn topic(&self, name: &str) -> Option<&Declared> {
        self.topics.iter().find(|topic| topic.name == name)
    }

    /// For people: each topic with its key, records, partitions and how long it keeps them, who writes and who reads it.
    pub fn plain(&self) -> String {
        graph::plain(self)
    }

    /// For Graphviz.
    pub fn dot(&self) -> String {
        graph::dot(self)
    }
}

impl LogKind {
    /// As files call them.
    pub const WORDS: [(&'static str, Self); 2] = [("embedded", Self::Embedded), ("kafka", Self::Kafka)];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Kafka => "kafka",
        }
    }
}
