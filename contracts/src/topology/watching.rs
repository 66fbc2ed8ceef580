//! What a deployment watches for: rules, subscriptions, who is told, and tests of all of it.
//!
//! Invariant: there is a watcher, and each watcher names rules.
//!
//! Absent on purpose: what a rule, a subscription and an event look like inside. Those who run them read them
//! (`detection::assembly`, `detection::scenario`), from a [`Tree`] that knows where in the file it stands.

use std::path::PathBuf;
use std::time::Duration;

use super::file::parse_name;
use crate::settings::{Reported, Table, Tree};

/// What names the rules that come with the program, where files of rules are named.
pub const BUILT_IN: &str = "built-in";

/// How long a test may go on after its last event: longer than any window and its lateness.
pub const SILENCE_MAX: Duration = Duration::from_hours(24 * 30);

/// A named set of rules and subscriptions; its name is the `source` of its alerts.
#[derive(Debug, Clone, PartialEq)]
pub struct Watcher {
    pub name: String,
    pub rules: Vec<RuleSource>,
    pub subscriptions: Vec<Tree>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleSource {
    /// The rules that come with the program.
    BuiltIn,
    /// A file, a directory, or a pattern with `*` in its last part; relative to the topology's file.
    Files(String),
}

/// Who stands behind each level: names and addresses as people know them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Escalation {
    pub supervisor: Vec<String>,
    pub session_supervisor: Vec<String>,
    pub application_supervisor: Vec<String>,
}

/// Events in, and the alerts that must come of them: these, and no other.
#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    pub name: String,
    pub events: Events,
    /// For how long time goes on after the last event, so that what waits for silence is told.
    pub silence: Duration,
    pub alerts: Vec<Tree>,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Events {
    Inline(Vec<Tree>),
    /// One JSON object a line, as `tripline send` takes it; relative to the topology's file.
    File(PathBuf),
}

impl Escalation {
    /// From the first to the last that is told.
    pub fn levels(&self) -> [(&'static str, &[String]); 3] {
        [
            (SUPERVISOR, &self.supervisor),
            (SESSION_SUPERVISOR, &self.session_supervisor),
            (APPLICATION_SUPERVISOR, &self.application_supervisor),
        ]
    }
}

const SUPERVISOR: &str = "supervisor";
const SESSION_SUPERVISOR: &str = "session_supervisor";
const APPLICATION_SUPERVISOR: &str = "application_supervisor";

/// `name` is the deployment's, which a watcher nobody wrote down is called after.
pub(super) fn watchers(root: &Table<'_>, name: &Result<String, Reported>) -> Result<Vec<Watcher>, Reported> {
    let tables = root.tables("watchers")?;
    if tables.is_empty() {
        let name = name.clone()?;
        return Ok(vec![Watcher { name, rules: vec![RuleSource::BuiltIn], subscriptions: Vec::new() }]);
    }
    let read: Vec<_> = tables.iter().map(watcher).collect();
    let mut names: Vec<&str> = Vec::new();
    for (table, watcher) in tables.iter().zip(&read) {
        let Ok(watcher) = watcher else { continue };
        if names.contains(&watcher.name.as_str()) {
            table.contradiction("name", "another watcher has this name, and alerts could not be told apart");
        }
        names.push(&watcher.name);
    }
    read.into_iter().collect()
}

fn watcher(table: &Table<'_>) -> Result<Watcher, Reported> {
    let name = table.parsed("name", NAME, parse_name, String::clone).required();
    let rules = table.parsed_list("rules", RULES, parse_rules, RuleSource::text).required();
    let subscriptions = table.trees("subscriptions", "subscriptions").optional();
    Ok(Watcher { name: name?, rules: rules?, subscriptions: subscriptions?.unwrap_or_default() })
}

pub(super) const NAME: &str = "a name of letters, digits, `-` and `_`";
const RULES: &str = "\"built-in\", files, directories and patterns such as \"rules/*.rules\"";

fn parse_rules(text: &str) -> Result<RuleSource, Option<String>> {
    if text == BUILT_IN {
        return Ok(RuleSource::BuiltIn);
    }
    if text.rsplit_once('/').is_some_and(|(above, _)| above.contains('*')) {
        return Err(Some("a `*` stands for a part of the last name only".to_owned()));
    }
    Ok(RuleSource::Files(text.to_owned()))
}

impl RuleSource {
    /// As a file writes it.
    pub fn text(&self) -> String {
        match self {
            Self::BuiltIn => BUILT_IN.to_owned(),
            Self::Files(path) => path.clone(),
        }
    }
}

pub(super) fn escalation(table: &Table<'_>) -> Result<Escalation, Reported> {
    let level =
        |name| table.parsed_list(name, "names or addresses", |text| Ok(text.to_owned()), String::clone).optional();
    let (first, second, third) = (level(SUPERVISOR), level(SESSION_SUPERVISOR), level(APPLICATION_SUPERVISOR));
    Ok(Escalation {
        supervisor: first?.unwrap_or_default(),
        session_supervisor: second?.unwrap_or_default(),
        application_supervisor: third?.unwrap_or_default(),
    })
}

pub(super) fn tests(root: &Table<'_>) -> Result<Vec<Test>, Reported> {
    let tests: Vec<_> = root.tables("tests")?.iter().map(test).collect();
    tests.into_iter().collect()
}

fn test(table: &Table<'_>) -> Result<Test, Reported> {
    let name = table.text("name").required();
    let inline = table.trees("events", "events").optional();
    let file = table.path("events_file").optional();
    let silence = table.duration("silence", Duration::ZERO..=SILENCE_MAX).or(Duration::ZERO);
    let alerts = table.trees("alerts", "alerts, `[]` if none may be raised").required();
    let events = match (inline?, file?) {
        (Some(events), None) => Events::Inline(events),
        (None, Some(file)) => Events::File(file),
        (Some(_), Some(_)) => return Err(table.contradiction("events_file", "`events` has the events already")),
        (None, None) => return Err(table.contradiction("events", "a test has `events`, or names an `events_file`")),
    };
    Ok(Test { name: name?, events, silence: silence?, alerts: alerts? })
}
