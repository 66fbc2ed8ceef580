//! Rows and input offsets: all or nothing, and what is not committed is seen by nobody.

use std::slice::from_ref;
use std::time::{Duration, Instant};

use bus::{Aborted, BusError, Inputs, Offset, Outcome, Ownership, Partition, Publication, Row, Start, To};

use crate::member::joined;
use crate::seen::{
    abort_rows, committed, instance_of, numbered, publish_rows, read, read_topic, row, send_texts, settled_topic,
    texts, try_send,
};
use crate::world::World;

pub fn rows_of_several_topics_and_offsets_become_visible_together(world: &World) {
    let bus = world.bus();
    let (input, alerts, letters) = (world.topic("in", 2), world.topic("alerts", 3), world.topic("letters", 1));
    send_texts(bus, &input, 0, &numbered("in", 10));
    let group = world.name("group");
    let instance = instance_of(&world.name("processor"));
    let mut publisher = bus.publisher(&instance).unwrap();
    let member = joined(world, &group, &instance, &input, 2);
    let inputs = [Partition::new(&input, 0), Partition::new(&input, 1)];
    assert_eq!(bus.committed(&group, &inputs).unwrap(), [None, None], "a group that never published has no offsets");

    let rows = [row(&alerts, 0, "a0"), row(&letters, 0, "l0"), row(&alerts, 2, "a2"), row(&alerts, 0, "a1")];
    let membership = member.membership();
    let offsets = [(inputs[0].clone(), Offset(7))];
    let publication = Publication { rows: &rows, inputs: Some(Inputs { membership: &membership, offsets: &offsets }) };
    let mut asked = 0;
    let outcome = publisher.publish(&publication, &mut || {
        asked += 1;
        // The rows may already be on their way, but nobody may see them.
        assert!(read_topic(bus, &alerts, 3).is_empty() && read_topic(bus, &letters, 1).is_empty());
        Ownership::Unchanged
    });
    committed(&outcome.unwrap());

    assert_eq!(asked, 1, "still_owner is asked once for each publication with inputs");
    assert_eq!(texts(&read_topic(bus, &alerts, 3)), ["a0", "a1", "a2"]);
    assert_eq!(texts(&read_topic(bus, &letters, 1)), ["l0"]);
    assert_eq!(bus.committed(&group, &inputs).unwrap(), [Some(Offset(7)), None]);
    assert_eq!(bus.committed(&world.name("other"), &inputs).unwrap(), [None, None]);
    member.close().unwrap();
}

pub fn what_still_owner_refuses_leaves_nothing(world: &World) {
    let bus = world.bus();
    let (input, output) = (world.topic("in", 1), world.topic("out", 1));
    send_texts(bus, &input, 0, &numbered("in", 3));
    let group = world.name("group");
    let instance = instance_of(&world.name("processor"));
    let mut publisher = bus.publisher(&instance).unwrap();
    let member = joined(world, &group, &instance, &input, 1);
    let partition = Partition::new(&input, 0);
    let membership = member.membership();
    let offsets = [(partition.clone(), Offset(3))];
    let rows = [row(&output, 0, "never")];
    let publication = Publication { rows: &rows, inputs: Some(Inputs { membership: &membership, offsets: &offsets }) };

    let outcome = publisher.publish(&publication, &mut || Ownership::Changed).unwrap();

    assert!(matches!(outcome, Outcome::Aborted(Aborted::OwnershipChanged)), "{outcome:?}");
    assert!(settled_topic(bus, &output, 1).is_empty());
    assert_eq!(bus.committed(&group, from_ref(&partition)).unwrap(), [None]);

    // The same rows, by a new publisher: that is what Aborted promises.
    let mut publisher = bus.publisher(&instance).unwrap();
    committed(&publisher.publish(&publication, &mut || Ownership::Unchanged).unwrap());
    assert_eq!(texts(&settled_topic(bus, &output, 1)), ["never"]);
    assert_eq!(bus.committed(&group, &[partition]).unwrap(), [Some(Offset(3))]);
    member.close().unwrap();
}

