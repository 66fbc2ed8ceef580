//! Topology files: those we ship, what they may say, and what they are drawn as.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use contracts::settings::{Key, show_duration, show_size};
use contracts::topics::{self, Compression, Declared, Keep, Partitioning};
use contracts::topology::{
    Events, KEEP_TIME_MIN, LogKind, PARTITIONS_MAX, Party, REPLICATION_MAX, RuleSource, Topology, Watcher, flow,
};
use proptest::prelude::*;

fn shipped() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../topologies");
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "toml"));
    files.sort();
    files
}

fn parse(text: &str) -> Topology {
    Topology::parse("t.toml", text).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn every_topology_we_ship_is_valid_and_called_as_its_file() {
    let files = shipped();
    assert!(files.len() >= 4);
    for path in files {
        let topology = parse(&fs::read_to_string(&path).unwrap());
        assert_eq!(Some(topology.name.as_str()), path.file_stem().and_then(|stem| stem.to_str()));
        assert_eq!(topology.topics.len(), topics::ALL.len(), "{}", path.display());
    }
    assert_eq!(Topology::single_node().name, "single-node");
}

#[test]
fn a_topology_that_says_nothing_has_every_topic_with_its_defaults() {
    let topology = parse("name = 'n'\nbus = 'embedded'");
    let expected: Vec<Declared> = topics::ALL.iter().map(|row| row.declare(NonZeroU32::new(4).unwrap())).collect();
    assert_eq!(topology.topics, expected);
}

#[test]
fn a_topology_without_a_watcher_runs_what_comes_with_the_program_under_its_own_name() {
    let topology = parse("name = 'n'\nbus = 'embedded'");
    let watcher = Watcher { name: "n".to_owned(), rules: vec![RuleSource::BuiltIn], subscriptions: Vec::new() };
    assert_eq!((topology.rule_set.as_str(), topology.watchers), ("n", vec![watcher]));
}

#[test]
fn what_stands_in_a_tree_is_json_in_the_order_of_the_file() {
    let text = r#"
name = 'n'
bus = 'embedded'
[[tests]]
name = 't'
alerts = []
[[tests.events]]
topic = "a"
payload = { z = +1, "a b" = [0xff, 1_000.50, -0.0, 1e3], t = 2026-01-01T00:00:00Z, s = "ä\t'", on = true }
"#;
    let Events::Inline(events) = &parse(text).tests[0].events else { panic!("they stand inline") };
    let expected = r#"{"topic":"a","payload":{"z":1,"a b":[255,1000.50,-0.0,1e3],"t":"2026-01-01T00:00:00Z","s":"ä\t'","on":true}}"#;
    assert_eq!(events[0].value.to_string(), expected);
    let payload = &events[0].spans.inner[1];
    let shown: Vec<&str> = payload
        .keys
        .iter()
        .chain(payload.inner.iter().map(|inner| &inner.span))
        .map(|span| &text[span.clone()])
        .collect();
    let places = [
        "z",
        "\"a b\"",
        "t",
        "s",
        "on",
        "+1",
        "[0xff, 1_000.50, -0.0, 1e3]",
        "2026-01-01T00:00:00Z",
        "\"ä\\t'\"",
        "true",
    ];
    assert_eq!(shown, places);
}

#[test]
fn a_topic_that_is_left_out_is_not_there() {
    let topology = parse("name = 'n'\nbus = 'kafka'\nomit = ['outcomes.v1', 'outcomes.v1', 'posture.v1']");
    assert_eq!(topology.topics.len(), topics::ALL.len() - 2);
    assert!(topology.topic("outcomes.v1").is_none() && topology.topic("alerts.v1").is_some());
}

#[test]
fn every_topic_has_a_name_that_kafka_takes_and_somebody_at_each_end() {
    for topic in &topics::ALL {
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        assert!(topic.name.len() <= 249 && topic.name.chars().all(legal), "{}", topic.name);
        assert!(!flow(topic).writers.is_empty() && !flow(topic).readers.is_empty(), "{}", topic.name);
    }
}

#[test]
fn the_drawings_are_as_reviewed() {
    let golden = |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/drawings").join(name);
    let topology = Topology::single_node();
    testbed::golden::check(&golden("single-node.txt"), &topology.plain());
    testbed::golden::check(&golden("single-node.dot"), &topology.dot());
    let text = fs::read_to_string(shipped().iter().find(|path| path.ends_with("production.toml")).unwrap()).unwrap();
    testbed::golden::check(&golden("production.txt"), &parse(&text).plain());
}

fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/topology.md")).unwrap()
}

