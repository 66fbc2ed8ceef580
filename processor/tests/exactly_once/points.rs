//! Every point of the protocol, one by one: a run that surely comes by is ended there, and gone on with.

use bus::embedded::{Habits, Lost};
use processor::Point;

use crate::world::{PARTITIONS, PROCESSORS, World};

/// Ends processor `a` at each point in turn, the first and the second time it comes there.
#[test]
fn a_crash_at_any_point_loses_and_repeats_nothing() {
    for point in Point::ALL {
        for after in [0, 1] {
            let mut world = eventful(point, after);
            let crashes = world.seats[0].crashes;
            world.settle_and_check();
            let hits = world.seats[0].alarm.lock().unwrap().hits.get(&point).copied().unwrap_or_default();
            assert!(hits > after, "{point}: reached {hits} times only, so this proves nothing");
            assert!(crashes > 0, "{point}: nothing was ended");
        }
    }
}

/// Everything that can happen to a processor happens to `a`, more than once: work, handing over and getting back, being
/// missed, answers that are lost, checkpoints, a lost disk.
fn eventful(point: Point, after: usize) -> World {
    let unknown_answers = vec![(1, Lost::AfterCommit), (4, Lost::BeforeCommit), (9, Lost::AfterCommit)];
    let mut world = World::new(Habits { offset_holes: true, unknown_answers, ..Habits::default() });
    world.seats[0].alarm.lock().unwrap().at = Some((point, after));
    for round in 0..4 {
        for partition in 0..PARTITIONS {
            world.send(partition, 25);
        }
        work(&mut world, &[0], 10);
        world.seats[0].checkpoint();
        work(&mut world, &[0], 4);
        world.seats[0].show();
        world.start(1, 9);
        work(&mut world, &[0, 1], 8);
        if round % 2 == 0 {
            world.sleep();
            work(&mut world, &[1], 4);
        }
        work(&mut world, &[0, 1], 4);
        world.seats[0].checkpoint();
        work(&mut world, &[0], 3);
        world.seats[0].show();
        world.seats[1].leave();
        if round % 2 == 1 {
            world.seats[0].lose_disk();
        }
    }
    work(&mut world, &[0], 6);
    world
}

fn work(world: &mut World, seats: &[usize], times: usize) {
    assert!(seats.len() <= PROCESSORS);
    for _ in 0..times {
        for seat in seats {
            world.start(*seat, 7);
            world.seats[*seat].turn();
            world.seats[*seat].publish();
        }
    }
}
