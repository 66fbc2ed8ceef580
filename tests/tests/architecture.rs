//! The arrows between crates, and the purity of the pure ones, over `cargo metadata`.
//!
//! The rules are functions over a [`Graph`]; the first tests feed them the repository, the others graphs that must be refused.
//! `clippy.toml` of a pure crate bans what the standard library offers; clippy enforces it, here it is only seen to be there.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use cargo_metadata::{DependencyKind, MetadataCommand};

const PURE: &[&str] = &["contracts", "detection", "response"];

/// From bottom to top: a crate imports crates of lower layers only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    Contracts,
    Core,
    Stage,
    Cli,
    /// Imports nothing of ours, and only tools link it; for everybody else it is a dev-dependency.
    Testbed,
    Tool,
}

const LAYERS: &[(&str, Layer)] = &[
    ("contracts", Layer::Contracts),
    ("detection", Layer::Core),
    ("response", Layer::Core),
    ("bus", Layer::Core),
    ("collector", Layer::Stage),
    ("processor", Layer::Stage),
    ("actuator", Layer::Stage),
    ("console", Layer::Stage),
    ("cli", Layer::Cli),
    ("testbed", Layer::Testbed),
    ("xtask", Layer::Tool),
    ("bench", Layer::Tool),
];

/// Who may import these directly: one crate knows a broker, and few know the store.
const OWNERS: &[(&str, &[&str])] =
    &[("rdkafka", &["bus", "bench"]), ("rocksdb", &["bus", "processor", "bench"]), ("axum", &["console", "processor"])];

/// Clocks, randomness, I/O, threads, other people's hash maps: nothing a pure crate may reach, however far down.
const IMPURE: &[&str] = &[
    "ahash",
    "async-io",
    "axum",
    "chrono",
    "crossbeam-channel",
    "fastrand",
    "getrandom",
    "hashbrown",
    "hyper",
    "jiff",
    "librocksdb-sys",
    "mio",
    "nix",
    "rand",
    "rand_core",
    "rayon",
    "rdkafka",
    "rdkafka-sys",
    "reqwest",
    "rocksdb",
    "rustix",
    "signal-hook",
    "socket2",
    "tempfile",
    "time",
    "tokio",
    "tracing",
    "ureq",
];

/// Arrows to impure crates that are there all the same, each with the reason why it does no harm.
const TOLERATED: &[(&str, &str, &str)] = &[
    ("apache-avro", "rand", "draws the marker between blocks of container files; we write single records only"),
    ("rand", "rand_core", "comes with rand"),
    ("rand", "getrandom", "comes with rand"),
    ("chacha20", "rand_core", "comes with rand"),
    ("getrandom", "rand_core", "comes with rand"),
    ("indexmap", "hashbrown", "an indexmap iterates in the order of insertion"),
];

/// What each pure crate's `clippy.toml` must name.
const BANNED: &[&str] = &[
    "std::collections::HashMap",
    "std::collections::HashSet",
    "std::env::args",
    "std::env::current_dir",
    "std::env::var",
    "std::env::var_os",
    "std::fs::File",
    "std::fs::OpenOptions",
    "std::fs::create_dir_all",
    "std::fs::metadata",
    "std::fs::read",
    "std::fs::read_dir",
    "std::fs::read_to_string",
    "std::fs::remove_file",
    "std::fs::rename",
    "std::fs::write",
    "std::hash::RandomState",
    "std::io::stderr",
    "std::io::stdin",
    "std::io::stdout",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::UdpSocket",
    "std::os::unix::net::UnixListener",
    "std::os::unix::net::UnixStream",
    "std::process::Command",
    "std::process::abort",
    "std::process::exit",
    "std::process::id",
    "std::thread::current",
    "std::thread::sleep",
    "std::thread::spawn",
    "std::time::Instant",
    "std::time::SystemTime",
];

/// Bans are for the crate itself; its tests may read files.
const SWITCH: &str = "#![cfg_attr(not(test), deny(clippy::disallowed_methods, clippy::disallowed_types))]";

/// Normal dependencies (neither dev nor build) by crate name; the names that are ours.
#[derive(Debug, Default)]
struct Graph {
    members: BTreeSet<String>,
    imports: BTreeMap<String, BTreeSet<String>>,
}

#[test]
fn arrows_point_down_only() {
    assert_eq!(arrows(&REPOSITORY), Vec::<String>::new());
}

