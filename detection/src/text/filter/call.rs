//! Calls of functions: a name, what it is applied to, and values that are fixed with the rule.

use std::ops::Range;

use super::{Kind, Parsed, Parser};
use crate::diagnostic::Reported;
use crate::form::{Spot, call};
use crate::rule::{Function, Operand};

impl Parser<'_, '_> {
    /// At a word and `(`.
    pub(super) fn call(&mut self) -> Parsed<Operand> {
        let start = self.here();
        let function = self.function()?;
        self.at += 2;
        let (args, inner): (Vec<_>, Vec<_>) = self.nested(Self::arguments)?.into_iter().unzip();
        self.check(function, &args, &inner, start)?;
        Ok((Operand::Call { function, args }, Spot { span: self.since(start), inner }))
    }

    fn function(&mut self) -> Result<Function, Reported> {
        let span = self.peek().span.clone();
        // What stands in a call of an unknown function has no meaning either.
        call::function(self.peek_text(), &super::window::NAMES).map_err(|trouble| self.grammar(span, trouble))
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

    fn check(&mut self, function: Function, args: &[Operand], spots: &[Spot], start: usize) -> Result<(), Reported> {
        call::check(function, args).map_err(|(arg, trouble)| {
            let spot = arg.and_then(|arg| spots.get(arg));
            let span = match (spot, &trouble.within) {
                (Some(spot), Some(within)) => self.inside_literal(spot, within),
                (Some(spot), None) => spot.span.clone(),
                (None, _) => self.since(start),
            };
            self.log.report(span, trouble)
        })
    }

    /// These bytes of what the string literal at `spot` says, in the file.
    fn inside_literal(&self, spot: &Spot, within: &Range<usize>) -> Range<usize> {
        let literal = self.tokens.iter().find_map(|token| match &token.kind {
            Kind::Text(text) if self.text.span(&token.span) == spot.span => Some(text),
            _ => None,
        });
        literal.map_or_else(|| spot.span.clone(), |text| self.text.span(&text.span(within)))
    }
}
