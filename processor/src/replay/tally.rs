//! What a run came to, counted.

use std::collections::BTreeMap;

use bus::Record;
use contracts::avro::Framed;
use contracts::codec::{self, Schemas};
use contracts::id::RuleId;
use contracts::json::Value;
use contracts::records::{Alert, GuardrailRequest, TelemetryEvent};
use contracts::topics::{ALERTS, GUARDRAIL_REQUESTS, WATCHER_EVENTS};

use super::MultisetDigest;

/// Bounded by the rules and what they ask for, not by the input.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// By topic.
    pub rows: BTreeMap<String, u64>,
    pub rules: BTreeMap<RuleId, RuleTally>,
    /// Over key and Avro body of the alerts.
    pub alerts_digest: MultisetDigest,
}

#[derive(Debug, Clone, Default)]
pub struct RuleTally {
    pub alerts: u64,
    /// Matches that raised no alert, by reason, as far as the run told of them: what a window still holds is not in here.
    pub held_back: BTreeMap<String, u64>,
    /// Of what it would have asked for, by the type of the action.
    pub requests: BTreeMap<String, u64>,
}

impl Tally {
    /// Takes a row. An alert is given back, for whoever compares.
    pub fn add(&mut self, record: &Record<'_>, schemas: &dyn Schemas) -> Option<Alert> {
        let topic = &*record.partition.topic;
        let value = record.value.unwrap_or_default();
        match self.rows.get_mut(topic) {
            Some(count) => *count += 1,
            None => drop(self.rows.insert(topic.to_owned(), 1)),
        }
        match topic {
            ALERTS => {
                let alert: Alert = codec::decode(value, schemas).ok()?;
                let body = Framed::open(value).ok()?.body();
                self.alerts_digest.add(record.key.unwrap_or_default(), body);
                self.rules.entry(alert.rule_id.clone()).or_default().alerts += 1;
                return Some(alert);
            }
            GUARDRAIL_REQUESTS => {
                let request: GuardrailRequest = codec::decode(value, schemas).ok()?;
                let rule = self.rules.entry(request.rule_id).or_default();
                *rule.requests.entry(request.action_type).or_default() += 1;
            }
            WATCHER_EVENTS => {
                let event: TelemetryEvent = codec::decode(value, schemas).ok()?;
                self.hear(&event);
            }
            _ => {}
        }
        None
    }

    pub fn alerts(&self) -> u64 {
        self.rows.get(ALERTS).copied().unwrap_or_default()
    }

    pub fn requests(&self) -> u64 {
        self.rows.get(GUARDRAIL_REQUESTS).copied().unwrap_or_default()
    }

    fn hear(&mut self, event: &TelemetryEvent) {
        if event.event_type != "alert.suppressed" {
            return;
        }
        let Value::Object(told) = event.payload.value() else { return };
        let text = |name| told.get(name).and_then(Value::as_str);
        let count = match told.get("count") {
            Some(Value::Number(number)) => number.as_str().parse::<u64>().ok(),
            _ => None,
        };
        let (Some(rule), Some(reason), Some(count)) = (text("rule_id"), text("reason"), count) else { return };
        *self.rules.entry(RuleId::new(rule)).or_default().held_back.entry(reason.to_owned()).or_default() += count;
    }
}
