//! Alerts with what became of them.

use std::collections::BTreeMap;

use contracts::field::Symbols;
use contracts::id::AlertId;
use contracts::records::{Alert, Severity};
use contracts::time::Timestamp;

use super::orders::{Standing, Wants, clipped};
use super::watched::{Event, Fact};
use super::{ALERTS_MAX, Model, Place, Rank};
use crate::wire::view::{
    ActedJson, AlertDetail, AlertStatus, AlertSummary, Alerts, ChangeJson, EscalationJson, HeldBackJson, PlaceJson,
};

/// What is kept of an alert; the record has it whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AlertRow {
    rule_id: String,
    severity: Severity,
    category: &'static str,
    message: String,
    endpoint_id: String,
    group_key: String,
    trigger_event_id: String,
    triggered_at: Timestamp,
    occurrences: i64,
    episode: i64,
}

/// Which alerts are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertFilter {
    pub rule_id: Option<String>,
    /// At least.
    pub severity: Option<Severity>,
    pub endpoint_id: Option<String>,
    /// None for all.
    pub status: Option<StatusFilter>,
    /// Raised at this time or later, by the log's time.
    pub since: Option<Timestamp>,
    pub limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusFilter {
    /// Not resolved.
    Active,
    Only(AlertStatus),
}

/// Why the beginning of an id leads to no alert.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoAlert {
    #[error(
        "expected the id of an alert or the beginning of one, found {beginning:?}; `tripline alerts list --status all` shows \
         the newest {ALERTS_MAX}"
    )]
    Unknown { beginning: String },
    #[error("several alerts begin with {beginning:?}: {}; give more of the id", ids.join(", "))]
    Several { beginning: String, ids: Vec<String> },
}

/// Ids named where the beginning of one is not enough.
const NAMED_MAX: usize = 5;

/// What became of one alert.
#[derive(Debug, Default)]
struct Life<'m> {
    acknowledged: Option<Acted<'m>>,
    resolved: Option<Acted<'m>>,
    /// Oldest first.
    told: Vec<&'m Fact>,
}

#[derive(Debug, Clone, Copy)]
struct Acted<'m> {
    by: &'m str,
    /// Microseconds, by append time.
    at: i64,
    reason: Option<&'m str>,
    is_confirmed: bool,
}

/// In the place of a person, where a rule set ended an alert.
const DROPPED: &str = "a change of the rule set";

impl AlertRow {
    pub fn of(alert: &Alert) -> Self {
        Self {
            rule_id: clipped(alert.rule_id.as_str()),
            severity: alert.severity,
            category: alert.category.symbol(),
            message: clipped(&alert.message),
            endpoint_id: clipped(alert.trigger_event.endpoint_id.as_str()),
            group_key: clipped(&alert.group_key),
            trigger_event_id: clipped(alert.trigger_event.event_id.as_str()),
            triggered_at: alert.triggered_at,
            occurrences: alert.occurrences,
            episode: alert.episode,
        }
    }
}

impl AlertFilter {
    /// Whether who asked for these alerts wants to hear of a change. Of an alert that is not known any more only who asked
    /// for all.
    pub fn takes_change(&self, change: &ChangeJson) -> bool {
        let Some(alert) = &change.alert else {
            return self.rule_id.is_none() && self.severity.is_none() && self.endpoint_id.is_none();
        };
        let severity = Severity::from_symbol(&alert.severity);
        self.rule_id.as_ref().is_none_or(|rule_id| *rule_id == alert.rule_id)
            && self.endpoint_id.as_ref().is_none_or(|endpoint_id| *endpoint_id == alert.endpoint_id)
            && self.severity.is_none_or(|least| severity.is_none_or(|severity| severity.place() >= least.place()))
    }

    fn takes(&self, rank: Rank, row: &AlertRow) -> bool {
        self.rule_id.as_ref().is_none_or(|rule_id| *rule_id == row.rule_id)
            && self.severity.is_none_or(|severity| row.severity.place() >= severity.place())
            && self.endpoint_id.as_ref().is_none_or(|endpoint_id| *endpoint_id == row.endpoint_id)
            && self.since.is_none_or(|since| rank.micros >= since.micros())
    }
}

