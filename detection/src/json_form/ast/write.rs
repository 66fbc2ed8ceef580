//! From a filter to a tree in JSON.

use contracts::json::{Number, Object, Value};

use super::OPERATORS;
use crate::form::call;
use crate::jsonpath::Path;
use crate::rule::{Compare, Count, CountOf, Expr, Function, Operand, Step, Window};

type Tree = Object<'static>;

pub(in crate::json_form) fn write(filter: Option<&Expr>) -> Tree {
    filter.map_or_else(|| tag("Always"), condition)
}

fn tag(name: &'static str) -> Tree {
    Object::new().with("type", name)
}

fn condition(expr: &Expr) -> Tree {
    let all = |conditions: &[Expr]| list(conditions, |part| condition(part).into());
    match expr {
        Expr::And(conditions) => tag("And").with("conditions", all(conditions)),
        Expr::Or(conditions) => tag("Or").with("conditions", all(conditions)),
        Expr::Not(inner) => tag("Not").with("condition", condition(inner)),
        Expr::Compare { left: Operand::Path(path), operator, right: Operand::Literal(value) } => {
            let node = tag("FieldCondition").with("path", path.to_string());
            node.with("operator", operator_name(*operator)).with("value", value.clone())
        }
        Expr::Compare { left, operator, right } => {
            let node = tag("Comparison").with("left", operand(left));
            node.with("operator", operator_name(*operator)).with("right", operand(right))
        }
        Expr::Matches { left, pattern } => subject("RegexMatch", left).with("pattern", pattern.clone()),
        Expr::In { left, values } => subject("In", left).with("values", values.clone()),
        Expr::Exists(path) => tag("Exists").with("path", path.to_string()),
        Expr::Holds { function, args } => function_call(*function, args),
        Expr::Window(term) => window(term),
    }
}

fn operator_name(operator: Compare) -> &'static str {
    let known = OPERATORS.iter().find(|(_, known)| *known == operator);
    known.expect("invariant: the list has them all").0
}

fn subject(name: &'static str, left: &Operand) -> Tree {
    match left {
        Operand::Path(path) => tag(name).with("path", path.to_string()),
        left => tag(name).with("left", operand(left)),
    }
}

fn operand(operand: &Operand) -> Value<'static> {
    match operand {
        Operand::Path(path) => tag("Path").with("path", path.to_string()).into(),
        Operand::Literal(value) => value.clone(),
        Operand::Call { function, args } => function_call(*function, args).into(),
    }
}

fn function_call(function: Function, args: &[Operand]) -> Tree {
    tag("FunctionCall").with("function", call::name(function)).with("args", list(args, operand))
}

fn window(window: &Window) -> Tree {
    match window {
        Window::Count(Count { of, window_ms, by, threshold }) => {
            let node = match of {
                CountOf::Events => tag("CountInWindow"),
                CountOf::Distinct(path) => tag("DistinctInWindow").with("path", path.to_string()),
            };
            let node = node.with("window_ms", Number::from(*window_ms));
            with_by(node.with("threshold", i64::from(*threshold)), by)
        }
        Window::Sequence { window_ms, by, steps } => {
            let node = with_by(tag("Sequence").with("window_ms", Number::from(*window_ms)), by);
            node.with("steps", list(steps, |one| step(one).into()))
        }
        Window::Absent { window_ms, step: awaited, after, by } => {
            let node = tag("Absent").with("window_ms", Number::from(*window_ms));
            with_by(node.with("step", step(awaited)).with("after", step(after)), by)
        }
    }
}

fn with_by(node: Tree, by: &[Path]) -> Tree {
    if by.is_empty() { node } else { node.with("by", list(by, |path| path.to_string().into())) }
}

fn step(step: &Step) -> Tree {
    let node = Object::new().with("topic", step.topic.to_string());
    match &step.filter {
        Some(filter) => node.with("condition", condition(filter)),
        None => node,
    }
}

fn list<T>(items: &[T], write: impl Fn(&T) -> Value<'static>) -> Value<'static> {
    items.iter().map(write).collect::<Vec<_>>().into()
}
