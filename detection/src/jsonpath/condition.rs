//! The grammar of filters: what is written, and whether it is well-typed, in one pass.

use contracts::json::Value;
use contracts::nearest::nearest;

use super::ast::{self, Condition, Extent, Operand, Origin, Pattern, Query};
use super::error::{PathError, PathErrorKind};
use super::parse::Parser;
use super::regexp::Expression;
use crate::eval::Comparison;

const FUNCTIONS: [&str; 5] = ["length", "count", "match", "search", "value"];

/// What stands where a condition or a side of a comparison may.
enum Term {
    Literal(Value<'static>),
    Query(Query),
    /// A call that gives a value.
    Value(Operand),
    /// A call that gives true or false.
    Condition(Condition),
}

impl Parser<'_> {
    pub(super) fn condition(&mut self) -> Result<Condition, PathError> {
        let mut conditions = Vec::new();
        loop {
            match self.all()? {
                Condition::Any(inner) => conditions.extend(inner),
                condition => conditions.push(condition),
            }
            if !self.eat_after_blank("||") {
                return Ok(one_or(conditions, Condition::Any));
            }
        }
    }

    fn all(&mut self) -> Result<Condition, PathError> {
        let mut conditions = Vec::new();
        loop {
            match self.basic()? {
                Condition::All(inner) => conditions.extend(inner),
                condition => conditions.push(condition),
            }
            if !self.eat_after_blank("&&") {
                return Ok(one_or(conditions, Condition::All));
            }
        }
    }

    /// A condition in parentheses, a comparison or a test.
    fn basic(&mut self) -> Result<Condition, PathError> {
        let is_negated = self.eat_after_blank("!");
        self.skip_blank();
        let start = self.at;
        let condition = if self.eat("(") {
            self.nested(|parser| {
                let condition = parser.condition()?;
                parser.skip_blank();
                if parser.eat(")") { Ok(condition) } else { Err(parser.unexpected("`&&`, `||` or `)`")) }
            })?
        } else {
            let left = self.term()?;
            match self.comparison() {
                Some(comparison) if !is_negated => {
                    let left = left.into_operand(start)?;
                    self.skip_blank();
                    let start = self.at;
                    let right = self.term()?;
                    Condition::Compare(left, comparison, right.into_operand(start)?)
                }
                _ => left.into_condition(start)?,
            }
        };
        Ok(if is_negated { Condition::Not(Box::new(condition)) } else { condition })
    }

    /// The operator that follows; if there is none, nothing is read.
    fn comparison(&mut self) -> Option<Comparison> {
        use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
        let longest_first = [Equal, NotEqual, LessOrEqual, GreaterOrEqual, Less, Greater];
        longest_first.into_iter().find(|comparison| self.eat_after_blank(comparison.symbol()))
    }

    fn term(&mut self) -> Result<Term, PathError> {
        match self.peek() {
            Some('$') => self.query(Origin::Root).map(Term::Query),
            Some('@') => self.query(Origin::Current).map(Term::Query),
            Some(quote @ ('\'' | '"')) => self.string(quote).map(|text| Term::Literal(text.into())),
            Some('-' | '0'..='9') => self.number().map(|number| Term::Literal(number.into())),
            Some('a'..='z') => self.word(),
            _ => Err(self.unexpected("a path from `@` or `$`, a literal, a function, `!` or `(`")),
        }
    }

    fn query(&mut self, from: Origin) -> Result<Query, PathError> {
        self.at += 1;
        Ok(Query { from, segments: self.segments()? })
    }

    /// A call, or `true`, `false`, `null`.
    fn word(&mut self) -> Result<Term, PathError> {
        let start = self.at;
        while let Some('a'..='z' | '0'..='9' | '_') = self.peek() {
            self.at += 1;
        }
        let word = &self.text[start..self.at];
        if self.eat("(") {
            return self.nested(|parser| parser.call(word, start));
        }
        match word {
            "true" => Ok(Term::Literal(Value::Bool(true))),
            "false" => Ok(Term::Literal(Value::Bool(false))),
            "null" => Ok(Term::Literal(Value::Null)),
            _ => {
                Err(PathError::unexpected(self.text, start, "`true`, `false`, `null` or a call such as `length(@.a)`"))
            }
        }
    }

