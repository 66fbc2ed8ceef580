//! Which rules are worth asking about an event: found by what they need, not by asking each of them.
//!
//! Each rule is filed under a gate, which the event's topic or type opens, and under what its conditions need of the
//! payload: a text, found with all others in one pass, or a value of a field, found by order among those of all rules.
//!
//! Invariant: a rule that matches an event is among the candidates, and so is a subscription with a rate that selects it.
//! Cost grows with the length of the payload and with the candidates, not with the rules.

use std::collections::{BTreeMap, BTreeSet};

use aho_corasick::{AhoCorasick, Input, MatchKind};
use contracts::avro::EventView;

use super::candidates::Candidates;
use super::entry::{Entry, Target};
use super::field_index::FieldIndex;
use super::gates::{Gate, GateId, Gates};
use super::need::{Test, Way, key};
use super::paths::{PathId, Paths};
use super::unescape::unescaped;
use crate::jsonpath::{Readings, SlotId};

#[derive(Debug)]
pub(super) struct Index {
    gates: Gates,
    always: ByGate<Vec<Target>>,
    /// Gates under which something needs the payload, ascending.
    searched: Vec<GateId>,
    search: AhoCorasick,
    /// Finds where the leftmost of the same texts begins. It may skip ahead with vector instructions, which the search for
    /// all of them cannot.
    first: AhoCorasick,
    /// By the place of a text in `search`.
    leads: Vec<Lead>,
    fields: Vec<Field>,
}

/// Where a text that was found leads.
#[derive(Debug, Default)]
struct Lead {
    targets: ByGate<Vec<Target>>,
    /// Places of the fields whose key it is.
    fields: Vec<usize>,
}

#[derive(Debug)]
struct Field {
    slot: SlotId,
    tests: ByGate<FieldIndex>,
}

/// Ascending by gate.
type ByGate<T> = Vec<(GateId, T)>;

impl Index {
    pub fn new(entries: &[(Entry, Target)], paths: &Paths) -> Self {
        let mut gates: Vec<Gate> = entries.iter().map(|(entry, _)| entry.gate.clone()).collect();
        gates.sort_unstable();
        gates.dedup();
        let mut draft = Draft::default();
        for (entry, target) in entries {
            let place = gates.binary_search(&entry.gate).expect("invariant: the gate of every entry is listed");
            draft.add(GateId::try_from(place).expect("invariant: rules and subscriptions are capped"), entry, *target);
        }
        draft.finish(Gates::new(&gates), paths)
    }

    /// Candidates by the event's head and the text of its payload, and the fields whose values may give more.
    pub fn search(&self, event: &EventView<'_>, found: &mut Candidates) {
        found.clear();
        self.gates.open(event.topic, event.event_type, &mut found.open);
        for targets in open_parts(&self.always, &found.open) {
            found.targets.extend(targets.iter().map(|&target| target as usize));
        }
        if !found.open.iter().any(|gate| self.searched.binary_search(gate).is_ok()) {
            return;
        }
        let text = unescaped(event.payload, &mut found.unescaped);
        let Some(first) = self.first.find(text) else { return };
        for hit in self.search.find_overlapping_iter(Input::new(text).range(first.start()..)) {
            let place = hit.pattern().as_usize();
            if !found.texts.add(place) {
                continue;
            }
            for targets in open_parts(&self.leads[place].targets, &found.open) {
                found.targets.extend(targets.iter().map(|&target| target as usize));
            }
            for &field in &self.leads[place].fields {
                if open_parts(&self.fields[field].tests, &found.open).next().is_some() {
                    found.fields.add(field);
                }
            }
        }
    }

    /// Candidates by the values of those fields.
    pub fn read(&self, readings: Readings<'_, '_>, found: &mut Candidates) {
        for &field in found.fields.iter() {
            let Field { slot, tests } = &self.fields[field];
            let Some(value) = readings.get(*slot).to_value() else { continue };
            for tests in open_parts(tests, &found.open) {
                tests.find(&value, |target| {
                    found.targets.add(target as usize);
                });
            }
        }
    }
}

fn open_parts<'t, T>(parts: &'t ByGate<T>, open: &[GateId]) -> impl Iterator<Item = &'t T> {
    open.iter().filter_map(|gate| {
        let place = parts.binary_search_by_key(gate, |(gate, _)| *gate).ok()?;
        Some(&parts[place].1)
    })
}

type TestsByGate<'e> = BTreeMap<GateId, Vec<(&'e Test, Target)>>;

/// An index while it is filled.
#[derive(Debug, Default)]
struct Draft<'e> {
    always: BTreeMap<GateId, Vec<Target>>,
    searched: BTreeSet<GateId>,
    texts: BTreeMap<&'e [u8], BTreeMap<GateId, Vec<Target>>>,
    fields: BTreeMap<PathId, TestsByGate<'e>>,
}

impl<'e> Draft<'e> {
    fn add(&mut self, gate: GateId, entry: &'e Entry, target: Target) {
        let Some(need) = &entry.need else {
            return self.always.entry(gate).or_default().push(target);
        };
        self.searched.insert(gate);
        for way in need.ways() {
            match way {
                Way::Text(text) => self.texts.entry(text).or_default().entry(gate).or_default().push(target),
                Way::Field { path, test } => {
                    self.fields.entry(*path).or_default().entry(gate).or_default().push((test, target));
                }
            }
        }
    }

    fn finish(self, gates: Gates, paths: &Paths) -> Index {
        let mut leads: BTreeMap<Vec<u8>, Lead> = BTreeMap::new();
        for (text, targets) in self.texts {
            leads.insert(text.to_vec(), Lead { targets: targets.into_iter().collect(), fields: Vec::new() });
        }
        let mut fields = Vec::new();
        for (path, tests) in self.fields {
            let (key, slot) =
                key(path, paths).zip(paths.slot(path)).expect("invariant: a need names fields with a key");
            leads.entry(key).or_default().fields.push(fields.len());
            let tests = tests.into_iter().map(|(gate, tests)| (gate, FieldIndex::new(&tests))).collect();
            fields.push(Field { slot, tests });
        }
        let few = "invariant: the texts of all rules are far fewer than 2^31";
        let search = AhoCorasick::new(leads.keys()).expect(few);
        let first = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(leads.keys()).expect(few);
        Index {
            gates,
            always: self.always.into_iter().collect(),
            searched: self.searched.into_iter().collect(),
            search,
            first,
            leads: leads.into_values().collect(),
            fields,
        }
    }
}
