//! Commands of people, each where its marker stands: what they change, and how that is told.
//!
//! Invariants: a command id is applied once; a repeated one does nothing and is not told again, for its outcome was. Each
//! command has one outcome, told by the task that owns what it is about: a watcher event, or `command.refused` with
//! everything that is wrong with it. What a task does not own it does not answer; what all tasks need (switches, mutes,
//! subscriptions, the rule set) all of them take up.
//!
//! Absent on purpose: who may command. Whoever may write to the control topic has been asked that.

mod agent;
mod alerts;
mod applied;
mod parameters;
mod plans;
mod rules;
mod running;

pub use agent::AgentStatus;
pub use applied::COMMANDS_REMEMBERED_MAX;
pub use applied::offset;
pub(crate) use applied::pass;
pub(crate) use rules::is_enabled;
pub use running::{Running, running};

use contracts::id::RuleId;
use contracts::json::{Object, Value};
use contracts::owner_event::NO_ENDPOINT;
use contracts::partition::partition_of;
use contracts::records::ControlCommand;
use contracts::topics::{RULE_MATCHES, TELEMETRY_EVENTS};

use super::input::{Command, Stage, Task};
use super::round::Round;
use super::watcher::{self, Cause, News, Outcome, Told};
use crate::plan::Routing;
use parameters::{AlertRef, Wanted};

/// Why a command is not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refusal {
    subject: String,
    reason: String,
}

/// A command being carried out, and whether this task answers it.
#[derive(Debug, Clone, Copy)]
struct Order<'c> {
    command: &'c ControlCommand,
    offset: i64,
    answers: bool,
}

/// Carries a command out, or refuses it.
pub(crate) fn apply(round: &mut Round<'_, '_>, command: &Command<'_>) {
    if !applied::is_new(round, command) {
        return;
    }
    let mut order = Order { command: command.command, offset: command.offset, answers: round.task.is_first() };
    let done = match Wanted::read(command.command) {
        Ok(wanted) => {
            order.answers = answers(round, &wanted);
            carry_out(round, order, command, &wanted)
        }
        Err(faults) => Err(Refusal { subject: subject(command.command), reason: faults.to_string() }),
    };
    if let Err(refusal) = done {
        order.tell(round, None, Outcome::Refused, &refusal.subject, Some(&refusal.reason), Object::new());
    }
}

fn carry_out(
    round: &mut Round<'_, '_>,
    order: Order<'_>,
    command: &Command<'_>,
    wanted: &Wanted,
) -> Result<(), Refusal> {
    match wanted {
        // What only its owner keeps, nobody else has to take up.
        Wanted::Acknowledge(_) | Wanted::Resolve(_) | Wanted::SetAgentStatus { .. } if !order.answers => Ok(()),
        Wanted::Acknowledge(alert) => alerts::acknowledge(round, order, alert),
        Wanted::Resolve(alert) => alerts::resolve(round, order, alert),
        Wanted::Mute { rule_id, mute } => rules::mute(round, order, rule_id, mute),
        Wanted::Switch { rule_id, enabled } => rules::switch(round, order, rule_id, *enabled),
        Wanted::Subscribe(subscribe) => plans::subscribe(round, order, subscribe),
        Wanted::Unsubscribe { subscription_id } => plans::unsubscribe(round, order, subscription_id),
        Wanted::SwapRuleSet { digest } => plans::swap(round, order, *digest, command.set.as_ref()),
        Wanted::SetAgentStatus { agent_id, status } => {
            agent::set_status(round, order, agent_id, *status);
            Ok(())
        }
    }
}

/// Whether this task owns what the command is about.
fn answers(round: &Round<'_, '_>, wanted: &Wanted) -> bool {
    let task = round.task;
    match wanted {
        Wanted::Acknowledge(alert) | Wanted::Resolve(alert) => owns(round, alert),
        Wanted::SetAgentStatus { agent_id, .. } => task.stage == Stage::One && has(task, agent_id),
        Wanted::SwapRuleSet { .. } => true,
        Wanted::Mute { .. } | Wanted::Switch { .. } | Wanted::Subscribe(_) | Wanted::Unsubscribe { .. } => {
            task.is_first()
        }
    }
}

fn owns(round: &Round<'_, '_>, alert: &AlertRef) -> bool {
    let task = round.task;
    match round.plan.rule(&RuleId::new(&*alert.rule_id)).map(|planned| &planned.routing) {
        Some(Routing::Fused { .. }) => task.stage == Stage::One && has(task, &alert.endpoint_id),
        Some(Routing::Routed { .. }) => {
            task.stage == Stage::Two && has(task, &format!("{}/{}", alert.rule_id, alert.group_key))
        }
        // Nobody owns it, and somebody has to say so.
        None => task.is_first(),
    }
}

fn has(task: Task, key: &str) -> bool {
    partition_of(key.as_bytes(), task.partitions) == task.partition
}

/// What a command that cannot be read is about, as far as it says so.
fn subject(command: &ControlCommand) -> String {
    let parameters = command.parameters.value();
    let names = ["alert_id", "rule_id", "subscription_id", "digest", "agent_id"];
    let named = names.into_iter().find_map(|name| parameters.as_object()?.get(name)?.as_str());
    named.unwrap_or_default().to_owned()
}

impl Refusal {
    fn new(subject: &str, reason: impl Into<String>) -> Self {
        Self { subject: subject.to_owned(), reason: reason.into() }
    }
}

impl Order<'_> {
    /// Tells the outcome, if this task answers. `reason` is that of the command where there is no other.
    fn tell(
        self,
        round: &mut Round<'_, '_>,
        about: Option<&About<'_>>,
        outcome: Outcome,
        subject: &str,
        reason: Option<&str>,
        more: Object<'_>,
    ) {
        let news = News::Command {
            outcome,
            command_id: self.command.command_id.as_str(),
            subject,
            changed_by: &self.command.issued_by,
            position: self.position(round.task),
            reason: reason.or(self.command.reason.as_deref()),
            more,
        };
        self.tell_news(round, about, &news);
    }

    fn tell_news(self, round: &mut Round<'_, '_>, about: Option<&About<'_>>, news: &News<'_>) {
        if !self.answers {
            return;
        }
        let plan = round.plan;
        let (endpoint_id, rule_id) =
            about.map_or((NO_ENDPOINT, None), |about| (about.endpoint_id, Some(about.rule_id)));
        let watcher = rule_id.and_then(|rule_id| plan.rule(rule_id)).map_or(&plan.set.name, |planned| &planned.source);
        let cause = Cause::of_command(self.command.command_id.as_str(), endpoint_id);
        let told = Told { watcher, rule_id, cause: &cause, observed_at: round.appended_at };
        watcher::tell(round, told, news);
    }

    /// Where the command took effect: its place on the control topic, and the partition that this task reads.
    fn position(self, task: Task) -> Value<'static> {
        let topic = match task.stage {
            Stage::One => TELEMETRY_EVENTS,
            Stage::Two => RULE_MATCHES,
        };
        Object::new()
            .with("control_offset", self.offset)
            .with("topic", topic)
            .with("partition", i64::from(task.partition))
            .into()
    }
}

/// What an outcome is about, beside its subject.
struct About<'a> {
    rule_id: &'a RuleId,
    endpoint_id: &'a str,
}
