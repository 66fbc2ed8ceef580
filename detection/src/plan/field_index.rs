//! What the rules ask of one field, so that its value finds those it may satisfy.
//!
//! Invariant: a test that a value meets is among those found for it; more may be.

use contracts::json::Value;
use regex::RegexSet;

use super::entry::Target;
use super::need::Test;
use crate::eval::number_order;

#[derive(Debug, Default)]
pub(super) struct FieldIndex {
    present: Vec<Target>,
    nulls: Vec<Target>,
    booleans: [Vec<Target>; 2],
    /// Ascending by their texts.
    strings: Vec<(Box<str>, Vec<Target>)>,
    /// Ascending by the numbers, as the next two.
    numbers: Vec<(Box<str>, Vec<Target>)>,
    lower_bounds: Vec<(Box<str>, Target)>,
    upper_bounds: Vec<(Box<str>, Target)>,
    patterns: Vec<Patterns>,
}

/// Patterns that are searched for together, in one pass over the text.
#[derive(Debug)]
struct Patterns {
    set: RegexSet,
    /// By the pattern's place in the set.
    targets: Vec<Target>,
}

/// Of fewer patterns each is as fast alone: its rule is asked whenever the field is there.
const GROUP_MIN: usize = 4;

/// Together they share one automaton, which is built as texts come and thrown away when it is full.
const GROUP_MAX: usize = 128;

impl FieldIndex {
    pub fn new(tests: &[(&Test, Target)]) -> Self {
        let mut new = Self::default();
        let mut patterns: Vec<(&str, Target)> = Vec::new();
        for &(test, target) in tests {
            match test {
                Test::Present | Test::Equal(Value::Array(_) | Value::Object(_)) => new.present.push(target),
                Test::Equal(Value::Null) => new.nulls.push(target),
                Test::Equal(Value::Bool(value)) => new.booleans[usize::from(*value)].push(target),
                Test::Equal(Value::String(text)) => new.strings.push((text.as_ref().into(), vec![target])),
                Test::Equal(Value::Number(number)) => new.numbers.push((number.as_str().into(), vec![target])),
                Test::Matches(pattern) => patterns.push((pattern, target)),
                Test::AtLeast(number) => new.lower_bounds.push((number.clone(), target)),
                Test::AtMost(number) => new.upper_bounds.push((number.clone(), target)),
            }
        }
        new.strings.sort_by(|(one, _), (other, _)| one.cmp(other));
        join(&mut new.strings, |one, other| one == other);
        new.numbers.sort_by(|(one, _), (other, _)| number_order(one, other));
        join(&mut new.numbers, |one, other| number_order(one, other).is_eq());
        for bounds in [&mut new.lower_bounds, &mut new.upper_bounds] {
            bounds.sort_by(|(one, _), (other, _)| number_order(one, other));
        }
        for group in patterns.chunks(GROUP_MAX) {
            match Patterns::new(group) {
                Some(patterns) => new.patterns.push(patterns),
                None => new.present.extend(group.iter().map(|(_, target)| *target)),
            }
        }
        new
    }

    pub fn find(&self, value: &Value<'_>, mut found: impl FnMut(Target)) {
        self.present.iter().copied().for_each(&mut found);
        match value {
            Value::Null => self.nulls.iter().copied().for_each(found),
            Value::Bool(value) => self.booleans[usize::from(*value)].iter().copied().for_each(found),
            Value::String(text) => {
                for patterns in &self.patterns {
                    patterns.find(text, &mut found);
                }
                if let Ok(place) = self.strings.binary_search_by(|(known, _)| (**known).cmp(&**text)) {
                    self.strings[place].1.iter().copied().for_each(&mut found);
                }
            }
            Value::Number(number) => {
                let order = |known: &str| number_order(known, number.as_str());
                if let Ok(place) = self.numbers.binary_search_by(|(known, _)| order(known)) {
                    self.numbers[place].1.iter().copied().for_each(&mut found);
                }
                let reached = self.lower_bounds.partition_point(|(bound, _)| order(bound).is_le());
                self.lower_bounds[..reached].iter().for_each(|(_, target)| found(*target));
                let passed = self.upper_bounds.partition_point(|(bound, _)| order(bound).is_lt());
                self.upper_bounds[passed..].iter().for_each(|(_, target)| found(*target));
            }
            Value::Array(_) | Value::Object(_) => {}
        }
    }
}

impl Patterns {
    /// `None` of too few, and of those that are too large together.
    fn new(group: &[(&str, Target)]) -> Option<Self> {
        if group.len() < GROUP_MIN {
            return None;
        }
        let set = RegexSet::new(group.iter().map(|(pattern, _)| pattern)).ok()?;
        Some(Self { set, targets: group.iter().map(|(_, target)| *target).collect() })
    }

    fn find(&self, text: &str, found: &mut impl FnMut(Target)) {
        // Only what names the patterns allocates.
        if self.set.is_match(text) {
            for place in self.set.matches(text) {
                found(self.targets[place]);
            }
        }
    }
}

/// Neighbours that are the same become one.
fn join(list: &mut Vec<(Box<str>, Vec<Target>)>, is_same: impl Fn(&str, &str) -> bool) {
    list.dedup_by(|later, earlier| {
        let is_same = is_same(&later.0, &earlier.0);
        if is_same {
            earlier.1.append(&mut later.1);
        }
        is_same
    });
}
