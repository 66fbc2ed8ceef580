//! A broker that is gone, dies, hangs, or whose answers are lost. Kafka only: the embedded log has no wire to cut.

use std::slice::from_ref;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use bus::{
    Batch, BatchLimit, Bus, BusError, Inputs, Offset, Outcome, Ownership, Partition, ProducerSettings, Publication,
    Start, Until,
};
use rustix::process::{Pid, Signal, kill_process};
use testbed::kafka::Broker;
use testbed::kafka::proxy::{Call, Frame, Moment, Proxy, Verdict};

use crate::crashes::Copying;
use crate::groups::copied_exactly;
use crate::member::{joined, settings};
use crate::place::Place;
use crate::seen::{instance_of, numbered, publish_rows, read_topic, row, send_texts, settled_topic, texts};
use crate::worker::{Job, Running};
use crate::world::{PATIENCE, World, options};

fn world_of(broker: &Broker, case: &'static str) -> World {
    World::at(Place::Kafka(broker.bootstrap()), case)
}

pub fn a_broker_that_stops_and_dies_under_load_loses_and_repeats_nothing() {
    let mut broker = Broker::start(options());
    let world = world_of(&broker, "broker-restarts");
    let (input, output) = (world.topic("in", 4), world.topic("out", 2));
    let group = world.name("group");
    let copiers: Vec<Running> = ["one", "two"]
        .map(|name| Running::start(world.another_bus(), Job::new(&group, &world.name(name), &input, &output)))
        .into();
    let mut sent = Vec::new();
    for round in 0..3 {
        // The producer runs while the broker goes and comes: its rows wait in its buffer.
        let values = numbered(&format!("r{round}"), 3_000);
        std::thread::scope(|scope| {
            let (half, rest) = values.split_at(1_000);
            send_texts(world.bus(), &input, 0, half);
            let sending = scope.spawn(|| {
                for (index, part) in rest.chunks(500).enumerate() {
                    send_texts(world.bus(), &input, u32::try_from(index).unwrap() % 4, part);
                }
            });
            if round % 2 == 0 {
                broker.stop();
            } else {
                broker.kill();
            }
            broker.start_again();
            sending.join().unwrap();
        });
        sent.extend(values);
    }
    copied_exactly(&world, &group, &input, 4, &output, 2, &sent);
    for copier in copiers {
        copier.leave();
    }
}

/// A call that has to fail, and its name.
type Try<'a> = (&'a str, Box<dyn Fn() -> Option<BusError> + Send + Sync + 'a>);

/// Long enough for a slow network, short enough for a person who waits for a command.
const UNREACHABLE_MAX: Duration = Duration::from_mins(1);

pub fn a_broker_that_is_not_there_is_an_error_within_a_bound() {
    let port = testbed::ports::free().unwrap();
    let begin = Instant::now();
    let error = Place::Kafka(port.address()).open().unwrap_err();
    unreachable(&error, &port.address(), begin);
}

pub fn a_broker_that_went_away_is_an_error_of_every_call_within_a_bound() {
    let mut broker = Broker::start(options());
    let world = world_of(&broker, "gone");
    let topic = world.topic("known", 1);
    broker.kill();
    let (bus, address) = (world.bus(), broker.bootstrap());
    let partition = Partition::new(&topic, 0);
    let tries: [Try<'_>; 7] = [
        ("topics", Box::new(|| bus.topics().err())),
        ("create", Box::new(|| bus.create(&world.declared("new", 1)).err())),
        ("extent", Box::new(|| bus.extent(&partition).err())),
        ("committed", Box::new(|| bus.committed("any", from_ref(&partition)).err())),
        ("read", Box::new(|| read_once(bus, &partition))),
        ("join", Box::new(|| poll_once(bus, &topic))),
        ("publisher", Box::new(|| bus.publisher(&instance_of("any")).err())),
    ];
    // At once: each waits for its own bound.
    std::thread::scope(|scope| {
        for (what, run) in &tries {
            let address = &address;
            scope.spawn(move || {
                let begin = Instant::now();
                let error = run().unwrap_or_else(|| panic!("{what} found a broker that is not there"));
                println!("{what}: {error} after {:?}", begin.elapsed());
                unreachable(&error, address, begin);
            });
        }
    });
}

fn read_once(bus: &dyn Bus, partition: &Partition) -> Option<BusError> {
    match bus.read(&[(partition.clone(), Start::Earliest)], Until::End) {
        Err(error) => Some(error),
        Ok(mut reader) => until_error(|batch, limit| reader.next(batch, limit).err()),
    }
}

fn poll_once(bus: &dyn Bus, topic: &str) -> Option<BusError> {
    match bus.join(&settings("any", &instance_of("any"), topic)) {
        Err(error) => Some(error),
        Ok(mut member) => until_error(|batch, limit| member.poll(batch, limit).err()),
    }
}

fn until_error(mut poll: impl FnMut(&mut Batch, &BatchLimit) -> Option<BusError>) -> Option<BusError> {
    let (mut batch, limit) = (Batch::default(), BatchLimit { wait: Duration::from_secs(1), ..BatchLimit::default() });
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        if let Some(error) = poll(&mut batch, &limit) {
            return Some(error);
        }
    }
    None
}

