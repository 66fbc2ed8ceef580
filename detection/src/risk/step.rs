//! Live scoring: one alert, applied.
//!
//! Invariant: after each record every agent's newest report is what [`score`](super::score()) says of the snapshots that
//! are rated then, but for agents beyond [`RiskPlan::agents_per_record_max`], whose turn comes with the next record.
//!
//! A report is made whenever a snapshot entered or left, and only then. It is published even if it says what the one
//! before said: the topic's newest is then always the state's newest.
//!
//! Absent on purpose: ticks. Nothing leaves before a later alert's append time says so.

use std::ops::AddAssign;

use contracts::id::AgentId;
use contracts::records::{Alert, AnyRecord, RiskAlert, Snapshot};
use contracts::time::Timestamp;
use contracts::topics::{RISK_ALERTS, RISK_REPORTS};

use super::plan::{RiskPlan, SIGNALS_MAX, agent_of};
use super::score::{alert, holding, rate};
use super::state::{self, Kept, Told};
use crate::step::{Row, clock};
use crate::view::View;

/// An alert of `alerts.v1`.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The log's own time of the alert. One that goes backwards counts as the greatest so far.
    pub appended_at: Timestamp,
    pub alert: &'a Alert,
}

#[derive(Debug, Default)]
pub struct Effects {
    /// To be published, in this order.
    pub rows: Vec<Row>,
    pub counts: Counts,
}

/// What happened, as numbers for metrics. Alerts = entered + repeated + unrated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub alerts: u64,
    /// Alerts that are rated from now on.
    pub entered: u64,
    /// Alerts that are rated already.
    pub repeated: u64,
    /// Alerts that give no signal, or one that is too old to be among the newest.
    pub unrated: u64,
    /// Snapshots that newer ones pushed out before their time.
    pub pushed_out: u64,
    /// Snapshots whose time was over.
    pub left: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        let Self { alerts, entered, repeated, unrated, pushed_out, left } = more;
        self.alerts += alerts;
        self.entered += entered;
        self.repeated += repeated;
        self.unrated += unrated;
        self.pushed_out += pushed_out;
        self.left += left;
    }
}

/// What follows from one alert: first for the agents that a snapshot has left, then for the alert's own.
pub fn step(plan: &RiskPlan, view: &mut View<'_>, input: &Input<'_>) -> Effects {
    let now = Timestamp::from_micros(clock::append(view, input.appended_at).at)
        .expect("invariant: the task's clock holds append times");
    let until = now.micros().saturating_sub(micros(plan.risk_window_ms));
    let own = agent_of(input.alert);
    let entering = plan.snapshot(input.alert);

    let mut out = Effects::default();
    out.counts.alerts = 1;
    for agent in state::due(view, until, plan.agents_per_record_max) {
        if entering.is_none() || agent != own {
            Turn { view, out: &mut out, agent: &agent, now, until }.take(None);
        }
    }
    match &entering {
        Some(snapshot) => Turn { view, out: &mut out, agent: &own, now, until }.take(Some(snapshot)),
        None => out.counts.unrated += 1,
    }
    out
}

/// When the oldest of these entered.
fn oldest(rated: &[Kept]) -> Option<i64> {
    rated.last().map(|kept| kept.entered_at)
}

fn micros(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1_000)
}

/// One agent's turn within one record.
struct Turn<'t, 's> {
    view: &'t mut View<'s>,
    out: &'t mut Effects,
    agent: &'t AgentId,
    now: Timestamp,
    /// What entered then or before has left.
    until: i64,
}

impl Turn<'_, '_> {
    fn take(&mut self, entering: Option<&Snapshot>) {
        let mut rated = state::kept(self.view, self.agent, SIGNALS_MAX);
        let mut told = state::told(self.view, self.agent);
        let waited = oldest(&rated).or_else(|| told.newest_report());
        // The newest come first.
        let mut gone = rated.split_off(rated.partition_point(|kept| kept.entered_at > self.until));
        self.out.counts.left += gone.len() as u64;
        let entered = entering.and_then(|snapshot| self.enter(&mut rated, &mut gone, snapshot));
        if gone.is_empty() && entered.is_none() {
            if rated.is_empty() {
                state::forget(self.view, self.agent, &told, waited);
            }
            return;
        }
        for kept in &gone {
            state::remove_kept(self.view, self.agent, kept);
        }
        if let Some(place) = entered {
            state::put_kept(self.view, self.agent, &rated[place]);
        }
        let oldest = oldest(&rated);
        self.report(rated, &mut told);
        state::put_told(self.view, self.agent, &told);
        state::wait(self.view, self.agent, waited, oldest.or_else(|| told.newest_report()));
    }

    /// Puts a snapshot in its place among those that are rated, and tells the place; `None` if that changes nothing. What it
    /// pushes out is gone.
    fn enter(&mut self, rated: &mut Vec<Kept>, gone: &mut Vec<Kept>, snapshot: &Snapshot) -> Option<usize> {
        let counts = &mut self.out.counts;
        if rated.iter().any(|kept| kept.id == *snapshot.id()) {
            counts.repeated += 1;
            return None;
        }
        let [signal] = snapshot.signals() else { unreachable!("invariant: an alert is one signal") };
        let entering = Kept {
            entered_at: self.now.micros(),
            id: snapshot.id().clone(),
            observed_at: snapshot.observed_at(),
            signal: signal.clone(),
        };
        let place = rated.partition_point(|kept| kept.order(&entering).is_lt());
        if place == SIGNALS_MAX {
            counts.unrated += 1;
            return None;
        }
        counts.entered += 1;
        rated.insert(place, entering);
        if rated.len() > SIGNALS_MAX {
            counts.pushed_out += 1;
            gone.extend(rated.pop());
        }
        Some(place)
    }

    /// Scores what is rated, publishes the report, and tells the alert that it ends and the one that it begins.
    fn report(&mut self, rated: Vec<Kept>, told: &mut Told) {
        let snapshots = rated.len();
        let report = rate(self.agent, self.now, snapshots, rated.into_iter().map(|kept| kept.signal).collect());
        state::put_report(self.view, &report, told);

        let holds = holding(&report);
        let begun = holds.filter(|_| holds != told.active).map(|kind| alert(&report, kind));
        self.publish(RISK_REPORTS, report);
        if told.active.is_some() && holds != told.active {
            for ended in state::active_alerts(self.view, self.agent) {
                state::remove_active(self.view, &ended);
                self.publish(RISK_ALERTS, RiskAlert { is_active: false, ..ended });
            }
        }
        if let Some(begun) = begun {
            state::put_active(self.view, &begun);
            self.publish(RISK_ALERTS, begun);
        }
        told.active = holds;
    }

    fn publish(&mut self, topic: &'static str, record: impl Into<AnyRecord>) {
        self.out.rows.push(Row { topic, key: self.agent.as_str().to_owned(), record: record.into() });
    }
}