impl StatusFilter {
    fn takes(self, status: AlertStatus) -> bool {
        match self {
            Self::Active => status != AlertStatus::Resolved,
            Self::Only(only) => status == only,
        }
    }
}

impl Model {
    /// Newest first.
    pub fn alerts(&self, filter: &AlertFilter) -> Alerts {
        let lives = self.lives();
        let none = Life::default();
        let mut alerts =
            Alerts { alerts: Vec::new(), found: 0, kept: self.alerts.len() as u64, seen: self.tally.alerts() };
        for (rank, id, row) in self.alerts.iter().rev().filter(|(rank, _, row)| filter.takes(*rank, row)) {
            let life = lives.get(id).unwrap_or(&none);
            if filter.status.is_some_and(|wanted| !wanted.takes(life.status())) {
                continue;
            }
            alerts.found += 1;
            if alerts.alerts.len() < filter.limit {
                alerts.alerts.push(summary(rank, id, row, life));
            }
        }
        alerts
    }

    /// An alert by its id or by the beginning of it.
    pub fn alert(&self, beginning: &str) -> Result<AlertDetail, NoAlert> {
        let first = AlertId::new(beginning);
        let mut found = self.alerts.starting_at(&first).take_while(|(id, _)| id.as_str().starts_with(beginning));
        let unknown = || NoAlert::Unknown { beginning: clipped(beginning) };
        let (id, row) = found.next().ok_or_else(unknown)?;
        if id.as_str() != beginning
            && let Some((second, _)) = found.next()
        {
            let others = found.take(NAMED_MAX - 2).map(|(id, _)| id);
            let ids = [id, second].into_iter().chain(others).map(|id| id.as_str().to_owned()).collect();
            return Err(NoAlert::Several { beginning: clipped(beginning), ids });
        }
        let (rank, _) = self.alerts.get(id).expect("invariant: it was found");
        let lives = self.lives();
        let none = Life::default();
        let life = lives.get(id).unwrap_or(&none);
        let compared = self.matches.get(&(row.rule_id.clone(), row.trigger_event_id.clone()));
        Ok(AlertDetail {
            summary: summary(rank, id, row, life),
            place: rank.place.into(),
            compared: compared.map(|(_, place)| (*place).into()),
            acknowledged: life.acknowledged.map(Acted::shown),
            resolved: life.resolved.map(Acted::shown),
            escalations: life.escalations(),
            held_back: life.held_back(),
        })
    }

    /// Alerts in short by their ids, for whoever watches: what became of all of them is looked up once.
    pub fn summaries(&self) -> impl Fn(&AlertId) -> Option<AlertSummary> + '_ {
        let lives = self.lives();
        move |alert_id| {
            let (rank, row) = self.alerts.get(alert_id)?;
            Some(summary(rank, alert_id, row, lives.get(alert_id).unwrap_or(&Life::default())))
        }
    }

    /// How many of the alerts that are kept are in each state.
    pub(super) fn states(&self) -> [u64; AlertStatus::ALL.len()] {
        let lives = self.lives();
        let mut states = [0; AlertStatus::ALL.len()];
        for (_, id, _) in self.alerts.iter() {
            let status = lives.get(id).map_or(AlertStatus::Open, Life::status);
            states[status as usize] += 1;
        }
        states
    }

    fn lives<'m>(&'m self) -> BTreeMap<AlertId, Life<'m>> {
        let mut lives: BTreeMap<AlertId, Life<'m>> = BTreeMap::new();
        for (order, standing) in self.standing() {
            let (by, reason) = (&*order.by, order.reason.as_deref());
            let acted = Acted { by, at: order.at, reason, is_confirmed: standing == Standing::Confirmed };
            match &order.wants {
                Wants::Acknowledge { alert_id } => {
                    lives.entry(AlertId::new(&**alert_id)).or_default().acknowledged.get_or_insert(acted);
                }
                Wants::Resolve { alert_id } => {
                    lives.entry(AlertId::new(&**alert_id)).or_default().resolved.get_or_insert(acted);
                }
                _ => {}
            }
        }
        for (rank, _, fact) in self.facts.iter() {
            let life = lives.entry(fact.alert_id.clone()).or_default();
            let confirm = |known: &mut Option<Acted<'m>>, by: &'m str| {
                let (at, reason) = known.map_or((rank.micros, None), |known| (known.at, known.reason));
                *known = Some(Acted { by, at, reason, is_confirmed: true });
            };
            match &fact.what {
                Event::Acknowledged { by } => confirm(&mut life.acknowledged, by),
                Event::Resolved { by } => confirm(&mut life.resolved, by),
                Event::Escalated { .. } | Event::HeldBack { .. } => {}
            }
            life.told.push(fact);
        }
        for (raised, id, row) in self.alerts.iter() {
            let ended = self.ended.get(&row.rule_id).filter(|(ended, ())| raised.micros <= ended.micros);
            if let Some((ended, ())) = ended {
                let acted = Acted { by: DROPPED, at: ended.micros, reason: None, is_confirmed: true };
                lives.entry(id.clone()).or_default().resolved.get_or_insert(acted);
            }
        }
        lives
    }
}

