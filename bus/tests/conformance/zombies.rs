//! Processes that were stopped, missed by their group, and wake. Kafka only: stopping the process that owns an embedded
//! log stops the whole log with it.

use rustix::process::Signal;

use crate::child::Child;
use crate::groups::copied_exactly;
use crate::seen::{numbered, send_texts};
use crate::worker::{Job, Running};
use crate::world::World;

/// A process asleep with rows in hand, while another takes over its partition and copies everything.
struct Scene {
    sleeper: Child,
    heir: Running,
    group: String,
    input: String,
    output: String,
    sent: Vec<String>,
}

fn scene(world: &World, place_of_sleep: &str) -> Scene {
    let (input, output) = (world.topic("in", 1), world.topic("out", 1));
    let (group, instance) = (world.name("group"), world.name("sleeper"));
    let sent = numbered("in", 50);
    send_texts(world.bus(), &input, 0, &sent);
    let arguments = [&group, &instance, &input, &output, place_of_sleep].map(|argument| argument as &str);
    let mut sleeper = Child::start(&world.place, "sleeper", &arguments);
    sleeper.until("asleep");
    sleeper.signal(Signal::STOP);
    let heir = Running::start(world.another_bus(), Job::new(&group, &world.name("heir"), &input, &output));
    copied_exactly(world, &group, &input, 1, &output, 1, &sent);
    Scene { sleeper, heir, group, input, output, sent }
}

pub fn an_owner_stopped_in_the_middle_of_a_publication_is_fenced_when_it_wakes(world: &World) {
    let Scene { mut sleeper, heir, group, input, output, sent } = scene(world, "inside");
    sleeper.signal(Signal::CONT);
    sleeper.tell("wake");
    sleeper.until("Fenced");
    sleeper.finished();
    copied_exactly(world, &group, &input, 1, &output, 1, &sent);
    heir.leave();
}

pub fn an_owner_that_slept_and_rejoined_with_fresh_metadata_is_stopped_by_its_own_check(world: &World) {
    let Scene { mut sleeper, heir, group, input, output, sent } = scene(world, "before");
    sleeper.signal(Signal::CONT);
    sleeper.tell("wake");
    // It is given the partition back, with a generation that the broker takes for good.
    heir.leave();
    sleeper.until("Aborted(OwnershipChanged)");
    sleeper.finished();
    copied_exactly(world, &group, &input, 1, &output, 1, &sent);
}
