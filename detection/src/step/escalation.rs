//! Who is told of an alert, how urgently, and who next if nobody answers.
//!
//! | severity | first told | priority | block | log signal | time to answer |
//! | --- | --- | --- | --- | --- | --- |
//! | info | – | – | – | info | – |
//! | low | supervisor | low | none | info | 1 h |
//! | medium | supervisor | normal | none | warn | 30 min |
//! | high | session supervisor | high | requested | – | 10 min |
//! | critical | application supervisor | critical | immediate | – | 5 min |
//!
//! Nobody answered: the next level up is told, with at least that level's priority; at the top the same again, three times.
//! Whom a rule names takes the place of the level that the severity gives; the levels above stay. `supervisor` is the level
//! that the severity gives; the name of another level begins there. What is to be blocked stays as the severity says: silence
//! never blocks anything more.
//!
//! Invariant: times to answer run on append time, which is a person's time. Whoever acknowledged or resolved the alert ends
//! it: nothing here fires for an alert that is not waiting.

use contracts::id::AlertId;
use contracts::records::{AlertAction, EscalationStatus, LogLevel, Priority, Severity};

use super::active;
use super::alert::{self, Raised};
use super::deadline::{self, Deadline, Due, Kind};
use super::holdback::Slot;
use super::round::{Match, Round};
use super::row::{Part, row};
use super::watcher::{self, News, Told};
use crate::rule::Rule;
use crate::view::value::{Malformed, Reader, Writer};

/// Told again at the top before it is given up.
const REPEATS_MAX: i64 = 3;

const MINUTE_MS: u64 = 60_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Supervisor,
    SessionSupervisor,
    ApplicationSupervisor,
}

/// What whoever can block is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Block {
    None,
    Requested,
    Immediate,
}

/// What an alert of a rule leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Course {
    LogSignal(LogLevel),
    /// The escalation begins, and a log signal goes beside it.
    Path(Escalation, Option<LogLevel>),
}

row! {
    /// How far an escalation has come.
    pub(crate) struct Escalation version 1 {
        /// Whom the rule names in place of the level it begins at.
        name: Option<String>,
        begins_at: Level,
        level: Level,
        repeats: i64,
        /// Of the severity, or of the rule.
        priority: Priority,
        block: Block,
        response_ms: i64,
        /// By append time.
        due: i64,
    }
}

/// A row of the table above.
struct Severe {
    level: Level,
    priority: Priority,
    block: Block,
    signal: Option<LogLevel>,
    response_ms: u64,
}

/// Opens the path of an alert, or says its log signal.
pub(crate) fn open(round: &mut Round<'_, '_>, matched: &Match<'_>, raised: &Raised) {
    let (escalation, signal) = match Course::of(&matched.rule.rule) {
        Course::LogSignal(level) => (None, Some(level)),
        Course::Path(escalation, signal) => (Some(escalation), signal),
    };
    if let Some(escalation) = escalation {
        let sent_at = round.appended_at;
        alert::tell(round, matched, &escalation.news(&raised.alert_id, sent_at));
        wait(round, Slot::of(matched), &raised.alert_id, escalation);
    }
    if let Some(level) = signal {
        let news = News::LogSignal { level, message: &raised.message, timestamp: matched.triggered_at };
        alert::tell(round, matched, &news);
    }
}

/// Nobody acknowledged an alert in time.
pub(crate) fn due(round: &mut Round<'_, '_>, due: &Due) {
    let slot = Slot { rule_id: &due.rule_id, owner: due.owner.as_owner(), group_key: &due.group_key };
    let Ok(alert_id) = str::from_utf8(&due.subject).map(AlertId::new) else { return };
    let Some(mut active) = active::get(round.view, slot, &alert_id) else { return };
    let Some(waiting) = active.escalation.take().filter(|waiting| waiting.due == due.time) else { return };
    let rule_id = active.rule_id.clone();
    let told = Told { watcher: &active.watcher, rule_id: Some(&rule_id), cause: &active.cause, observed_at: due.time };
    if let Some(next) = waiting.next() {
        let sent_at = round.appended_at;
        watcher::tell(round, told, &next.news(&alert_id, sent_at));
        wait(round, slot, &alert_id, next);
    } else {
        let message = format!(
            "nobody acknowledged alert {alert_id} of rule {rule_id}: {} was told {} times; its escalation ends",
            waiting.target(),
            1 + REPEATS_MAX
        );
        let news = News::LogSignal { level: LogLevel::Error, message: &message, timestamp: due.time };
        watcher::tell(round, told, &news);
        active::put(round.view, slot, &active);
    }
}

