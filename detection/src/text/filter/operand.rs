//! What conditions are about: paths, values, and functions of them.

use contracts::json::{Number, Value};

use super::{Kind, Parsed, Parser};
use crate::diagnostic::{Code, Reported, Trouble};
use crate::form::{Spot, leaf};
use crate::jsonpath::Path;
use crate::rule::{Literal, Operand};

impl Parser<'_, '_> {
    pub(super) fn operand(&mut self) -> Parsed<Operand> {
        match &self.peek().kind {
            Kind::Path => self.path().map(|(path, spot)| (Operand::Path(path), spot)),
            Kind::Word if self.at + 1 < self.tokens.len() && self.opens_call() => self.call(),
            Kind::Word | Kind::Number | Kind::Text(_) => {
                self.literal().map(|(value, spot)| (Operand::Literal(value), spot))
            }
            _ => Err(self.expected("a path, a value or a function")),
        }
    }

    fn opens_call(&self) -> bool {
        matches!(self.tokens[self.at + 1].kind, Kind::Punctuation('('))
    }

    pub(super) fn path(&mut self) -> Parsed<Path> {
        if !matches!(self.peek().kind, Kind::Path) {
            return Err(self.expected_with("a path", Some("a path begins with `$`: `$.user.name`")));
        }
        let written = self.peek_text().to_owned();
        let span = self.next().span;
        leaf::path(&written).map(|path| (path, Spot::leaf(self.text.span(&span)))).map_err(|trouble| {
            let within = trouble.within.as_ref();
            let within =
                within.map_or_else(|| span.clone(), |within| span.start + within.start..span.start + within.end);
            self.report(within, trouble)
        })
    }

    fn literal(&mut self) -> Parsed<Literal> {
        let value = match &self.peek().kind {
            Kind::Text(text) => Value::from(text.value.clone()),
            Kind::Number => self.number()?,
            _ => match self.peek_text() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "null" => Value::Null,
                word => {
                    let help = format!("a string stands in quotes: '{word}'; a path begins with `$.`: $.{word}");
                    return Err(self.expected_with("a path, a value or a function", Some(&help)));
                }
            },
        };
        let span = self.next().span;
        Ok((value, Spot::leaf(self.text.span(&span))))
    }

    fn number(&mut self) -> Result<Literal, Reported> {
        let written = self.peek_text();
        if let Some(number) = Number::parse(written) {
            return Ok(leaf::literal(&Value::Number(number)));
        }
        let trouble = Trouble::new(Code::WrongType, "not a number").expected("a number as JSON writes it");
        let trouble = trouble
            .found(format!("`{written}`"))
            .help("write 4096, not 4_096, 0x1000 or 4k; times only stand in window terms");
        let span = self.next().span;
        Err(self.report(span, trouble))
    }
}
