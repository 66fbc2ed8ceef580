//! Filters as text on one line, with no parentheses but those that are needed.

use std::fmt::Write as _;
use std::time::Duration;

use contracts::json::{self, Value};
use contracts::settings::show_duration;

use super::condition::symbol;
use crate::form::call;
use crate::jsonpath::Path;
use crate::rule::{Count, CountOf, Expr, Literal, Operand, Step, Window};

pub(in crate::text) fn print(filter: &Expr) -> String {
    let mut out = String::new();
    write_expr(&mut out, filter, Binding::Or);
    out
}

/// What an expression binds at least as tightly as, or stands in parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Or,
    And,
    Not,
}

fn write_expr(out: &mut String, expr: &Expr, around: Binding) {
    // A chain inside a chain of its own kind is a node of its own, and keeps its parentheses.
    let binding = match expr {
        Expr::Or(_) => Binding::Or,
        Expr::And(_) => Binding::And,
        _ => Binding::Not,
    };
    let in_parentheses = binding < around;
    if in_parentheses {
        out.push('(');
    }
    match expr {
        Expr::Or(conditions) => {
            write_joined(out, conditions, " or ", |out, part| write_expr(out, part, Binding::And));
        }
        Expr::And(conditions) => {
            write_joined(out, conditions, " and ", |out, part| write_expr(out, part, Binding::Not));
        }
        Expr::Not(condition) => {
            out.push_str("not ");
            write_expr(out, condition, Binding::Not);
        }
        Expr::Compare { left, operator, right } => {
            write_operand(out, left);
            push(out, format_args!(" {} ", symbol(*operator)));
            write_operand(out, right);
        }
        Expr::Matches { left, pattern } => {
            write_operand(out, left);
            push(out, format_args!(" matches {}", quoted(pattern)));
        }
        Expr::In { left, values } => {
            write_operand(out, left);
            out.push_str(" in [");
            write_joined(out, values, ", ", write_literal);
            out.push(']');
        }
        Expr::Exists(path) => push(out, format_args!("{path} exists")),
        Expr::Holds { function, args } => write_call(out, call::name(*function), args),
        Expr::Window(window) => write_window(out, window),
    }
    if in_parentheses {
        out.push(')');
    }
}

fn write_window(out: &mut String, window: &Window) {
    match window {
        Window::Count(Count { of, window_ms, by, threshold }) => {
            match of {
                CountOf::Events => out.push_str("count_in_window("),
                CountOf::Distinct(path) => push(out, format_args!("distinct_in_window({path}, ")),
            }
            out.push_str(&duration(*window_ms));
            write_by(out, by);
            push(out, format_args!(") >= {threshold}"));
        }
        Window::Sequence { window_ms, by, steps } => {
            push(out, format_args!("sequence({}", duration(*window_ms)));
            write_by(out, by);
            for step in steps {
                out.push_str(", ");
                write_step(out, step);
            }
            out.push(')');
        }
        Window::Absent { window_ms, step, after, by } => {
            push(out, format_args!("absent({}, ", duration(*window_ms)));
            write_step(out, step);
            out.push_str(", after: ");
            write_step(out, after);
            write_by(out, by);
            out.push(')');
        }
    }
}

fn write_by(out: &mut String, by: &[Path]) {
    match by {
        [] => {}
        [path] => push(out, format_args!(", by: {path}")),
        paths => {
            out.push_str(", by: [");
            write_joined(out, paths, ", ", |out, path| push(out, format_args!("{path}")));
            out.push(']');
        }
    }
}

fn write_step(out: &mut String, step: &Step) {
    push(out, format_args!("topic {}", quoted(&step.topic.to_string())));
    if let Some(filter) = &step.filter {
        out.push_str(" where ");
        write_expr(out, filter, Binding::Or);
    }
}

fn write_operand(out: &mut String, operand: &Operand) {
    match operand {
        Operand::Path(path) => push(out, format_args!("{path}")),
        Operand::Literal(value) => write_literal(out, value),
        Operand::Call { function, args } => write_call(out, call::name(*function), args),
    }
}

fn write_call(out: &mut String, name: &str, args: &[Operand]) {
    push(out, format_args!("{name}("));
    write_joined(out, args, ", ", write_operand);
    out.push(')');
}

fn write_literal(out: &mut String, value: &Literal) {
    match value {
        Value::String(text) => out.push_str(&quoted(text)),
        value => json::write(out, value),
    }
}

/// A string in the quotes that leave it most readable.
pub(in crate::text) fn quoted(text: &str) -> String {
    let is_plain = !text.contains(char::is_control);
    if is_plain && (!text.contains('\'') || text.contains(['"', '\\'])) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut out = String::new();
    json::write_string(&mut out, text);
    out
}

fn duration(ms: u64) -> String {
    show_duration(Duration::from_millis(ms))
}

fn write_joined<T>(out: &mut String, items: &[T], between: &str, write: impl Fn(&mut String, &T)) {
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            out.push_str(between);
        }
        write(out, item);
    }
}

fn push(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    out.write_fmt(arguments).expect("invariant: a String takes text");
}
