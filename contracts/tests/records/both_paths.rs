//! The fast path, the general path and the borrowed view agree, whoever wrote the bytes and in whatever blocks.

use std::fmt::Debug;

use contracts::avro::{EventView, Framing, SchemaId, WriterSchema};
use contracts::codec::{self, decode_body, decode_foreign};
use contracts::record::{Field, Record};
use contracts::records::TelemetryEvent;
use contracts::schema::BuiltIn;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::arbitrary::{arbitrary, by_apache_avro, every_record, in_sized_blocks, values};
use crate::registry::Registry;

fn run<T: Debug>(strategy: impl Strategy<Value = T>, test: impl Fn(T)) {
    let config = ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() };
    let checked = |value| {
        test(value);
        Ok(())
    };
    TestRunner::new(config).run(&strategy, checked).unwrap();
}

fn body_of<R: Record>(record: &R) -> Vec<u8> {
    let mut value = Vec::new();
    codec::encode(record, Framing::SingleObject, &mut value).unwrap();
    value.split_off(10)
}

#[test]
fn what_we_write_both_paths_read_back() {
    fn check<R: Record + Debug + PartialEq>() {
        let writer = WriterSchema::parse(R::schema().text()).unwrap();
        run(arbitrary::<R>(), |record| {
            let body = body_of(&record);
            assert_eq!(decode_body::<R>(&body).unwrap(), record);
            assert_eq!(decode_foreign::<R>(&body, &writer).unwrap(), record);
        });
    }
    every_record!(check);
}

#[test]
fn what_apache_avro_writes_both_paths_read_as_the_same() {
    fn check<R: Record + Debug + PartialEq>() {
        let writer = WriterSchema::parse(R::schema().text()).unwrap();
        run(values::<R>(), |value| {
            let record = R::from_value(value.clone()).unwrap();
            let body = by_apache_avro(R::schema().avro(), value);
            assert_eq!(decode_body::<R>(&body).unwrap(), record);
            assert_eq!(decode_foreign::<R>(&body, &writer).unwrap(), record);
        });
    }
    every_record!(check);
}

#[test]
fn blocks_with_sizes_and_of_any_length_are_read() {
    fn check<R: Record + Debug + PartialEq>() {
        let writer = WriterSchema::parse(R::schema().text()).unwrap();
        run((values::<R>(), 1..3usize), |(value, block)| {
            let record = R::from_value(value.clone()).unwrap();
            let body = in_sized_blocks(&value, block);
            assert_eq!(decode_body::<R>(&body).unwrap(), record);
            assert_eq!(decode_foreign::<R>(&body, &writer).unwrap(), record);
        });
    }
    every_record!(check);
}

#[test]
fn both_framings_are_read_back() {
    fn check<R: Record + Debug + PartialEq>() {
        run(arbitrary::<R>(), |record| {
            let mut value = b"before".to_vec();
            codec::encode(&record, Framing::SingleObject, &mut value).unwrap();
            assert_eq!(codec::decode::<R>(&value[6..], &BuiltIn).unwrap(), record);
            value.clear();
            codec::encode(&record, Framing::Confluent(SchemaId(7)), &mut value).unwrap();
            assert_eq!(value[..5], [0, 0, 0, 0, 7]);
            assert_eq!(codec::decode::<R>(&value, &Registry::with(R::schema().text())).unwrap(), record);
        });
    }
    every_record!(check);
}

#[test]
fn the_borrowed_view_is_the_event() {
    run((values::<TelemetryEvent>(), 1..3usize), |(value, block)| {
        let event = TelemetryEvent::from_value(value.clone()).unwrap();
        for body in [body_of(&event), in_sized_blocks(&value, block)] {
            let view = EventView::read(&body).unwrap();
            assert_eq!(view.to_event().unwrap(), event);
            assert!(view.labels.iter().eq(event.labels.iter().map(|(name, value)| (&**name, &**value))) || block > 0);
            for (name, value) in &event.labels {
                assert_eq!(view.labels.get(name), Some(&**value));
            }
        }
    });
}

/// Damaged bytes: the view takes exactly what the fast path takes, the payload's proof apart.
#[test]
fn the_borrowed_view_refuses_what_the_fast_path_refuses() {
    run((arbitrary::<TelemetryEvent>(), any::<prop::sample::Index>(), any::<u8>()), |(event, place, byte)| {
        let mut body = body_of(&event);
        let place = place.index(body.len());
        body[place] = byte;
        let view = EventView::read(&body).map_err(|error| error.to_string());
        let viewed = view.map(|view| view.to_event().ok());
        match (viewed, decode_body::<TelemetryEvent>(&body)) {
            (Ok(viewed), read) => assert_eq!(viewed, read.ok()),
            (Err(view), Err(read)) => assert_eq!(view, read.to_string()),
            (Err(view), Ok(_)) => panic!("only the view refuses: {view}"),
        }
    });
}
