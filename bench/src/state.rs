//! The state of a task in the processor's store: what the engine does in memory, done in RocksDB.
//!
//! Decoding, the step, and one write of state and position for each batch are in the time; the log and the outbox are not. `resident_kb_grown`
//! is what the process took beyond the events, which lie in memory; where a figure before it took more, that hides it.

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
    vec![windows(runs), pack(runs)]
}

/// The fifteen rules on the mix.
fn pack(runs: u32) -> Figure {
    let (plan, bodies) = (rules::pack(), mix::bodies(EVENTS));
    let before = machine::resident_kb_max();
    let rates: Vec<f64> = (0..runs).map(|_| fresh(|store| run(&plan, &bodies, store))).collect();
    Figure::new("state_pack", "events/s", &rates)
        .with("rules", 15)
        .with("events", EVENTS)
        .with("resident_kb_grown", machine::resident_kb_max() - before)
}

/// A count per user, all groups alive: each event is one update of a window.
fn windows(runs: u32) -> Figure {
    let (plan, bodies) = (rules::counting(), mix::logins(2 * GROUPS, GROUPS));
    let before = machine::resident_kb_max();
    let rates: Vec<f64> = (0..runs)
        .map(|_| {
            fresh(|store| {
                // The first half opens every group, the second half is what counts.
                run(&plan, &bodies[..GROUPS], store);
                run(&plan, &bodies[GROUPS..], store)
            })
        })
        .collect();
    Figure::new("state_windows", "updates/s", &rates)
        .with("groups", GROUPS)
        .with("resident_kb_grown", machine::resident_kb_max() - before)
}

fn fresh(with: impl FnOnce(&Store) -> f64) -> f64 {
    let folder = tempfile::tempdir().expect("a folder for the store");
    let store = Store::open(&Path::join(folder.path(), "state"), &Memory::default()).expect("an empty store opens");
    with(&store)
}

fn run(plan: &Plan, bodies: &[Vec<u8>], store: &Store) -> f64 {
    let mut next = 0;
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
        batch.put_state(TASK, &view.into_changes().expect("this process wrote every row"));
        batch.put_position(TASK, Offset(next));
        store.write(&batch).expect("the disk has room");
    }
    to_f64(bodies.len()) / start.elapsed().as_secs_f64()
}
