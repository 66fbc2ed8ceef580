//! One condition: a comparison, a pattern, a set, `exists`, a function that says yes or no, or a window term.

use contracts::nearest::nearest;

use super::{Kind, Parsed, Parser};
use crate::diagnostic::{Code, Reported, Trouble};
use crate::form::{Spot, call, leaf};
use crate::rule::{Compare, Expr, Literal, Operand};

/// What stands between the sides of a condition.
#[derive(Debug, Clone, Copy)]
enum Operator {
    Compare(Compare),
    Matches,
    In,
    Exists,
}

const SYMBOLS: [(&str, Compare); 6] = [
    ("==", Compare::Equal),
    ("!=", Compare::NotEqual),
    (">", Compare::Greater),
    (">=", Compare::GreaterOrEqual),
    ("<", Compare::Less),
    ("<=", Compare::LessOrEqual),
];

const WORDS: [(&str, Operator); 4] = [
    ("contains", Operator::Compare(Compare::Contains)),
    ("matches", Operator::Matches),
    ("in", Operator::In),
    ("exists", Operator::Exists),
];

/// Operators of other languages, and what they are here.
const ELSEWHERE: [(&str, &str); 14] = [
    ("=", "=="),
    ("===", "=="),
    ("!==", "!="),
    ("<>", "!="),
    ("=>", ">="),
    ("=<", "<="),
    ("=~", "matches"),
    ("~", "matches"),
    ("~=", "matches"),
    ("&&", "and"),
    ("&", "and"),
    ("||", "or"),
    ("|", "or"),
    ("!", "not"),
];

/// What an operator of another language is called here.
pub(super) fn elsewhere(found: &str) -> Option<&'static str> {
    ELSEWHERE.iter().find(|(other, _)| *other == found).map(|(_, ours)| *ours)
}

/// The text of a comparison.
pub(super) fn symbol(compare: Compare) -> &'static str {
    let known = SYMBOLS.iter().find(|(_, known)| *known == compare);
    known.map_or("contains", |(symbol, _)| symbol)
}

impl Parser<'_, '_> {
    pub(super) fn condition(&mut self) -> Parsed<Expr> {
        let start = self.here();
        if let Some(window) = self.window() {
            return window;
        }
        if self.is_word("exists") {
            return Err(self
                .expected_with("a path, a value or a function", Some("write `exists` after the path: `$.a exists`")));
        }
        let left = self.operand();
        let goes_on = !self.is_lost && self.is_at_operator();
        if let (false, Err(reported)) = (goes_on, &left) {
            return Err(*reported);
        }
        if let Ok((Operand::Call { function, args }, spot)) = &left
            && call::is_condition(*function)
        {
            let (function, args) = (*function, args.clone());
            let spot = Spot { span: self.since(start), inner: spot.inner.clone() };
            return Ok((Expr::Holds { function, args }, spot));
        }
        let operator = self.operator()?;
        self.right_side(start, left, operator)
    }

    fn right_side(&mut self, start: usize, left: Parsed<Operand>, operator: Operator) -> Parsed<Expr> {
        match operator {
            Operator::Compare(operator) => {
                let right = self.operand();
                let ((left, left_spot), (right, right_spot)) = (left?, self.value_of(right)?);
                let spot = Spot { span: self.since(start), inner: vec![left_spot, right_spot] };
                Ok((Expr::Compare { left, operator, right }, spot))
            }
            Operator::Matches => {
                let pattern = self.pattern();
                let ((left, left_spot), (pattern, pattern_spot)) = (left?, pattern?);
                let spot = Spot { span: self.since(start), inner: vec![left_spot, pattern_spot] };
                Ok((Expr::Matches { left, pattern }, spot))
            }
            Operator::In => {
                let values = self.set();
                let ((left, left_spot), values) = (left?, values?);
                let (values, spots): (Vec<_>, Vec<_>) = values.into_iter().unzip();
                let inner = std::iter::once(left_spot).chain(spots).collect();
                Ok((Expr::In { left, values }, Spot { span: self.since(start), inner }))
            }
            Operator::Exists => match left? {
                (Operand::Path(path), spot) => {
                    let spot = Spot { span: self.since(start), inner: vec![spot] };
                    Ok((Expr::Exists(path), spot))
                }
                (_, spot) => {
                    let trouble = Trouble::new(Code::WrongType, "`exists` of what is no path").expected("a path");
                    Err(self.log.report(spot.span, trouble))
                }
            },
        }
    }

