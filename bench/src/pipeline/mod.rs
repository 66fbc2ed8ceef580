//! The pipeline as people run it: a real broker, `tripline-processor`, `tripline load`, beside a bare librdkafka loop at the
//! same rates; what it takes at most; and how long it is away after a SIGKILL.
//!
//! Processes of their own, because memory and processor time are theirs. `TRIPLINE_BENCH_SECONDS` says how long each rate is
//! held.

mod bare;
mod stand;

use std::time::{Duration, Instant};

use bus::Bus;
use serde_json::Value;

use crate::figure::{Figure, to_f64};
use stand::Stand;

const RATES: [usize; 3] = [1_000, 10_000, 50_000];
const SECONDS: u64 = 20;
/// Waits in the log for a processor that starts.
const BACKLOG: usize = 500_000;
/// While it is killed.
const KILL_RATE: usize = 10_000;
const KILL_AFTER: Duration = Duration::from_secs(6);
const LOOK_EVERY: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_mins(3);

pub fn measure(runs: u32) -> Vec<Figure> {
    let seconds = std::env::var("TRIPLINE_BENCH_SECONDS").map_or(SECONDS, |text| text.parse().expect("whole seconds"));
    let mut stand = Stand::new();
    let mut figures = Vec::new();
    for rate in RATES {
        let taken: Vec<(Value, Vec<Duration>)> = (0..runs)
            .map(|_| (stand.load(rate, seconds), bare::latencies(&stand.brokers(), rate, Duration::from_secs(seconds))))
            .collect();
        figures.extend(of_rate(rate, seconds, &taken));
    }
    let (most, away): (Vec<f64>, Vec<f64>) = (0..runs).map(|_| (most(&mut stand), away(&mut stand))).unzip();
    figures.push(Figure::new("pipeline_most", "events/s", &most).with("backlog", BACKLOG));
    figures.push(Figure::new("pipeline_away_after_kill", "s", &away).with("rate", KILL_RATE));
    figures
}

fn of_rate(rate: usize, seconds: u64, taken: &[(Value, Vec<Duration>)]) -> Vec<Figure> {
    let ours = |path: &str, scale: f64| -> Vec<f64> {
        taken
            .iter()
            .map(|(told, _)| told.pointer(path).and_then(Value::as_f64).expect("load says it") / scale)
            .collect()
    };
    let bare =
        |percent| -> Vec<f64> { taken.iter().map(|(_, took)| crate::log::percentile_ms(took, percent)).collect() };
    let (p99, bare_p99) = (ours("/latency_us/p99", 1e3), bare(99));
    let share: Vec<f64> = p99.iter().zip(&bare_p99).map(|(ours, bare)| ours / bare).collect();
    let figures = [
        ("p50", "ms", ours("/latency_us/p50", 1e3)),
        ("p50_bare", "ms", bare(50)),
        ("p99", "ms", p99),
        ("p99_bare", "ms", bare_p99),
        ("p99_of_bare", "ratio", share),
        ("resident", "MB", ours("/processor/rss_mb", 1.0)),
        ("cpu", "cores", ours("/processor/cpu", 1.0)),
        ("lost", "alerts", ours("/lost", 1.0)),
        ("duplicated", "alerts", ours("/duplicated", 1.0)),
    ];
    let named = figures.map(|(name, unit, runs)| {
        let figure = Figure::new(format!("pipeline_{rate}_{name}"), unit, &runs);
        figure.with("seconds", usize::try_from(seconds).expect("few"))
    });
    named.into()
}

/// Events a second from a backlog, from the first that is committed to the last.
fn most(stand: &mut Stand) -> f64 {
    stand.stop();
    stand.fill(BACKLOG);
    let end = stand.end();
    stand.start();
    let before = stand.committed();
    let first = wait_for(|| Some(stand.committed()).filter(|committed| *committed > before));
    let began = Instant::now();
    wait_for(|| (stand.committed() >= end).then_some(()));
    to_f64(usize::try_from(end - first).expect("fits memory")) / began.elapsed().as_secs_f64()
}

/// Seconds from a SIGKILL under load, and the start that follows it, until what came meanwhile is published.
fn away(stand: &mut Stand) -> f64 {
    let load = stand.begin_load(KILL_RATE, KILL_AFTER.as_secs() * 3);
    std::thread::sleep(KILL_AFTER);
    let began = Instant::now();
    stand.kill();
    stand.start();
    // Behind by no more than comes while this looks.
    let margin = to_f64(KILL_RATE) * LOOK_EVERY.as_secs_f64() * 5.0;
    wait_for(|| (to_f64(usize::try_from(stand.end() - stand.committed()).unwrap_or(0)) <= margin).then_some(()));
    let away = began.elapsed().as_secs_f64();
    let told = load.wait_with_output().expect("a load that was started ends");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stdout));
    away
}

fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "not within {PATIENCE:?}");
        std::thread::sleep(LOOK_EVERY);
    }
}

/// What is asked of a log here.
fn offsets(bus: &dyn Bus, group: &str) -> (u64, u64) {
    let topic = contracts::topics::TELEMETRY_EVENTS;
    let partitions: Vec<_> = (0..stand::PARTITIONS).map(|index| bus::Partition::new(topic, index)).collect();
    let committed = bus.committed(group, &partitions).expect("the broker answers");
    let ends = partitions.iter().map(|partition| bus.extent(partition).expect("the broker answers").end.0);
    (committed.iter().flatten().map(|offset| offset.0).sum(), ends.sum())
}
