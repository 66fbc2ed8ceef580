//! Filter expressions in the text form. Loosest first: `or`, `and`, `not`, then comparisons.

mod call;
mod condition;
mod lexer;
mod operand;
mod print;
mod window;

use std::ops::Range;

pub(super) use lexer::{Kind, Token, tokens};
pub(super) use print::{print, quoted};

use crate::diagnostic::{Code, Log, Reported, Trouble};
use crate::form::{Spot, Text};
use crate::limits::FILTER_DEPTH_MAX;
use crate::rule::Expr;

/// Reads a filter that stands in a string of the file.
pub(super) fn parse(text: &Text, log: &mut Log<'_>) -> Parsed<Expr> {
    let tokens = tokens(&text.value).map_err(|trouble| {
        let within = trouble.within.clone().unwrap_or(0..text.value.len());
        log.report(text.span(&within), trouble)
    })?;
    let mut parser = Parser { tokens, at: 0, depth: 0, is_lost: false, text, log };
    let filter = parser.expression();
    if filter.is_ok() && !matches!(parser.peek().kind, Kind::End) {
        let help = condition::elsewhere(parser.peek_text()).map(|ours| format!("did you mean `{ours}`?"));
        return Err(parser.expected_with("`and`, `or`, or the end of the filter", help.as_deref()));
    }
    filter
}

type Parsed<T> = Result<(T, Spot), Reported>;

struct Parser<'p, 'l> {
    /// The last is [`Kind::End`].
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    /// Whether something stood where it cannot: what follows means nothing any more.
    is_lost: bool,
    text: &'p Text,
    log: &'p mut Log<'l>,
}

impl Parser<'_, '_> {
    fn expression(&mut self) -> Parsed<Expr> {
        self.joined("or", Self::all_of, Expr::Or)
    }

    fn all_of(&mut self) -> Parsed<Expr> {
        self.joined("and", Self::unary, Expr::And)
    }

    /// One or more of `part` with `word` between. All of them are read, so that all of their errors are told.
    fn joined(&mut self, word: &str, part: fn(&mut Self) -> Parsed<Expr>, join: fn(Vec<Expr>) -> Expr) -> Parsed<Expr> {
        let start = self.here();
        let mut parts = vec![part(self)];
        while !self.is_lost && self.take_word(word) {
            parts.push(part(self));
        }
        let mut parts: Vec<_> = parts.into_iter().collect::<Result<_, _>>()?;
        if parts.len() == 1 {
            return Ok(parts.remove(0));
        }
        let (parts, inner) = parts.into_iter().unzip();
        Ok((join(parts), Spot { span: self.since(start), inner }))
    }

    fn unary(&mut self) -> Parsed<Expr> {
        let start = self.here();
        if self.take_word("not") {
            let (condition, spot) = self.nested(Self::unary)?;
            return Ok((Expr::Not(Box::new(condition)), Spot { span: self.since(start), inner: vec![spot] }));
        }
        if self.take('(') {
            let inner = self.nested(Self::expression);
            if inner.is_ok() {
                self.close(')')?;
            } else {
                self.take(')');
            }
            return inner;
        }
        self.condition()
    }

    /// One level deeper, if there still is one.
    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, Reported>) -> Result<T, Reported> {
        if self.depth == FILTER_DEPTH_MAX {
            let trouble = Trouble::new(Code::TooDeep, "a filter that is nested too deep")
                .expected(format!("at most {FILTER_DEPTH_MAX} levels"))
                .help("take parentheses away, or write several rules");
            let span = self.peek().span.clone();
            return Err(self.grammar(span, trouble));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn peek(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    fn peek_text(&self) -> &str {
        &self.text.value[self.peek().span.clone()]
    }

    /// The next token, which is not the last one again.
    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek().kind, Kind::Word) && self.peek_text() == word
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_there = self.is_word(word);
        self.at += usize::from(is_there);
        is_there
    }

    fn is(&self, punctuation: char) -> bool {
        matches!(self.peek().kind, Kind::Punctuation(found) if found == punctuation)
    }

    fn take(&mut self, punctuation: char) -> bool {
        let is_there = self.is(punctuation);
        self.at += usize::from(is_there);
        is_there
    }

    fn close(&mut self, punctuation: char) -> Result<(), Reported> {
        if self.take(punctuation) { Ok(()) } else { Err(self.expected(&format!("`{punctuation}`"))) }
    }

    fn here(&self) -> usize {
        self.peek().span.start
    }

    /// What was read from `start` on, in the file.
    fn since(&self, start: usize) -> Range<usize> {
        let end = self.at.checked_sub(1).map_or(start, |last| self.tokens[last].span.end);
        self.text.span(&(start..end.max(start)))
    }

    /// Something wrong within the grammar: reading goes on.
    fn report(&mut self, span: Range<usize>, trouble: Trouble) -> Reported {
        self.log.report(self.text.span(&span), trouble)
    }

    /// Something wrong with the grammar: reading ends.
    fn grammar(&mut self, span: Range<usize>, trouble: Trouble) -> Reported {
        self.is_lost = true;
        self.report(span, trouble)
    }

    fn expected(&mut self, expected: &str) -> Reported {
        self.expected_with(expected, None)
    }

    fn expected_with(&mut self, expected: &str, help: Option<&str>) -> Reported {
        let found = match self.peek().kind {
            Kind::End => "the end of the filter".to_owned(),
            _ => format!("`{}`", self.peek_text()),
        };
        let trouble = Trouble::new(Code::Syntax, format!("expected {expected}")).found(found);
        let trouble = match help {
            Some(help) => trouble.help(help),
            None => trouble,
        };
        let span = self.peek().span.clone();
        self.grammar(span, trouble)
    }
}
