//! Live scoring as one would do it with all the time and memory in the world: nothing is ever thrown away, and all agents
//! are scored from scratch at each alert.

use std::collections::BTreeMap;

use contracts::id::AgentId;
use contracts::records::{Alert, AnyRecord, RiskAlert, RiskAlertType, Severity, Signal, Snapshot};
use contracts::time::Timestamp;
use contracts::topics::{RISK_ALERTS, RISK_REPORTS};
use detection::risk::{SIGNALS_MAX, score};
use detection::step::Row;

use crate::sample::at;

#[derive(Default)]
pub struct Oracle {
    now: i64,
    agents: BTreeMap<AgentId, Everything>,
}

#[derive(Default)]
struct Everything {
    entered: Vec<(i64, Snapshot)>,
    /// As it was after the alert before.
    rated: Vec<(i64, Snapshot)>,
    active: BTreeMap<RiskAlertType, RiskAlert>,
}

impl Oracle {
    pub fn step(&mut self, window_micros: i64, appended_at: Timestamp, alert: &Alert) -> Vec<Row> {
        self.now = self.now.max(appended_at.micros());
        let now = self.now;
        let own = AgentId::new(alert.trigger_event.endpoint_id.as_str());
        if let Some(snapshot) = snapshot_of(alert, &own) {
            let all = self.agents.entry(own.clone()).or_default();
            let is_in = rated(&all.entered, now, window_micros).iter().any(|(_, other)| other.id() == snapshot.id());
            if !is_in {
                all.entered.push((now, snapshot));
            }
        }
        // Those first that waited longest; the alert's own agent last, if the alert says anything.
        let mut turns: Vec<_> = self.agents.iter_mut().collect();
        let says_nothing = alert.severity == Severity::Info;
        let oldest = |all: &Everything| all.rated.last().map(|(time, _)| *time);
        turns.sort_by_key(|(agent, all)| (!says_nothing && **agent == own, oldest(all), (*agent).clone()));
        turns.into_iter().flat_map(|(agent, all)| all.turn(agent, now, window_micros)).collect()
    }
}

fn rated(entered: &[(i64, Snapshot)], now: i64, window_micros: i64) -> Vec<(i64, Snapshot)> {
    let mut rated: Vec<_> = entered.iter().filter(|(time, _)| *time > now - window_micros).cloned().collect();
    rated.sort_by_key(|(time, snapshot)| (-time, snapshot.id().clone()));
    rated.truncate(SIGNALS_MAX);
    rated
}

impl Everything {
    fn turn(&mut self, agent: &AgentId, now: i64, window_micros: i64) -> Vec<Row> {
        let rated = rated(&self.entered, now, window_micros);
        if rated == self.rated {
            return Vec::new();
        }
        self.rated = rated;
        let snapshots: Vec<Snapshot> = self.rated.iter().map(|(_, snapshot)| snapshot.clone()).collect();
        let scored = score(agent, at(now), &snapshots);
        let row = |topic, record| Row { topic, key: agent.to_string(), record };
        let mut rows = vec![row(RISK_REPORTS, AnyRecord::from(scored.report))];
        let holds: BTreeMap<_, _> = scored.alerts.into_iter().map(|alert| (alert.kind, alert)).collect();
        let ended: Vec<_> = self.active.keys().filter(|kind| !holds.contains_key(kind)).copied().collect();
        for kind in ended {
            let alert = self.active.remove(&kind).unwrap();
            rows.push(row(RISK_ALERTS, AnyRecord::from(RiskAlert { is_active: false, ..alert })));
        }
        for (kind, alert) in holds {
            self.active.entry(kind).or_insert_with(|| {
                rows.push(row(RISK_ALERTS, AnyRecord::from(alert.clone())));
                alert
            });
        }
        rows
    }
}

fn snapshot_of(alert: &Alert, agent: &AgentId) -> Option<Snapshot> {
    use contracts::records::RiskSeverity::{Critical, High, Low, Medium};
    let severity = match alert.severity {
        Severity::Info => return None,
        Severity::Low => Low,
        Severity::Medium => Medium,
        Severity::High => High,
        Severity::Critical => Critical,
    };
    let signal = Signal {
        evidence: alert.evidence_refs.clone(),
        observed_at: 5,
        details: Some(contracts::field::JsonObject::new(r#"{"ruleId":"r"}"#).unwrap()),
        ..crate::sample::signal(alert.alert_id.as_str(), severity, alert.confidence.get())
    };
    Some(Snapshot::new(agent.clone(), 5, vec![signal]))
}
