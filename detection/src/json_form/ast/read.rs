//! From a tree in JSON to a filter.

use contracts::json::{self, Number};

use super::{MATCHES, NODES, OPERANDS, OPERATORS};
use crate::diagnostic::{Code, Log, Reported, Trouble};
use crate::form::{Items, Member, Node, Spot, Value, call, leaf};
use crate::json_form::members::Members;
use crate::jsonpath::Path;
use crate::reading::Form;
use crate::rule::{Compare, Expr, Literal, Operand};

pub(super) type Read<T> = Result<(T, Spot), Reported>;

/// The filter that stands here; `None` for every event.
pub(in crate::json_form) fn read(node: &Node, log: &mut Log<'_>) -> Result<Option<(Expr, Spot)>, Reported> {
    let mut reader = Reader { items: Items { form: Form::Json, log } };
    match reader.tag(node, &NODES)? {
        ("Always", _) => Ok(None),
        (tag, members) => reader.tagged(node, tag, &members).map(Some),
    }
}

/// A value that stands in a condition.
pub(in crate::json_form) fn scalar(node: &Node, log: &mut Log<'_>) -> Result<Literal, Reported> {
    let mut reader = Reader { items: Items { form: Form::Json, log } };
    reader.literal(node).map(|(value, _)| value)
}

pub(super) struct Reader<'r, 'l> {
    pub items: Items<'r, 'l>,
}

impl Reader<'_, '_> {
    pub fn condition(&mut self, node: &Node) -> Read<Expr> {
        let (tag, members) = self.tag(node, &NODES)?;
        self.tagged(node, tag, &members)
    }

