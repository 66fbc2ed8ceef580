//! Topics as declared, as found, and what is done about the difference.

use std::num::NonZeroU32;
use std::time::Duration;

use bus::topic::{apply, differences};
use bus::{BusError, Difference, Found};
use contracts::topics::{self, Compression, Declared, Keep, MESSAGE_BYTES_MAX};

use crate::seen::{keyed, numbered, read_topic, send, send_texts};
use crate::world::World;

/// One of each kind of setting.
fn shapes(world: &World) -> Vec<Declared> {
    let day = Keep::For(Duration::from_hours(24));
    vec![
        Declared { keep: day, compression: Compression::Zstd, ..world.declared("by-time", 3) },
        Declared { keep: day, keep_bytes_max: Some(64 << 20), ..world.declared("by-time-and-size", 1) },
        Declared { keep: Keep::NewestOfKey, compression: Compression::None, ..world.declared("compacted", 5) },
        Declared { keep: Keep::Forever, ..world.declared("for-ever", 1) },
    ]
}

fn found(world: &World, name: &str) -> Option<Found> {
    world.bus().topics().unwrap().into_iter().find(|found| found.name == name)
}

pub fn a_topic_is_made_as_declared(world: &World) {
    for declared in shapes(world) {
        assert_eq!(differences(&declared, found(world, &declared.name).as_ref()).len(), 1, "only that it is missing");
        world.bus().create(&declared).unwrap();
        let found = found(world, &declared.name).unwrap();
        assert_eq!(differences(&declared, Some(&found)), [], "{declared:?} became {found:?}");
        let (append_time, message_bytes_max) = (true, MESSAGE_BYTES_MAX);
        let Declared { name, partitions, replication, keep, keep_bytes_max, compression, .. } = declared;
        let compression = Ok(compression);
        let wanted =
            Found { name, partitions, replication, keep, keep_bytes_max, compression, append_time, message_bytes_max };
        assert_eq!(found, wanted);
    }
}

pub fn every_topic_of_the_table_can_be_made(world: &World) {
    let prefix = world.name("t");
    let declared: Vec<Declared> = topics::ALL
        .iter()
        .map(|topic| topic.declare(NonZeroU32::new(2).unwrap()))
        .map(|declared| Declared { name: format!("{prefix}.{}", declared.name), ..declared })
        .collect();
    let before = apply(world.bus(), &declared).unwrap();
    assert_eq!(before.len(), declared.len());
    assert!(before.iter().all(|difference| matches!(difference, Difference::Missing { .. })), "{before:?}");
    assert_eq!(apply(world.bus(), &declared).unwrap(), [], "applied twice, nothing is left to do");
}

pub fn a_topic_that_exists_is_not_made_again(world: &World) {
    let declared = world.declared("twice", 2);
    world.bus().create(&declared).unwrap();
    send_texts(world.bus(), &declared.name, 1, &numbered("n", 3));
    let again = world.bus().create(&declared);
    assert!(matches!(&again, Err(BusError::TopicExists { topic }) if *topic == declared.name), "{again:?}");
    assert_eq!(read_topic(world.bus(), &declared.name, 2).len(), 3, "and its records are as they were");
}

pub fn settings_that_differ_are_told_and_mended_in_place(world: &World) {
    let shapes = shapes(world);
    let name = world.name("changing");
    let as_shape =
        |shape: &Declared| Declared { name: name.clone(), partitions: NonZeroU32::new(2).unwrap(), ..shape.clone() };
    world.bus().create(&as_shape(&shapes[0])).unwrap();
    let keys = numbered("k", 10);
    send(world.bus(), &keys.iter().map(|key| keyed(&name, key, "v")).collect::<Vec<_>>());
    for pair in shapes.windows(2) {
        let declared = as_shape(&pair[1]);
        let told = differences(&declared, found(world, &name).as_ref());
        assert_eq!(
            apply(world.bus(), std::slice::from_ref(&declared)).unwrap(),
            told,
            "apply answers what was different"
        );
        assert!(!told.is_empty());
        let found = found(world, &name).unwrap();
        assert_eq!(differences(&declared, Some(&found)), [], "{found:?}");
    }
    assert_eq!(read_topic(world.bus(), &name, 2).len(), 10, "young records of ten keys: no setting removes one");
}

pub fn another_number_of_partitions_is_refused_with_what_to_do(world: &World) {
    let declared = world.declared("fixed", 3);
    let untouched = world.declared("untouched", 1);
    world.bus().create(&declared).unwrap();
    for partitions in [2, 4] {
        let changed = Declared { partitions: NonZeroU32::new(partitions).unwrap(), ..declared.clone() };
        let error = apply(world.bus(), &[untouched.clone(), changed]).unwrap_err();
        let BusError::PartitionsFixed { topic, declared: wanted, found } = &error else { panic!("{error:?}") };
        assert_eq!((topic, *wanted, *found), (&declared.name, partitions, 3));
        let text = error.to_string();
        assert!(text.contains("declare 3") && text.contains("new topic") && text.contains("replay"), "{text}");
    }
    assert_eq!(found(world, &declared.name).unwrap().partitions.get(), 3);
    assert_eq!(found(world, &untouched.name), None, "refused before anything was made");
}

pub fn altering_what_is_missing_says_so(world: &World) {
    let declared = world.declared("missing", 1);
    let error = world.bus().alter(&declared).unwrap_err();
    assert!(matches!(&error, BusError::UnknownTopic { topic } if *topic == declared.name), "{error:?}");
}
