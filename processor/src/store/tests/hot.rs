//! Rows in memory against a plain map, whatever happens to the store.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// Room for a few of the rows below.
const FEW_ROWS_BYTES: usize = 600;

#[derive(Debug, Clone)]
enum Action {
    Read(u8),
    /// A value of this length, or no row any more.
    Write(Vec<(u8, Option<usize>)>),
    /// The same, in a write that RocksDB refuses.
    Fail(Vec<(u8, Option<usize>)>),
    Wipe,
    /// In place of all there was.
    Restore(Vec<u8>),
    Open,
}

fn action() -> impl Strategy<Value = Action> {
    let changes = || vec((0..12_u8, proptest::option::weighted(0.8, 0..40_usize)), 1..6);
    prop_oneof![
        12 => (0..12_u8).prop_map(Action::Read),
        6 => changes().prop_map(Action::Write),
        2 => changes().prop_map(Action::Fail),
        1 => Just(Action::Wipe),
        1 => vec(0..12_u8, 0..4).prop_map(Action::Restore),
        1 => Just(Action::Open),
    ]
}

fn key(number: u8) -> Vec<u8> {
    vec![b'k', number]
}

fn batch_of(changes: &[(u8, Option<usize>)], step: usize) -> Changes {
    let value = |length: usize| vec![u8::try_from(step).unwrap_or(u8::MAX); length];
    changes.iter().map(|(number, length)| (key(*number), length.map(value))).collect()
}

/// A synced write with no log to sync is none that RocksDB takes.
fn refuse_writes(store: &mut Store, refuse: bool) {
    store.writing.set_sync(refuse);
    store.writing.disable_wal(refuse);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_is_read_is_what_was_written_whatever_is_kept_in_memory(
        actions in vec(action(), 1..80),
        hot_rows_bytes in prop_oneof![Just(0), Just(FEW_ROWS_BYTES), Just(1 << 20)],
    ) {
        let (_folder, path) = folder();
        let memory = Memory { hot_rows_bytes, ..Memory::default() };
        let mut store = Store::open(&path, &memory).unwrap();
        let mut rows = BTreeMap::<Vec<u8>, Vec<u8>>::new();
        put(&store, OTHER, &[(&key(0), Some(b"other"))]);
        for (step, action) in actions.iter().enumerate() {
            match action {
                Action::Read(number) => {
                    prop_assert_eq!(store.state(TASK).get(&key(*number)), rows.get(&key(*number)).cloned());
                }
                Action::Write(changes) => {
                    let changes = batch_of(changes, step);
                    for (key, value) in changes.clone() {
                        match value {
                            Some(value) => drop(rows.insert(key, value)),
                            None => drop(rows.remove(&key)),
                        }
                    }
                    let mut batch = Batch::default();
                    batch.put_state(TASK, changes);
                    store.write(&batch).unwrap();
                }
                Action::Fail(changes) => {
                    let mut batch = Batch::default();
                    batch.put_state(TASK, batch_of(changes, step));
                    refuse_writes(&mut store, true);
                    store.write(&batch).expect_err("it is refused");
                    refuse_writes(&mut store, false);
                }
                Action::Wipe => {
                    store.wipe(TASK).unwrap();
                    rows.clear();
                }
                Action::Restore(numbers) => {
                    store.wipe(TASK).unwrap();
                    for number in numbers {
                        store.state(TASK).get(&key(*number));
                    }
                    let mut paste = store.paste(TASK);
                    rows = numbers.iter().map(|number| (key(*number), b"restored".to_vec())).collect();
                    for (key, value) in &rows {
                        paste.row(key, value).unwrap();
                    }
                    paste.finish(Offset(1)).unwrap();
                }
                Action::Open => {
                    drop(store);
                    store = Store::open(&path, &memory).unwrap();
                }
            }
            prop_assert!(store.hot().size_bytes() <= hot_rows_bytes);
        }
        for number in 0..12 {
            prop_assert_eq!(store.state(TASK).get(&key(number)), rows.get(&key(number)).cloned());
        }
        prop_assert_eq!(store.state(OTHER).get(&key(0)), Some(b"other".to_vec()));
    }
}

#[test]
fn a_row_that_is_read_again_is_not_looked_for_again_and_one_only_written_takes_no_room() {
    let (_folder, path) = folder();
    let store = open(&path).unwrap();
    put(&store, TASK, &[(b"a", Some(b"1")), (b"b", Some(b"1"))]);
    assert_eq!(store.hot().size_bytes(), 0);
    store.state(TASK).get(b"a");
    store.state(TASK).get(b"none");
    let kept = store.hot().size_bytes();
    assert!(kept > 0);
    // Behind the store's back: what is in memory shows that it is.
    for key in [&b"a"[..], b"none"] {
        let mut whole = Vec::new();
        keys::write_state(TASK, key, &mut whole);
        store.db.put(whole, b"2").unwrap();
    }
    assert_eq!(store.state(TASK).get(b"a"), Some(b"1".to_vec()));
    assert_eq!(store.state(TASK).get(b"none"), None);
    assert_eq!(store.hot().size_bytes(), kept);
}

/// The first byte of the core's keys says what a row is: a window's, or one of what is held back.
#[test]
fn a_row_that_is_made_stays_if_events_ask_for_it_and_one_that_an_alert_leaves_comes_when_it_is_found() {
    let (_folder, path) = folder();
    let store = open(&path).unwrap();
    let (window, held) = (&b"\x11group"[..], &b"\x20repeat"[..]);
    let size = || store.hot().size_bytes();
    for (key, stays) in [(window, true), (held, false)] {
        store.hot().forget_all();
        assert_eq!(store.state(TASK).get(key), None);
        let without = size();
        put(&store, TASK, &[(key, Some(b"made"))]);
        assert_eq!(size() > without, stays, "{}", key.escape_ascii());
        assert_eq!(size() > 0, stays, "{}", key.escape_ascii());
        assert_eq!(store.state(TASK).get(key), Some(b"made".to_vec()));
        let found = size();
        put(&store, TASK, &[(key, Some(b"changed"))]);
        assert_eq!(size(), found + 3, "it was found, and is kept like any other");
        assert_eq!(store.state(TASK).get(key), Some(b"changed".to_vec()));
    }
}
