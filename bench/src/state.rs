//! The state of a task in the processor's store: what the engine does in memory, done in RocksDB.
//!
//! Decoding, the step, and one write of state and position for each batch are in the time; the log and the outbox are not. `resident_kb_grown`
//! is what the process took beyond the events, which lie in memory; where a figure before it took more, that hides it.
//!
//! `thread_cpu` and `cpu` are processor time for each update, of the thread that applies and of all threads: they say something on
//! a machine that has other things to do, where a rate does not.

use std::path::Path;
use std::time::Instant;

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
const TASK: TaskId = TaskId { stage: Stage::Events, partition: 0 };

pub fn measure(runs: u32) -> Vec<Figure> {
    let mut figures = windows(runs);
    figures.push(pack(runs));
    figures
}

/// The fifteen rules on the mix.
fn pack(runs: u32) -> Figure {
    let (plan, bodies) = (rules::pack(), mix::bodies(EVENTS));
    let before = machine::resident_kb_max();
    let rates: Vec<f64> = (0..runs).map(|_| fresh(|store| run(&plan, &bodies, store)).rate).collect();
    Figure::new("state_pack", "events/s", &rates)
        .with("rules", 15)
        .with("events", EVENTS)
        .with("resident_kb_grown", machine::resident_kb_max() - before)
}

/// A count per user, all groups alive: each event is one update of a window.
fn windows(runs: u32) -> Vec<Figure> {
    let (plan, bodies) = (rules::counting(), mix::logins(2 * GROUPS, GROUPS));
    let before = machine::resident_kb_max();
    let measured: Vec<Run> = (0..runs)
        .map(|_| {
            fresh(|store| {
                // The first half opens every group, the second half is what counts.
                run(&plan, &bodies[..GROUPS], store);
                run(&plan, &bodies[GROUPS..], store)
            })
        })
        .collect();
    let of = |name, unit, value: fn(&Run) -> f64| {
        Figure::new(name, unit, &measured.iter().map(value).collect::<Vec<_>>()).with("groups", GROUPS)
    };
    vec![
        of("state_windows", "updates/s", |run| run.rate).with("resident_kb_grown", machine::resident_kb_max() - before),
        of("state_windows_thread_cpu", "ns", |run| run.thread_cpu_ns),
        of("state_windows_cpu", "ns", |run| run.cpu_ns),
    ]
}

struct Run {
    rate: f64,
    /// For each event, of the thread that applies.
    thread_cpu_ns: f64,
    /// For each event, of all threads.
    cpu_ns: f64,
}

fn fresh(with: impl FnOnce(&Store) -> Run) -> Run {
    let folder = tempfile::tempdir().expect("a folder for the store");
    let store = Store::open(&Path::join(folder.path(), "state"), &Memory::default()).expect("an empty store opens");
    with(&store)
}

fn run(plan: &Plan, bodies: &[Vec<u8>], store: &Store) -> Run {
    let mut next = 0;
    let (thread_cpu_ns, cpu_ns) = (machine::thread_cpu_ns(), machine::cpu_ns());
    let start = Instant::now();
    for bodies in bodies.chunks(engine::BATCH) {
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
    let events = to_f64(bodies.len());
    Run {
        rate: events / start.elapsed().as_secs_f64(),
        thread_cpu_ns: to_f64(machine::thread_cpu_ns() - thread_cpu_ns) / events,
        cpu_ns: to_f64(machine::cpu_ns() - cpu_ns) / events,
    }
}
