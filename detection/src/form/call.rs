//! The functions, and what they may be applied to: a path, or what another function makes of one; the other arguments are
//! values that are fixed with the rule.

use contracts::json::Value;
use contracts::nearest::nearest;

use super::leaf::{bad_pattern, told};
use crate::diagnostic::{Code, Trouble};
use crate::eval::{self, FunctionError, FunctionErrorKind};
use crate::rule::{Function, Literal, Operand};

const FUNCTIONS: [(&str, Function); 5] = [
    ("luhn", Function::Luhn),
    ("cidr", Function::Cidr),
    ("entropy", Function::Entropy),
    ("len", Function::Len),
    ("lower", Function::Lower),
];

pub(crate) fn name(function: Function) -> &'static str {
    let found = FUNCTIONS.iter().find(|(_, known)| *known == function);
    found.expect("invariant: the list has them all").0
}

/// The function of this name; `others` are names that may stand in its place.
pub(crate) fn function(name: &str, others: &[&'static str]) -> Result<Function, Trouble> {
    if let Some((_, function)) = FUNCTIONS.iter().find(|(known, _)| *known == name) {
        return Ok(*function);
    }
    let names: Vec<&str> = FUNCTIONS.iter().map(|(name, _)| *name).chain(others.iter().copied()).collect();
    let trouble = Trouble::new(Code::UnknownFunction, format!("unknown function `{name}`"));
    Err(match nearest(name, names.iter().copied()) {
        Some(near) => trouble.help(format!("did you mean `{near}`?")),
        None => trouble.expected(format!("one of {}", names.join(", "))),
    })
}

/// Whether the function says yes or no, rather than give a value.
pub(crate) fn is_condition(function: Function) -> bool {
    match function {
        Function::Luhn | Function::Cidr => true,
        Function::Entropy | Function::Len | Function::Lower => false,
    }
}

/// An operand that has a value to compare with.
pub(crate) fn check_value(operand: &Operand) -> Result<(), Trouble> {
    match operand {
        Operand::Call { function, .. } if is_condition(*function) => {
            let message = format!("`{}` says yes or no, and has no value to compare with", name(*function));
            Err(Trouble::new(Code::WrongType, message).expected("a path, a value, or one of len, lower, entropy"))
        }
        _ => Ok(()),
    }
}

/// Checks the arguments of a call; an error says which of them it is about.
pub(crate) fn check(function: Function, args: &[Operand]) -> Result<(), (Option<usize>, Trouble)> {
    let name = name(function);
    let Some((subject, rest)) = args.split_first() else {
        return Err((None, Trouble::new(Code::WrongType, format!("`{name}` of nothing")).expected("a path")));
    };
    match subject {
        Operand::Path(_) => {}
        Operand::Call { function, .. } if !is_condition(*function) => {}
        Operand::Call { .. } | Operand::Literal(_) => {
            let trouble = Trouble::new(Code::WrongType, format!("`{name}` of what is no path")).expected("a path");
            return Err((Some(0), trouble));
        }
    }
    let mut literals: Vec<Literal> = Vec::new();
    for (place, arg) in rest.iter().enumerate() {
        let Operand::Literal(value) = arg else {
            let trouble = Trouble::new(Code::WrongType, "an argument that changes from event to event");
            return Err((Some(place + 1), trouble.expected("a string that is the same for all")));
        };
        literals.push(value.clone());
    }
    eval::function(name, &literals)
        .map(drop)
        .map_err(|error| (error.argument.map(|argument| argument + 1), trouble(&error, &literals)))
}

fn trouble(error: &FunctionError, literals: &[Value<'_>]) -> Trouble {
    let text = error.argument.and_then(|argument| literals.get(argument)?.as_str());
    match (&error.kind, text) {
        (FunctionErrorKind::Pattern(error), Some(text)) => bad_pattern(text, error),
        (FunctionErrorKind::NotAString { found }, _) => {
            Trouble::new(Code::WrongType, "an argument of the wrong type").expected("a string").found(*found)
        }
        (FunctionErrorKind::Count { name, expected, found }, _) => {
            Trouble::new(Code::WrongType, "too few or too many arguments")
                .expected(format!("`{name}({expected})`"))
                .found(format!("{found} after the path"))
        }
        (kind, _) => told(Code::WrongType, "an argument that cannot stand", kind),
    }
}
