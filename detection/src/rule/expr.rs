//! Filter expressions.

use contracts::json::Value;

use super::TopicPattern;
use crate::jsonpath::Path;

#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// At least two.
    And(Vec<Expr>),
    /// At least two.
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Compare {
        left: Operand,
        operator: Compare,
        right: Operand,
    },
    /// `matches` and `contains regex`: searched for unanchored.
    Matches {
        left: Operand,
        pattern: String,
    },
    In {
        left: Operand,
        values: Vec<Literal>,
    },
    Exists(Path),
    /// A function that says yes or no.
    Holds {
        function: Function,
        args: Vec<Operand>,
    },
    /// Only at the top level, joined by `and`.
    Window(Window),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Compare {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Contains,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Operand {
    Path(Path),
    Literal(Literal),
    Call { function: Function, args: Vec<Operand> },
}

/// A value that stands in a rule.
pub type Literal = Value<'static>;

/// The fixed set of functions; `eval` says what each means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Function {
    Luhn,
    Cidr,
    Entropy,
    Len,
    Lower,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Window {
    Count(Count),
    /// In order, within the window.
    Sequence {
        window_ms: u64,
        by: Vec<Path>,
        steps: Vec<Step>,
    },
    /// After an `after` no `step` within the window.
    Absent {
        window_ms: u64,
        step: Step,
        after: Step,
        by: Vec<Path>,
    },
}

/// Holds when at least `threshold` are in the window, this event included.
#[derive(Debug, Clone, PartialEq)]
pub struct Count {
    pub of: CountOf,
    pub window_ms: u64,
    pub by: Vec<Path>,
    pub threshold: u32,
}

#[derive(Debug, Clone, PartialEq)]
pub enum CountOf {
    Events,
    /// Different values of this path.
    Distinct(Path),
}

/// `topic "…" where expression`.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub topic: TopicPattern,
    pub filter: Option<Box<Expr>>,
}