    /// The rest of a call, after its parenthesis.
    fn call(&mut self, name: &str, start: usize) -> Result<Term, PathError> {
        let Some(function) = FUNCTIONS.into_iter().find(|known| *known == name) else {
            return Err(PathError::at(start, PathErrorKind::UnknownFunction { nearest: nearest(name, FUNCTIONS) }));
        };
        let arguments = self.arguments()?;
        let found = arguments.len();
        let count = |expected| PathErrorKind::ArgumentCount { function, expected, found };
        if let "match" | "search" = function {
            let extent = if function == "match" { Extent::Whole } else { Extent::Part };
            let [(text, text_at), (pattern, pattern_at)] =
                arguments.try_into().map_err(|_| PathError::at(start, count(2)))?;
            let text = text.into_operand(text_at)?;
            let pattern = match pattern.into_operand(pattern_at)? {
                Operand::Literal(Value::String(text)) => Pattern::Fixed(Expression::new(&text, extent)),
                computed => Pattern::Computed(computed),
            };
            return Ok(Term::Condition(Condition::Match(extent, text, pattern)));
        }
        let [(argument, at)] = arguments.try_into().map_err(|_| PathError::at(start, count(1)))?;
        Ok(Term::Value(match function {
            "length" => Operand::Length(Box::new(argument.into_operand(at)?)),
            "count" => Operand::Count(argument.into_nodes(at)?),
            _ => Operand::OnlyNode(argument.into_nodes(at)?),
        }))
    }

    /// The arguments up to the parenthesis, each with its place.
    fn arguments(&mut self) -> Result<Vec<(Term, usize)>, PathError> {
        let mut arguments = Vec::new();
        self.skip_blank();
        if self.eat(")") {
            return Ok(arguments);
        }
        loop {
            self.skip_blank();
            let start = self.at;
            arguments.push((self.term()?, start));
            self.skip_blank();
            if self.eat(")") {
                return Ok(arguments);
            }
            if !self.eat(",") {
                return Err(self.unexpected("`,` or `)`"));
            }
        }
    }
}

impl Term {
    fn into_operand(self, start: usize) -> Result<Operand, PathError> {
        let found = match self {
            Self::Literal(literal) => return Ok(Operand::Literal(literal)),
            Self::Value(operand) => return Ok(operand),
            Self::Query(query) if ast::is_singular(&query.segments) => return Ok(Operand::Node(query)),
            Self::Query(_) => "a path that may give several",
            Self::Condition(_) => "a call that is true or false itself",
        };
        Err(PathError::at(start, PathErrorKind::Type { expected: "one value", found }))
    }

    fn into_nodes(self, start: usize) -> Result<Query, PathError> {
        match self {
            Self::Query(query) => Ok(query),
            _ => Err(PathError::at(start, PathErrorKind::Type { expected: "a path", found: "a value" })),
        }
    }

    fn into_condition(self, start: usize) -> Result<Condition, PathError> {
        let found = match self {
            Self::Query(query) => return Ok(Condition::Exists(query)),
            Self::Condition(condition) => return Ok(condition),
            Self::Literal(_) => "a literal; compare it with something",
            Self::Value(_) => "a call that gives a value; compare it with something",
        };
        Err(PathError::at(start, PathErrorKind::Type { expected: "what is true or false", found }))
    }
}

fn one_or(mut conditions: Vec<Condition>, several: impl FnOnce(Vec<Condition>) -> Condition) -> Condition {
    match conditions.len() {
        1 => conditions.remove(0),
        _ => several(conditions),
    }
}
