//! Calls of functions: a name, what it is applied to, and values that are fixed with the rule.

use contracts::nearest::nearest;

use super::{Parsed, Parser};
use crate::diagnostic::{Code, Reported, Trouble};
use crate::form::{Spot, leaf};
use crate::rule::{Function, Literal, Operand};

impl Parser<'_, '_> {
    /// At a word and `(`.
    pub(super) fn call(&mut self) -> Parsed<Operand> {
        let start = self.here();
        let function = self.function();
        self.at += 2;
        let args = self.nested(Self::arguments);
        let (function, args) = (function?, args?);
        self.check(function, &args, start)?;
        let (args, inner) = args.into_iter().unzip();
        Ok((Operand::Call { function, args }, Spot { span: self.since(start), inner }))
    }

    fn function(&mut self) -> Result<Function, Reported> {
        let name = self.peek_text().to_owned();
        if let Some((_, function)) = leaf::FUNCTIONS.iter().find(|(known, _)| *known == name) {
            return Ok(*function);
        }
        let names = || leaf::FUNCTIONS.iter().map(|(name, _)| *name);
        let windows = super::window::NAMES;
        let trouble = Trouble::new(Code::UnknownFunction, format!("unknown function `{name}`"));
        let trouble = match nearest(&name, names().chain(windows)) {
            Some(near) => trouble.help(format!("did you mean `{near}`?")),
            None => trouble.expected(format!("one of {}", names().chain(windows).collect::<Vec<_>>().join(", "))),
        };
        // What stands in a call of an unknown function has no meaning either.
        let span = self.peek().span.clone();
        Err(self.grammar(span, trouble))
    }

    /// Up to and with the `)`.
    fn arguments(&mut self) -> Result<Vec<(Operand, Spot)>, Reported> {
        let mut args = Vec::new();
        while !self.is(')') {
            let arg = self.operand();
            if self.is_lost {
                return arg.map(|arg| vec![arg]);
            }
            args.push(arg);
            if !self.take(',') && !self.is(')') {
                return Err(self.expected("`,` or `)`"));
            }
        }
        self.at += 1;
        args.into_iter().collect()
    }

    /// The first argument is what the function is applied to, the others are fixed.
    fn check(&mut self, function: Function, args: &[(Operand, Spot)], start: usize) -> Result<(), Reported> {
        let name = leaf::function_name(function);
        let Some(((subject, subject_spot), rest)) = args.split_first() else {
            let trouble = Trouble::new(Code::WrongType, format!("`{name}` of nothing")).expected("a path");
            return Err(self.log.report(self.since(start), trouble));
        };
        match subject {
            Operand::Path(_) => {}
            Operand::Call { function, .. } if !leaf::is_condition(*function) => {}
            Operand::Call { .. } | Operand::Literal(_) => {
                let trouble = Trouble::new(Code::WrongType, format!("`{name}` of what is no path")).expected("a path");
                return Err(self.log.report(subject_spot.span.clone(), trouble));
            }
        }
        let mut literals: Vec<Literal> = Vec::new();
        for (arg, spot) in rest {
            let Operand::Literal(value) = arg else {
                let trouble = Trouble::new(Code::WrongType, "an argument that changes from event to event");
                return Err(self.log.report(spot.span.clone(), trouble.expected("a string that is the same for all")));
            };
            literals.push(value.clone());
        }
        leaf::call(function, &literals).map_err(|(argument, trouble)| {
            let spot = argument.and_then(|argument| rest.get(argument));
            let span = match (spot, &trouble.within) {
                (Some((_, spot)), Some(within)) => self.inside_literal(spot, within),
                (Some((_, spot)), None) => spot.span.clone(),
                (None, _) => self.since(start),
            };
            self.log.report(span, trouble)
        })
    }

    /// These bytes of what the string literal at `spot` says, in the file.
    fn inside_literal(&self, spot: &Spot, within: &std::ops::Range<usize>) -> std::ops::Range<usize> {
        let literal = self.tokens.iter().find_map(|token| match &token.kind {
            super::Kind::Text(text) if self.text.span(&token.span) == spot.span => Some(text),
            _ => None,
        });
        literal.map_or_else(|| spot.span.clone(), |text| self.text.span(&text.span(within)))
    }
}
