//! The state of a task in the processor's store: what the engine does in memory, done in RocksDB.
//!
//! Decoding, the step, and one write of state and position for each batch are in the time; making the events, the log and the outbox are
//! not. Events are made batch by batch, so that what this process has resident is the store's and the engine's.
//!
//! `thread_cpu` and `cpu` are processor time for each update, of the thread that applies and of all threads: they say something on
//! a machine that has other things to do, where a rate does not.

use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use bus::Offset;
use contracts::avro::EventView;
use detection::plan::Plan;
use detection::step::{Input, What, step};
use detection::view::View;
use processor::store::{Batch, Memory, Store};
use processor::{Stage, TaskId};

use crate::engine::{self, mix, rules};
use crate::figure::{Figure, to_f64};
use crate::machine;

const EVENTS: usize = 200_000;
const GROUPS: usize = 200_000;
/// To see how throughput goes with them. Each is updated as often as the others in a window.
const GROUP_COUNTS: [usize; 6] = [1_000, 10_000, 100_000, 200_000, 1_000_000, 2_000_000];
const TASK: TaskId = TaskId { stage: Stage::Events, partition: 0 };

pub fn measure(runs: u32) -> Vec<Figure> {
    let mut figures = windows(runs);
    figures.push(pack(runs));
    figures
}

/// The fifteen rules on the mix.
fn pack(runs: u32) -> Figure {
    let plan = rules::pack();
    let once = || fresh(|store| run(&plan, store, 0..EVENTS, mix::nth).rate());
    let rates: Vec<f64> = (0..runs).map(|_| once()).collect();
    Figure::new("state_pack", "events/s", &rates).with("rules", 15).with("events", EVENTS)
}

/// A count per user, all groups alive: each event is one update of a window.
fn windows(runs: u32) -> Vec<Figure> {
    let plan = rules::counting();
    let login = |number| mix::login_in_turn(number, GROUPS);
    let measured: Vec<Run> = (0..runs)
        .map(|_| {
            fresh(|store| {
                // The first half opens every group, the second half is what counts.
                run(&plan, store, 0..GROUPS, login);
                run(&plan, store, GROUPS..2 * GROUPS, login)
            })
        })
        .collect();
    let of = |name, unit, value: fn(&Run) -> f64| {
        Figure::new(name, unit, &measured.iter().map(value).collect::<Vec<_>>()).with("groups", GROUPS)
    };
    vec![
        of("state_windows", "updates/s", Run::rate),
        of("state_windows_thread_cpu", "ns", |run| to_f64(run.thread_cpu_ns) / to_f64(run.events)),
        of("state_windows_cpu", "ns", |run| to_f64(run.cpu_ns) / to_f64(run.events)),
    ]
}

/// The same with few groups and with many.
pub fn groups(runs: u32) -> Vec<Figure> {
    let plan = rules::counting();
    let of = |groups: usize| {
        let login = |number| mix::login_in_turn(number, groups);
        let once = || {
            fresh(|store| {
                run(&plan, store, 0..groups, login);
                let rate = run(&plan, store, groups..groups + groups.max(EVENTS), login).rate();
                (rate, to_f64(machine::resident_kb()) / 1e3)
            })
        };
        let (rates, resident): (Vec<f64>, Vec<f64>) = (0..runs).map(|_| once()).unzip();
        [
            Figure::new("state_groups", "updates/s", &rates).with("groups", groups),
            Figure::new("state_groups_resident", "MB", &resident).with("groups", groups),
        ]
    };
    GROUP_COUNTS.into_iter().flat_map(of).collect()
}

struct Run {
    events: usize,
    took: Duration,
    /// Of the thread that applies.
    thread_cpu_ns: usize,
    /// Of all threads.
    cpu_ns: usize,
}

impl Run {
    fn rate(&self) -> f64 {
        to_f64(self.events) / self.took.as_secs_f64()
    }
}

fn fresh<T>(with: impl FnOnce(&Store) -> T) -> T {
    let folder = tempfile::tempdir().expect("a folder for the store");
    let store = Store::open(&Path::join(folder.path(), "state"), &Memory::default()).expect("an empty store opens");
    with(&store)
}

fn run(plan: &Plan, store: &Store, numbers: Range<usize>, event: impl Fn(usize) -> Vec<u8>) -> Run {
    let mut run = Run { events: numbers.len(), took: Duration::ZERO, thread_cpu_ns: 0, cpu_ns: 0 };
    let (mut made_cpu_ns, cpu_ns) = (0, machine::cpu_ns());
    for begin in numbers.clone().step_by(engine::BATCH) {
        let making_ns = machine::thread_cpu_ns();
        let bodies: Vec<Vec<u8>> = (begin..numbers.end.min(begin + engine::BATCH)).map(&event).collect();
        let (start, thread_cpu_ns) = (Instant::now(), machine::thread_cpu_ns());
        made_cpu_ns += thread_cpu_ns - making_ns;
        apply(plan, store, begin as u64, &bodies);
        run.took += start.elapsed();
        run.thread_cpu_ns += machine::thread_cpu_ns() - thread_cpu_ns;
    }
    run.cpu_ns = machine::cpu_ns() - cpu_ns - made_cpu_ns;
    run
}

fn apply(plan: &Plan, store: &Store, mut next: u64, bodies: &[Vec<u8>]) {
    let state = store.state(TASK);
    let mut view = View::over(&state);
    for body in bodies {
        let event = EventView::read(body).expect("we wrote it");
        let input = Input { task: engine::TASK, appended_at: event.ingested_at, what: What::Event(&event) };
        std::hint::black_box(step(plan, &mut view, &input));
        next += 1;
    }
    let mut batch = Batch::default();
    batch.put_state(TASK, view.into_changes().expect("this process wrote every row"));
    batch.put_position(TASK, Offset(next));
    store.write(&batch).expect("the disk has room");
}