fn unreachable(error: &BusError, address: &str, begin: Instant) {
    let BusError::Unreachable { target, .. } = error else { panic!("{error:?}") };
    assert!(target.contains(address), "which broker? {error}");
    assert!(begin.elapsed() < UNREACHABLE_MAX, "{error} took {:?}", begin.elapsed());
}

/// Everything that a lost reply to a commit leaves behind.
struct Lost {
    world: World,
    outcome: Outcome,
    group: String,
    instance: String,
    partition: Partition,
    output: String,
}

/// A publication of two rows and an offset whose commit goes wrong as `rule` says.
fn lose(proxy: &Proxy, case: &'static str, rule: impl FnMut(Frame<'_>) -> Verdict + Send + 'static) -> Lost {
    let world = World::at(Place::Kafka(proxy.address().to_owned()), case);
    let (input, output) = (world.topic("in", 1), world.topic("out", 1));
    send_texts(world.bus(), &input, 0, &numbered("in", 2));
    let (group, instance) = (world.name("group"), world.name("p"));
    let mut publisher = world.bus().publisher(&instance_of(&instance)).unwrap();
    let member = joined(&world, &group, &instance_of(&instance), &input, 1);
    let partition = Partition::new(&input, 0);
    let membership = member.membership();
    let offsets = [(partition.clone(), Offset(2))];
    let inputs = Some(Inputs { membership: &membership, offsets: &offsets });
    let rows = [row(&output, 0, "in-0"), row(&output, 0, "in-1")];
    proxy.rule(rule);
    let begin = Instant::now();
    let outcome = publisher.publish(&Publication { rows: &rows, inputs }, &mut || Ownership::Unchanged).unwrap();
    assert!(begin.elapsed() < PATIENCE, "an answer, whatever it is, has a bound: {:?}", begin.elapsed());
    proxy.pass_all();
    drop(publisher);
    member.close().unwrap();
    Lost { world, outcome, group, instance, partition, output }
}

impl Lost {
    /// A new publisher, and then the stable committed offset tells whether the rows are there.
    fn decide(&self) -> Option<Offset> {
        let _publisher = self.world.bus().publisher(&instance_of(&self.instance)).unwrap();
        let committed = self.world.bus().committed(&self.group, from_ref(&self.partition)).unwrap()[0];
        let rows = texts(&settled_topic(self.world.bus(), &self.output, 1));
        let wanted: &[&str] = if committed == Some(Offset(2)) { &["in-0", "in-1"] } else { &[] };
        assert_eq!(rows, wanted, "rows and offset must agree: {committed:?}");
        committed
    }
}

pub fn a_commit_whose_reply_is_lost_is_unknown_and_the_committed_offset_says_it_happened() {
    let proxy = Proxy::start(options());
    let arrived = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&arrived);
    let lost = lose(&proxy, "lost-reply", move |Frame { call, moment, .. }| match (call, moment) {
        // The broker commits; its answer and every later question are lost.
        (Call::EndTxn, Moment::Request) if count.fetch_add(1, Ordering::SeqCst) > 0 => Verdict::Swallow,
        (Call::EndTxn, Moment::Answer) => Verdict::Swallow,
        _ => Verdict::Pass,
    });
    assert!(arrived.load(Ordering::SeqCst) > 0, "no commit came by");
    assert!(matches!(lost.outcome, Outcome::Unknown(_)), "{:?}", lost.outcome);
    assert_eq!(lost.decide(), Some(Offset(2)));
}

pub fn a_commit_that_never_arrives_is_unknown_and_the_committed_offset_says_it_did_not_happen() {
    let proxy = Proxy::start(options());
    let lost = lose(&proxy, "lost-commit", |Frame { call, moment, .. }| match (call, moment) {
        (Call::EndTxn, Moment::Request) => Verdict::Swallow,
        _ => Verdict::Pass,
    });
    assert!(matches!(lost.outcome, Outcome::Unknown(_) | Outcome::Aborted(_)), "{:?}", lost.outcome);
    assert_eq!(lost.decide(), None);
}

pub fn a_commit_whose_connection_breaks_is_asked_for_again_and_happens_once() {
    let proxy = Proxy::start(options());
    let mut is_first = true;
    let lost = lose(&proxy, "broken-reply", move |Frame { call, moment, .. }| match (call, moment) {
        (Call::EndTxn, Moment::Answer) if std::mem::take(&mut is_first) => Verdict::Cut,
        _ => Verdict::Pass,
    });
    assert!(matches!(lost.outcome, Outcome::Committed | Outcome::Unknown(_)), "{:?}", lost.outcome);
    assert_eq!(lost.decide(), Some(Offset(2)));
}

