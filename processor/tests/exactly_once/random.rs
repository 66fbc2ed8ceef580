//! Random events, batches, crashes, restarts, rebalances, lost answers and lost disks. `PROPTEST_CASES` asks for more.

use std::time::Duration;

use bus::embedded::{Habits, Lost};
use processor::Point;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

use crate::oracle;
use crate::world::{PARTITIONS, PROCESSORS, World};

const CASES: u32 = 48;
const SHRINK_MS_MAX: u32 = 60_000;

#[derive(Debug, Clone)]
pub enum Call {
    Send {
        partition: u32,
        count: usize,
    },
    /// Turns of the applying half.
    Turn {
        seat: usize,
        times: usize,
    },
    Publish {
        seat: usize,
    },
    /// The next crash of this processor: at this point, after it was passed so often.
    Arm {
        seat: usize,
        point: Point,
        after: usize,
    },
    Crash {
        seat: usize,
    },
    Leave {
        seat: usize,
    },
    Start {
        seat: usize,
        records_max: usize,
    },
    /// This processor is not heard of for a session; the others go on.
    Starve {
        seat: usize,
    },
    LoseDisk {
        seat: usize,
    },
    Checkpoint {
        seat: usize,
    },
    Show {
        seat: usize,
    },
}

fn call() -> impl Strategy<Value = Call> {
    let send = (0..PARTITIONS, 1..30_usize).prop_map(|(partition, count)| Call::Send { partition, count });
    prop_oneof![8 => send, 49 => of_processors()]
}

/// What processors do and what is done to them.
pub fn of_processors() -> impl Strategy<Value = Call> {
    let seat = 0..PROCESSORS;
    prop_oneof![
        16 => (seat.clone(), 1..4_usize).prop_map(|(seat, times)| Call::Turn { seat, times }),
        10 => seat.clone().prop_map(|seat| Call::Publish { seat }),
        4 => (seat.clone(), select(&Point::ALL[..]), 0..4_usize)
            .prop_map(|(seat, point, after)| Call::Arm { seat, point, after }),
        1 => seat.clone().prop_map(|seat| Call::Crash { seat }),
        1 => seat.clone().prop_map(|seat| Call::Leave { seat }),
        6 => (seat.clone(), 1..40_usize).prop_map(|(seat, records_max)| Call::Start { seat, records_max }),
        1 => seat.clone().prop_map(|seat| Call::Starve { seat }),
        1 => seat.clone().prop_map(|seat| Call::LoseDisk { seat }),
        2 => seat.clone().prop_map(|seat| Call::Checkpoint { seat }),
        2 => seat.prop_map(|seat| Call::Show { seat }),
    ]
}

pub fn habits() -> impl Strategy<Value = Habits> {
    let lost = select(&[Lost::AfterCommit, Lost::BeforeCommit][..]);
    let stable = proptest::option::weighted(0.2, Just(Duration::from_millis(3)));
    (any::<bool>(), vec((0..40_u64, lost), 0..6), stable).prop_map(|(offset_holes, unknown_answers, stable)| Habits {
        offset_holes,
        unknown_answers,
        late_stable_offsets: stable,
    })
}

#[test]
fn whatever_happens_readers_see_every_row_once_and_in_order() {
    let asked_for = std::env::var("PROPTEST_CASES").is_ok();
    let cases = if asked_for { Config::default().cases } else { CASES };
    let config = Config { cases, failure_persistence: None, max_shrink_time: SHRINK_MS_MAX, ..Config::default() };
    let (mut crashes, mut rows) = (0, 0);
    let seen = std::cell::RefCell::new((&mut crashes, &mut rows));
    let result = TestRunner::new(config).run(&(habits(), vec(call(), 1..120)), |(habits, calls)| {
        let mut world = World::new(habits);
        for seat in 0..PROCESSORS {
            world.start(seat, 10);
        }
        for call in &calls {
            perform(&mut world, call);
        }
        world.settle_and_check();
        let mut seen = seen.borrow_mut();
        *seen.0 += world.seats.iter().map(|seat| seat.crashes).sum::<usize>();
        *seen.1 += oracle::count(&*world.bus);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    println!("{crashes} crashes, {rows} rows");
    assert!(crashes > 0 && rows > 0, "nothing was tried: {crashes} crashes, {rows} rows");
}

pub fn perform(world: &mut World, call: &Call) {
    match *call {
        Call::Send { partition, count } => world.send(partition, count),
        Call::Turn { seat, times } => {
            for _ in 0..times {
                world.seats[seat].turn();
            }
        }
        Call::Publish { seat } => {
            world.seats[seat].publish();
        }
        Call::Arm { seat, point, after } => world.seats[seat].alarm.lock().unwrap().at = Some((point, after)),
        Call::Crash { seat } => world.seats[seat].crash(),
        Call::Leave { seat } => world.seats[seat].leave(),
        Call::Start { seat, records_max } => world.start(seat, records_max),
        Call::Starve { seat } => starve(world, seat),
        Call::LoseDisk { seat } => world.seats[seat].lose_disk(),
        Call::Checkpoint { seat } => {
            world.seats[seat].checkpoint();
        }
        Call::Show { seat } => {
            world.seats[seat].show();
        }
    }
}

fn starve(world: &mut World, seat: usize) {
    World::sleep();
    for other in (0..PROCESSORS).filter(|other| *other != seat) {
        for _ in 0..6 {
            world.seats[other].turn();
            world.seats[other].publish();
        }
    }
}
