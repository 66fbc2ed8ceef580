//! Conditions as they run: paths by their numbers, patterns compiled, functions with their literals.
//!
//! Invariant: a [`Node`] holds for the values of an event exactly if the expression it was made of does.

use contracts::json::Value;

use super::check::fault;
use super::paths::{PathId, PathList};
use super::terms::below;
use crate::eval::{self, Comparison, Derivation, OverBudget, Pattern, Predicate, Work};
use crate::rule::{Compare, Expr, Fault, Function, Literal, Operand, PayloadCondition, PayloadFilter, Place};

#[derive(Debug, PartialEq)]
pub(super) enum Node {
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    Compare { left: Term, comparison: Comparison, right: Term },
    Contains { left: Term, right: Term },
    Matches { left: Term, pattern: Pattern },
    In { left: Term, values: Vec<Literal> },
    Exists(PathId),
    Holds { function: Predicate, path: PathId },
}

#[derive(Debug, PartialEq)]
pub(super) enum Term {
    Path(PathId),
    Literal(Literal),
    Derived { derivation: Derivation, path: PathId },
}

/// Where the values of paths come from.
pub(super) trait Values {
    /// Whether `holds` for any value of the path.
    fn any(
        &self,
        path: PathId,
        work: &mut Work,
        holds: impl FnMut(&Value<'_>, &mut Work) -> Result<bool, OverBudget>,
    ) -> Result<bool, OverBudget>;
}

impl Node {
    pub fn holds(&self, values: &impl Values, work: &mut Work) -> Result<bool, OverBudget> {
        match self {
            Self::And(items) => all_hold(items, values, work),
            Self::Or(items) => eval::any_holds(items, |item| item.holds(values, work)),
            Self::Not(item) => item.holds(values, work).map(|holds| !holds),
            Self::Compare { left, comparison, right } => left.any(values, work, |left, work| {
                right.any(values, work, |right, work| eval::compare(*comparison, left, right, work))
            }),
            Self::Contains { left, right } => left.any(values, work, |left, work| {
                right.any(values, work, |right, work| eval::contains(left, right, work))
            }),
            Self::Matches { left, pattern } => left.any(values, work, |value, work| match value {
                Value::String(text) => pattern.is_match(text, work),
                _ => Ok(false),
            }),
            Self::In { left, values: list } => left.any(values, work, |value, work| eval::is_in(value, list, work)),
            Self::Exists(path) => values.any(*path, work, |_, _| Ok(true)),
            Self::Holds { function, path } => values.any(*path, work, |value, work| function.holds(value, work)),
        }
    }

    /// The paths that it reads, in the order of the text, with repeats.
    pub fn paths(&self, read: &mut Vec<PathId>) {
        match self {
            Self::And(items) | Self::Or(items) => items.iter().for_each(|item| item.paths(read)),
            Self::Not(item) => item.paths(read),
            Self::Compare { left, right, .. } | Self::Contains { left, right } => {
                read.extend(left.path());
                read.extend(right.path());
            }
            Self::Matches { left, .. } | Self::In { left, .. } => read.extend(left.path()),
            Self::Exists(path) | Self::Holds { path, .. } => read.push(*path),
        }
    }
}

pub(super) fn all_hold(nodes: &[Node], values: &impl Values, work: &mut Work) -> Result<bool, OverBudget> {
    eval::any_holds(nodes, |node| node.holds(values, work).map(|holds| !holds)).map(|fails| !fails)
}

impl Term {
    pub fn path(&self) -> Option<PathId> {
        match self {
            Self::Path(path) | Self::Derived { path, .. } => Some(*path),
            Self::Literal(_) => None,
        }
    }

    pub fn literal(&self) -> Option<&Literal> {
        match self {
            Self::Literal(literal) => Some(literal),
            Self::Path(_) | Self::Derived { .. } => None,
        }
    }

