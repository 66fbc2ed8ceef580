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
struct Term {
    start: usize,
    form: Form,
}

enum Form {
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
                    let left = left.into_operand()?;
                    self.skip_blank();
                    Condition::Compare(left, comparison, self.term()?.into_operand()?)
                }
                _ => left.into_condition()?,
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
        let start = self.at;
        let form = match self.peek() {
            Some('$') => Form::Query(self.query(Origin::Root)?),
            Some('@') => Form::Query(self.query(Origin::Current)?),
            Some(quote @ ('\'' | '"')) => Form::Literal(self.string(quote)?.into()),
            Some('-' | '0'..='9') => Form::Literal(self.number()?.into()),
            Some('a'..='z') => self.word()?,
            _ => return Err(self.unexpected("a path from `@` or `$`, a literal, a function, `!` or `(`")),
        };
        Ok(Term { start, form })
    }

    fn query(&mut self, from: Origin) -> Result<Query, PathError> {
        self.at += 1;
        Ok(Query { from, segments: self.segments()? })
    }

    /// A call, or `true`, `false`, `null`.
    fn word(&mut self) -> Result<Form, PathError> {
        let start = self.at;
        while let Some('a'..='z' | '0'..='9' | '_') = self.peek() {
            self.at += 1;
        }
        let word = &self.text[start..self.at];
        if self.eat("(") {
            return self.nested(|parser| parser.call(word, start));
        }
        let literal = match word {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "null" => Value::Null,
            _ => {
                let expected = "`true`, `false`, `null` or a call such as `length(@.a)`";
                return Err(PathError::unexpected(self.text, start, expected));
            }
        };
        Ok(Form::Literal(literal))
    }

    /// The rest of a call, after its parenthesis.
    fn call(&mut self, name: &str, start: usize) -> Result<Form, PathError> {
        if !FUNCTIONS.contains(&name) {
            let nearest = nearest(name, FUNCTIONS);
            return Err(PathError::at(start, PathErrorKind::UnknownFunction { nearest }));
        }
        let arguments = self.arguments()?;
        Ok(match name {
            "match" => {
                let [text, pattern] = exactly(arguments, start, "match(text, pattern)")?;
                Form::Condition(pattern_match(Extent::Whole, text, pattern)?)
            }
            "search" => {
                let [text, pattern] = exactly(arguments, start, "search(text, pattern)")?;
                Form::Condition(pattern_match(Extent::Part, text, pattern)?)
            }
            "length" => {
                let [value] = exactly(arguments, start, "length(value)")?;
                Form::Value(Operand::Length(Box::new(value.into_operand()?)))
            }
            "count" => {
                let [path] = exactly(arguments, start, "count(path)")?;
                Form::Value(Operand::Count(path.into_nodes()?))
            }
            _ => {
                let [path] = exactly(arguments, start, "value(path)")?;
                Form::Value(Operand::OnlyNode(path.into_nodes()?))
            }
        })
    }

    /// The arguments up to the parenthesis.
    fn arguments(&mut self) -> Result<Vec<Term>, PathError> {
        let mut arguments = Vec::new();
        self.skip_blank();
        if self.eat(")") {
            return Ok(arguments);
        }
        loop {
            self.skip_blank();
            arguments.push(self.term()?);
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
    fn into_operand(self) -> Result<Operand, PathError> {
        let found = match self.form {
            Form::Literal(literal) => return Ok(Operand::Literal(literal)),
            Form::Value(operand) => return Ok(operand),
            Form::Query(query) if ast::is_singular(&query.segments) => return Ok(Operand::Node(query)),
            Form::Query(_) => "a path that may give several",
            Form::Condition(_) => "a call that is true or false itself",
        };
        Err(PathError::at(self.start, PathErrorKind::Type { expected: "one value", found }))
    }

    fn into_nodes(self) -> Result<Query, PathError> {
        match self.form {
            Form::Query(query) => Ok(query),
            _ => Err(PathError::at(self.start, PathErrorKind::Type { expected: "a path", found: "a value" })),
        }
    }

    fn into_condition(self) -> Result<Condition, PathError> {
        let found = match self.form {
            Form::Query(query) => return Ok(Condition::Exists(query)),
            Form::Condition(condition) => return Ok(condition),
            Form::Literal(_) => "a literal; compare it with something",
            Form::Value(_) => "a call that gives a value; compare it with something",
        };
        Err(PathError::at(self.start, PathErrorKind::Type { expected: "what is true or false", found }))
    }
}

fn exactly<const N: usize>(arguments: Vec<Term>, start: usize, usage: &'static str) -> Result<[Term; N], PathError> {
    arguments.try_into().map_err(|arguments: Vec<Term>| {
        PathError::at(start, PathErrorKind::ArgumentCount { usage, found: arguments.len() })
    })
}

fn pattern_match(extent: Extent, text: Term, pattern: Term) -> Result<Condition, PathError> {
    let text = text.into_operand()?;
    let pattern = match pattern.into_operand()? {
        Operand::Literal(Value::String(text)) => Pattern::Fixed(Expression::new(&text, extent)),
        computed => Pattern::Computed(computed),
    };
    Ok(Condition::Match(extent, text, pattern))
}

fn one_or(mut conditions: Vec<Condition>, several: impl FnOnce(Vec<Condition>) -> Condition) -> Condition {
    match conditions.len() {
        1 => conditions.remove(0),
        _ => several(conditions),
    }
}
