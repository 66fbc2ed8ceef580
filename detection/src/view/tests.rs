//! A view against a plain map, and what a row that cannot be read leads to.

use std::borrow::Cow;
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::keys::{Key, TEXT_BYTES_MAX, Tag};
use super::value::{self, Malformed, Reader};
use super::{MemoryStore, View};
use crate::step::Owner;

#[derive(Debug, Clone)]
enum Action {
    Put(Vec<u8>, u8),
    Append(Vec<u8>, u8),
    Remove(Vec<u8>),
    RemovePrefix(Vec<u8>),
    Store,
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(prop_oneof![Just(0), Just(1), Just(0xFF)], 0..3).prop_map(|rest| [&[7], &*rest].concat())
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        3 => (key(), any::<u8>()).prop_map(|(key, value)| Action::Put(key, value)),
        3 => (key(), any::<u8>()).prop_map(|(key, value)| Action::Append(key, value)),
        2 => key().prop_map(Action::Remove),
        1 => key().prop_map(Action::RemovePrefix),
        2 => Just(Action::Store),
    ]
}

proptest! {
    #[test]
    fn a_view_is_the_map_it_stands_for_whatever_is_stored_already(
        actions in proptest::collection::vec(action(), 0..40),
        prefix in key(),
        from in key(),
    ) {
        let mut store = MemoryStore::default();
        let mut map = BTreeMap::<Vec<u8>, Vec<u8>>::new();
        for batch in actions.split_inclusive(|action| matches!(action, Action::Store)) {
            let mut view = View::over(&store);
            for action in batch {
                match action {
                    Action::Put(key, value) => {
                        view.put(key, vec![*value]);
                        map.insert(key.clone(), vec![*value]);
                    }
                    Action::Append(key, value) => {
                        let length = view.update(key, |row| { row.push(*value); Ok(row.len()) });
                        let row = map.get_mut(key).map(|row| { row.push(*value); row.len() });
                        prop_assert_eq!(length, row);
                    }
                    Action::Remove(key) => {
                        view.remove(key);
                        map.remove(key);
                    }
                    Action::RemovePrefix(prefix) => {
                        let before = map.len();
                        map.retain(|key, _| !key.starts_with(prefix));
                        prop_assert_eq!(view.remove_prefix(prefix), before - map.len());
                    }
                    Action::Store => {}
                }
                let from = from.clone().max(prefix.clone());
                let rows = view.scan_from(&prefix, &from).map(|(key, value)| (key.into_owned(), value.into_owned()));
                let expected = map.range(from..).filter(|(key, _)| key.starts_with(&prefix));
                prop_assert_eq!(rows.collect::<Vec<_>>(), expected.map(|(k, v)| (k.clone(), v.clone())).collect::<Vec<_>>());
                prop_assert_eq!(view.get(&prefix).map(Cow::into_owned), map.get(&prefix).cloned());
            }
            let changes = view.into_changes().unwrap();
            store.apply(changes);
        }
        prop_assert_eq!(store.len(), map.len());
    }

    #[test]
    fn texts_and_times_stand_in_keys_in_their_own_order(
        left in ("[\0\u{1}ab]{0,5}", any::<i64>(), "[\0\u{1}ab]{0,5}"),
        right in ("[\0\u{1}ab]{0,5}", any::<i64>(), "[\0\u{1}ab]{0,5}"),
    ) {
        let key = |(first, time, last): &(String, i64, String)| {
            let mut key = Key::new(Tag::Task);
            key.text(first).time(*time).text(last);
            key.to_vec()
        };
        prop_assert_eq!(key(&left).cmp(&key(&right)), left.cmp(&right));
    }

    #[test]
    fn numbers_are_read_as_they_were_written(uint in any::<u64>(), int in any::<i64>(), time in any::<i64>(), text in ".*") {
        let row = value::row(1, |row| { row.uint(uint).int(int).time(time).text(&text).byte(7); });
        let mut from = Reader::new(&row);
        prop_assert_eq!(from.version(1), Ok(()));
        prop_assert_eq!((from.uint(), from.int(), from.time(), from.text()), (Ok(uint), Ok(int), Ok(time), Ok(&*text)));
        prop_assert_eq!((from.byte(), from.is_at_end()), (Ok(7), true));
        for length in 1..row.len() {
            let mut from = Reader::new(&row[..length]);
            let read = from.version(1).and_then(|()| {
                from.uint()?;
                from.int()?;
                from.time()?;
                from.text()?;
                from.byte()
            });
            prop_assert!(matches!(read, Err(Malformed::End { .. })), "{read:?} of {length} bytes");
        }
    }
}

#[test]
fn a_long_text_keeps_a_key_short_and_is_no_other() {
    let key = |text: &str| {
        let mut key = Key::new(Tag::Append);
        let owner = Owner::Group { rule_id: text, group_key: text };
        key.time(0).byte(1).text(text).text(text).bytes(text.as_bytes()).owner(owner);
        key.to_vec()
    };
    let texts = ["a".repeat(TEXT_BYTES_MAX - 2), "a".repeat(TEXT_BYTES_MAX - 1), "b".repeat(1 << 18), "\0".repeat(64)];
    let keys = texts.map(|text| key(&text));
    assert!(keys.iter().all(|key| key.len() <= 1 + 8 + 1 + 5 * TEXT_BYTES_MAX + 1));
    assert!(keys.iter().enumerate().all(|(at, key)| !keys[at + 1..].contains(key)));
}

#[test]
fn a_row_of_an_unknown_version_stops_the_batch_and_names_itself() {
    let mut store = MemoryStore::default();
    let mut view = View::over(&store);
    view.put(&[7, b'a'], vec![2, 0]);
    view.put(&[7, b'b'], Vec::new());
    store.apply(view.into_changes().unwrap());

    let mut view = View::over(&store);
    assert_eq!(view.read(&[7, b'a'], |from| from.version(1)), None);
    assert_eq!(view.update(&[7, b'b'], |row| Reader::new(row).version(1)), None);
    let error = view.into_changes().expect_err("a row could not be read");
    assert_eq!(error.key, [7, b'a']);
    let told = error.to_string();
    assert!(told.contains("\\x07a") && told.contains("expected version 1, found 2"), "{told}");
}