/// The rows of the page's tables of that many columns, without the last `apart` ones.
fn documented(columns: usize, apart: usize) -> Vec<Vec<String>> {
    let cells = |line: &str| line.split(" | ").map(|cell| cell.trim_matches(['|', ' ']).to_owned()).collect();
    let rows = page().lines().filter(|line| line.starts_with("| `")).map(cells).collect::<Vec<Vec<String>>>();
    let of_table = rows.into_iter().filter(|cells| cells.len() == columns);
    of_table.map(|cells| cells[..columns - apart].to_vec()).collect()
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

#[test]
fn the_documentation_has_every_key_and_no_other() {
    let row = |key: &Key| {
        let of_a_topic = key.path.names().first().is_some_and(|first| first == "topics");
        let name = key.path.to_string().replace(topics::TELEMETRY_EVENTS, "NAME").replace("[0]", "[]");
        let default = match &key.default {
            _ if key.path.names().last().is_some_and(|last| last == "keep") => "below".to_owned(),
            Some(default) if of_a_topic || default.starts_with('`') => default.clone(),
            Some(default) => code(default),
            None => "none".to_owned(),
        };
        vec![code(&name), key.expected.clone(), default]
    };
    let is_of_another_topic =
        |key: &Key| topics::ALL[1..].iter().any(|topic| key.path.names().get(1).is_some_and(|name| name == topic.name));
    let mut expected: Vec<_> = Topology::all_keys().iter().filter(|key| !is_of_another_topic(key)).map(row).collect();
    let mut documented = documented(4, 1);
    expected.sort();
    documented.sort();
    assert_eq!(documented, expected);
}

#[test]
fn the_documentation_has_every_topic_as_it_is() {
    let keys = Topology::all_keys();
    let default = |topic: &topics::Topic, key: &str| {
        let key = keys.iter().find(|known| known.path.names()[1..] == [topic.name, key]);
        key.unwrap().default.clone().unwrap()
    };
    let parties = |parties: &[Party]| parties.iter().map(|party| party.as_str()).collect::<Vec<_>>().join(", ");
    let row = |topic: &topics::Topic| {
        let key = match topic.key {
            topics::Key::Field(name) | topics::Key::Derived(name) => name,
            topics::Key::None => "none",
        };
        let records = if topic.records.is_empty() { "JSON".to_owned() } else { topic.records.join(", ") };
        vec![
            code(topic.name),
            key.to_owned(),
            records,
            default(topic, "keep"),
            default(topic, "partitions"),
            parties(flow(topic).writers),
            parties(flow(topic).readers),
        ]
    };
    assert_eq!(documented(7, 0), topics::ALL.iter().map(row).collect::<Vec<_>>());
}

#[test]
fn the_example_of_the_documentation_is_valid() {
    let page = page();
    let example = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert_eq!(parse(example).topic("alerts.v1").unwrap().partitions.get(), 24);
}

/// What a file may say of one topic.
#[derive(Debug, Clone, Default)]
struct Said {
    partitions: Option<u32>,
    replication: Option<u16>,
    keep: Option<Keep>,
    keep_bytes_max: Option<u64>,
    compression: Option<Compression>,
}

fn compressions() -> impl Strategy<Value = Compression> {
    prop::sample::select(vec![Compression::None, Compression::Lz4, Compression::Zstd])
}

fn said() -> impl Strategy<Value = Said> {
    let time = (60_000..=3_650 * 86_400_000_u64).prop_map(|millis| Keep::For(Duration::from_millis(millis)));
    (
        prop::option::of(1..=PARTITIONS_MAX),
        prop::option::of(1..=REPLICATION_MAX),
        prop::option::of(prop_oneof![time, Just(Keep::Forever)]),
        prop::option::of((16_u64 << 20)..=(64 << 40)),
        prop::option::of(compressions()),
    )
        .prop_map(|(partitions, replication, keep, keep_bytes_max, compression)| Said {
            partitions,
            replication,
            keep,
            keep_bytes_max,
            compression,
        })
}

/// Leaves out what contradicts what is fixed for the topic.
fn sensible(topic: &topics::Topic, said: &Said) -> Said {
    let is_timed = matches!(topic.keep, Keep::For(_));
    let drops = is_timed && !matches!(said.keep, Some(Keep::Forever));
    Said {
        partitions: said.partitions.filter(|_| topic.partitioning != Partitioning::Single),
        keep: said.keep.filter(|_| is_timed),
        keep_bytes_max: said.keep_bytes_max.filter(|_| drops),
        ..said.clone()
    }
}

fn word(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "none",
        Compression::Lz4 => "lz4",
        Compression::Zstd => "zstd",
    }
}

