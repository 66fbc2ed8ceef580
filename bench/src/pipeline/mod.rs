//! The pipeline as people run it: a real broker, `tripline-processor`, `tripline load`, beside a bare librdkafka loop at the
//! same rates and on the same events; what it takes at most; how long it is away after a SIGKILL; and how all that goes with
//! partitions, sizes and groups.
//!
//! Processes of their own, because memory and processor time are theirs. `BENCH_SECONDS` says how long each rate is
//! held, `BENCH_PRELOAD` which library the processor is started with in place of glibc's allocator.

mod bare;
mod stand;

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::engine::{mix, rules};
use crate::figure::{Figure, to_f64};
use stand::Stand;

const PARTITIONS: u32 = 4;
const RATES: [usize; 3] = [1_000, 10_000, 50_000];
const SECONDS: u64 = 20;
/// A broker that has just started takes its time for everything; that is not ours to measure.
const WARM_UP_SECONDS: u64 = 10;
/// Waits in the log for a processor that starts.
const BACKLOG: usize = 500_000;
/// While it is killed, and for as long as it must hold out.
const KILL_RATE: usize = 10_000;
const KILL_AFTER: Duration = Duration::from_secs(6);
const SUSTAINED_RATE: usize = 10_000;
const SUSTAINED_SECONDS: u64 = 600;
/// Tried one after the other, until one is too much.
const RATES_MAX: [usize; 8] = [40_000, 50_000, 60_000, 70_000, 80_000, 100_000, 120_000, 150_000];
/// A rate is held if alerts come within this.
const HELD_P99_MS: f64 = 1_000.0;
const PARTITION_COUNTS: [u32; 4] = [1, 4, 12, 24];
const PAYLOAD_BYTES: [usize; 5] = [200, 1 << 10, 4 << 10, 8 << 10, 16 << 10];
/// Of events of one size.
const PAYLOADS_BYTES: usize = 200 << 20;
const GROUPS: usize = 2_000_000;
const LOOK_EVERY: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_mins(5);

pub fn measure(runs: u32) -> Vec<Figure> {
    let seconds = seconds(SECONDS);
    let mut stand = Stand::new(PARTITIONS, None);
    stand.load(RATES[0], WARM_UP_SECONDS);
    beside(&stand, RATES[0], WARM_UP_SECONDS);
    let mut figures = Vec::new();
    for rate in RATES {
        let once = |_| (stand.load(rate, seconds), beside(&stand, rate, seconds));
        figures.extend(of_rate(rate, seconds, &(0..runs).map(once).collect::<Vec<_>>()));
    }
    let mut filled = 0;
    let [mut most, mut bare, mut share, mut away] = [const { Vec::new() }; 4];
    for _ in 0..runs {
        let backlog = backlog(&mut stand, (filled..filled + BACKLOG).map(mix::nth));
        filled += BACKLOG;
        most.push(backlog.rate);
        bare.push(backlog.bare_rate);
        share.push(backlog.rate / backlog.bare_rate);
        away.push(after_kill(&mut stand));
    }
    figures.extend([
        Figure::new("pipeline_most", "events/s", &most).with("backlog", BACKLOG),
        Figure::new("pipeline_most_bare", "events/s", &bare).with("backlog", BACKLOG),
        Figure::new("pipeline_most_share_of_bare", "ratio", &share).with("backlog", BACKLOG),
        Figure::new("pipeline_away_after_kill", "s", &away).with("rate", KILL_RATE),
    ]);
    figures
}

/// Ten minutes at a rate that must be held, then the greatest rate that is. Once: it is long enough to be its own median.
pub fn sustained(_: u32) -> Vec<Figure> {
    let seconds = seconds(SUSTAINED_SECONDS);
    let stand = Stand::new(PARTITIONS, None);
    stand.load(RATES[0], WARM_UP_SECONDS);
    let mut load = stand.begin_load(SUSTAINED_RATE, seconds);
    let mut resident = Vec::new();
    while load.try_wait().expect("a load that was started").is_none() {
        std::thread::sleep(Duration::from_secs(1));
        resident.push(stand.resident_mb());
    }
    let told = stand::told(load);
    let (settled, last) = (resident.len() / 5, resident.len() * 9 / 10);
    let mut figures = of_rate(SUSTAINED_RATE, seconds, &[(told, vec![Duration::ZERO])]);
    figures.retain(|figure| !figure.name.contains("bare"));
    for figure in &mut figures {
        figure.name = figure.name.replacen("pipeline", "sustained", 1);
    }
    figures.extend([
        Figure::new("sustained_resident_early", "MB", &resident[settled..2 * settled]),
        Figure::new("sustained_resident_late", "MB", &resident[last..]),
    ]);
    let is_held = |rate: &usize| {
        let told = stand.load(*rate, SECONDS);
        let figure = |path| told.pointer(path).and_then(Value::as_f64).expect("load says it");
        eprintln!("{rate}/s: {told}");
        figure("/lost") + figure("/duplicated") == 0.0 && figure("/latency_us/p99") < HELD_P99_MS * 1e3
    };
    let most = RATES_MAX.into_iter().take_while(is_held).last().unwrap_or(0);
    figures.push(Figure::new("sustained_most", "events/s", &[to_f64(most)]).with("seconds", whole(SECONDS)));
    figures
}