pub fn an_acknowledgement_that_is_lost_does_not_double_a_row() {
    let proxy = Proxy::start(options());
    let world = World::at(Place::Kafka(proxy.address().to_owned()), "lost-ack");
    let topic = world.topic("out", 1);
    let lost = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&lost);
    proxy.rule(move |Frame { call, moment, .. }| {
        let cut = call == Call::Produce && moment == Moment::Answer && count.load(Ordering::SeqCst) < 3;
        if cut {
            count.fetch_add(1, Ordering::SeqCst);
        }
        if cut { Verdict::Cut } else { Verdict::Pass }
    });
    let values = numbered("n", 200);
    send_texts(world.bus(), &topic, 0, &values);
    assert_eq!(lost.load(Ordering::SeqCst), 3, "three acknowledgements were lost");
    assert_eq!(texts(&read_topic(world.bus(), &topic, 1)), values);
}

pub fn killed_before_and_after_every_call_of_a_publication_loses_and_repeats_nothing() {
    let proxy = Proxy::start(options());
    let world = World::at(Place::Kafka(proxy.address().to_owned()), "every-call");
    let copying = Copying::prepare(&world, world.place.clone(), 400);
    let calls = [
        Call::InitProducerId,
        Call::AddPartitionsToTxn,
        Call::Produce,
        Call::AddOffsetsToTxn,
        Call::TxnOffsetCommit,
        Call::EndTxn,
    ];
    for (call, moment) in calls.into_iter().flat_map(|call| [(call, Moment::Request), (call, Moment::Answer)]) {
        let (started, child) = mpsc::channel::<Pid>();
        let mut victim: Option<Pid> = None;
        let mut left = 2;
        proxy.rule(move |frame| {
            if (frame.call, frame.moment) == (call, moment) {
                left -= 1;
            }
            // The second time, so that there is something before it; an instance is made known to the broker only once.
            if left == 1 && call == Call::InitProducerId || left == 0 {
                let pid = *victim.get_or_insert_with(|| child.recv().expect("the case tells the child's pid"));
                // It may already be dead: its other connections end one by one.
                let _ = kill_process(pid, Signal::KILL);
                return Verdict::Cut;
            }
            Verdict::Pass
        });
        let child = copying.child("never", 1);
        started.send(child.pid()).unwrap();
        child.killed();
        proxy.pass_all();
        copying.agrees(&format!("killed at the {moment:?} of {call:?}"));
    }
    copying.finish();
}

pub fn a_broker_that_hangs_fills_the_buffer_and_the_sender_is_told() {
    let mut broker = Broker::start(options());
    let world = world_of(&broker, "hanging");
    let topic = world.topic("out", 1);
    let patience = Duration::from_secs(2);
    let settings = ProducerSettings { buffer_records_max: 100, patience, ..ProducerSettings::default() };
    let (sender, fates) = mpsc::channel();
    let mut producer = world.bus().producer(&settings, Box::new(move |fate| sender.send(fate).unwrap())).unwrap();
    producer.send(&row(&topic, 0, "first"), 0).unwrap();
    assert_eq!(producer.flush(PATIENCE).unwrap(), 0);

    broker.pause();
    let begin = Instant::now();
    let mut taken = 1;
    let refused = loop {
        match producer.send(&row(&topic, 0, "waiting"), taken) {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
        assert!(begin.elapsed() < PATIENCE, "{taken} rows were taken into a buffer of 100");
    };
    assert!(matches!(refused, BusError::BufferFull { .. }), "{refused:?}");
    assert!(begin.elapsed() < patience * 5, "{:?}", begin.elapsed());
    broker.resume_process();

    assert_eq!(producer.flush(PATIENCE).unwrap(), 0, "every row that was taken has a fate");
    drop(producer);
    let fates: Vec<_> = fates.into_iter().collect();
    assert_eq!(fates.len() as u64, taken, "one fate for each row that was taken");
    let landed = fates.iter().filter(|fate| fate.result.is_ok()).count();
    let in_doubt = fates.len() - landed;
    let unsure = |fate: &&bus::Fate| matches!(fate.result, Err(BusError::NotAcknowledged { .. }));
    assert_eq!(fates.iter().filter(unsure).count(), in_doubt, "{fates:?}");
    let there = read_topic(world.bus(), &topic, 1).len();
    assert!((landed..=landed + in_doubt).contains(&there), "{there} on the log, {landed} told, {in_doubt} in doubt");
}

pub fn a_publisher_survives_a_broker_that_hangs_for_a_while() {
    let mut broker = Broker::start(options());
    let world = world_of(&broker, "hanging-publisher");
    let topic = world.topic("out", 1);
    let instance = instance_of(&world.name("p"));
    let mut publisher = world.bus().publisher(&instance).unwrap();
    crate::seen::committed(&publish_rows(&mut *publisher, &[row(&topic, 0, "before")]));
    broker.pause();
    let waking = std::thread::spawn(move || {
        // Shorter than any timeout of a transaction: the answer must come, late.
        std::thread::sleep(Duration::from_secs(3));
        broker.resume_process();
        broker
    });
    let outcome = publish_rows(&mut *publisher, &[row(&topic, 0, "late")]);
    let _broker = waking.join().unwrap();
    crate::seen::committed(&outcome);
    assert_eq!(texts(&read_topic(world.bus(), &topic, 1)), ["before", "late"]);
}
