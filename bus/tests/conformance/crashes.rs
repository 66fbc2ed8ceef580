//! Processes that end without warning, at each step of a publication and at instants nobody chose.

use std::time::Duration;

use bus::{Offset, Partition, Start};
use rustix::process::Signal;

use crate::child::Child;
use crate::groups::{copied_exactly, same_multiset};
use crate::place::Place;
use crate::seen::{instance_of, numbered, read, send_texts, settled_topic, texts};
use crate::worker::{Job, Running, Step};
use crate::world::World;

const INPUTS: u32 = 2;

/// An input, an output, and one instance that copies and is killed and copies on.
pub struct Copying {
    place: Place,
    pub group: String,
    pub instance: String,
    pub input: String,
    pub output: String,
    sent: Vec<String>,
}

impl Copying {
    pub fn prepare(world: &World, place: Place, records: usize) -> Self {
        let names = ["group", "copier", "in", "out"].map(|what| world.name(what));
        let [group, instance, input, output] = names;
        let here = World::at(place.clone(), "prepare");
        for name in [&input, &output] {
            let declared = here.declared("", INPUTS);
            here.bus().create(&contracts::topics::Declared { name: name.clone(), ..declared }).unwrap();
        }
        let mut copying = Self { place, group, instance, input, output, sent: Vec::new() };
        copying.feed(&here, records);
        copying
    }

    /// More input: a child that had nothing to do would prove nothing.
    fn feed(&mut self, here: &World, records: usize) {
        let prefix = format!("after-{}", self.sent.len());
        for index in 0..INPUTS {
            let values = numbered(&format!("{prefix}-p{index}"), records);
            send_texts(here.bus(), &self.input, index, &values);
            self.sent.extend(values);
        }
    }

    pub fn child(&self, step: &str, nth: usize) -> Child {
        let arguments = [&self.group, &self.instance, &self.input, &self.output, step, &nth.to_string()];
        Child::start(&self.place, "copier", &arguments.map(|argument| argument as &str))
    }

    /// After a crash: a new publisher of the instance ends what was open, and then rows and offsets agree.
    pub fn agrees(&self, when: &str) -> usize {
        let here = World::at(self.place.clone(), "agrees");
        let publisher = here.bus().publisher(&instance_of(&self.instance)).unwrap();
        let partitions: Vec<_> = (0..INPUTS).map(|index| Partition::new(&self.input, index)).collect();
        let committed = here.bus().committed(&self.group, &partitions).unwrap();
        let mut below = Vec::new();
        for (partition, committed) in partitions.iter().zip(&committed) {
            let end = committed.unwrap_or(Offset(0));
            let input = read(here.bus(), partition, Start::Earliest);
            below.extend(input.iter().filter(|seen| seen.offset < end).map(crate::seen::Seen::text));
        }
        println!("{when}: {committed:?}");
        same_multiset(&texts(&settled_topic(here.bus(), &self.output, INPUTS)), &below);
        drop(publisher);
        below.len()
    }

    /// The same instance copies the rest; then everything is there once.
    pub fn finish(self) {
        let here = World::at(self.place, "finish");
        let job = Job { is_static: true, ..Job::new(&self.group, &self.instance, &self.input, &self.output) };
        let running = Running::start(here.another_bus(), job);
        copied_exactly(&here, &self.group, &self.input, INPUTS, &self.output, INPUTS, &self.sent);
        running.leave();
    }
}

pub fn killed_at_any_step_of_a_publication_loses_and_repeats_nothing(world: &World) {
    let copying = Copying::prepare(world, world.apart(), 300);
    let steps = [Step::Assigned, Step::Polled, Step::Publishing, Step::CheckingOwnership, Step::Published];
    let mut copied = 0;
    for (step, nth) in steps.into_iter().flat_map(|step| [(step, 1), (step, 2)]) {
        if (step, nth) == (Step::Assigned, 2) {
            continue;
        }
        let when = format!("killed at {step:?} {nth}");
        copying.child(&format!("{step:?}"), nth).killed();
        let now = copying.agrees(&when);
        let is_progress = nth == 2 || step == Step::Published;
        assert!(
            !is_progress || now > copied,
            "{when}: nothing was committed, the kill came too early to prove anything"
        );
        copied = now;
    }
    copying.finish();
}

pub fn killed_at_any_instant_loses_and_repeats_nothing(world: &World) {
    let mut copying = Copying::prepare(world, world.apart(), 2_000);
    let mut chance = world.chance();
    for round in 0..5 {
        copying.feed(&World::at(world.apart(), "feed"), 2_000);
        let mut child = copying.child("never", 1);
        child.until("published");
        let micros = chance.below(30_000);
        // Any instant is as good as another: this wait decides which one, not whether the case holds.
        std::thread::sleep(Duration::from_micros(micros));
        child.signal(Signal::KILL);
        child.killed();
        copying.agrees(&format!("round {round}, {micros} µs after its first publication"));
    }
    copying.finish();
}
