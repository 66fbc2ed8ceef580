//! Every point of the protocol, one by one: a run that surely comes by is ended there, and gone on with.

use std::path::Path;

use bus::config::Checkpoints;
use bus::embedded::{Habits, Lost};
use processor::Point;

use crate::world::{PARTITIONS, PROCESSORS, World, directory, folder};

/// One test for each point, and the table of them.
macro_rules! points {
    ($($test:ident = $point:ident,)+) => {
        $(#[test] fn $test() { check(Point::$point, &directory); })+

        const TESTED: &[(&str, Point)] = &[$((stringify!($test), Point::$point),)+];
    };
}

points! {
    batch_polled = BatchPolled,
    batch_applied = BatchApplied,
    batch_written = BatchWritten,
    rows_taken = RowsTaken,
    ownership_checked = OwnershipChecked,
    publication_answered = PublicationAnswered,
    rows_deleted = RowsDeleted,
    publisher_replaced = PublisherReplaced,
    positions_read = PositionsRead,
    restore_begun = RestoreBegun,
    restored = Restored,
    rows_dropped = RowsDropped,
    accepted = Accepted,
    revoked = Revoked,
    lost = Lost,
    checkpoint_written = CheckpointWritten,
    checkpoint_visible = CheckpointVisible,
}

#[test]
fn every_point_has_its_test_and_its_row_in_the_guarantees() {
    let tested: Vec<Point> = TESTED.iter().map(|(_, point)| *point).collect();
    assert_eq!(tested, Point::ALL);
    let guarantees = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guarantees.md");
    let guarantees = std::fs::read_to_string(guarantees).unwrap();
    for (test, point) in TESTED {
        let row = guarantees.lines().find(|line| line.starts_with(&format!("| `{point}` |")));
        let row = row.unwrap_or_else(|| panic!("docs/guarantees.md has no row for `{point}`"));
        assert!(row.contains(&format!("`points::{test}`")), "{row}");
    }
}

/// Ends processor `a` at the point, the first and the second time it comes there.
pub fn check(point: Point, checkpoints: &dyn Fn(&Path) -> Checkpoints) {
    for after in [0, 1] {
        let mut world = eventful(point, after, checkpoints);
        let crashes = world.seats[0].crashes;
        world.settle_and_check();
        let hits = world.seats[0].alarm.lock().unwrap().hits.get(&point).copied().unwrap_or_default();
        assert!(hits > after, "{point}: reached {hits} times only, so this proves nothing");
        assert!(crashes > 0, "{point}: nothing was ended");
    }
}

/// Everything that can happen to a processor happens to `a`, more than once: work, handing over and getting back, being
/// missed, answers that are lost, checkpoints, a lost disk.
fn eventful(point: Point, after: usize, checkpoints: &dyn Fn(&Path) -> Checkpoints) -> World {
    let unknown_answers = vec![(1, Lost::AfterCommit), (4, Lost::BeforeCommit), (9, Lost::AfterCommit)];
    let habits = Habits { offset_holes: true, unknown_answers, ..Habits::default() };
    let folder = folder();
    let checkpoints = checkpoints(folder.path());
    let mut world = World::storing(folder, habits, &checkpoints);
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
            World::sleep();
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