/// Waits for an answer from now on.
fn wait(round: &mut Round<'_, '_>, slot: Slot<'_>, alert_id: &AlertId, mut escalation: Escalation) {
    let Some(mut active) = active::get(round.view, slot, alert_id) else { return };
    escalation.due = round.appended_at.saturating_add(escalation.response_ms.saturating_mul(1_000));
    let deadline = Deadline {
        time: escalation.due,
        kind: Kind::Escalation,
        rule_id: slot.rule_id,
        group_key: slot.group_key,
        subject: alert_id.as_str().as_bytes(),
    };
    deadline::set(round.view, slot.owner, &deadline);
    active.escalation = Some(escalation);
    active::put(round.view, slot, &active);
}

impl Course {
    pub fn of(rule: &Rule) -> Self {
        if let AlertAction::LogSignal { level } = rule.action {
            return Self::LogSignal(level);
        }
        let (named, priority) = match &rule.action {
            AlertAction::Escalate { target, priority } => (Some(target), Some(*priority)),
            _ => (rule.escalate_to.as_ref(), None),
        };
        let asks_to_block = matches!(rule.action, AlertAction::Block { .. });
        // Of an information nobody is told, unless the rule itself asks for somebody.
        if rule.severity == Severity::Info && named.is_none() && !asks_to_block {
            return Self::LogSignal(LogLevel::Info);
        }
        let severe = severe(rule.severity);
        let block = if asks_to_block { severe.block.max(Block::Requested) } else { severe.block };
        let named = named.filter(|name| *name != Level::Supervisor.as_str());
        let level = named.and_then(|name| Level::named(name)).unwrap_or(severe.level);
        let escalation = Escalation {
            name: named.cloned(),
            begins_at: level,
            level,
            repeats: 0,
            priority: priority.unwrap_or(severe.priority),
            block,
            response_ms: i64::try_from(severe.response_ms).unwrap_or(i64::MAX),
            due: 0,
        };
        Self::Path(escalation, severe.signal)
    }

    pub fn status(&self) -> EscalationStatus {
        match self {
            Self::LogSignal(_) => EscalationStatus::None,
            Self::Path(..) => EscalationStatus::Pending,
        }
    }
}

fn severe(severity: Severity) -> Severe {
    let row = |level, priority, block, signal, minutes: u64| Severe {
        level,
        priority,
        block,
        signal,
        response_ms: minutes * MINUTE_MS,
    };
    match severity {
        Severity::Info | Severity::Low => row(Level::Supervisor, Priority::Low, Block::None, Some(LogLevel::Info), 60),
        Severity::Medium => row(Level::Supervisor, Priority::Normal, Block::None, Some(LogLevel::Warn), 30),
        Severity::High => row(Level::SessionSupervisor, Priority::High, Block::Requested, None, 10),
        Severity::Critical => row(Level::ApplicationSupervisor, Priority::Critical, Block::Immediate, None, 5),
    }
}

impl Escalation {
    /// What follows if nobody answers; none if it is given up.
    fn next(&self) -> Option<Self> {
        match self.level.up() {
            Some(level) => Some(Self { level, ..self.clone() }),
            None if self.repeats < REPEATS_MAX => Some(Self { repeats: self.repeats + 1, ..self.clone() }),
            None => None,
        }
    }

    /// Whether somebody was told after the first.
    pub fn has_begun(&self) -> bool {
        self.level > self.begins_at || self.repeats > 0
    }

    fn target(&self) -> &str {
        match &self.name {
            Some(name) if self.level == self.begins_at => name,
            _ => self.level.as_str(),
        }
    }

    fn news<'a>(&'a self, alert_id: &'a AlertId, sent_at: i64) -> News<'a> {
        let priority =
            if self.level == self.begins_at { self.priority } else { self.priority.max(self.level.priority()) };
        News::EscalationSent { alert_id, target: self.target(), priority, block: self.block.as_str(), sent_at }
    }
}

impl Level {
    const ALL: [Self; 3] = [Self::Supervisor, Self::SessionSupervisor, Self::ApplicationSupervisor];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == name)
    }

    fn up(self) -> Option<Self> {
        Self::ALL.into_iter().find(|level| *level > self)
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Supervisor => "supervisor",
            Self::SessionSupervisor => "session_supervisor",
            Self::ApplicationSupervisor => "application_supervisor",
        }
    }

    fn priority(self) -> Priority {
        match self {
            Self::Supervisor => Priority::Low,
            Self::SessionSupervisor => Priority::High,
            Self::ApplicationSupervisor => Priority::Critical,
        }
    }
}

impl Block {
    const ALL: [Self; 3] = [Self::None, Self::Requested, Self::Immediate];

    fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Requested => "requested",
            Self::Immediate => "immediate",
        }
    }
}

impl Part for Level {
    fn write(&self, out: &mut Writer<'_>) {
        out.byte(*self as u8);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let found = from.byte()?;
        Self::ALL.into_iter().find(|level| *level as u8 == found).ok_or_else(|| from.expected("a level"))
    }
}

impl Part for Block {
    fn write(&self, out: &mut Writer<'_>) {
        out.byte(*self as u8);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let found = from.byte()?;
        Self::ALL.into_iter().find(|block| *block as u8 == found).ok_or_else(|| from.expected("a block"))
    }
}
