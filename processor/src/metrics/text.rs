//! The names: which figure stands under which, in the order of docs/processor.md.

use std::fmt::Display;
use std::time::SystemTime;

use contracts::field::Symbols;
use contracts::records::{DeadLetterReason, Severity};
use detection::step::{BreakerState, Held};

use super::exposition::{Exposition, Family};
use super::{Alarm, Metrics, StageTotals, TaskFigures};
use crate::core::Standing;
use crate::task::Stage;

pub(super) fn of(metrics: &Metrics, now: SystemTime) -> String {
    let mut out = Exposition::default();
    process(&mut out, metrics);
    tasks(&mut out, &metrics.tasks, now);
    records(&mut out, metrics);
    detection(&mut out, metrics);
    publications(&mut out, metrics);
    store(&mut out, metrics);
    out.into_text()
}

fn process(out: &mut Exposition, metrics: &Metrics) {
    let version = env!("CARGO_PKG_VERSION");
    out.gauge("tripline_processor_info", "What runs.").sample(&[("version", &version)], 1);
    let is_ready = u8::from(metrics.readiness.is_ready());
    out.gauge("tripline_processor_ready", "1 while it does its work; /readyz says why not.").sample(&[], is_ready);
    let assigned = |stage: Stage| metrics.tasks.iter().filter(|task| task.task.stage == stage).count();
    let mut family = out.gauge("tripline_processor_assigned_partitions", "Partitions that are worked on here.");
    for stage in Stage::ALL {
        family.sample(&[("stage", &stage.as_str())], assigned(stage));
    }
}

fn tasks(out: &mut Exposition, tasks: &[TaskFigures], now: SystemTime) {
    let mut of_each = |name, help, figure: &dyn Fn(&TaskFigures) -> Option<u64>| {
        let mut family = out.gauge(name, help);
        for task in tasks {
            if let Some(figure) = figure(task) {
                let (stage, partition) = (task.task.stage.as_str(), task.task.partition);
                family.sample(&[("stage", &stage), ("partition", &partition)], figure);
            }
        }
    };
    of_each("tripline_processor_applied_offset", "L: the next offset to apply.", &|task| Some(task.applied.0));
    of_each("tripline_processor_published_offset", "N: what came from offsets below it is visible.", &|task| {
        Some(task.published.0)
    });
    of_each("tripline_processor_lag_records", "Offsets of the input that were not read yet.", &|task| task.lag);
    of_each("tripline_processor_outbox_bytes", "Rows that wait to be published.", &|task| {
        Some(task.outbox_bytes as u64)
    });
    of_each("tripline_processor_checkpoint_offset", "S of the newest checkpoint.", &|task| {
        task.checkpoint.map(|checkpoint| checkpoint.at.0)
    });
    of_each("tripline_processor_checkpoint_bytes", "Size of the newest checkpoint.", &|task| {
        task.checkpoint.map(|checkpoint| checkpoint.bytes)
    });
    of_each("tripline_processor_checkpoint_age_seconds", "Age of the newest checkpoint.", &|task| {
        task.checkpoint.map(|checkpoint| checkpoint.age(now).as_secs())
    });
    of_each("tripline_processor_commands_passed", "Commands of the control topic that are in force.", &|task| {
        u64::try_from(task.standing?.passed + 1).ok()
    });
    rule_sets(out, tasks);
    let help = "1 where a lost state could not be restored, or soon: see `reason`.";
    let mut family = out.gauge("tripline_processor_retention_alarm", help);
    for task in tasks {
        for alarm in Alarm::ALL {
            let labels: super::exposition::Labels<'_> = &[
                ("stage", &task.task.stage.as_str()),
                ("partition", &task.task.partition),
                ("reason", &alarm.as_str()),
            ];
            family.sample(labels, u8::from(task.alarm == Some(alarm)));
        }
    }
}

fn rule_sets(out: &mut Exposition, tasks: &[TaskFigures]) {
    let mut family = out.gauge("tripline_processor_rule_set_info", "The rule set that a partition runs by.");
    for task in tasks {
        if let Some(Standing { rule_set, .. }) = &task.standing {
            let (stage, partition) = (task.task.stage.as_str(), task.task.partition);
            family.sample(&[("stage", &stage), ("partition", &partition), ("digest", rule_set)], 1);
        }
    }
}

/// A counter of each stage that runs or ran here.
fn of_stages(out: &mut Exposition, metrics: &Metrics, name: &'static str, help: &str, of: fn(&StageTotals) -> u64) {
    let mut family = out.counter(name, help);
    for (stage, totals) in &metrics.stages {
        family.sample(&[("stage", &stage.as_str())], of(totals));
    }
}

fn records(out: &mut Exposition, metrics: &Metrics) {
    let mut count = |name, help, of: fn(&StageTotals) -> u64| of_stages(out, metrics, name, help, of);
    count("tripline_processor_records_total", "Records applied.", |totals| totals.records);
    count("tripline_processor_repeated_records_total", "Records applied again in silence.", |totals| totals.repeated);
    let mut family =
        out.counter("tripline_processor_dead_letters_total", "Records that could not be taken, by reason.");
    for (stage, totals) in &metrics.stages {
        let reasons = DeadLetterReason::SYMBOLS.iter().zip(totals.counted.dead_letters);
        for (reason, count) in reasons {
            family.sample(&[("stage", &stage.as_str()), ("reason", reason)], count);
        }
    }
    out.histogram("tripline_processor_batch_apply_seconds", "Evaluating one batch, all stages.", &metrics.applying);
    out.histogram("tripline_processor_batch_write_seconds", "Writing one batch to the store.", &metrics.writing);
    out.counter("tripline_processor_ticks_total", "Ticks sent.").sample(&[], metrics.ticks);
}