/// A backlog with few partitions and with many, with small payloads and with large ones.
pub fn growth(runs: u32) -> Vec<Figure> {
    let of_partitions = |partitions: u32| {
        let mut stand = Stand::new(partitions, None);
        let backlogs = (0..runs as usize).map(|run| run * BACKLOG..(run + 1) * BACKLOG);
        let rates: Vec<f64> = backlogs.map(|numbers| backlog(&mut stand, numbers.map(mix::nth)).rate).collect();
        Figure::new("pipeline_partitions", "events/s", &rates).with("partitions", partitions as usize)
    };
    let of_payload = |bytes: usize| {
        let mut stand = Stand::new(PARTITIONS, None);
        let events = BACKLOG.min(PAYLOADS_BYTES / bytes);
        let backlogs = (0..runs as usize).map(|run| run * events..(run + 1) * events);
        let backlogs: Vec<Backlog> =
            backlogs.map(|numbers| backlog(&mut stand, numbers.map(|number| mix::nth_of(number, bytes)))).collect();
        let rates: Vec<f64> = backlogs.iter().map(|backlog| backlog.rate).collect();
        let bare: Vec<f64> = backlogs.iter().map(|backlog| backlog.bare_rate).collect();
        [("pipeline_payload", rates), ("pipeline_payload_bare", bare)].map(|(name, rates)| {
            Figure::new(name, "events/s", &rates).with("payload_bytes", bytes).with("events", events)
        })
    };
    let mut figures: Vec<Figure> = PARTITION_COUNTS.into_iter().map(of_partitions).collect();
    figures.extend(PAYLOAD_BYTES.into_iter().flat_map(of_payload));
    figures
}

/// Two million groups of one rule, all alive.
pub fn groups(_: u32) -> Vec<Figure> {
    let mut stand = Stand::new(PARTITIONS, Some(rules::COUNTING_LONG));
    let login = |number| mix::login_in_turn(number, GROUPS);
    let opening = backlog(&mut stand, (0..GROUPS).map(login));
    let updating = backlog(&mut stand, (GROUPS..GROUPS + BACKLOG).map(login));
    let figure = |name, unit, value: f64| Figure::new(name, unit, &[value]).with("groups", GROUPS);
    vec![
        figure("pipeline_groups_opened", "events/s", opening.rate),
        figure("pipeline_groups_updated", "events/s", updating.rate),
        figure("pipeline_groups_resident", "MB", opening.resident_mb_max.max(updating.resident_mb_max)),
    ]
}

fn seconds(default: u64) -> u64 {
    std::env::var("BENCH_SECONDS").map_or(default, |text| text.parse().expect("whole seconds"))
}

fn whole(seconds: u64) -> usize {
    usize::try_from(seconds).expect("few")
}

fn beside(stand: &Stand, rate: usize, seconds: u64) -> Vec<Duration> {
    bare::latencies(stand.bus(), &stand.brokers(), rate, Duration::from_secs(seconds))
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
        figure.with("seconds", whole(seconds))
    });
    named.into()
}

struct Backlog {
    /// Events a second, from the first that is committed to the last.
    rate: f64,
    /// Of the bare loop, on the same events.
    bare_rate: f64,
    resident_mb_max: f64,
}

/// What a processor that starts does with what has gathered.
fn backlog(stand: &mut Stand, bodies: impl Iterator<Item = Vec<u8>>) -> Backlog {
    stand.stop();
    let from = stand.ends();
    stand.fill(bodies);
    let (ends, end) = (stand.ends(), stand.end());
    stand.start();
    let (started, before) = (Instant::now(), stand.committed());
    let first = wait_for(|| Some(stand.committed()).filter(|committed| *committed > before));
    // All of it in one publication says something only with the start of the processor.
    let (began, first) = if first < end { (Instant::now(), first) } else { (started, before) };
    let mut resident_mb_max: f64 = 0.0;
    wait_for(|| {
        resident_mb_max = resident_mb_max.max(stand.resident_mb());
        (stand.committed() >= end).then_some(())
    });
    let rate = to_f64(usize::try_from(end - first).expect("fits memory")) / began.elapsed().as_secs_f64();
    let inputs = stand.inputs().into_iter().zip(from).zip(ends).map(|((input, from), end)| (input, from, end));
    let bare_rate = bare::throughput(stand.bus(), &stand.brokers(), &inputs.collect::<Vec<_>>());
    Backlog { rate, bare_rate, resident_mb_max }
}

/// Seconds from a SIGKILL under load, and the start that follows it, until what came meanwhile is published.
fn after_kill(stand: &mut Stand) -> f64 {
    let load = stand.begin_load(KILL_RATE, KILL_AFTER.as_secs() * 3);
    std::thread::sleep(KILL_AFTER);
    let began = Instant::now();
    stand.kill();
    let end = stand.end();
    stand.start();
    // Behind by no more than comes while this looks.
    let margin = KILL_RATE as u64 / 10;
    wait_for(|| {
        let committed = stand.committed();
        (committed >= end && stand.end() - committed <= margin).then_some(())
    });
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
