//! What only the embedded log has: a folder with one owner.

use bus::BusError;

use crate::child::Child;
use crate::seen::{numbered, send_texts};
use crate::world::World;

pub fn a_second_process_is_told_who_holds_the_log(world: &World) {
    let place = world.apart();
    let mut holder = Child::start(&place, "holder", &[]);
    let said = holder.line();
    let pid = said.strip_prefix("holding as ").unwrap();
    let error = place.open().unwrap_err();
    let BusError::Held { holder: named, .. } = &error else { panic!("{error:?}") };
    assert!(named.contains(pid), "who holds it? {error}");
    assert!(error.to_string().contains("stop it") && error.to_string().contains("--dir"), "{error}");
    holder.tell("go");
    // The child lets go of the log and ends; its pipe closes.
    holder.finished();
    let world = World::at(place, "after-the-holder");
    send_texts(world.bus(), &world.topic("mine", 1), 0, &numbered("n", 1));
}

pub fn a_dead_owners_log_is_free_at_once(world: &World) {
    let place = world.apart();
    let mut holder = Child::start(&place, "holder", &[]);
    holder.line();
    holder.signal(rustix::process::Signal::KILL);
    holder.killed();
    place.open().unwrap();
}