impl Acted<'_> {
    fn shown(self) -> ActedJson {
        ActedJson { by: self.by.to_owned(), at: time(self.at), reason: self.reason.map(str::to_owned) }
    }
}

impl Life<'_> {
    fn status(&self) -> AlertStatus {
        match (&self.resolved, &self.acknowledged) {
            (Some(_), _) => AlertStatus::Resolved,
            (None, Some(_)) => AlertStatus::Acknowledged,
            (None, None) => AlertStatus::Open,
        }
    }

    fn is_confirmed(&self) -> bool {
        self.resolved.or(self.acknowledged).is_none_or(|acted| acted.is_confirmed)
    }

    fn escalations(&self) -> Vec<EscalationJson> {
        let told = self.told.iter().filter_map(|fact| match &fact.what {
            Event::Escalated { target, priority, block } => Some(EscalationJson {
                target: target.clone(),
                priority: priority.clone(),
                block: block.clone(),
                sent_at: fact.at.clone(),
            }),
            _ => None,
        });
        told.collect()
    }

    fn held_back(&self) -> Vec<HeldBackJson> {
        let told = self.told.iter().filter_map(|fact| match &fact.what {
            Event::HeldBack { reason, count, until } => {
                Some(HeldBackJson { reason: reason.clone(), count: *count, until: until.clone() })
            }
            _ => None,
        });
        told.collect()
    }
}

fn summary(rank: Rank, id: &AlertId, row: &AlertRow, life: &Life<'_>) -> AlertSummary {
    let escalations = life.escalations();
    AlertSummary {
        alert_id: id.as_str().to_owned(),
        rule_id: row.rule_id.clone(),
        severity: row.severity.symbol().to_owned(),
        category: row.category.to_owned(),
        status: life.status(),
        confirmed: life.is_confirmed(),
        message: row.message.clone(),
        endpoint_id: row.endpoint_id.clone(),
        group_key: row.group_key.clone(),
        triggered_at: row.triggered_at.to_string(),
        raised_at: time(rank.micros),
        occurrences: row.occurrences,
        episode: row.episode,
        held_back: life.held_back().iter().map(|held| held.count).sum(),
        escalations: escalations.len() as u64,
        escalated_to: escalations.last().map(|last| last.target.clone()),
        acknowledged_by: life.acknowledged.map(|acted| acted.by.to_owned()),
        resolved_by: life.resolved.map(|acted| acted.by.to_owned()),
    }
}

pub(crate) fn time(micros: i64) -> String {
    let micros = micros.clamp(Timestamp::MIN.micros(), Timestamp::MAX.micros());
    Timestamp::from_micros(micros).expect("invariant: it was brought into range").to_string()
}

impl From<Place> for PlaceJson {
    fn from(place: Place) -> Self {
        Self { partition: place.partition, offset: place.offset }
    }
}