fn detection(out: &mut Exposition, metrics: &Metrics) {
    let totals = sum(metrics);
    let counts = totals.counted.detection;
    let plain: [(&'static str, &str, u64); 11] = [
        ("tripline_processor_events_total", "Events that came to stage one.", counts.events),
        ("tripline_processor_sent_again_events_total", "Events left out: they were sent before.", counts.sent_again),
        ("tripline_processor_clamped_events_total", "Events whose time was brought into range.", counts.clamped),
        ("tripline_processor_late_events_total", "Events too late for a window.", counts.late),
        ("tripline_processor_too_deep_events_total", "Events too deep in a chain of watchers.", counts.too_deep),
        ("tripline_processor_ungrouped_events_total", "Hits without a value to group by.", counts.ungrouped),
        ("tripline_processor_rate_limited_events_total", "Events over a subscription's rate.", counts.limited),
        ("tripline_processor_window_overflows_total", "Entries that a full window dropped.", counts.overflows),
        ("tripline_processor_void_matches_total", "Matches of rules that are gone or off.", counts.void),
        ("tripline_processor_over_budget_evaluations_total", "Evaluations cut off for their cost.", counts.over_budget),
        ("tripline_processor_matches_total", "Matches that were whole.", counts.matches),
    ];
    for (name, help, count) in plain {
        out.counter(name, help).sample(&[], count);
    }
    let mut family = out.counter("tripline_processor_alerts_total", "Alerts raised, by severity.");
    each(&mut family, "severity", Severity::SYMBOLS, &totals.counted.alerts);
    let held = Held::ALL.map(Held::as_str);
    let mut family = out.counter("tripline_processor_held_back_matches_total", "Matches held back, by reason.");
    each(&mut family, "reason", &held, &counts.held);
    let mut family =
        out.counter("tripline_processor_told_matches_total", "Matches held back whose count was published.");
    each(&mut family, "reason", &held, &counts.told);
    let states = BreakerState::ALL.map(BreakerState::as_str);
    let mut family =
        out.counter("tripline_processor_breaker_changes_total", "Circuit breakers that came into a state.");
    each(&mut family, "state", &states, &counts.breakers);
    let help = "Requests for action put on guardrail.requests.v1.";
    out.counter("tripline_processor_requests_total", help).sample(&[], totals.counted.requests);
    risk(out, &totals);
}

fn risk(out: &mut Exposition, totals: &StageTotals) {
    let counts = totals.counted.risk;
    let mut family = out.counter("tripline_processor_risk_alerts_total", "Alerts that came to the risk score.");
    let outcomes = [("entered", counts.entered), ("repeated", counts.repeated), ("unrated", counts.unrated)];
    for (outcome, count) in outcomes {
        family.sample(&[("outcome", &outcome)], count);
    }
    let mut family = out.counter("tripline_processor_risk_snapshots_left_total", "Snapshots that are rated no more.");
    for (reason, count) in [("aged", counts.left), ("pushed_out", counts.pushed_out)] {
        family.sample(&[("reason", &reason)], count);
    }
}

fn publications(out: &mut Exposition, metrics: &Metrics) {
    let publications = &metrics.publications;
    let mut family = out.counter("tripline_processor_publications_total", "Publications, by what became of them.");
    let outcomes = [
        ("committed", publications.committed),
        ("fenced", publications.fenced),
        ("aborted", publications.aborted),
        ("unknown", publications.unknown),
    ];
    for (outcome, count) in outcomes {
        family.sample(&[("outcome", &outcome)], count);
    }
    let help = "One publication, from its first row to the answer.";
    out.histogram("tripline_processor_publication_seconds", help, &publications.took);
    out.counter("tripline_processor_published_rows_total", "Rows made visible.").sample(&[], publications.rows);
    let help = "Beyond so much in all outboxes no records are taken.";
    out.gauge("tripline_processor_outbox_limit_bytes", help).sample(&[], metrics.outbox_bytes_max);
}

fn store(out: &mut Exposition, metrics: &Metrics) {
    let Some(sizes) = metrics.store else { return };
    let plain: [(&'static str, &str, u64); 6] = [
        ("tripline_processor_store_files_bytes", "State on the disk.", sizes.files_bytes),
        ("tripline_processor_store_buffers_bytes", "Written, and in no file yet.", sizes.buffers_bytes),
        ("tripline_processor_store_cache_bytes", "Blocks in the cache.", sizes.cache_bytes),
        ("tripline_processor_store_readers_bytes", "What open files take beside the cache.", sizes.readers_bytes),
        ("tripline_processor_store_keys", "Rows in the store, estimated.", sizes.keys_estimate),
        ("tripline_processor_store_pending_compaction_bytes", "Still to be compacted.", sizes.pending_compaction_bytes),
    ];
    for (name, help, size) in plain {
        out.gauge(name, help).sample(&[], size);
    }
}

fn each(family: &mut Family<'_>, label: &'static str, words: &[&str], counts: &[u64]) {
    for (word, count) in words.iter().zip(counts) {
        family.sample(&[(label, word as &dyn Display)], count);
    }
}

fn sum(metrics: &Metrics) -> StageTotals {
    let mut sum = StageTotals::default();
    for totals in metrics.stages.values() {
        sum.records += totals.records;
        sum.repeated += totals.repeated;
        sum.counted += totals.counted;
    }
    sum
}
