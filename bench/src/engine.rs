//! Detection on one core: from Avro bytes to effects, against a store in memory.
//!
//! The mix: 1,000 endpoints, each a gapless stream, in bursts of ten; seven kinds of events with payloads of 60 to 700 bytes;
//! one in a hundred is for a rule: it raises an alert or would, were it not held back. Batches of 1,000 records, as a processor cuts them. Decoding, clocks,
//! streams, matching, windows, holdback and the changes to the store are all in the time.

pub mod mix;
pub mod rules;
pub mod stages;

use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Instant;

use contracts::avro::EventView;
use contracts::time::Timestamp;
use detection::plan::Plan;
use detection::step::{Input, Stage, Task, What, step};
use detection::view::{MemoryStore, View};

use crate::figure::{Figure, to_f64};

const EVENTS: usize = 200_000;
pub const BATCH: usize = 1_000;
pub const TASK: Task = Task { stage: Stage::One, partition: 0, partitions: NonZeroU32::MIN };
const RULE_COUNTS: [usize; 4] = [15, 150, 1_500, 3_000];
const GROUPS: usize = 200_000;

/// The fifteen rules on the mix, and on the same events with no two of one endpoint in a row.
pub fn pack(runs: u32) -> Vec<Figure> {
    let plan = rules::pack();
    let of = |name, bodies: &[Vec<u8>]| {
        let measured: Vec<Run> = (0..runs).map(|_| run(&plan, bodies, &mut MemoryStore::default())).collect();
        let rates: Vec<f64> = measured.iter().map(|run| run.rate).collect();
        let matches = measured.first().map_or(0, |run| run.matches);
        Figure::new(name, "events/s", &rates).with("rules", 15).with("events", EVENTS).with("matches", matches)
    };
    vec![of("engine_pack", &mix::bodies(EVENTS)), of("engine_pack_scattered", &mix::scattered(EVENTS))]
}

/// Generated rules of mixed kinds on the mix: what one more rule costs.
pub fn growth(runs: u32) -> Vec<Figure> {
    let bodies = mix::bodies(EVENTS);
    let of = |count: usize| {
        let plan = rules::generated(count);
        let rates: Vec<f64> = (0..runs).map(|_| run(&plan, &bodies, &mut MemoryStore::default()).rate).collect();
        Figure::new("engine_growth", "events/s", &rates).with("rules", count).with("events", EVENTS)
    };
    RULE_COUNTS.map(of).into()
}

/// A count per user, all groups alive: each event is one update of a window.
pub fn windows(runs: u32) -> Figure {
    let plan = rules::counting();
    let bodies = mix::logins(2 * GROUPS, GROUPS);
    let rates: Vec<f64> = (0..runs)
        .map(|_| {
            let mut store = MemoryStore::default();
            // The first half opens every group, the second half is what counts.
            run(&plan, &bodies[..GROUPS], &mut store);
            run(&plan, &bodies[GROUPS..], &mut store).rate
        })
        .collect();
    Figure::new("engine_windows", "updates/s", &rates).with("groups", GROUPS)
}

struct Run {
    rate: f64,
    matches: usize,
}

fn run(plan: &Arc<Plan>, bodies: &[Vec<u8>], store: &mut MemoryStore) -> Run {
    let mut matches = 0;
    let start = Instant::now();
    for batch in bodies.chunks(BATCH) {
        let mut view = View::over(store);
        for body in batch {
            let event = EventView::read(body).expect("we wrote it");
            let appended_at = event.ingested_at;
            let effects = step(plan, &mut view, &Input { task: TASK, appended_at, what: What::Event(&event) });
            matches += effects.counts.matches;
            black_box(&effects.rows);
        }
        let changes = view.into_changes().expect("this process wrote every row");
        store.apply(changes);
    }
    let rate = to_f64(bodies.len()) / start.elapsed().as_secs_f64();
    Run { rate, matches: usize::try_from(matches).expect("a count of events in memory") }
}

fn time(micros: i64) -> Timestamp {
    Timestamp::from_micros(1_767_225_600_000_000 + micros).expect("a time in 2026")
}
