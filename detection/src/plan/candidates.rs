//! What the index found for one event.
//!
//! Invariant: nothing is allocated once it has grown to the plan's size, and clearing it costs what was in it.

use super::gates::GateId;

#[derive(Debug, Default)]
pub(super) struct Candidates {
    /// Ascending.
    pub open: Vec<GateId>,
    pub targets: PlaceSet,
    /// Texts of the search that were found.
    pub texts: PlaceSet,
    /// Fields to be read.
    pub fields: PlaceSet,
    pub unescaped: String,
}

impl Candidates {
    pub fn clear(&mut self) {
        self.open.clear();
        self.targets.clear();
        self.texts.clear();
        self.fields.clear();
    }
}

/// Places in a list, each once, in the order they came.
#[derive(Debug, Default)]
pub(super) struct PlaceSet {
    places: Vec<usize>,
    holds: Vec<bool>,
}

impl PlaceSet {
    /// Whether it is new.
    pub fn add(&mut self, place: usize) -> bool {
        if place >= self.holds.len() {
            self.holds.resize(place + 1, false);
        }
        let is_new = !self.holds[place];
        if is_new {
            self.holds[place] = true;
            self.places.push(place);
        }
        is_new
    }

    pub fn extend(&mut self, places: impl IntoIterator<Item = usize>) {
        for place in places {
            self.add(place);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub fn sorted(&mut self) -> &[usize] {
        self.places.sort_unstable();
        &self.places
    }

    pub fn iter(&self) -> impl Iterator<Item = &usize> {
        self.places.iter()
    }

    fn clear(&mut self) {
        for place in self.places.drain(..) {
            self.holds[place] = false;
        }
    }
}
