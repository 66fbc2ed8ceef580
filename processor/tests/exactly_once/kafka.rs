//! The same against a real broker: two processors on threads, each ended at points of the protocol in turn and started again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bus::connection::{KafkaConnection, Security};
use bus::kafka::Kafka;
use bus::{BatchLimit, Bus};
use processor::{Failpoints, Point, Processor, ProcessorError, Settings, Stopped};
use testbed::kafka::Broker;

use crate::oracle;
use crate::standin::Standin;
use crate::world::{PARTITIONS, declare, directory, folder, is_done, send, settings};

const PATIENCE: Duration = Duration::from_mins(3);
const EVENTS: usize = 200;

/// Where `a` is ended, one life after the other. What needs a member that was missed or a lost disk is not here.
const ENDS: [Point; 5] =
    [Point::BatchWritten, Point::RowsTaken, Point::OwnershipChecked, Point::PublicationAnswered, Point::RowsDropped];

#[test]
fn on_a_real_broker_processors_that_end_at_points_of_the_protocol_lose_and_repeat_nothing() {
    let folder = folder();
    let connection = KafkaConnection { brokers: Broker::shared().bootstrap(), security: Security::Plaintext };
    let bus: Arc<dyn Bus> = Arc::new(Kafka::connect(connection, "exactly-once").unwrap());
    declare(&*bus);
    let settings = ["a", "b"].map(|name| Settings {
        session_timeout: Duration::from_secs(6),
        // Ticks would go on for ever, and with them what follows.
        tick_every: Duration::from_hours(1),
        batch: BatchLimit { records_max: 60, ..BatchLimit::default() },
        ..settings(name, &folder.path().join(name), &directory(folder.path()), 60)
    });
    let stop = AtomicBool::new(false);
    let ended = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| live(&bus, &settings[0], &ENDS, &ended, &stop));
        scope.spawn(|| live(&bus, &settings[1], &[], &ended, &stop));
        let deadline = Instant::now() + PATIENCE;
        let mut sent = 0;
        while ended.load(Ordering::SeqCst) < ENDS.len() || !is_done(&*bus) {
            if ended.load(Ordering::SeqCst) < ENDS.len() {
                (0..PARTITIONS).for_each(|partition| send(&*bus, partition, sent, EVENTS));
                sent += EVENTS;
            }
            if Instant::now() > deadline {
                stop.store(true, Ordering::SeqCst);
                panic!("{} lives after {PATIENCE:?}", ended.load(Ordering::SeqCst));
            }
            std::thread::sleep(Duration::from_millis(300));
        }
        stop.store(true, Ordering::SeqCst);
    });
    oracle::check(&*bus);
    println!("{} rows", oracle::count(&*bus));
}

/// One life for each point, and one to the end.
fn live(bus: &Arc<dyn Bus>, settings: &Settings, ends: &[Point], ended: &AtomicUsize, stop: &AtomicBool) {
    for end in ends.iter().map(Some).chain([None]) {
        let end = end.copied();
        let passed = AtomicUsize::new(0);
        let failpoints = Failpoints::new(move |point| {
            // The second time, so that there is something before it.
            let is_end = Some(point) == end && passed.fetch_add(1, Ordering::SeqCst) > 0;
            if is_end { Err(Stopped(point)) } else { Ok(()) }
        });
        let processor = Processor::start(Arc::clone(bus), settings.clone(), Arc::new(Standin), failpoints).unwrap();
        match processor.run(stop) {
            Err(ProcessorError::Stopped(_)) => drop(ended.fetch_add(1, Ordering::SeqCst)),
            outcome => return outcome.unwrap(),
        }
    }
}
