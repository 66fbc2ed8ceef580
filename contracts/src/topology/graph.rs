//! A topology drawn: as text, and for Graphviz.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::file::{show_compression, show_keep};
use super::flow::{Flow, Party, flow};
use super::{RuleSource, Topology, Watcher};
use crate::json::Value;
use crate::settings::{Tree, show_size};
use crate::topics::{self, Declared, Key, Topic};

pub(super) fn plain(topology: &Topology) -> String {
    let mut out = format!("{} ({})\n", topology.name, topology.log.as_str());
    for (declared, row, flow) in rows(topology) {
        let replication =
            if declared.replication > 1 { format!(", {} copies", declared.replication) } else { String::new() };
        write!(
            out,
            "\n{}\n  key      {}\n  records  {}\n  keep     {}\n  parts    {}{replication}, {}\n  written  {}\n  read     {}\n",
            declared.name,
            key_text(row),
            records_text(row),
            keep_text(declared),
            declared.partitions,
            show_compression(declared.compression),
            parties_text(flow.writers),
            parties_text(flow.readers),
        )
        .expect(TAKES);
    }
    for watcher in &topology.watchers {
        write!(out, "\nwatcher {}\n  rules    {}\n", watcher.name, rules_text(watcher)).expect(TAKES);
        for selected in watcher.subscriptions.iter().map(subscription_text) {
            writeln!(out, "  selects  {selected}").expect(TAKES);
        }
    }
    let levels = topology.escalation.levels();
    if levels.iter().any(|(_, people)| !people.is_empty()) {
        out.push_str("\nescalation\n");
    }
    for (level, people) in levels.iter().filter(|(_, people)| !people.is_empty()) {
        writeln!(out, "  {level:22}  {}", people.join(", ")).expect(TAKES);
    }
    out
}

const TAKES: &str = "invariant: a string takes what is written to it";

pub(super) fn dot(topology: &Topology) -> String {
    let mut out = format!("digraph \"{}\" {{\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n", topology.name);
    let rows: Vec<_> = rows(topology).collect();
    let parties: BTreeSet<Party> =
        rows.iter().flat_map(|(_, _, flow)| flow.writers.iter().chain(flow.readers)).copied().collect();
    for party in parties {
        line(&mut out, &format!("\"{}\" [shape=box, style=rounded];", party.as_str()));
    }
    for (declared, row, flow) in rows {
        let name = &declared.name;
        let facts = [
            name.clone(),
            records_text(row),
            format!("key {}", key_text(row)),
            format!("{} × {}", declared.partitions, keep_text(declared)),
        ];
        line(&mut out, &format!("\"{name}\" [shape=cds, label=\"{}\"];", facts.join("\\n")));
        for party in flow.writers {
            line(&mut out, &format!("\"{}\" -> \"{name}\";", party.as_str()));
        }
        for party in flow.readers {
            line(&mut out, &format!("\"{name}\" -> \"{}\";", party.as_str()));
        }
    }
    for watcher in &topology.watchers {
        // A file's name may hold what ends a label.
        let rules = rules_text(watcher).replace('\\', "\\\\").replace('"', "\\\"");
        let node = format!("watcher {}", watcher.name);
        line(&mut out, &format!("\"{node}\" [shape=note, label=\"{node}\\n{rules}\"];"));
        line(&mut out, &format!("\"{node}\" -> \"{}\" [style=dashed];", Party::Processor.as_str()));
    }
    out.push_str("}\n");
    out
}

fn rows(topology: &Topology) -> impl Iterator<Item = (&Declared, &'static Topic, &'static Flow)> {
    topology.topics.iter().filter_map(|declared| {
        let row = topics::find(&declared.name)?;
        Some((declared, row, flow(row)))
    })
}

fn line(out: &mut String, text: &str) {
    out.push_str("  ");
    out.push_str(text);
    out.push('\n');
}

fn key_text(row: &Topic) -> &'static str {
    match row.key {
        Key::Field(name) | Key::Derived(name) => name,
        Key::None => "none",
    }
}

fn records_text(row: &Topic) -> String {
    if row.records.is_empty() { "JSON".to_owned() } else { row.records.join(", ") }
}

fn keep_text(declared: &Declared) -> String {
    let keep = show_keep(declared.keep);
    declared.keep_bytes_max.map_or(keep.clone(), |bytes| format!("{keep}, at most {} a partition", show_size(bytes)))
}

fn rules_text(watcher: &Watcher) -> String {
    watcher.rules.iter().map(RuleSource::text).collect::<Vec<_>>().join(", ")
}

/// As far as it can be read: what is wrong with a subscription is told where rules are known.
fn subscription_text(subscription: &Tree) -> String {
    let member = |name| subscription.value.as_object().and_then(|members| members.get(name));
    let text = |name| member(name).and_then(Value::as_str).unwrap_or("?");
    let rules = member("rules").and_then(Value::as_array).unwrap_or_default();
    let rules: Vec<_> = rules.iter().filter_map(Value::as_str).collect();
    format!("{}: {} for {}", text("subscription_id"), text("topic"), rules.join(", "))
}

fn parties_text(parties: &[Party]) -> String {
    parties.iter().map(|party| party.as_str()).collect::<Vec<_>>().join(", ")
}