pub fn aborted_rows_are_seen_by_no_reader_and_no_member(world: &World) {
    let bus = world.bus();
    let topic = world.topic("mixed", 1);
    let processor = world.name("processor");
    for round in 0..5 {
        let doomed = format!("doomed-{round}");
        abort_rows(bus, &processor, &[row(&topic, 0, &doomed), row(&topic, 0, &doomed)]);
        let mut publisher = bus.publisher(&instance_of(&processor)).unwrap();
        let kept = format!("kept-{round}");
        committed(&publish_rows(&mut *publisher, &[row(&topic, 0, &kept)]));
        send_texts(bus, &topic, 0, &[format!("sent-{round}")]);
    }
    let wanted: Vec<String> = (0..5).flat_map(|round| [format!("kept-{round}"), format!("sent-{round}")]).collect();
    assert_eq!(texts(&read_topic(bus, &topic, 1)), wanted, "a reader");

    let mut member = joined(world, &world.name("group"), &instance_of(&world.name("m")), &topic, 1);
    assert_eq!(texts(&member.take(wanted.len())), wanted, "a member");
    member.close().unwrap();
}

pub fn a_publisher_is_spent_after_anything_but_committed(world: &World) {
    let bus = world.bus();
    let topic = world.topic("out", 1);
    let mut publisher = bus.publisher(&instance_of(&world.name("processor"))).unwrap();
    committed(&publish_rows(&mut *publisher, &[row(&topic, 0, "first")]));
    committed(&publish_rows(&mut *publisher, &[row(&topic, 0, "second")]));
    let rows = [row(&topic, 0, "refused")];
    let refused = publisher.publish(&Publication { rows: &rows, inputs: None }, &mut || Ownership::Changed).unwrap();
    assert!(matches!(refused, Outcome::Aborted(Aborted::OwnershipChanged)), "{refused:?}");

    let again = publisher.publish(&Publication { rows: &rows, inputs: None }, &mut || Ownership::Unchanged);

    assert!(matches!(again, Err(BusError::Spent)), "{again:?}");
    assert_eq!(texts(&settled_topic(bus, &topic, 1)), ["first", "second"]);
}

/// Whoever aborts goes on at once: an abort that waits for a timeout holds up its own partitions and every reader.
pub fn a_refused_publication_is_over_at_once(world: &World) {
    let bus = world.bus();
    let topic = world.topic("out", 1);
    let rows: Vec<_> = (0..500).map(|_| row(&topic, 0, "refused")).collect();
    // The shortest of several, because the machine may be busy.
    let took = (0..3).map(|_| {
        let mut publisher = bus.publisher(&instance_of(&world.name("processor"))).unwrap();
        let begin = Instant::now();
        let publication = Publication { rows: &rows, inputs: None };
        let refused = publisher.publish(&publication, &mut || Ownership::Changed).unwrap();
        assert!(matches!(refused, Outcome::Aborted(Aborted::OwnershipChanged)), "{refused:?}");
        begin.elapsed()
    });
    let shortest = took.min().unwrap();
    assert!(shortest < Duration::from_secs(1), "{shortest:?}");
}

pub fn offsets_move_without_rows_and_nothing_at_all_is_committed_too(world: &World) {
    let bus = world.bus();
    let input = world.topic("in", 1);
    send_texts(bus, &input, 0, &numbered("in", 4));
    let group = world.name("group");
    let instance = instance_of(&world.name("processor"));
    let mut publisher = bus.publisher(&instance).unwrap();
    let member = joined(world, &group, &instance, &input, 1);
    let partition = Partition::new(&input, 0);
    for next in [1, 4, 2] {
        let membership = member.membership();
        let offsets = [(partition.clone(), Offset(next))];
        let inputs = Some(Inputs { membership: &membership, offsets: &offsets });
        let publication = Publication { rows: &[], inputs };
        committed(&publisher.publish(&publication, &mut || Ownership::Unchanged).unwrap());
        assert_eq!(bus.committed(&group, from_ref(&partition)).unwrap(), [Some(Offset(next))]);
    }
    committed(&publish_rows(&mut *publisher, &[]));
    member.close().unwrap();
}

