//! The paths that anyone in a plan reads, each once, and how they are read.

use std::collections::BTreeMap;

use crate::jsonpath::{Fields, Path, SlotId};

/// By its place among all paths of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PathId(pub usize);

/// Paths while rules are compiled.
#[derive(Debug, Default)]
pub(super) struct PathList {
    list: Vec<Path>,
    /// Two paths with the same text are the same path.
    by_text: BTreeMap<String, PathId>,
}

impl PathList {
    pub fn id(&mut self, path: &Path) -> PathId {
        *self.by_text.entry(path.to_string()).or_insert_with(|| {
            self.list.push(path.clone());
            PathId(self.list.len() - 1)
        })
    }

    pub fn get(&self, id: PathId) -> &Path {
        &self.list[id.0]
    }

    pub fn finish(self) -> Paths {
        let fields = Fields::new(self.list.iter().filter_map(Path::as_singular));
        let slots = self.list.iter().map(|path| fields.slot(&path.as_singular()?)).collect();
        Paths { list: self.list, fields, slots }
    }
}

#[derive(Debug)]
pub(super) struct Paths {
    list: Vec<Path>,
    /// All that are singular, to be read in one pass over the text.
    pub fields: Fields,
    /// For each path where that pass leaves its value, if it is among those.
    slots: Vec<Option<SlotId>>,
}

impl Paths {
    pub fn get(&self, id: PathId) -> &Path {
        &self.list[id.0]
    }

    pub fn slot(&self, id: PathId) -> Option<SlotId> {
        self.slots[id.0]
    }

    pub fn iter(&self) -> impl Iterator<Item = (PathId, &Path)> {
        self.list.iter().enumerate().map(|(place, path)| (PathId(place), path))
    }
}