fn write_said(out: &mut String, said: &Said) {
    if let Some(partitions) = said.partitions {
        writeln!(out, "partitions = {partitions}").unwrap();
    }
    if let Some(replication) = said.replication {
        writeln!(out, "replication = {replication}").unwrap();
    }
    match said.keep {
        Some(Keep::For(time)) => writeln!(out, "keep = '{}'", show_duration(time)).unwrap(),
        Some(Keep::Forever) => writeln!(out, "keep = 'forever'").unwrap(),
        Some(Keep::NewestOfKey) | None => {}
    }
    if let Some(bytes) = said.keep_bytes_max {
        writeln!(out, "keep_bytes_max = '{}'", show_size(bytes)).unwrap();
    }
    if let Some(compression) = said.compression {
        writeln!(out, "compression = '{}'", word(compression)).unwrap();
    }
}

proptest! {
    #[test]
    fn what_a_file_says_is_what_is_declared(
        defaults in said(),
        topics_said in prop::collection::btree_map(0..topics::ALL.len(), said(), 0..17),
    ) {
        let defaults = Said { keep: None, keep_bytes_max: None, ..defaults };
        let topics_said: BTreeMap<usize, Said> =
            topics_said.into_iter().map(|(index, said)| (index, sensible(&topics::ALL[index], &said))).collect();
        let mut text = "name = 'n'\nbus = 'kafka'\n[defaults]\n".to_owned();
        write_said(&mut text, &defaults);
        for (index, said) in &topics_said {
            writeln!(text, "[topics.'{}']", topics::ALL[*index].name).unwrap();
            write_said(&mut text, said);
        }
        let topology = parse(&text);
        prop_assert_eq!(topology.log, LogKind::Kafka);
        for (index, row) in topics::ALL.iter().enumerate() {
            let said = topics_said.get(&index).cloned().unwrap_or_default();
            let partitions = said.partitions.or(defaults.partitions).unwrap_or(4);
            let expected = Declared {
                replication: said.replication.or(defaults.replication).unwrap_or(1),
                keep: said.keep.unwrap_or(row.keep),
                keep_bytes_max: said.keep_bytes_max,
                compression: said.compression.or(defaults.compression).unwrap_or(Compression::Lz4),
                ..row.declare(NonZeroU32::new(partitions).unwrap())
            };
            prop_assert_eq!(&topology.topics[index], &expected);
        }
    }

    #[test]
    fn no_topology_keeps_less_than_a_restart_needs(millis in 0..120_000_u64) {
        let text = format!("name = 'n'\nbus = 'kafka'\n[topics.'alerts.v1']\nkeep = '{millis}ms'");
        let is_legal = Duration::from_millis(millis) >= KEEP_TIME_MIN;
        prop_assert_eq!(Topology::parse("t", &text).is_ok(), is_legal);
    }
}
