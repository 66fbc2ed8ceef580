//! Conditions that hold for no event, whatever it says.
//!
//! Invariant: sound. What is reported can never hold; much that can never hold is not found.
//!
//! A conjunction is looked at path by path. A singular path has one value at most, so where some condition leaves only a
//! few values for it, each of those is tried against the others; and of two bounds one may leave nothing to the other.

use contracts::json::{Decimal, Value};

use crate::eval::{Comparison, Derivation, OverBudget, Work};
use crate::plan::paths::{PathId, PathList};
use crate::plan::predicate::{Node, Term, Values, turned};

/// More than any condition on a rule's own constants costs; beyond it nothing is reported.
const WORK_MAX: u64 = 1 << 20;

/// Why `nodes` never hold together, if that is certain.
pub(in crate::plan) fn never(nodes: &[&Node], paths: &PathList) -> Option<String> {
    let mut all = Vec::new();
    for node in nodes {
        conjuncts(node, &mut all);
    }
    all.iter().find_map(|node| alone(node, paths)).or_else(|| together(&all, paths))
}

fn conjuncts<'n>(node: &'n Node, all: &mut Vec<&'n Node>) {
    match node {
        Node::And(items) => items.iter().for_each(|item| conjuncts(item, all)),
        other => all.push(other),
    }
}

/// Why one condition that is no conjunction never holds.
fn alone(node: &Node, paths: &PathList) -> Option<String> {
    match node {
        Node::Or(items) => {
            let reasons: Option<Vec<String>> = items.iter().map(|item| never(&[item], paths)).collect();
            reasons.map(|reasons| format!("no alternative can hold: {}", reasons.join("; ")))
        }
        Node::In { values, .. } if values.is_empty() => Some("nothing is in an empty list".to_owned()),
        Node::Compare { left, comparison, right } => {
            unordered(*comparison, left, right).or_else(|| underivable(node)).or_else(|| constant(node))
        }
        Node::Contains { .. } => underivable(node).or_else(|| constant(node)),
        _ => constant(node),
    }
}

/// `<`, `<=`, `>` and `>=` hold for numbers and strings only.
fn unordered(comparison: Comparison, left: &Term, right: &Term) -> Option<String> {
    if matches!(comparison, Comparison::Equal | Comparison::NotEqual) {
        return None;
    }
    [left, right].into_iter().find_map(|term| match term {
        Term::Literal(Value::Number(_) | Value::String(_)) | Term::Path(_) | Term::Derived { .. } => None,
        Term::Literal(literal) => Some(format!("{} has no order to be `{}` by", literal.kind(), comparison.symbol())),
    })
}

/// What a function gives is compared with what it never gives.
fn underivable(node: &Node) -> Option<String> {
    let (derivation, literal, is_part) = match node {
        Node::Compare { left: Term::Derived { derivation, .. }, comparison: Comparison::Equal, right } => {
            (*derivation, right.literal()?, false)
        }
        Node::Contains { left: Term::Derived { derivation, .. }, right } => (*derivation, right.literal()?, true),
        _ => return None,
    };
    match (derivation, literal) {
        (Derivation::Lower, Value::String(_)) => {
            let lower = derivation.of(literal, &mut Work::new(WORK_MAX)).ok().flatten()?;
            (lower != *literal).then(|| format!("`lower` gives no capital letters; write {lower}"))
        }
        (Derivation::Len | Derivation::Entropy, Value::Number(_)) if !is_part => None,
        (Derivation::Len | Derivation::Entropy, _) => Some("the function gives a number".to_owned()),
        (Derivation::Lower, _) => Some("`lower` gives a string".to_owned()),
    }
}

/// A condition on constants alone.
fn constant(node: &Node) -> Option<String> {
    let mut read = Vec::new();
    node.paths(&mut read);
    let fails = read.is_empty() && node.holds(&Nothing, &mut Work::new(WORK_MAX)) == Ok(false);
    fails.then(|| "it compares constants, and they do not hold".to_owned())
}

fn together(all: &[&Node], paths: &PathList) -> Option<String> {
    let mut singular: Vec<PathId> = Vec::new();
    for node in all {
        node.paths(&mut singular);
    }
    singular.sort_unstable();
    singular.dedup();
    singular.retain(|path| paths.get(*path).is_singular());
    singular.into_iter().find_map(|path| {
        let about: Vec<&Node> = all.iter().copied().filter(|node| is_about(node, path)).collect();
        let name = paths.get(path);
        if about.iter().any(|node| needs(node, path)) && about.iter().any(|node| forbids(node, path)) {
            return Some(format!("`{name}` would have to be there and not be there"));
        }
        no_value(&about, path).then(|| format!("no value of `{name}` meets all that is asked of it"))
    })
}

