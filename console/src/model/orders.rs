//! What people commanded, and what was told of it.

use contracts::canonical::Digest;
use contracts::json::Value;
use contracts::records::{ControlCommand, ControlCommandType, TelemetryEvent};
use contracts::time::Timestamp;

use super::Model;
use super::newest::Rank;
use crate::control::is_refusal;

/// Of a subscription's text; a longer one is known by its id only.
const SUBSCRIPTION_BYTES_MAX: usize = 16 * 1024;

/// A command, as far as the model uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Order {
    pub command_id: String,
    pub by: String,
    /// Microseconds, by append time.
    pub at: i64,
    pub reason: Option<String>,
    pub wants: Wants,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wants {
    Acknowledge {
        alert_id: String,
    },
    Resolve {
        alert_id: String,
    },
    Mute {
        rule_id: String,
        group_key: Option<String>,
        endpoint_id: Option<String>,
        until: Timestamp,
    },
    Switch {
        rule_id: String,
        is_on: bool,
    },
    Subscribe {
        subscription_id: String,
        watcher: String,
        text: Option<String>,
        rules: Vec<String>,
    },
    Unsubscribe {
        subscription_id: String,
    },
    Swap {
        digest: Digest,
    },
    /// What the model has no use for, or cannot read: its task refuses that.
    Other,
}

/// What a task told of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub is_refused: bool,
}

/// Whether a command counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Confirmed,
    Unconfirmed,
}

impl Order {
    pub fn of(rank: Rank, command: ControlCommand) -> Self {
        let wants = wants(&command).unwrap_or(Wants::Other);
        let ControlCommand { command_id, issued_by, reason, .. } = command;
        Self {
            command_id: command_id.as_str().to_owned(),
            by: clipped(&issued_by),
            at: rank.micros,
            reason: reason.as_deref().map(clipped),
            wants,
        }
    }
}

impl Told {
    pub fn of(event: &TelemetryEvent) -> Self {
        Self { is_refused: is_refusal(event) }
    }
}

impl Model {
    /// Commands that count, in the order they take effect.
    pub(super) fn standing(&self) -> impl Iterator<Item = (&Order, Standing)> {
        self.orders.iter().filter_map(|(_, _, order)| {
            let standing = match self.told.get(&order.command_id) {
                Some((_, Told { is_refused: true })) => return None,
                Some(_) => Standing::Confirmed,
                None => Standing::Unconfirmed,
            };
            Some((order, standing))
        })
    }
}

/// What is shown of a text; the record has it whole.
const SHOWN_CHARS_MAX: usize = 256;

pub(super) fn clipped(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn wants(command: &ControlCommand) -> Option<Wants> {
    let parameters = command.parameters.value();
    let parameters = parameters.as_object()?;
    let optional = |name: &str| parameters.get(name).and_then(Value::as_str).map(str::to_owned);
    let text = |name: &str| optional(name);
    Some(match command.command {
        ControlCommandType::Acknowledge => Wants::Acknowledge { alert_id: text("alert_id")? },
        ControlCommandType::Resolve => Wants::Resolve { alert_id: text("alert_id")? },
        ControlCommandType::Mute => Wants::Mute {
            rule_id: text("rule_id")?,
            group_key: optional("group_key"),
            endpoint_id: optional("endpoint_id"),
            until: text("until")?.parse().ok()?,
        },
        ControlCommandType::EnableRule => Wants::Switch { rule_id: text("rule_id")?, is_on: true },
        ControlCommandType::DisableRule => Wants::Switch { rule_id: text("rule_id")?, is_on: false },
        ControlCommandType::Subscribe => {
            let rules = parameters.get("rules")?.as_array()?;
            let whole = parameters.get("subscription")?.to_string();
            Wants::Subscribe {
                subscription_id: text("subscription_id")?,
                watcher: text("watcher")?,
                text: (whole.len() <= SUBSCRIPTION_BYTES_MAX).then_some(whole),
                rules: rules.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            }
        }
        ControlCommandType::Unsubscribe => Wants::Unsubscribe { subscription_id: text("subscription_id")? },
        ControlCommandType::SwapRuleSet => Wants::Swap { digest: text("digest")?.parse().ok()? },
        ControlCommandType::SetAgentStatus => Wants::Other,
    })
}
