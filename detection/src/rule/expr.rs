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

impl Expr {
    /// How many conditions are inside each other, those of steps and calls in calls included; 1 for a plain one.
    pub fn depth(&self) -> usize {
        let step = |step: &Step| step.filter.as_ref().map_or(0, |filter| filter.depth());
        let deepest = |conditions: &[Self]| conditions.iter().map(Self::depth).max().unwrap_or(0);
        1 + match self {
            Self::And(conditions) | Self::Or(conditions) => deepest(conditions),
            Self::Not(condition) => condition.depth(),
            Self::Compare { left, right, .. } => left.depth().max(right.depth()),
            Self::Matches { left, .. } | Self::In { left, .. } => left.depth(),
            Self::Holds { args, .. } => args.iter().map(Operand::depth).max().unwrap_or(0),
            Self::Window(Window::Sequence { steps, .. }) => steps.iter().map(step).max().unwrap_or(0),
            Self::Window(Window::Absent { step: awaited, after, .. }) => step(awaited).max(step(after)),
            Self::Exists(_) | Self::Window(Window::Count(_)) => 0,
        }
    }
}

impl Operand {
    fn depth(&self) -> usize {
        match self {
            Self::Path(_) | Self::Literal(_) => 0,
            Self::Call { args, .. } => 1 + args.iter().map(Self::depth).max().unwrap_or(0),
        }
    }
}