fn is_about(node: &Node, path: PathId) -> bool {
    let mut read = Vec::new();
    node.paths(&mut read);
    !read.is_empty() && read.iter().all(|&other| other == path)
}

/// Whether it holds only where the path is.
fn needs(node: &Node, path: PathId) -> bool {
    match node {
        Node::Or(items) => items.iter().all(|item| needs(item, path)),
        Node::And(items) => items.iter().any(|item| needs(item, path)),
        Node::Not(_) => false,
        // A condition that reads a path is false without it.
        other => is_about(other, path),
    }
}

fn forbids(node: &Node, path: PathId) -> bool {
    matches!(node, Node::Not(item) if **item == Node::Exists(path))
}

fn no_value(about: &[&Node], path: PathId) -> bool {
    if let Some(values) = about.iter().find_map(|node| only_values(node, path)) {
        let mut work = Work::new(WORK_MAX);
        return !values.into_iter().any(|value| {
            let meets = |node: &&Node| node.holds(&Only { path, value }, &mut work) != Ok(false);
            about.iter().all(meets)
        });
    }
    let bounds: Vec<Bound<'_>> = about.iter().filter_map(|node| Bound::of(node, path)).collect();
    bounds.iter().any(|lower| bounds.iter().any(|upper| lower.excludes(upper)))
}

/// The values that the path has if the condition holds.
fn only_values(node: &Node, path: PathId) -> Option<Vec<&Value<'static>>> {
    match node {
        Node::Compare { left: Term::Path(of), comparison: Comparison::Equal, right: Term::Literal(value) }
        | Node::Compare { left: Term::Literal(value), comparison: Comparison::Equal, right: Term::Path(of) }
            if *of == path =>
        {
            Some(vec![value])
        }
        Node::In { left: Term::Path(of), values } if *of == path => Some(values.iter().collect()),
        _ => None,
    }
}

/// What `<` or `>` with a constant leaves.
struct Bound<'n> {
    comparison: Comparison,
    limit: &'n Value<'static>,
}

impl<'n> Bound<'n> {
    fn of(node: &'n Node, path: PathId) -> Option<Self> {
        let Node::Compare { left, comparison, right } = node else { return None };
        let (comparison, limit) = match (left, right) {
            (Term::Path(of), Term::Literal(limit)) if *of == path => (*comparison, limit),
            (Term::Literal(limit), Term::Path(of)) if *of == path => (turned(*comparison), limit),
            _ => return None,
        };
        let is_bound = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        is_bound.then_some(Self { comparison, limit })
    }

    fn excludes(&self, upper: &Self) -> bool {
        use Comparison::{Greater, GreaterOrEqual, Less, LessOrEqual};
        match (self.limit, upper.limit) {
            (Value::Number(low), Value::Number(high)) => {
                let order = Decimal::of(low.as_str()).cmp(&Decimal::of(high.as_str()));
                match (self.comparison, upper.comparison) {
                    (GreaterOrEqual, LessOrEqual) => order.is_gt(),
                    (Greater | GreaterOrEqual, Less | LessOrEqual) => order.is_ge(),
                    _ => false,
                }
            }
            (Value::Number(_), Value::String(_)) => true,
            _ => false,
        }
    }
}

/// No path has a value.
struct Nothing;

impl Values for Nothing {
    fn any(
        &self,
        _: PathId,
        _: &mut Work,
        _: impl FnMut(&Value<'_>, &mut Work) -> Result<bool, OverBudget>,
    ) -> Result<bool, OverBudget> {
        Ok(false)
    }
}

/// One path has one value.
struct Only<'v> {
    path: PathId,
    value: &'v Value<'static>,
}

impl Values for Only<'_> {
    fn any(
        &self,
        path: PathId,
        work: &mut Work,
        mut holds: impl FnMut(&Value<'_>, &mut Work) -> Result<bool, OverBudget>,
    ) -> Result<bool, OverBudget> {
        if path == self.path { holds(self.value, work) } else { Ok(false) }
    }
}