    fn value_of(&mut self, operand: Parsed<Operand>) -> Parsed<Operand> {
        let (operand, spot) = operand?;
        call::check_value(&operand).map_err(|trouble| self.log.report(spot.span.clone(), trouble))?;
        Ok((operand, spot))
    }

    fn is_at_operator(&self) -> bool {
        match self.peek().kind {
            Kind::Operator => true,
            Kind::Word => WORDS.iter().any(|(word, _)| *word == self.peek_text()),
            _ => false,
        }
    }

    fn operator(&mut self) -> Result<Operator, Reported> {
        let found = self.peek_text().to_owned();
        let known = match self.peek().kind {
            Kind::Operator => {
                let known = SYMBOLS.iter().find(|(symbol, _)| *symbol == found);
                known.map(|(_, compare)| Operator::Compare(*compare))
            }
            Kind::Word => WORDS.iter().find(|(word, _)| *word == found).map(|(_, operator)| *operator),
            _ => return Err(self.expected("an operator such as `==`, `contains` or `matches`")),
        };
        let Some(operator) = known else { return Err(self.unknown_operator(&found)) };
        self.at += 1;
        let is_regex = matches!(operator, Operator::Compare(Compare::Contains)) && self.take_word("regex");
        Ok(if is_regex { Operator::Matches } else { operator })
    }

    fn unknown_operator(&mut self, found: &str) -> Reported {
        let span = self.peek().span.clone();
        let sticks_to_path = self.at > 0 && {
            let before = &self.tokens[self.at - 1];
            matches!(before.kind, Kind::Path) && before.span.end == span.start
        };
        let near = nearest(found, WORDS.iter().map(|(word, _)| *word));
        let help = match elsewhere(found).or(near) {
            _ if found.starts_with('-') && sticks_to_path => {
                Some("a name with other characters than letters, digits and `_` is written `$['a-b']`".to_owned())
            }
            _ if found == "not" => Some("write `not` before the condition: `not $.a in [1, 2]`".to_owned()),
            Some(meant) => Some(format!("did you mean `{meant}`?")),
            None => None,
        };
        let trouble = Trouble::new(Code::UnknownOperator, format!("unknown operator `{found}`"))
            .expected("one of == != > >= < <= contains, contains regex, matches, in, exists");
        let trouble = match help {
            Some(help) => trouble.help(help),
            None => trouble,
        };
        self.grammar(span, trouble)
    }

    /// A string that is a regular expression; what is wrong with it is told at its place.
    fn pattern(&mut self) -> Parsed<String> {
        let Kind::Text(text) = self.peek().kind.clone() else {
            return Err(self.expected("a regular expression in quotes"));
        };
        let span = self.next().span;
        match leaf::pattern(&text.value) {
            Ok(pattern) => Ok((pattern, Spot::leaf(self.text.span(&span)))),
            Err(trouble) => {
                let within = trouble.within.as_ref().map_or(span, |within| text.span(within));
                Err(self.report(within, trouble))
            }
        }
    }

    fn set(&mut self) -> Result<Vec<(Literal, Spot)>, Reported> {
        let start = self.here();
        if !self.take('[') {
            return Err(self.expected_with("`[`", Some("write the values as a set: `in ['a', 'b']`")));
        }
        let mut values = Vec::new();
        while !self.is(']') {
            match self.operand()? {
                (Operand::Literal(value), spot) => values.push((value, spot)),
                (_, spot) => {
                    let trouble = Trouble::new(Code::WrongType, "a set of values holds no paths and no functions");
                    return Err(self
                        .log
                        .report(spot.span, trouble.expected("a string, a number, true, false or null")));
                }
            }
            if !self.take(',') && !self.is(']') {
                return Err(self.expected("`,` or `]`"));
            }
        }
        self.at += 1;
        if values.is_empty() {
            let span = start..self.tokens[self.at - 1].span.end;
            let trouble = Trouble::new(Code::Empty, "an empty set, in which nothing is");
            return Err(self.report(span, trouble.expected("one value or more")));
        }
        Ok(values)
    }
}
