//! A rule as both language forms mean it: the one type that text, JSON, plan and digests share.
//!
//! Invariant: a [`Rule`] is complete. Every key that a form may leave out has its default here, so that two rules are equal
//! exactly when they mean the same.
//!
//! Absent on purpose: where it was written (see [`Place`], which errors carry, and the forms, which know the positions).

mod expr;
mod template;
mod topic;

pub use expr::{Compare, Count, CountOf, Expr, Function, Literal, Operand, Step, Window};
pub use template::{Field, Template, TemplateError, TemplateProblem};
pub use topic::{TopicPattern, TopicPatternError};

use contracts::field::Millionths;
use contracts::id::RuleId;
use contracts::records::{AlertAction, Category, Severity};

use crate::jsonpath::Path;
use crate::limits::{DEDUP_WINDOW_MS_DEFAULT, LATENESS_MS_DEFAULT};

#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub id: RuleId,
    /// As people know it; the id where the author gave none.
    pub name: String,
    pub description: Option<String>,
    pub enabled: bool,
    /// What the rule sees. Empty only where `event_types` is not, or where a subscription names the rule.
    pub topics: Vec<TopicPattern>,
    /// Exact types; empty is any.
    pub event_types: Vec<String>,
    /// None: every event that the rule sees.
    pub filter: Option<Expr>,
    pub group_by: Vec<Path>,
    pub scope: Scope,
    pub lateness_ms: u64,
    pub severity: Severity,
    pub category: Category,
    /// The alert's text with its `{fields}`.
    pub message: String,
    pub holdback: Holdback,
    pub action: AlertAction,
    /// Whom the severity's path of escalation begins with, if not the one the severity names.
    pub escalate_to: Option<String>,
    /// ATT&CK ids.
    pub attack: Vec<String>,
    pub playbook: Option<String>,
    pub confidence: Millionths,
    pub risk_weight: Millionths,
    /// Whether `rule.matched` is told of every match, not only of those that raise an alert.
    pub tell_matches: bool,
    /// Files of cases, relative to the file of the rule.
    pub tests: Vec<String>,
}

impl Rule {
    /// A rule with the default of every key that may be left out. It names no topic, so that it sees nothing yet.
    pub fn new(id: RuleId, severity: Severity, category: Category, message: String) -> Self {
        Self {
            name: id.as_str().to_owned(),
            id,
            description: None,
            enabled: true,
            topics: Vec::new(),
            event_types: Vec::new(),
            filter: None,
            group_by: Vec::new(),
            scope: Scope::default(),
            lateness_ms: LATENESS_MS_DEFAULT,
            severity,
            category,
            message,
            holdback: Holdback::default(),
            action: AlertAction::Notify,
            escalate_to: None,
            attack: Vec::new(),
            playbook: None,
            confidence: Millionths::MAX,
            risk_weight: Millionths::MAX,
            tell_matches: false,
            tests: Vec::new(),
        }
    }
}

/// What keeps a rule quiet after it spoke.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holdback {
    pub dedup_window_ms: u64,
    /// Only these values make a repeat; empty: the whole payload.
    pub dedup_by: Vec<Path>,
    /// Members that are no part of a repeat, beside those that never are.
    pub dedup_ignore: Vec<String>,
    pub suppression_window_ms: Option<u64>,
    pub storm: Option<Storm>,
}

impl Default for Holdback {
    fn default() -> Self {
        Self {
            dedup_window_ms: DEDUP_WINDOW_MS_DEFAULT,
            dedup_by: Vec::new(),
            dedup_ignore: Vec::new(),
            suppression_window_ms: None,
            storm: None,
        }
    }
}

/// At most so many alerts in each window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storm {
    pub alerts_max: u32,
    pub window_ms: u64,
}

/// What a rule's state is kept apart by, beside `group_by`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scope {
    /// Over all endpoints together; otherwise each endpoint has a state of its own.
    pub fleet: bool,
    pub session: bool,
    pub thread: bool,
}

/// A rule set as `swap_rule_set` names it.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleSet {
    pub name: String,
    pub watchers: Vec<Watcher>,
}

impl RuleSet {
    /// Of a single watcher, called as the set is, that sees every event.
    pub fn of_one(name: &str, rules: Vec<Rule>) -> Self {
        let watcher = Watcher { name: name.to_owned(), subscriptions: Vec::new(), rules };
        Self { name: name.to_owned(), watchers: vec![watcher] }
    }
}

/// A named set of subscriptions and rules. Its name is the `source` of its alerts.
#[derive(Debug, Clone, PartialEq)]
pub struct Watcher {
    pub name: String,
    pub subscriptions: Vec<Subscription>,
    pub rules: Vec<Rule>,
}

/// Selects events and names the rules that see them.
#[derive(Debug, Clone, PartialEq)]
pub struct Subscription {
    pub id: String,
    pub topic: TopicPattern,
    pub actor_id: Option<String>,
    pub session_id: Option<String>,
    pub thread_id: Option<String>,
    /// All of them must hold.
    pub payload_filters: Vec<PayloadFilter>,
    pub events_per_sec_max: Option<u32>,
    pub rules: Vec<RuleId>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct PayloadFilter {
    pub path: Path,
    pub condition: PayloadCondition,
}

#[derive(Debug, Clone, PartialEq)]
pub enum PayloadCondition {
    Equals(Literal),
    Contains(Literal),
    Regex(String),
    GreaterThan(Literal),
    LessThan(Literal),
    Exists,
}

/// Where in a rule something is wrong; the forms know at which line and column that stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The rule as a whole: its head.
    Rule,
    /// A key, by its name in the text form, and which item of its list.
    Key(&'static str, Option<usize>),
    /// A node of the filter, by the places of the children on the way to it.
    Filter(Vec<usize>),
}

/// Something wrong with a rule, as a compiler says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub place: Place,
    /// What is wrong, in one line.
    pub what: String,
    pub expected: Option<String>,
    pub found: Option<String>,
    /// What to write instead.
    pub help: Option<String>,
}
