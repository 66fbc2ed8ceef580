//! A task whose records are dear: the others do not wait for it, and nothing of what waits is lost, doubled or moved.

use bus::embedded::Habits;
use processor::{Heard, Stage, TaskId};

use crate::world::World;

/// Odd: a turn applies one record of each task, as if each took all of the time.
const RECORDS_MAX: usize = 21;
const MANY: usize = 200;

fn task(partition: u32) -> TaskId {
    TaskId { stage: Stage::Events, partition }
}

fn applied(world: &World, seat: usize, partition: u32) -> Option<u64> {
    let processor = world.seats[seat].running.as_ref().unwrap();
    processor.tasks.positions().find(|(id, _)| *id == task(partition)).map(|(_, position)| position.0)
}

/// Turns until it has applied so many records of partition 0; answers how many turns that took.
fn turn_until(world: &mut World, seat: usize, count: u64) -> u64 {
    let mut turns = 0;
    while applied(world, seat, 0).is_none_or(|applied| applied < count) {
        world.seats[seat].turn();
        turns += 1;
        assert!(turns < 1_000, "{count} records were not applied");
    }
    turns
}

/// One processor, far behind in partition 0.
fn behind() -> World {
    let mut world = World::new(Habits::default());
    world.send(0, MANY);
    world.start(0, RECORDS_MAX);
    turn_until(&mut world, 0, 5);
    world
}

#[test]
fn a_turn_ends_with_its_time_and_goes_on_where_it_was() {
    let mut world = behind();
    for next in 6..60 {
        assert_eq!(world.seats[0].turn(), Some(Heard::Records(1)), "record {next}");
        assert_eq!(applied(&world, 0, 0), Some(next));
    }
    world.settle_and_check();
}

#[test]
fn a_record_behind_many_of_another_task_does_not_wait_for_them() {
    let mut world = behind();
    // By now as many wait as may, and no more of them are polled.
    turn_until(&mut world, 0, 30);
    world.send(1, 1);
    for _ in 0..2 {
        world.seats[0].turn();
    }
    assert_eq!(applied(&world, 0, 1), Some(1));
    let others = applied(&world, 0, 0).unwrap();
    assert!(others < 40, "{others} were applied before it");
    world.settle_and_check();
}

#[test]
fn a_partition_that_is_revoked_takes_along_what_waits_of_it() {
    let mut world = behind();
    let held = applied(&world, 0, 0).unwrap();
    world.start(1, RECORDS_MAX);
    let mut turns = 0;
    let moved = loop {
        world.seats[0].turn();
        world.seats[0].publish();
        world.seats[1].turn();
        turns += 1;
        // Each of the two has one of the partitions in the end.
        if let Some(moved) = (0..2).find(|partition| applied(&world, 1, *partition).is_some()) {
            break moved;
        }
        assert!(turns < 20, "the second processor was given nothing");
    };
    assert_eq!(applied(&world, 0, moved), None);
    assert!(held + turns < MANY as u64, "nothing waited any more");
    // It comes back, and is begun where the other left it.
    world.seats[1].crash();
    World::sleep();
    world.seats[0].turn();
    world.settle_and_check();
}

#[test]
fn a_partition_that_is_lost_and_comes_back_is_begun_where_it_was() {
    let mut world = behind();
    let before = applied(&world, 0, 0).unwrap();
    World::sleep();
    // Another one that looks finds that the first has not been heard of.
    world.start(1, RECORDS_MAX);
    world.seats[1].turn();
    world.seats[1].leave();
    let mut heard = Vec::new();
    while !heard.iter().any(|heard| matches!(heard, Some(Heard::Assigned(_)))) {
        heard.push(world.seats[0].turn());
        assert!(heard.len() < 10, "{heard:?}");
    }
    assert!(matches!(heard[..], [Some(Heard::Lost(_)), Some(Heard::Assigned(_))]), "{heard:?}");
    assert_eq!(applied(&world, 0, 0), Some(before));
    turn_until(&mut world, 0, before + 5);
    world.settle_and_check();
}