#[test]
fn a_broker_and_a_store_have_few_owners() {
    assert_eq!(ownership(&REPOSITORY), Vec::<String>::new());
}

#[test]
fn pure_crates_reach_nothing_impure() {
    let graph = &*REPOSITORY;
    assert!(graph.members.contains("contracts"), "the graph is empty: {graph:?}");
    assert_eq!(purity(graph, TOLERATED), Vec::<String>::new());
}

#[test]
fn xtask_is_built_without_the_heavy_crates() {
    let graph = &*REPOSITORY;
    let reached = reach(graph, "xtask");
    for heavy in ["rdkafka-sys", "librocksdb-sys", "tokio"] {
        assert!(!reached.iter().any(|(_, to)| to == heavy), "xtask must not wait for {heavy}");
    }
}

#[test]
fn every_pure_crate_bans_clocks_io_randomness_and_hash_maps() {
    for name in PURE.iter().filter(|name| REPOSITORY.members.contains(**name)) {
        let path = root().join(name).join("clippy.toml");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(missing_bans(&text), Vec::<&str>::new(), "{} does not ban these", path.display());
        let lib = std::fs::read_to_string(root().join(name).join("src/lib.rs")).unwrap();
        assert!(lib.contains(SWITCH), "{name}/src/lib.rs does not switch its bans on: {SWITCH}");
    }
}

fn arrows(graph: &Graph) -> Vec<String> {
    let mut refused = Vec::new();
    for from in &graph.members {
        let Some(above) = layer(from) else {
            refused.push(format!("{from} has no layer: add it to LAYERS"));
            continue;
        };
        for to in graph.imports.get(from).into_iter().flatten() {
            if let Some(below) = layer(to).filter(|_| graph.members.contains(to))
                && !may_import(above, below)
            {
                refused.push(format!("{from} must not import {to}"));
            }
        }
        let meets = |name: &str| graph.imports.get(from).is_some_and(|imports| imports.contains(name));
        if above < Layer::Cli && meets("detection") && meets("response") {
            refused.push(format!("detection and response meet in {from}"));
        }
    }
    refused
}

fn may_import(from: Layer, to: Layer) -> bool {
    match (from, to) {
        (Layer::Testbed, _) => false,
        (_, Layer::Testbed) => from == Layer::Tool,
        _ => from > to,
    }
}

fn ownership(graph: &Graph) -> Vec<String> {
    let mut refused = Vec::new();
    for (owned, owners) in OWNERS {
        for member in graph.members.iter().filter(|member| !owners.contains(&member.as_str())) {
            if graph.imports.get(member).is_some_and(|imports| imports.contains(*owned)) {
                refused.push(format!("{member} must not import {owned}: only {} may", owners.join(", ")));
            }
        }
    }
    refused
}

fn purity(graph: &Graph, tolerated: &[(&str, &str, &str)]) -> Vec<String> {
    let mut refused = Vec::new();
    let mut used = BTreeSet::new();
    for pure in PURE.iter().filter(|pure| graph.members.contains(**pure)) {
        for (from, to) in reach(graph, pure) {
            if !IMPURE.contains(&bare(&to)) {
                continue;
            }
            match tolerated.iter().find(|(left, right, _)| *left == bare(&from) && *right == bare(&to)) {
                Some((left, right, _)) => drop(used.insert((*left, *right))),
                None => refused.push(format!("{pure} reaches {to} through {from}")),
            }
        }
    }
    let stale = tolerated.iter().filter(|(from, to, _)| !used.contains(&(*from, *to)));
    refused.extend(stale.map(|(from, to, _)| format!("TOLERATED names {from} -> {to}, which is not there (any more)")));
    refused
}

/// All arrows that can be walked from `start`.
fn reach(graph: &Graph, start: &str) -> BTreeSet<(String, String)> {
    let mut arrows = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![start.to_owned()];
    while let Some(from) = open.pop() {
        if !seen.insert(from.clone()) {
            continue;
        }
        for to in graph.imports.get(&from).into_iter().flatten() {
            arrows.insert((from.clone(), to.clone()));
            open.push(to.clone());
        }
    }
    arrows
}

fn missing_bans(text: &str) -> Vec<&'static str> {
    let banned = |path: &&&str| !text.contains(&format!("path = \"{path}\""));
    BANNED.iter().filter(banned).copied().collect()
}

/// The name without a version.
fn bare(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}

fn layer(name: &str) -> Option<Layer> {
    LAYERS.iter().find(|(known, _)| *known == name).map(|(_, layer)| *layer)
}

