//! What a child process can be.

use std::path::Path;
use std::time::Duration;

use bus::{
    BatchLimit, Fate, Inputs, MemberSettings, Offset, Outcome, Ownership, Partition, ProducerSettings, Publication,
    Row, To,
};

use crate::child::{Parent, kill_myself, say};
use crate::member::{Taker, settings};
use crate::place::Place;
use crate::seen::instance_of;
use crate::worker::{Job, Step, Worker};
use crate::world::{PATIENCE, World};
use testbed::chance::Chance;

pub fn play(role: &str, place: Place, arguments: &[&str], parent: &Parent) {
    match (role, arguments) {
        ("copier", [group, instance, input, output, step, nth]) => {
            copier(&place, &Job::new(group, instance, input, output), step, nth.parse().unwrap());
        }
        ("sleeper", [group, instance, input, output, place_of_sleep]) => {
            sleeper(place, &[group, instance, input, output], place_of_sleep, parent);
        }
        ("slow-consumer", [topic]) => slow_consumer(place, topic),
        ("holder", []) => holder(&place, parent),
        _ => panic!("no such role: {role} {arguments:?}"),
    }
}

/// Copies until it is killed: by itself at the `nth` time it comes to `step`, or by another.
fn copier(place: &Place, job: &Job, step: &str, nth: usize) {
    let job = Job {
        is_static: true,
        limit: BatchLimit { records_max: 20, wait: Duration::from_millis(50), ..BatchLimit::default() },
        ..job.clone()
    };
    let (step, mut left) = (step.to_owned(), nth);
    let watch = move |now: Step| {
        if now == Step::Published {
            say("published");
        }
        if format!("{now:?}") == step {
            left -= 1;
            if left == 0 {
                kill_myself();
            }
        }
    };
    let mut worker = Worker::start(place.open().unwrap(), job, Box::new(watch)).unwrap();
    loop {
        worker.turn().unwrap();
    }
}

/// Takes records, makes rows of them and then sleeps through the life of its group, before it publishes or in the
/// middle. A rebalance that it notices changes its epoch, as in a processor.
fn sleeper(place: Place, [group, instance, input, output]: &[&str; 4], place_of_sleep: &str, parent: &Parent) {
    let world = World::at(place, "sleeper");
    let mut publisher = world.bus().publisher(&instance_of(instance)).unwrap();
    let settings =
        MemberSettings { session_timeout: Duration::from_secs(2), ..settings(group, &instance_of(instance), input) };
    let mut member = Taker::join(&world, &settings);
    member.until_owning(1);
    let taken = member.take_at_least(1);
    let epoch_of_rows = member.news.len();
    let rows: Vec<Row<'_>> = taken
        .iter()
        .map(|seen| Row {
            topic: output,
            to: To::Partition { index: 0, key: None },
            value: seen.value.as_deref(),
            headers: &[],
        })
        .collect();
    let offsets = [(Partition::new(input, 0), Offset(taken.last().unwrap().offset.0 + 1))];
    let sleep = || {
        say("asleep");
        assert_eq!(parent.says(), "wake");
    };
    if place_of_sleep == "before" {
        sleep();
        // It notices that it lost the partition, rejoins, and is given it back.
        while member.news.len() == epoch_of_rows {
            member.turn();
        }
        member.until_owning(1);
    }
    let membership = member.membership();
    let epoch_now = member.news.len();
    let inputs = Some(Inputs { membership: &membership, offsets: &offsets });
    let outcome = publisher.publish(&Publication { rows: &rows, inputs }, &mut || {
        if place_of_sleep == "inside" {
            sleep();
        }
        if epoch_now == epoch_of_rows { Ownership::Unchanged } else { Ownership::Changed }
    });
    say(&match outcome.unwrap() {
        Outcome::Committed => "Committed".to_owned(),
        Outcome::Fenced(_) => "Fenced".to_owned(),
        other => format!("{other:?}"),
    });
}

const MIB: usize = 1024 * 1024;
/// Of records that nobody has read yet.
const AHEAD_MIB: usize = 192;

/// A producer that is far ahead and a member that takes ten records at a time, in one process whose memory is watched.
fn slow_consumer(place: Place, topic: &str) {
    let world = World::at(place, "slow-consumer");
    let topic = world.topic(topic, 1);
    let sink = Box::new(|fate: Fate| drop(fate.result.unwrap()));
    let settings = ProducerSettings { buffer_bytes_max: 8 * MIB, ..ProducerSettings::default() };
    let mut producer = world.bus().producer(&settings, sink).unwrap();
    let mut member = Taker::join(&world, &self::settings(&world.name("group"), &instance_of(&world.name("m")), &topic));
    member.until_owning(1);
    member.limit = BatchLimit { records_max: 10, bytes_max: MIB, wait: Duration::from_millis(100) };
    let value = Chance::new(1).bytes(8 * 1024);
    let to = To::Partition { index: 0, key: None };
    let mut fill = |mib: usize| {
        for _ in 0..mib * MIB / value.len() {
            producer.send(&Row { topic: &topic, to, value: Some(&value), headers: &[] }, 0).unwrap();
        }
        assert_eq!(producer.flush(PATIENCE).unwrap(), 0);
    };
    // Buffers of a fixed size fill up first; what grows after that has no bound.
    fill(16);
    let mut read = member.take_at_least(10).len();
    let before = resident_mib();
    let mut most = before;
    for _ in 0..AHEAD_MIB / 16 - 1 {
        fill(16);
        read += member.turn().len();
        most = most.max(resident_mib());
    }
    say(&format!("{} {before} {most} {read}", AHEAD_MIB - read * value.len() / MIB));
}

fn resident_mib() -> usize {
    let status = std::fs::read_to_string(Path::new("/proc/self/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kib: usize = line.trim().trim_end_matches(" kB").parse().unwrap();
    kib / 1024
}

/// Owns a log until it is told to go.
fn holder(place: &Place, parent: &Parent) {
    let bus = place.open().unwrap();
    say(&format!("holding as {}", std::process::id()));
    assert_eq!(parent.says(), "go");
    drop(bus);
}
