//! What watchers tell: of alerts, of breakers, of what they could not take.

use contracts::id::AlertId;
use contracts::json::{Object, Value};
use contracts::records::TelemetryEvent;

use super::newest::Rank;
use super::orders::{Told, clipped};
use super::{Change, Model, What};
use crate::control::answered_command;

/// Something told of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    pub alert_id: AlertId,
    /// As the event says it.
    pub at: String,
    pub what: Event,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    Escalated { target: String, priority: String, block: String },
    HeldBack { reason: String, count: i64, until: String },
    Acknowledged { by: String },
    Resolved { by: String },
}

/// A breaker of a rule in a group of an endpoint; without a rule, the one over all rules of the endpoint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BreakerKey {
    pub rule_id: Option<String>,
    pub endpoint_id: String,
    pub group_key: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Breaker {
    pub state: String,
}

impl Breaker {
    pub fn is_closed(&self) -> bool {
        self.state == "closed"
    }
}

impl Model {
    pub(super) fn take_event(&mut self, rank: Rank, event: &TelemetryEvent) -> Option<Change> {
        if !event.is_watcher_generated {
            return None;
        }
        if let Some(command_id) = answered_command(event) {
            self.told.put(command_id.to_owned(), rank, Told::of(event));
        }
        let payload = event.payload.value();
        let payload = Payload(payload.as_object()?);
        self.tally.event(rank, &event.event_type, payload);
        match &*event.event_type {
            "rule.matched" => {
                let key = (clipped(payload.text("rule_id")?), clipped(payload.text("event_id")?));
                self.matches.put(key, rank, rank.place);
                None
            }
            "rule_set.swapped" => {
                for rule_id in payload.rules_with_alerts_dropped() {
                    self.ended.put(clipped(rule_id), rank, ());
                }
                None
            }
            "circuit_breaker.tripped" => {
                let key = BreakerKey {
                    rule_id: payload.text("rule_id").map(clipped),
                    endpoint_id: clipped(event.endpoint_id.as_str()),
                    group_key: payload.text("group_key").map(clipped),
                };
                self.breakers.put(key, rank, Breaker { state: clipped(payload.text("state")?) });
                None
            }
            event_type => {
                let fact = Fact::of(event_type, event, payload)?;
                let change = Change { alert_id: fact.alert_id.clone(), what: What::of(&fact.what), at: rank.micros };
                self.facts.put(rank.place, rank, fact);
                Some(change)
            }
        }
    }
}

impl Fact {
    fn of(event_type: &str, event: &TelemetryEvent, payload: Payload<'_, '_>) -> Option<Self> {
        let shown = |name: &str| payload.text(name).map(clipped);
        let (id, at, what) = match event_type {
            "escalation.sent" => {
                let what =
                    Event::Escalated { target: shown("target")?, priority: shown("priority")?, block: shown("block")? };
                ("alert_id", shown("sent_at")?, what)
            }
            "alert.suppressed" => {
                let until = shown("suppressed_until")?;
                let what =
                    Event::HeldBack { reason: shown("reason")?, count: payload.number("count")?, until: until.clone() };
                ("alert_id", until, what)
            }
            "alert.acknowledged" => {
                ("alert_id", shown("acknowledged_at")?, Event::Acknowledged { by: shown("acknowledged_by")? })
            }
            "alert.resolved" => {
                ("subject", event.observed_at.to_string(), Event::Resolved { by: shown("changed_by")? })
            }
            _ => return None,
        };
        Some(Self { alert_id: AlertId::new(clipped(payload.text(id)?)), at, what })
    }
}

impl What {
    fn of(event: &Event) -> Self {
        match event {
            Event::Escalated { target, .. } => Self::Escalated { target: target.clone() },
            Event::HeldBack { count, .. } => Self::HeldBack { count: *count },
            Event::Acknowledged { by } => Self::Acknowledged { by: by.clone() },
            Event::Resolved { by } => Self::Resolved { by: by.clone() },
        }
    }
}

/// What an event says, by name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Payload<'p, 'a>(&'p Object<'a>);

impl<'p> Payload<'p, '_> {
    pub fn text(self, name: &str) -> Option<&'p str> {
        self.0.get(name).and_then(Value::as_str)
    }

    pub fn number(self, name: &str) -> Option<i64> {
        self.0.get(name).and_then(Value::as_number)?.to_i64()
    }

    /// Of a swap: rules whose open alerts nobody can find any more.
    fn rules_with_alerts_dropped(self) -> impl Iterator<Item = &'p str> {
        let dropped = self.0.get("dropped").and_then(Value::as_array).unwrap_or_default();
        let rules = dropped.iter().filter_map(|rule| rule.as_object().map(Payload));
        rules
            .filter(|rule| rule.number("active_alerts").is_some_and(|count| count > 0))
            .filter_map(|rule| rule.text("rule_id"))
    }
}
