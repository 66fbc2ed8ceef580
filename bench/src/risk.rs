//! Risk: from one alert to the report that follows.
//!
//! Two extremes: one agent that has as many signals as are rated, so that each alert pushes one out and a report of all of them
//! follows; and many agents with one each. In memory it is the step and the changes to the store; in the processor's store the rows
//! that follow are encoded and written with the state, as a task does. Batches of [`BATCH`] alerts.
//!
//! `…_thread_cpu` is processor time of the thread for each alert: it says something on a machine that has other things to do.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use bus::Offset;
use contracts::avro::Framing;
use contracts::canonical::Digest;
use contracts::field::Millionths;
use contracts::id::{AlertId, EndpointId, RuleId};
use contracts::records::{Alert, AlertAction, Category, EscalationStatus, EvidenceRef, RuleSetRef, Severity};
use contracts::time::Timestamp;
use detection::risk::{Effects, Input, RiskPlan, SIGNALS_MAX, step};
use detection::view::{MemoryStore, View};
use processor::store::{Batch, Memory, Store};
use processor::{Stage, TaskId};

use crate::figure::{Figure, to_f64};
use crate::{machine, sample};

const BATCH: usize = 100;
const ALERTS: usize = 1_000;
const AGENTS: usize = 10_000;
const TASK: TaskId = TaskId { stage: Stage::Alerts, partition: 0 };

pub fn measure(runs: u32) -> Vec<Figure> {
    let full: Vec<Alert> = (0..SIGNALS_MAX + ALERTS).map(|number| alert(number, 0)).collect();
    let many: Vec<Alert> = (0..AGENTS).map(|number| alert(number, number)).collect();
    let figures = |name: &str, alerts: &[Alert], already: usize| {
        let kept = |name: &str, run: &dyn Fn() -> Run| of(name, runs, alerts.len() - already, run);
        let (before, counted) = alerts.split_at(already);
        let mut figures = kept(&format!("risk_{name}"), &|| in_memory(before, counted));
        figures.extend(kept(&format!("risk_{name}_stored"), &|| in_store(before, counted)));
        figures
    };
    [figures("full_agent", &full, SIGNALS_MAX), figures("many_agents", &many, 0)].concat()
}

#[derive(Clone, Copy)]
struct Run {
    rate: f64,
    thread_cpu_us: f64,
}

fn of(name: &str, runs: u32, alerts: usize, run: &dyn Fn() -> Run) -> Vec<Figure> {
    let measured: Vec<Run> = (0..runs).map(|_| run()).collect();
    let figure = |name: String, unit, value: fn(&Run) -> f64| {
        Figure::new(name, unit, &measured.iter().map(value).collect::<Vec<_>>()).with("alerts", alerts)
    };
    vec![
        figure(name.to_owned(), "alerts/s", |run| run.rate),
        figure(format!("{name}_thread_cpu"), "us", |run| run.thread_cpu_us),
    ]
}

fn timed(alerts: usize, work: impl FnOnce()) -> Run {
    let (cpu_ns, start) = (machine::thread_cpu_ns(), Instant::now());
    work();
    let rate = to_f64(alerts) / start.elapsed().as_secs_f64();
    Run { rate, thread_cpu_us: to_f64(machine::thread_cpu_ns() - cpu_ns) / to_f64(alerts) / 1e3 }
}

fn in_memory(before: &[Alert], counted: &[Alert]) -> Run {
    let mut store = MemoryStore::default();
    let mut apply = |alerts: &[Alert]| {
        for batch in alerts.chunks(BATCH) {
            let mut view = View::over(&store);
            for alert in batch {
                black_box(effects(&mut view, alert));
            }
            let changes = view.into_changes().expect("this process wrote every row");
            store.apply(changes);
        }
    };
    apply(before);
    timed(counted.len(), || apply(counted))
}

fn in_store(before: &[Alert], counted: &[Alert]) -> Run {
    let folder = tempfile::tempdir().expect("a folder for the store");
    let store = Store::open(&Path::join(folder.path(), "state"), &Memory::default()).expect("an empty store opens");
    let mut next = 0;
    let mut apply = |alerts: &[Alert]| {
        for alerts in alerts.chunks(BATCH) {
            let state = store.state(TASK);
            let (mut view, mut batch) = (View::over(&state), Batch::default());
            for alert in alerts {
                for (index, row) in (0..).zip(effects(&mut view, alert).rows) {
                    let mut value = Vec::new();
                    row.record.encode(Framing::SingleObject, &mut value).expect("a report fits in a record");
                    batch.put_row(TASK, Offset(next), index, &value);
                }
                next += 1;
            }
            batch.put_state(TASK, view.into_changes().expect("this process wrote every row"));
            batch.put_position(TASK, Offset(next));
            store.write(&batch).expect("the disk has room");
        }
    };
    apply(before);
    timed(counted.len(), || apply(counted))
}

fn effects(view: &mut View<'_>, alert: &Alert) -> Effects {
    step(&RiskPlan::default(), view, &Input { appended_at: alert.triggered_at, alert })
}

/// Ids as long as ours, a rule of the pack, the trigger as evidence; a millisecond lies between one alert and the next.
fn alert(number: usize, agent: usize) -> Alert {
    let id = Digest::of(&number.to_le_bytes());
    let mut event = sample::event(200, number as u64);
    event.endpoint_id = EndpointId::new(format!("host-{agent:04}"));
    let triggered_at = event.observed_at.micros() + 1_000 * i64::try_from(number).expect("a count of alerts in memory");
    let evidence = EvidenceRef { kind: "event".to_owned(), reference: event.event_id.to_string() };
    Alert {
        alert_id: AlertId::new(id.to_string()),
        rule_id: RuleId::new("dangerous_command"),
        rule_name: "dangerous_command".to_owned(),
        rule_digest: id,
        rule_set: RuleSetRef { name: "bench".to_owned(), digest: Digest::from_bytes([0; 32]) },
        trigger_event: event,
        severity: [Severity::Low, Severity::Medium, Severity::High][number % 3],
        category: Category::Security,
        message: String::new(),
        triggered_at: Timestamp::from_micros(triggered_at).expect("a time in 2025"),
        acknowledged: false,
        acknowledged_by: None,
        escalation_status: EscalationStatus::None,
        source: "bench".to_owned(),
        dedup_hash: id,
        suppressed_until: None,
        occurrences: 1,
        group_key: "[]".to_owned(),
        window: None,
        action: AlertAction::Notify,
        evidence_refs: vec![evidence],
        attack: Vec::new(),
        confidence: Millionths::new(1_000_000).expect("all of it"),
        complete: true,
        episode: 0,
    }
}
