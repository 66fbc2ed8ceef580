//! What a command asks for, read from its parameters: strictly, by name, everything that is wrong at once.

use contracts::canonical::Digest;
use contracts::fault::{Fault, Faults, Segment};
use contracts::field::JsonObject;
use contracts::json::Value;
use contracts::record::Members;
use contracts::records::{ControlCommand, ControlCommandType};
use contracts::time::Timestamp;

use super::agent::AgentStatus;
use crate::step::holdback::Mute;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Wanted {
    Subscribe(Subscribe),
    Unsubscribe { subscription_id: String },
    Acknowledge(AlertRef),
    Resolve(AlertRef),
    Mute { rule_id: String, mute: Mute },
    Switch { rule_id: String, enabled: bool },
    SwapRuleSet { digest: Digest },
    SetAgentStatus { agent_id: String, status: AgentStatus },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AlertRef {
    pub alert_id: String,
    pub rule_id: String,
    pub group_key: String,
    pub endpoint_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subscribe {
    pub watcher: String,
    pub subscription_id: String,
    /// In the JSON form, without its id and its rules.
    pub subscription: JsonObject,
    pub rules: Vec<String>,
}

impl Wanted {
    pub fn read(command: &ControlCommand) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let parameters = command.parameters.value();
        let wanted = wanted(command.command, &parameters, &mut faults);
        wanted.filter(|_| faults.is_empty()).ok_or(faults)
    }
}

fn wanted(command: ControlCommandType, parameters: &Value<'_>, faults: &mut Faults) -> Option<Wanted> {
    match command {
        ControlCommandType::Subscribe => subscribe(parameters, faults).map(Wanted::Subscribe),
        ControlCommandType::Unsubscribe => {
            let subscription_id = Members::open(parameters, &["subscription_id"], faults)?.take("subscription_id")?;
            Some(Wanted::Unsubscribe { subscription_id })
        }
        ControlCommandType::Acknowledge => alert(parameters, faults).map(Wanted::Acknowledge),
        ControlCommandType::Resolve => alert(parameters, faults).map(Wanted::Resolve),
        ControlCommandType::Mute => mute(parameters, faults),
        ControlCommandType::EnableRule | ControlCommandType::DisableRule => {
            let rule_id = Members::open(parameters, &["rule_id"], faults)?.take("rule_id")?;
            Some(Wanted::Switch { rule_id, enabled: command == ControlCommandType::EnableRule })
        }
        ControlCommandType::SwapRuleSet => {
            let digest = Members::open(parameters, &["digest"], faults)?.take("digest")?;
            Some(Wanted::SwapRuleSet { digest })
        }
        ControlCommandType::SetAgentStatus => agent_status(parameters, faults),
    }
}

fn alert(parameters: &Value<'_>, faults: &mut Faults) -> Option<AlertRef> {
    let mut members = Members::open(parameters, &["alert_id", "rule_id", "group_key", "endpoint_id"], faults)?;
    // Each is read, whatever became of those before: all faults are told at once.
    let (alert_id, rule_id) = (members.take("alert_id"), members.take("rule_id"));
    let (group_key, endpoint_id) = (members.take("group_key"), members.take("endpoint_id"));
    Some(AlertRef { alert_id: alert_id?, rule_id: rule_id?, group_key: group_key?, endpoint_id: endpoint_id? })
}

fn mute(parameters: &Value<'_>, faults: &mut Faults) -> Option<Wanted> {
    let mut members = Members::open(parameters, &["rule_id", "group_key", "endpoint_id", "until"], faults)?;
    let rule_id = members.take("rule_id");
    let (group_key, endpoint_id) = (members.take("group_key"), members.take("endpoint_id"));
    let until: Option<Timestamp> = members.take("until");
    let mute = Mute { group_key: group_key?, endpoint_id: endpoint_id?, until: until?.micros() };
    Some(Wanted::Mute { rule_id: rule_id?, mute })
}

fn subscribe(parameters: &Value<'_>, faults: &mut Faults) -> Option<Subscribe> {
    let known = ["watcher", "subscription_id", "subscription", "rules"];
    let mut members = Members::open(parameters, &known, faults)?;
    let (watcher, subscription_id) = (members.take("watcher"), members.take("subscription_id"));
    let (subscription, rules) = (members.take("subscription"), members.take("rules"));
    Some(Subscribe { watcher: watcher?, subscription_id: subscription_id?, subscription: subscription?, rules: rules? })
}

fn agent_status(parameters: &Value<'_>, faults: &mut Faults) -> Option<Wanted> {
    let mut members = Members::open(parameters, &["agent_id", "status"], faults)?;
    let (agent_id, status): (_, Option<String>) = (members.take("agent_id"), members.take("status"));
    let status = status?;
    let known = AgentStatus::ALL.into_iter().find(|known| known.as_str() == status);
    if known.is_none() {
        let expected = format!("one of {}", AgentStatus::ALL.map(AgentStatus::as_str).join(", "));
        faults.push(Fault::of_value(expected, format!("{status:?}")).within(Segment::Field("status")));
    }
    Some(Wanted::SetAgentStatus { agent_id: agent_id?, status: known? })
}