    fn any(
        &self,
        values: &impl Values,
        work: &mut Work,
        mut holds: impl FnMut(&Value<'_>, &mut Work) -> Result<bool, OverBudget>,
    ) -> Result<bool, OverBudget> {
        match self {
            Self::Path(path) => values.any(*path, work, holds),
            Self::Literal(literal) => holds(literal, work),
            Self::Derived { derivation, path } => values.any(*path, work, |value, work| {
                let derived = derivation.of(value, work)?;
                derived.map_or(Ok(false), |derived| holds(&derived, work))
            }),
        }
    }
}

/// The condition of an expression without windows. `None` only beside a fault.
pub(super) fn compile(expr: &Expr, place: &[usize], paths: &mut PathList, faults: &mut Vec<Fault>) -> Option<Node> {
    let here = || Place::Filter(place.to_vec());
    match expr {
        Expr::And(items) => compile_all(items, place, paths, faults).map(Node::And),
        Expr::Or(items) => compile_all(items, place, paths, faults).map(Node::Or),
        Expr::Not(item) => Some(Node::Not(Box::new(compile(item, &below(place, 0), paths, faults)?))),
        Expr::Compare { left, operator, right } => {
            let (left, right) = (term(left, &here(), paths, faults), term(right, &here(), paths, faults));
            Some(comparison(*operator, left?, right?))
        }
        Expr::Matches { left, pattern } => {
            let (left, pattern) = (term(left, &here(), paths, faults), compile_pattern(pattern, here(), faults));
            Some(Node::Matches { left: left?, pattern: pattern? })
        }
        Expr::In { left, values } => {
            Some(Node::In { left: term(left, &here(), paths, faults)?, values: values.clone() })
        }
        Expr::Exists(path) => Some(Node::Exists(paths.id(path))),
        Expr::Holds { function, args } => match call(name(*function), args, &here(), paths, faults)? {
            (eval::Function::Predicate(function), path) => Some(Node::Holds { function, path }),
            (eval::Function::Derivation(_), _) => {
                let help = Some(format!("compare it, as in `{}(…) > 4`", name(*function)));
                faults.push(Fault { help, ..fault(here(), format!("`{}` is no condition", name(*function))) });
                None
            }
        },
        // Said where the windows are found.
        Expr::Window(_) => None,
    }
}

fn compile_all(items: &[Expr], place: &[usize], paths: &mut PathList, faults: &mut Vec<Fault>) -> Option<Vec<Node>> {
    let nodes: Vec<_> =
        items.iter().enumerate().map(|(child, item)| compile(item, &below(place, child), paths, faults)).collect();
    nodes.into_iter().collect()
}

fn comparison(operator: Compare, left: Term, right: Term) -> Node {
    let comparison = match operator {
        Compare::Contains => return Node::Contains { left, right },
        Compare::Equal => Comparison::Equal,
        Compare::NotEqual => Comparison::NotEqual,
        Compare::Greater => Comparison::Greater,
        Compare::GreaterOrEqual => Comparison::GreaterOrEqual,
        Compare::Less => Comparison::Less,
        Compare::LessOrEqual => Comparison::LessOrEqual,
    };
    Node::Compare { left, comparison, right }
}

/// The comparison with its sides changed.
pub(super) fn turned(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Less => Comparison::Greater,
        Comparison::LessOrEqual => Comparison::GreaterOrEqual,
        Comparison::Greater => Comparison::Less,
        Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        other => other,
    }
}

fn term(operand: &Operand, place: &Place, paths: &mut PathList, faults: &mut Vec<Fault>) -> Option<Term> {
    match operand {
        Operand::Path(path) => Some(Term::Path(paths.id(path))),
        Operand::Literal(literal) => Some(Term::Literal(literal.clone())),
        Operand::Call { function, args } => match call(name(*function), args, place, paths, faults)? {
            (eval::Function::Derivation(derivation), path) => Some(Term::Derived { derivation, path }),
            (eval::Function::Predicate(_), _) => {
                let help = Some(format!("write `{}(…)` alone, or `not {0}(…)`", name(*function)));
                faults.push(Fault { help, ..fault(place.clone(), format!("`{}` gives no value", name(*function))) });
                None
            }
        },
    }
}

fn name(function: Function) -> &'static str {
    match function {
        Function::Luhn => "luhn",
        Function::Cidr => "cidr",
        Function::Entropy => "entropy",
        Function::Len => "len",
        Function::Lower => "lower",
    }
}

fn call(
    name: &str,
    args: &[Operand],
    place: &Place,
    paths: &mut PathList,
    faults: &mut Vec<Fault>,
) -> Option<(eval::Function, PathId)> {
    let mut refuse = |what: String| faults.push(fault(place.clone(), what));
    let Some((Operand::Path(path), rest)) = args.split_first() else {
        refuse(format!("the first argument of `{name}` is no path"));
        return None;
    };
    let literals: Option<Vec<Literal>> = rest
        .iter()
        .map(|operand| match operand {
            Operand::Literal(literal) => Some(literal.clone()),
            Operand::Path(_) | Operand::Call { .. } => None,
        })
        .collect();
    let Some(literals) = literals else {
        refuse(format!("only the first argument of `{name}` may depend on the event"));
        return None;
    };
    match eval::function(name, &literals) {
        Ok(function) => Some((function, paths.id(path))),
        Err(error) => {
            refuse(error.to_string());
            None
        }
    }
}

fn compile_pattern(pattern: &str, place: Place, faults: &mut Vec<Fault>) -> Option<Pattern> {
    Pattern::parse(pattern).map_err(|error| faults.push(fault(place, error.to_string()))).ok()
}

/// A subscription's filter as the condition that it is. `None` only beside a fault.
pub(super) fn compile_filter(
    filter: &PayloadFilter,
    place: Place,
    paths: &mut PathList,
    faults: &mut Vec<Fault>,
) -> Option<Node> {
    let path = paths.id(&filter.path);
    let compared =
        |operator, literal: &Literal| Some(comparison(operator, Term::Path(path), Term::Literal(literal.clone())));
    match &filter.condition {
        PayloadCondition::Equals(literal) => compared(Compare::Equal, literal),
        PayloadCondition::Contains(literal) => compared(Compare::Contains, literal),
        PayloadCondition::GreaterThan(literal) => compared(Compare::Greater, literal),
        PayloadCondition::LessThan(literal) => compared(Compare::Less, literal),
        PayloadCondition::Exists => Some(Node::Exists(path)),
        PayloadCondition::Regex(pattern) => {
            Some(Node::Matches { left: Term::Path(path), pattern: compile_pattern(pattern, place, faults)? })
        }
    }
}