pub fn one_bad_row_takes_the_whole_publication_with_it(world: &World) {
    let bus = world.bus();
    let topic = world.topic("out", 2);
    let missing = world.name("missing");
    let huge = "x".repeat(3 * 1024 * 1024);
    let bad = [row(&missing, 0, "v"), row(&topic, 2, "beyond"), row(&topic, 0, &huge)];
    for bad in bad {
        let mut publisher = bus.publisher(&instance_of(&world.name("processor"))).unwrap();
        let rows = [row(&topic, 0, "good"), bad, row(&topic, 1, "good")];
        let answer = publisher.publish(&Publication { rows: &rows, inputs: None }, &mut || Ownership::Unchanged);
        let error = match answer {
            Err(error) | Ok(Outcome::Aborted(Aborted::Failed(error))) => error,
            other => panic!("{other:?}"),
        };
        let named = match &error {
            BusError::UnknownTopic { topic } => topic == &missing,
            BusError::UnknownPartition { partition, partitions } => partition.index == 2 && *partitions == 2,
            BusError::TooLarge { topic: named, size, .. } => named == &topic && *size >= huge.len(),
            _ => false,
        };
        assert!(named, "the error must name the row's fault: {error}");
        assert!(settled_topic(bus, &topic, 2).is_empty(), "after {error}");
    }
}

/// Rows of a producer are seen at once, also behind those of a publication that is still open elsewhere.
pub fn an_open_publication_holds_readers_back_and_then_lets_them_go(world: &World) {
    let bus = world.bus();
    let topic = world.topic("out", 1);
    let mut publisher = bus.publisher(&instance_of(&world.name("processor"))).unwrap();
    let rows = [row(&topic, 0, "published")];
    let outcome = publisher.publish(&Publication { rows: &rows, inputs: None }, &mut || {
        send_texts(bus, &topic, 0, &["sent meanwhile".into()]);
        let seen = texts(&read(bus, &Partition::new(&topic, 0), Start::Earliest));
        assert!(!seen.contains(&"published".to_owned()), "{seen:?}");
        Ownership::Unchanged
    });
    committed(&outcome.unwrap());
    let mut seen = texts(&read_topic(bus, &topic, 1));
    seen.sort();
    assert_eq!(seen, ["published", "sent meanwhile"]);
}

pub fn a_publication_for_a_group_that_was_left_is_refused(world: &World) {
    let bus = world.bus();
    let (input, output) = (world.topic("in", 1), world.topic("out", 1));
    send_texts(bus, &input, 0, &numbered("in", 3));
    let group = world.name("group");
    let instance = instance_of(&world.name("processor"));
    let mut publisher = bus.publisher(&instance).unwrap();
    let member = joined(world, &group, &instance, &input, 1);
    let membership = member.membership();
    member.close().unwrap();
    let partition = Partition::new(&input, 0);
    let offsets = [(partition.clone(), Offset(3))];
    let rows = [row(&output, 0, "never")];
    let inputs = Some(Inputs { membership: &membership, offsets: &offsets });

    let outcome = publisher.publish(&Publication { rows: &rows, inputs }, &mut || Ownership::Unchanged).unwrap();

    assert!(!matches!(outcome, Outcome::Committed | Outcome::Unknown(_)), "{outcome:?}");
    assert!(settled_topic(bus, &output, 1).is_empty());
    assert_eq!(bus.committed(&group, &[partition]).unwrap(), [None]);
}

pub fn a_row_of_a_producer_that_cannot_land_says_why(world: &World) {
    let topic = world.topic("out", 2);
    let missing = world.name("missing");
    let to = To::Partition { index: 2, key: None };
    let beyond = Row { topic: &topic, to, value: Some(b"v"), headers: &[] };
    let fates = try_send(world.bus(), &[row(&missing, 0, "v"), beyond, row(&topic, 1, "good")]);
    assert!(matches!(&fates[0], Err(BusError::UnknownTopic { topic }) if topic == &missing), "{:?}", fates[0]);
    assert!(matches!(&fates[1], Err(BusError::UnknownPartition { partitions: 2, .. })), "{:?}", fates[1]);
    assert!(matches!(&fates[2], Ok((partition, _)) if partition.index == 1), "{:?}", fates[2]);
}
