//! What has to be so in a payload before a condition can hold: what the index looks for in place of the condition.
//!
//! Invariant: where a condition holds, one of the ways of its [`Need`] is met. A condition without a need may hold for any
//! payload, the empty one too.

use contracts::json::Value;

use super::literal::{Set, rarity};
use super::paths::{PathId, Paths};
use super::predicate::{Node, Term, turned};
use crate::eval::Comparison;
use crate::jsonpath::Step;
use crate::rule::Literal;

/// Alternatives of one condition; of one with more only the key is looked for, if it has one.
const WAYS_MAX: usize = 64;

/// Less than this says less than the key of the field does.
const PRESENT_RARITY: u32 = 4;
const PATTERN_RARITY: u32 = 5;
const BOUND_RARITY: u32 = 6;
const EQUAL_RARITY: u32 = 8;

/// One of these is met.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Need(Vec<Way>);

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Way {
    /// Bytes of the unescaped text.
    Text(Box<[u8]>),
    /// A path that is read directly, and what its value is like.
    Field { path: PathId, test: Test },
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    Present,
    /// A string, a number, a boolean or null.
    Equal(Literal),
    /// A string in which this pattern is found.
    Matches(Box<str>),
    /// A number that is not less than this one.
    AtLeast(Box<str>),
    AtMost(Box<str>),
}

impl Need {
    pub fn ways(&self) -> &[Way] {
        &self.0
    }

    /// What is rarest of all that conditions need which hold together.
    pub fn of_all<'n>(nodes: impl IntoIterator<Item = &'n Node>, paths: &Paths) -> Option<Self> {
        nodes.into_iter().filter_map(|node| Self::of(node, paths)).reduce(rarer)
    }

    fn of(node: &Node, paths: &Paths) -> Option<Self> {
        match node {
            Node::And(items) => Self::of_all(items, paths),
            Node::Or(items) => {
                let needs: Option<Vec<Self>> = items.iter().map(|item| Self::of(item, paths)).collect();
                Self::one_of(needs?.into_iter().flat_map(|need| need.0))
            }
            Node::Not(item) => match &**item {
                Node::Not(item) => Self::of(item, paths),
                _ => None,
            },
            Node::Compare { left, comparison, right } => of_comparison(left, *comparison, right, paths),
            Node::Contains { left, right } => {
                let part = match (left, right) {
                    (Term::Path(_), Term::Literal(Value::String(part))) => Self::of_texts(Set::new([part.as_bytes()])),
                    _ => None,
                };
                [part, present(left, paths), present(right, paths)].into_iter().flatten().reduce(rarer)
            }
            Node::Matches { left, pattern } => {
                let Term::Path(path) = left else { return present(left, paths) };
                let part = Self::of_texts(Set::of_pattern(pattern.as_str()));
                let whole = of_field(*path, Test::Matches(pattern.as_str().into()), paths);
                [part, whole, of_key(*path, paths)].into_iter().flatten().reduce(rarer)
            }
            Node::In { left: Term::Path(path), values } => {
                let needs: Option<Vec<Self>> = values.iter().map(|value| equal(*path, value, paths)).collect();
                let one = needs.and_then(|needs| Self::one_of(needs.into_iter().flat_map(|need| need.0)));
                one.or_else(|| of_key(*path, paths))
            }
            Node::In { left, .. } => present(left, paths),
            Node::Exists(path) | Node::Holds { path, .. } => of_key(*path, paths),
        }
    }

    fn one_of(ways: impl IntoIterator<Item = Way>) -> Option<Self> {
        let mut all: Vec<Way> = Vec::new();
        for way in ways {
            if !all.contains(&way) {
                all.push(way);
            }
        }
        (1..=WAYS_MAX).contains(&all.len()).then_some(Self(all))
    }

    fn of_texts(set: Option<Set>) -> Option<Self> {
        Self::one_of(set?.iter().map(|literal| Way::Text(literal.into())))
    }

    fn rarity(&self) -> u32 {
        self.0.iter().map(Way::rarity).min().unwrap_or(0)
    }
}

impl Way {
    fn rarity(&self) -> u32 {
        match self {
            Self::Text(literal) => rarity(literal),
            Self::Field { test: Test::Present, .. } => PRESENT_RARITY,
            Self::Field { test: Test::Matches(_), .. } => PATTERN_RARITY,
            Self::Field { test: Test::AtLeast(_) | Test::AtMost(_), .. } => BOUND_RARITY,
            Self::Field { test: Test::Equal(_), .. } => EQUAL_RARITY,
        }
    }
}

fn rarer(one: Need, other: Need) -> Need {
    if other.rarity() > one.rarity() { other } else { one }
}

fn of_comparison(left: &Term, comparison: Comparison, right: &Term, paths: &Paths) -> Option<Need> {
    let constant = match (left, right) {
        (Term::Path(path), Term::Literal(literal)) => of_constant(*path, comparison, literal, paths),
        (Term::Literal(literal), Term::Path(path)) => of_constant(*path, turned(comparison), literal, paths),
        _ => None,
    };
    [constant, present(left, paths), present(right, paths)].into_iter().flatten().reduce(rarer)
}

fn of_constant(path: PathId, comparison: Comparison, literal: &Literal, paths: &Paths) -> Option<Need> {
    let test = match (comparison, literal) {
        (Comparison::Equal, literal) => return equal(path, literal, paths),
        (Comparison::Greater | Comparison::GreaterOrEqual, Value::Number(number)) => {
            Test::AtLeast(number.as_str().into())
        }
        (Comparison::Less | Comparison::LessOrEqual, Value::Number(number)) => Test::AtMost(number.as_str().into()),
        _ => return None,
    };
    of_field(path, test, paths)
}

fn equal(path: PathId, literal: &Literal, paths: &Paths) -> Option<Need> {
    let field = match literal {
        Value::Array(_) | Value::Object(_) => of_key(path, paths),
        scalar => of_field(path, Test::Equal(scalar.clone()), paths).or_else(|| of_key(path, paths)),
    };
    let text = literal.as_str().and_then(|text| Need::of_texts(Set::new([text.as_bytes()])));
    text.into_iter().chain(field).reduce(rarer)
}

fn present(term: &Term, paths: &Paths) -> Option<Need> {
    of_key(term.path()?, paths)
}

/// That the path is there; of one that is not read directly, that the rarest of its names is.
fn of_key(path: PathId, paths: &Paths) -> Option<Need> {
    of_field(path, Test::Present, paths).or_else(|| {
        let names = paths.get(path).names().map(quoted);
        let rarest = names.max_by_key(|name| rarity(name))?;
        Need::of_texts(Set::new([&*rarest]))
    })
}

fn of_field(path: PathId, test: Test, paths: &Paths) -> Option<Need> {
    key(path, paths)?;
    Some(Need(vec![Way::Field { path, test }]))
}

/// The text without which a path that is read directly has no value; `None` of other paths.
pub(super) fn key(path: PathId, paths: &Paths) -> Option<Vec<u8>> {
    let steps = paths.get(path).as_singular()?;
    steps.iter().rev().find_map(|step| match step {
        Step::Name(name) => Some(quoted(name)),
        Step::Index(_) => None,
    })
}

/// A key as it stands in unescaped text.
fn quoted(name: &str) -> Vec<u8> {
    format!("\"{name}\"").into_bytes()
}
