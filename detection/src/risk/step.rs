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
use super::score::rate;
use super::state::{self, Kept};
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
        let before = state::kept(self.view, self.agent, SIGNALS_MAX);
        let after = self.rated(&before, entering);
        if before == after {
            if before.is_empty() {
                self.forget();
            }
            return;
        }
        let waited = self.oldest(&before);
        state::keep(self.view, self.agent, &before, &after);
        self.report(&after);
        let waits = self.oldest(&after);
        state::wait(self.view, self.agent, waited, waits);
    }

    /// What is rated now, given what was.
    fn rated(&mut self, before: &[Kept], entering: Option<&Snapshot>) -> Vec<Kept> {
        let counts = &mut self.out.counts;
        let mut after: Vec<Kept> = before.iter().filter(|kept| kept.entered_at > self.until).cloned().collect();
        counts.left += (before.len() - after.len()) as u64;
        let Some(snapshot) = entering else { return after };
        if after.iter().any(|kept| kept.id == *snapshot.id()) {
            counts.repeated += 1;
            return after;
        }
        after.extend(snapshot.signals().iter().map(|signal| Kept {
            entered_at: self.now.micros(),
            id: snapshot.id().clone(),
            observed_at: snapshot.observed_at(),
            signal: signal.clone(),
        }));
        after.sort_by(|a, b| b.entered_at.cmp(&a.entered_at).then_with(|| a.id.cmp(&b.id)));
        match after.get(SIGNALS_MAX..) {
            Some([pushed]) if pushed.id == *snapshot.id() => counts.unrated += 1,
            Some([_]) => (counts.entered, counts.pushed_out) = (counts.entered + 1, counts.pushed_out + 1),
            _ => counts.entered += 1,
        }
        after.truncate(SIGNALS_MAX);
        after
    }

    /// Scores what is rated, publishes the report, and tells the alerts that it begins and ends.
    fn report(&mut self, rated: &[Kept]) {
        let signals = rated.iter().map(|kept| kept.signal.clone()).collect();
        let scored = rate(self.agent, self.now, rated.len(), signals);
        state::put_report(self.view, &scored.report);
        self.publish(RISK_REPORTS, scored.report);

        let active = state::active_alerts(self.view, self.agent);
        for ended in active.iter().filter(|alert| !scored.alerts.iter().any(|other| other.kind == alert.kind)) {
            state::remove_active(self.view, ended);
            self.publish(RISK_ALERTS, RiskAlert { is_active: false, ..ended.clone() });
        }
        for begun in scored.alerts.into_iter().filter(|alert| !active.iter().any(|other| other.kind == alert.kind)) {
            state::put_active(self.view, &begun);
            self.publish(RISK_ALERTS, begun);
        }
    }

    /// When the agent's oldest row was made.
    fn oldest(&mut self, kept: &[Kept]) -> Option<i64> {
        let newest_report = |turn: &mut Self| {
            let reports = state::reports(turn.view, turn.agent, 1);
            reports.first().map(|report| report.generated_at.micros())
        };
        kept.last().map(|kept| kept.entered_at).or_else(|| newest_report(self))
    }

    /// Nothing was rated for a whole window: the last report, of no risk, goes as well. The topic keeps it.
    fn forget(&mut self) {
        let waited = self.oldest(&[]);
        state::wait(self.view, self.agent, waited, None);
        state::forget_reports(self.view, self.agent);
    }

    fn publish(&mut self, topic: &'static str, record: impl Into<AnyRecord>) {
        self.out.rows.push(Row { topic, key: self.agent.as_str().to_owned(), record: record.into() });
    }
}
