//! The pipeline as people run it: a real broker, `tripline-processor`, `tripline load`, beside a bare librdkafka loop at the
//! same rates and on the same events; what it takes at most; how long it is away after a SIGKILL; and how all that goes with
//! partitions, sizes and groups.
//!
//! Processes of their own, because memory and processor time are theirs. `BENCH_SECONDS` says how long each rate is
//! held.

mod bare;
mod routed;
mod stand;

use std::time::{Duration, Instant};

use bus::{Offset, Partition};
use serde_json::Value;

use crate::engine::{mix, rules};
use crate::figure::{Figure, to_f64};
use crate::log;
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
/// Who publishes what is in the log within this is not behind; asking the broker for both takes most of it.
const CAUGHT_UP: Duration = Duration::from_millis(250);
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
        let (told, bare): (Vec<Value>, Vec<Vec<Duration>>) = (0..runs).map(once).unzip();
        figures.extend(of_loads(&format!("pipeline_{rate}"), seconds, &told));
        figures.extend(of_bare(&format!("pipeline_{rate}"), seconds, &told, &bare));
    }
    let mut filled = 0;
    let [mut most, mut bare, mut share] = [const { Vec::new() }; 3];
    for _ in 0..runs {
        let backlog = backlog(&mut stand, (filled..filled + BACKLOG).map(mix::nth));
        filled += BACKLOG;
        most.push(backlog.rate);
        bare.push(bare_rate(&stand, &backlog));
        share.extend(bare.last().map(|bare| backlog.rate / bare));
    }
    figures.extend([
        Figure::new("pipeline_most", "events/s", &most).with("backlog", BACKLOG),
        Figure::new("pipeline_most_bare", "events/s", &bare).with("backlog", BACKLOG),
        Figure::new("pipeline_most_share_of_bare", "ratio", &share).with("backlog", BACKLOG),
    ]);
    figures
}

/// SIGKILLs under load, one after the other.
pub fn restart(runs: u32) -> Figure {
    let mut stand = Stand::new(PARTITIONS, None);
    stand.load(RATES[0], WARM_UP_SECONDS);
    let away: Vec<f64> = (0..runs).map(|_| after_kill(&mut stand)).collect();
    Figure::new("pipeline_away_after_kill", "s", &away).with("rate", KILL_RATE)
}

/// Ten minutes at a rate that must be held, then the greatest rate that is. Once: it is long enough to be its own median.
pub fn sustained() -> Vec<Figure> {
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
    let mut figures = of_loads("sustained", seconds, &[told]);
    figures.extend([
        Figure::new("sustained_resident_early", "MB", &resident[settled..2 * settled]),
        Figure::new("sustained_resident_late", "MB", &resident[last..]),
    ]);
    let is_held = |rate: &usize| {
        let told = stand.load(*rate, SECONDS);
        eprintln!("{rate}/s: {told}");
        said(&told, "/lost") + said(&told, "/duplicated") == 0.0 && said(&told, "/latency_us/p99") < HELD_P99_MS * 1e3
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
        let both = backlogs.map(|numbers| {
            let backlog = backlog(&mut stand, numbers.map(|number| mix::nth_of(number, bytes)));
            (backlog.rate, bare_rate(&stand, &backlog))
        });
        let (rates, bare): (Vec<f64>, Vec<f64>) = both.unzip();
        [("pipeline_payload", rates), ("pipeline_payload_bare", bare)].map(|(name, rates)| {
            Figure::new(name, "events/s", &rates).with("payload_bytes", bytes).with("events", events)
        })
    };
    let mut figures: Vec<Figure> = PARTITION_COUNTS.into_iter().map(of_partitions).collect();
    figures.extend(PAYLOAD_BYTES.into_iter().flat_map(of_payload));
    figures
}

/// Two million groups of one rule, all alive.
pub fn groups() -> Vec<Figure> {
    // So long that no group ends.
    let mut stand = Stand::new(PARTITIONS, Some(&rules::counting_within("1h")));
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

/// A backlog of stage one whose matches stage two has to judge meanwhile.
pub fn stages() -> Vec<Figure> {
    let mut stand = Stand::new(PARTITIONS, Some(routed::RULES));
    let backlog = backlog(&mut stand, (0..BACKLOG).map(mix::nth));
    let waits = wait_for(|| routed::waits(&stand, PARTITIONS));
    let figure = |name, unit, value: f64| {
        Figure::new(name, unit, &[value]).with("backlog", BACKLOG).with("matches", waits.len())
    };
    vec![
        figure("pipeline_stages_most", "events/s", backlog.rate),
        figure("pipeline_stages_wait_p50", "ms", log::percentile_ms(&waits, 50)),
        figure("pipeline_stages_wait_p99", "ms", log::percentile_ms(&waits, 99)),
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

/// What loads said.
fn of_loads(name: &str, seconds: u64, told: &[Value]) -> Vec<Figure> {
    let of = |figure, unit, path, scale: f64| {
        let runs: Vec<f64> = told.iter().map(|told| said(told, path) / scale).collect();
        Figure::new(format!("{name}_{figure}"), unit, &runs).with("seconds", whole(seconds))
    };
    vec![
        of("p50", "ms", "/latency_us/p50", 1e3),
        of("p99", "ms", "/latency_us/p99", 1e3),
        of("resident", "MB", "/processor/rss_mb", 1.0),
        of("cpu", "cores", "/processor/cpu", 1.0),
        of("lost", "alerts", "/lost", 1.0),
        of("duplicated", "alerts", "/duplicated", 1.0),
    ]
}

/// What the bare loop took beside each of them.
fn of_bare(name: &str, seconds: u64, told: &[Value], bare: &[Vec<Duration>]) -> [Figure; 3] {
    let percentiles = |percent| -> Vec<f64> { bare.iter().map(|took| log::percentile_ms(took, percent)).collect() };
    let p99 = percentiles(99);
    let share = told.iter().zip(&p99).map(|(told, bare)| said(told, "/latency_us/p99") / 1e3 / bare).collect();
    [("p50_bare", "ms", percentiles(50)), ("p99_bare", "ms", p99), ("p99_of_bare", "ratio", share)].map(
        |(figure, unit, runs)| Figure::new(format!("{name}_{figure}"), unit, &runs).with("seconds", whole(seconds)),
    )
}

fn said(told: &Value, path: &str) -> f64 {
    told.pointer(path).and_then(Value::as_f64).expect("load says it")
}

struct Backlog {
    /// Events a second, from the first that is committed to the last.
    rate: f64,
    resident_mb_max: f64,
    /// Where it began and ended.
    inputs: Vec<(Partition, Offset, Offset)>,
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
    Backlog { rate, resident_mb_max, inputs: inputs.collect() }
}

/// Events a second that the bare loop makes of the same.
fn bare_rate(stand: &Stand, backlog: &Backlog) -> f64 {
    bare::throughput(stand.bus(), &stand.brokers(), &backlog.inputs)
}

/// Seconds from a SIGKILL under load, and the start that follows it, until what came meanwhile is published.
fn after_kill(stand: &mut Stand) -> f64 {
    let load = stand.begin_load(KILL_RATE, KILL_AFTER.as_secs() * 3);
    std::thread::sleep(KILL_AFTER);
    let began = Instant::now();
    stand.kill();
    stand.start();
    wait_for(|| {
        let (asked, end) = (Instant::now(), stand.end());
        let published = wait_for(|| (stand.committed() >= end).then(Instant::now));
        (published - asked <= CAUGHT_UP).then_some(())
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
