//! What is wrong with a set, and with which part of it.

use std::fmt;

use crate::rule::Fault;

/// Part of what a plan is compiled from, by its place: ids may be the very thing that is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Set,
    /// `set.watchers[watcher].rules[rule]`
    Rule {
        watcher: usize,
        rule: usize,
    },
    /// `set.watchers[watcher].subscriptions[subscription]`
    Subscription {
        watcher: usize,
        subscription: usize,
    },
    /// One of the subscriptions added at run time.
    Added(usize),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub subject: Subject,
    /// The rule's or the subscription's id, the set's name.
    pub name: String,
    pub fault: Fault,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.subject {
            Subject::Set => "rule set",
            Subject::Rule { .. } => "rule",
            Subject::Subscription { .. } | Subject::Added(_) => "subscription",
        };
        write!(f, "{kind} `{}`: {}", self.name, self.fault.what)?;
        if let Some(expected) = &self.fault.expected {
            write!(f, "; expected {expected}")?;
        }
        if let Some(found) = &self.fault.found {
            write!(f, ", found {found}")?;
        }
        if let Some(help) = &self.fault.help {
            write!(f, "; {help}")?;
        }
        Ok(())
    }
}
