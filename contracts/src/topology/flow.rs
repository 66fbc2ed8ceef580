//! Who writes each topic and who reads it.

use crate::topics::{self, Topic};

/// A part of a deployment that writes or reads topics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    Collector,
    Processor,
    Actuator,
    Console,
    /// People with the command line.
    Operator,
    /// Consumers of other teams.
    Siem,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flow {
    pub topic: &'static str,
    pub writers: &'static [Party],
    pub readers: &'static [Party],
}

/// The row of a topic.
pub fn flow(topic: &Topic) -> &'static Flow {
    FLOWS.iter().find(|flow| flow.topic == topic.name).expect("invariant: a test finds a flow for every topic")
}

use Party::{Actuator, Collector, Console, Operator, Processor, Siem};

const FLOWS: [Flow; 17] = [
    row(topics::TELEMETRY_EVENTS, &[Collector, Operator, Processor], &[Processor]),
    row(topics::RULE_MATCHES, &[Processor], &[Processor]),
    row(topics::ALERTS, &[Processor], &[Processor, Console, Siem]),
    row(topics::RISK_REPORTS, &[Processor], &[Console]),
    row(topics::RISK_ALERTS, &[Processor], &[Console, Siem]),
    row(topics::WATCHER_EVENTS, &[Processor, Actuator], &[Console]),
    row(topics::GUARDRAIL_REQUESTS, &[Processor, Operator], &[Actuator, Console]),
    row(topics::GUARDRAIL_ACTIONS, &[Actuator], &[Processor, Console]),
    row(topics::GUARDRAIL_COMMANDS, &[Operator, Console], &[Actuator]),
    row(topics::GUARDRAIL_BUDGET, &[Actuator], &[Actuator]),
    row(topics::POLICIES, &[Operator], &[Actuator]),
    row(topics::ENDPOINT_STATES, &[Actuator], &[Console]),
    row(topics::OUTCOMES, &[Operator, Console], &[Processor]),
    row(topics::CONTROL, &[Operator, Console], &[Processor]),
    row(topics::RULE_SETS, &[Operator], &[Processor]),
    row(topics::POSTURE, &[Collector], &[Actuator, Console]),
    row(topics::DEAD_LETTERS, &[Collector, Processor], &[Operator]),
];

const fn row(topic: &'static str, writers: &'static [Party], readers: &'static [Party]) -> Flow {
    Flow { topic, writers, readers }
}

impl Party {
    pub fn as_str(self) -> &'static str {
        match self {
            Collector => "collector",
            Processor => "processor",
            Actuator => "actuator",
            Console => "console",
            Operator => "operator",
            Siem => "SIEM",
        }
    }
}