static REPOSITORY: LazyLock<Graph> = LazyLock::new(|| {
    let options = ["--locked", "--filter-platform", "x86_64-unknown-linux-gnu"].map(String::from);
    let metadata = MetadataCommand::new().current_dir(root()).other_options(options).exec().unwrap();
    let versions = |name: &str| metadata.packages.iter().filter(|package| *package.name == *name).count();
    // Two versions of a crate are two crates: what one of them reaches, the other need not.
    let name = |id| match &metadata[id] {
        package if package.source.is_some() && versions(&package.name) > 1 => {
            format!("{}@{}", package.name, package.version)
        }
        package => package.name.to_string(),
    };
    let mut graph = Graph { members: metadata.workspace_members.iter().map(name).collect(), ..Graph::default() };
    for node in &metadata.resolve.as_ref().expect("cargo metadata resolves").nodes {
        let normal =
            node.deps.iter().filter(|import| import.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal));
        graph.imports.entry(name(&node.id)).or_default().extend(normal.map(|import| name(&import.pkg)));
    }
    graph
});

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// `"cli -> bus, bus -> contracts"`; everything with a layer is a member.
fn graph(text: &str) -> Graph {
    let mut graph = Graph::default();
    for arrow in text.split(", ") {
        let (from, to) = arrow.split_once(" -> ").unwrap();
        graph.imports.entry(from.to_owned()).or_default().insert(to.to_owned());
        graph.members.extend([from, to].into_iter().filter(|name| layer(name).is_some()).map(str::to_owned));
    }
    graph
}

#[test]
fn forbidden_arrows_are_refused_and_allowed_ones_are_not() {
    for (text, refusal) in [
        ("cli -> processor, processor -> detection, processor -> bus, detection -> contracts", None),
        ("cli -> actuator, cli -> processor, actuator -> response, xtask -> testbed", None),
        ("contracts -> bus", Some("contracts must not import bus")),
        ("bus -> detection", Some("bus must not import detection")),
        ("detection -> response", Some("detection must not import response")),
        ("response -> detection", Some("response must not import detection")),
        ("processor -> collector", Some("processor must not import collector")),
        ("console -> cli", Some("console must not import cli")),
        ("processor -> detection, processor -> response", Some("detection and response meet in processor")),
        ("cli -> testbed", Some("cli must not import testbed")),
        ("testbed -> contracts", Some("testbed must not import contracts")),
    ] {
        assert_eq!(arrows(&graph(text)).first().map(String::as_str), refusal, "{text}");
    }
}

#[test]
fn a_new_crate_must_be_given_a_layer() {
    let stranger = Graph { members: BTreeSet::from(["utils".to_owned()]), ..Graph::default() };
    assert_eq!(arrows(&stranger), ["utils has no layer: add it to LAYERS"]);
}

#[test]
fn a_broker_client_outside_of_bus_is_refused() {
    assert_eq!(ownership(&graph("bus -> rdkafka, bus -> rocksdb")), Vec::<String>::new());
    assert_eq!(ownership(&graph("console -> rdkafka")), ["console must not import rdkafka: only bus, bench may"]);
}

#[test]
fn impurity_is_found_however_far_down_and_tolerated_arrow_by_arrow() {
    let deep = graph("contracts -> avro, avro -> codec, codec -> rand, detection -> contracts");
    let refused = ["contracts reaches rand through codec", "detection reaches rand through codec"];
    assert_eq!(purity(&deep, &[]), refused);
    assert_eq!(purity(&deep, &[("avro", "rand", "")]).len(), 3, "an exception is for one arrow only");
    assert_eq!(purity(&deep, &[("codec", "rand", "")]), Vec::<String>::new());
    assert_eq!(purity(&graph("bus -> tokio, bus -> contracts"), &[]), Vec::<String>::new());
}

#[test]
fn an_exception_that_nothing_needs_is_refused() {
    let clean = graph("contracts -> serde");
    assert_eq!(
        purity(&clean, &[("avro", "rand", "")]),
        ["TOLERATED names avro -> rand, which is not there (any more)"]
    );
}

#[test]
fn a_ban_that_was_taken_out_is_missed() {
    let all = BANNED.iter().fold(String::new(), |text, path| text + "path = \"" + path + "\"\n");
    assert_eq!(missing_bans(&all), Vec::<&str>::new());
    assert_eq!(missing_bans(&all.replace("std::time::SystemTime", "x")), ["std::time::SystemTime"]);
}
