//! Where the time of one event goes: each figure is one thing more than the one before it, so that differences are stages.

use std::hint::black_box;
use std::sync::Arc;

use contracts::avro::EventView;
use detection::plan::{Plan, Scratch};
use detection::view::MemoryStore;

use super::{EVENTS, mix, rules, run};
use crate::figure::{Figure, nanoseconds_per_call, to_f64};

pub fn measure(runs: u32) -> Vec<Figure> {
    let pack = rules::pack();
    let mix = mix::bodies(EVENTS);
    let quiet = mix::quiet_bodies(EVENTS);
    let telling = mix::telling_bodies(EVENTS / 10);
    let repeats = mix::repeats(EVENTS / 10);
    let nothing = rules::counting();
    let figure = |name, measure: &dyn Fn() -> f64| {
        let runs: Vec<f64> = (0..runs).map(|_| measure()).collect();
        Figure::new(name, "ns", &runs)
    };
    vec![
        figure("stage_decode", &|| each(&mix, |body| drop(black_box(EventView::read(body))))),
        figure("stage_decode_prefilter_quiet", &|| matching(&pack, &quiet)),
        figure("stage_decode_match_telling", &|| matching(&pack, &telling)),
        figure("stage_step_no_rules", &|| step(&nothing, &mix)),
        figure("stage_step_quiet", &|| step(&pack, &quiet)),
        figure("stage_step_window", &|| step(&rules::counting(), &mix::logins(EVENTS, 1_000))),
        figure("stage_step_raised", &|| step(&pack, &telling)),
        figure("stage_step_held_back", &|| step(&pack, &repeats)),
    ]
}

fn matching(plan: &Plan, bodies: &[Vec<u8>]) -> f64 {
    let mut scratch = Scratch::default();
    each(bodies, |body| {
        let event = EventView::read(body).expect("we wrote it");
        black_box(plan.matching(&event, &mut scratch, &mut |_| false).expect("payloads are objects"));
    })
}

fn each(bodies: &[Vec<u8>], mut call: impl FnMut(&[u8])) -> f64 {
    nanoseconds_per_call(|| bodies.iter().for_each(|body| call(body))) / to_f64(bodies.len())
}

fn step(plan: &Arc<Plan>, bodies: &[Vec<u8>]) -> f64 {
    1e9 / run(plan, bodies, &mut MemoryStore::default()).rate
}