    /// The node's tag and its members, all of them known.
    fn tag<'n>(
        &mut self,
        node: &'n Node,
        known: &[(&'static str, &[&str])],
    ) -> Result<(&'static str, Members<'n>), Reported> {
        let names: Vec<&str> = match &node.value {
            Value::Object(members) => members.iter().map(|member: &Member| &*member.name).collect(),
            _ => return Err(self.items.wrong_type(node, "an object with a `type`", None)),
        };
        let kind = Members::open(node, &names, self.items.log)?.required("type", self.items.log)?;
        let choices: Vec<_> = known.iter().map(|node| (node.0, node)).collect();
        let (tag, members) = self.items.choice(kind, &choices)?;
        Ok((tag, Members::open(node, members, self.items.log)?))
    }

    fn tagged(&mut self, node: &Node, tag: &str, members: &Members<'_>) -> Read<Expr> {
        let spot = |inner| Spot { span: node.span.clone(), inner };
        match tag {
            "Always" => {
                let trouble = Trouble::new(Code::WrongType, "`Always` inside of a filter");
                Err(self
                    .items
                    .log
                    .report(node.span.clone(), trouble.help("leave it out; it stands for no filter at all")))
            }
            "And" => self.joined(members, Expr::And).map(|(expr, inner)| (expr, spot(inner))),
            "Or" => self.joined(members, Expr::Or).map(|(expr, inner)| (expr, spot(inner))),
            "Not" => {
                let inner = members.required("condition", self.items.log)?;
                let (condition, inner) = self.condition(inner)?;
                Ok((Expr::Not(Box::new(condition)), spot(vec![inner])))
            }
            "FieldCondition" => self.comparison(members, "path", "value").map(|(expr, inner)| (expr, spot(inner))),
            "Comparison" => self.comparison(members, "left", "right").map(|(expr, inner)| (expr, spot(inner))),
            "RegexMatch" => {
                let left = self.subject(node, members);
                let pattern = members.required("pattern", self.items.log).and_then(|node| self.pattern(node));
                let ((left, left_spot), (pattern, pattern_spot)) = (left?, pattern?);
                Ok((Expr::Matches { left, pattern }, spot(vec![left_spot, pattern_spot])))
            }
            "In" => {
                let left = self.subject(node, members);
                let values = members.required("values", self.items.log).and_then(|node| self.set(node));
                let ((left, left_spot), (values, spots)) = (left?, values?);
                let inner = std::iter::once(left_spot).chain(spots).collect();
                Ok((Expr::In { left, values }, spot(inner)))
            }
            "Exists" => {
                let path = members.required("path", self.items.log)?;
                let (path, path_spot) = self.path(path)?;
                Ok((Expr::Exists(path), spot(vec![path_spot])))
            }
            "FunctionCall" => match self.call(node, members)? {
                (Operand::Call { function, args }, spot) if call::is_condition(function) => {
                    Ok((Expr::Holds { function, args }, spot))
                }
                (_, spot) => {
                    let trouble = Trouble::new(Code::WrongType, "a function that gives a value stands as a condition");
                    let trouble = trouble
                        .help("compare it: {\"type\": \"Comparison\", \"left\": …, \"operator\": …, \"right\": …}");
                    Err(self.items.log.report(spot.span, trouble))
                }
            },
            window => self.window(node, window, members),
        }
    }

    fn joined(&mut self, members: &Members<'_>, join: fn(Vec<Expr>) -> Expr) -> Result<(Expr, Vec<Spot>), Reported> {
        let node = members.required("conditions", self.items.log)?;
        let conditions = self.list(node, Self::condition)?;
        if conditions.len() < 2 {
            let trouble = Trouble::new(Code::Empty, "nothing to join").expected("two conditions or more");
            return Err(self.items.log.report(node.span.clone(), trouble));
        }
        let (conditions, inner) = conditions.into_iter().unzip();
        Ok((join(conditions), inner))
    }

    /// All items are read, so that all of their errors are told.
    pub fn list<T>(
        &mut self,
        node: &Node,
        mut read: impl FnMut(&mut Self, &Node) -> Result<T, Reported>,
    ) -> Result<Vec<T>, Reported> {
        let Value::List(items) = &node.value else {
            return Err(self.items.wrong_type(node, "a list", None));
        };
        let items: Vec<_> = items.iter().map(|item| read(self, item)).collect();
        items.into_iter().collect()
    }

    fn comparison(&mut self, members: &Members<'_>, left: &str, right: &str) -> Result<(Expr, Vec<Spot>), Reported> {
        let left = match (left, members.comparand(left, self.items.log)?) {
            ("path", node) => self.path(node).map(|(path, spot)| (Operand::Path(path), spot)),
            (_, node) => self.value(node),
        };
        let operator = members.required("operator", self.items.log)?;
        let choices: Vec<_> = OPERATORS.iter().map(|(name, operator)| (*name, Some(*operator))).collect();
        let choices: Vec<(&str, Option<Compare>)> = choices.into_iter().chain([(MATCHES, None)]).collect();
        let operator = self.items.choice(operator, &choices);
        let right = members.comparand(right, self.items.log);
        let ((left, left_spot), right) = (left?, right?);
        let Some(operator) = operator? else {
            let (pattern, spot) = self.pattern(right)?;
            return Ok((Expr::Matches { left, pattern }, vec![left_spot, spot]));
        };
        let (right, right_spot) = self.value(right)?;
        Ok((Expr::Compare { left, operator, right }, vec![left_spot, right_spot]))
    }

    /// What a pattern or a set is about: `path`, or `left`.
    fn subject(&mut self, node: &Node, members: &Members<'_>) -> Read<Operand> {
        match (members.get("path"), members.written("left")) {
            (Some(path), None) => self.path(path).map(|(path, spot)| (Operand::Path(path), spot)),
            (None, Some(left)) => self.value(left),
            _ => {
                let trouble = Trouble::new(Code::MissingKey, "a condition about nothing, or about two things");
                let brace = node.span.start..node.span.start + 1;
                Err(self.items.log.report(brace, trouble.expected("either `path` or `left`")))
            }
        }
    }

    /// An operand that has a value to compare with.
    fn value(&mut self, node: &Node) -> Read<Operand> {
        let (operand, spot) = self.operand(node)?;
        call::check_value(&operand).map_err(|trouble| self.items.log.report(node.span.clone(), trouble))?;
        Ok((operand, spot))
    }

    fn operand(&mut self, node: &Node) -> Read<Operand> {
        if !matches!(node.value, Value::Object(_)) {
            return self.literal(node).map(|(value, spot)| (Operand::Literal(value), spot));
        }
        let (tag, members) = self.tag(node, &OPERANDS)?;
        if tag == "Path" {
            let path = members.required("path", self.items.log)?;
            let (path, _) = self.path(path)?;
            return Ok((Operand::Path(path), Spot::leaf(node.span.clone())));
        }
        self.call(node, &members)
    }

    fn call(&mut self, node: &Node, members: &Members<'_>) -> Read<Operand> {
        let function = members.required("function", self.items.log)?;
        let function = self.items.parsed(function, |name| call::function(name, &[]))?;
        let args_node = members.required("args", self.items.log)?;
        let (args, inner): (Vec<_>, Vec<_>) = self.list(args_node, Self::operand)?.into_iter().unzip();
        call::check(function, &args).map_err(|(arg, trouble)| {
            let written = match (&args_node.value, arg) {
                (Value::List(items), Some(arg)) => items.get(arg),
                _ => None,
            };
            let span = match (written, &trouble.within) {
                (Some(Node { value: Value::Text(text), .. }), Some(within)) => text.span(within),
                (Some(node), _) => node.span.clone(),
                (None, _) => node.span.clone(),
            };
            self.items.log.report(span, trouble)
        })?;
        Ok((Operand::Call { function, args }, Spot { span: node.span.clone(), inner }))
    }

    pub fn path(&mut self, node: &Node) -> Read<Path> {
        self.items.parsed(node, leaf::path).map(|path| (path, Spot::leaf(node.span.clone())))
    }

    fn pattern(&mut self, node: &Node) -> Read<String> {
        self.items.parsed(node, leaf::pattern).map(|pattern| (pattern, Spot::leaf(node.span.clone())))
    }

    fn set(&mut self, node: &Node) -> Result<(Vec<Literal>, Vec<Spot>), Reported> {
        let values = self.list(node, Self::literal)?;
        if values.is_empty() {
            let trouble = Trouble::new(Code::Empty, "an empty set, in which nothing is");
            return Err(self.items.log.report(node.span.clone(), trouble.expected("one value or more")));
        }
        Ok(values.into_iter().unzip())
    }

    fn literal(&mut self, node: &Node) -> Read<Literal> {
        let value = match &node.value {
            Value::Text(text) => json::Value::from(text.value.clone()),
            Value::Number(number) => {
                let number = Number::parse(number.as_str()).expect("invariant: JSON numbers are read from JSON");
                leaf::literal(&json::Value::Number(number))
            }
            Value::Word(word) if word == "null" => json::Value::Null,
            Value::Word(word) => json::Value::Bool(word == "true"),
            Value::List(_) | Value::Object(_) => {
                return Err(self.items.wrong_type(node, "a string, a number, true, false or null", None));
            }
        };
        Ok((value, Spot::leaf(node.span.clone())))
    }
}
