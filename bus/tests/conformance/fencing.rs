//! Who may still publish, and who no longer.

use std::time::{Duration, Instant};

use bus::{Aborted, BusError, Inputs, Offset, Outcome, Ownership, Partition, Publication};

use crate::member::{Taker, joined, settings};
use crate::seen::{committed, fenced, instance_of, numbered, publish_rows, row, send_texts, settled_topic, texts};
use crate::world::{PATIENCE, World};

pub fn the_older_of_two_publishers_of_one_instance_is_fenced(world: &World) {
    let topic = world.topic("out", 1);
    let instance = instance_of(&world.name("processor"));
    let mut older = world.bus().publisher(&instance).unwrap();
    committed(&publish_rows(&mut *older, &[row(&topic, 0, "older")]));
    let mut newer = world.another_bus().publisher(&instance).unwrap();
    fenced(&publish_rows(&mut *older, &[row(&topic, 0, "zombie")]));
    committed(&publish_rows(&mut *newer, &[row(&topic, 0, "newer")]));
    let rows = [row(&topic, 0, "zombie")];
    let again = older.publish(&Publication { rows: &rows, inputs: None }, &mut || Ownership::Unchanged);
    assert!(matches!(again, Err(BusError::Spent)), "{again:?}");
    assert_eq!(texts(&settled_topic(world.bus(), &topic, 1)), ["older", "newer"]);
}

pub fn a_publication_is_fenced_also_when_its_rows_are_already_sent(world: &World) {
    let topic = world.topic("out", 1);
    let instance = instance_of(&world.name("processor"));
    let mut older = world.bus().publisher(&instance).unwrap();
    let rows = [row(&topic, 0, "zombie")];
    let mut newer = None;
    let outcome = older.publish(&Publication { rows: &rows, inputs: None }, &mut || {
        newer = Some(world.another_bus().publisher(&instance).unwrap());
        Ownership::Unchanged
    });
    fenced(&outcome.unwrap());
    committed(&publish_rows(&mut *newer.unwrap(), &[row(&topic, 0, "newer")]));
    assert_eq!(texts(&settled_topic(world.bus(), &topic, 1)), ["newer"]);
}

pub fn publishers_of_different_instances_do_not_disturb_each_other(world: &World) {
    let topic = world.topic("out", 1);
    let mut one = world.bus().publisher(&instance_of(&world.name("p"))).unwrap();
    let mut two = world.bus().publisher(&instance_of(&world.name("p"))).unwrap();
    for _ in 0..3 {
        committed(&publish_rows(&mut *one, &[row(&topic, 0, "one")]));
        committed(&publish_rows(&mut *two, &[row(&topic, 0, "two")]));
    }
    assert_eq!(settled_topic(world.bus(), &topic, 1).len(), 6);
}

/// A group of one owner with one record applied, and what a zombie would publish of it.
struct Scene {
    group: String,
    input: String,
    output: String,
    partition: Partition,
    owner: Taker,
}

fn scene(world: &World) -> Scene {
    let (input, output) = (world.topic("in", 1), world.topic("out", 1));
    send_texts(world.bus(), &input, 0, &numbered("in", 5));
    let group = world.name("group");
    let mut owner = joined(world, &group, &instance_of(&world.name("owner")), &input, 1);
    owner.take(5);
    let partition = Partition::new(&input, 0);
    Scene { group, input, output, partition, owner }
}

/// Turns both until the newcomer owns the partition; the older owner releases it when told.
fn hand_over(from: &mut Taker, to: &mut Taker) {
    let end = Instant::now() + PATIENCE;
    while !(from.owned.is_empty() && to.owned.len() == 1) {
        from.turn();
        to.turn();
        assert!(Instant::now() < end, "{:?} {:?}", from.owned, to.owned);
    }
}

pub fn a_group_that_goes_on_between_metadata_and_offsets_fences_the_owner(world: &World) {
    let Scene { group, input, output, partition, owner } = scene(world);
    let bus = world.bus();
    let mut publisher = bus.publisher(&instance_of(&world.name("p"))).unwrap();
    let membership = owner.membership();
    let offsets = [(partition.clone(), Offset(5))];
    let rows = [row(&output, 0, "zombie")];
    let inputs = Some(Inputs { membership: &membership, offsets: &offsets });
    let mut next = Taker::join(world, &settings(&group, &instance_of(&world.name("next")), &input));

    // The metadata was read, the offsets are not sent: the owner leaves and another takes its place.
    let mut owner = Some(owner);
    let outcome = publisher
        .publish(&Publication { rows: &rows, inputs }, &mut || {
            owner.take().expect("still_owner is called once").close().unwrap();
            next.until_owning(1);
            // A caller whose check says nothing: the log alone has to notice.
            Ownership::Unchanged
        })
        .unwrap();

    assert!(matches!(outcome, Outcome::Fenced(_)), "{outcome:?}");
    assert!(settled_topic(bus, &output, 1).is_empty());
    assert_eq!(bus.committed(&group, &[partition]).unwrap(), [None]);
    next.close().unwrap();
}

pub fn an_owner_that_lost_its_partition_and_rejoined_is_stopped_by_its_own_check(world: &World) {
    let Scene { group, input, output, partition, mut owner } = scene(world);
    let bus = world.bus();
    let mut publisher = bus.publisher(&instance_of(&world.name("p"))).unwrap();
    // Rows were made of what the owner took. Before they are published the partition goes to another member, who
    // publishes them, and comes back when that one leaves: fresh metadata, old rows.
    let heir = heir(world, &group, &input, &mut owner);
    let mut publisher_of_heir = bus.publisher(&instance_of(&world.name("p"))).unwrap();
    let offsets = [(partition.clone(), Offset(5))];
    let rows = [row(&output, 0, "the row")];
    let membership = heir.membership();
    let inputs = Some(Inputs { membership: &membership, offsets: &offsets });
    committed(&publisher_of_heir.publish(&Publication { rows: &rows, inputs }, &mut || Ownership::Unchanged).unwrap());
    heir.close().unwrap();
    owner.until_owning(1);

    let membership = owner.membership();
    let inputs = Some(Inputs { membership: &membership, offsets: &offsets });
    let outcome = publisher.publish(&Publication { rows: &rows, inputs }, &mut || Ownership::Changed).unwrap();

    assert!(matches!(outcome, Outcome::Aborted(Aborted::OwnershipChanged)), "{outcome:?}");
    assert_eq!(texts(&settled_topic(bus, &output, 1)), ["the row"], "once");
    assert_eq!(bus.committed(&group, &[partition]).unwrap(), [Some(Offset(5))]);
    owner.close().unwrap();
}

/// A second member that owns the only partition; the first one still belongs to the group.
fn heir(world: &World, group: &str, input: &str, owner: &mut Taker) -> Taker {
    let instance = instance_of(&world.name("heir"));
    let mut heir = Taker::join(world, &settings(group, &instance, input));
    // Both are in the group; who owns the one partition is the log's choice. If it stays, the owner leaves and rejoins.
    let settled = Instant::now() + Duration::from_secs(4);
    while Instant::now() < settled && heir.owned.is_empty() {
        owner.turn();
        heir.turn();
    }
    if heir.owned.is_empty() {
        let rejoined = Taker::join(world, &settings(group, &instance_of(&world.name("owner")), input));
        std::mem::replace(owner, rejoined).close().unwrap();
        hand_over(owner, &mut heir);
    }
    heir
}
