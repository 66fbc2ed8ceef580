//! The store's promises one by one. What they are for is in `tests/exactly_once`.

mod hot;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use detection::view::Store as _;
use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

use super::migration::Migration;
use super::*;
use crate::task::Stage;

const TASK: TaskId = TaskId { stage: Stage::Events, partition: 3 };
const OTHER: TaskId = TaskId { stage: Stage::Matches, partition: 3 };

fn folder() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state");
    (folder, path)
}

fn open(path: &Path) -> Result<Store> {
    Store::open(path, &Memory::default())
}

fn put(store: &Store, task: TaskId, rows: &[(&[u8], Option<&[u8]>)]) {
    let rows = rows.iter().map(|(key, value)| (key.to_vec(), value.map(<[u8]>::to_vec))).collect();
    let mut batch = Batch::default();
    batch.put_state(task, rows);
    batch.put_position(task, Offset(1));
    store.write(&batch).unwrap();
}

#[test]
fn a_task_reads_its_own_rows_and_no_others() {
    let (_folder, path) = folder();
    let store = open(&path).unwrap();
    put(&store, TASK, &[(b"a", Some(b"1")), (b"b", Some(b"2")), (b"\xff\xff", Some(b"last"))]);
    put(&store, OTHER, &[(b"a", Some(b"other"))]);
    let state = store.state(TASK);
    assert_eq!(state.get(b"a"), Some(b"1".to_vec()));
    assert_eq!(state.first(b"aa", b"c"), Some((b"b".to_vec(), b"2".to_vec())));
    assert_eq!(state.first(b"c", b"\xff"), None, "the end is excluded");
    assert_eq!(state.first(b"c", b"\xff\xff\xff"), Some((b"\xff\xff".to_vec(), b"last".to_vec())));
    assert_eq!(state.first(b"\xff\xff\x00", b"\xff\xff\xff"), None, "what follows is another task's");
    put(&store, TASK, &[(b"a", None)]);
    assert_eq!(store.state(TASK).get(b"a"), None);
    assert_eq!(store.state(OTHER).get(b"a"), Some(b"other".to_vec()));
    state.check().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whether it asks for what lies behind the row it found last, or for anything else.
    #[test]
    fn the_first_row_of_a_range_is_found_wherever_one_looked_before(
        rows in vec(vec(0_u8..3, 1..4), 1..12),
        asked in vec((any::<bool>(), vec(0_u8..4, 1..4), vec(0_u8..4, 1..4)), 1..20),
    ) {
        let (_folder, path) = folder();
        let store = open(&path).unwrap();
        put(&store, TASK, &rows.iter().map(|key| (&**key, Some(&**key))).collect::<Vec<_>>());
        put(&store, OTHER, &[(&[0], Some(b"other"))]);
        let sorted: BTreeSet<Vec<u8>> = rows.into_iter().collect();
        let (state, mut last) = (store.state(TASK), vec![0]);
        for (goes_on, from, to) in asked {
            let from = if goes_on { [&*last, &[0]].concat() } else { from };
            let expected = sorted.iter().find(|key| **key >= from && **key < to);
            prop_assert_eq!(state.first(&from, &to), expected.map(|key| (key.clone(), key.clone())));
            last = expected.cloned().unwrap_or(last);
        }
        state.check().unwrap();
    }
}

#[test]
fn a_task_that_is_wiped_leaves_nothing_and_takes_nothing_of_others_along() {
    let (_folder, path) = folder();
    let store = open(&path).unwrap();
    for task in [TASK, OTHER, TaskId { partition: 4, ..TASK }] {
        put(&store, task, &[(b"a", Some(b"1"))]);
        let mut batch = Batch::default();
        batch.put_row(task, Offset(7), 0, b"row");
        store.write(&batch).unwrap();
    }
    store.wipe(TASK).unwrap();
    assert_eq!(store.positions(TASK).unwrap(), None);
    assert_eq!((store.state(TASK).get(b"a"), store.waiting_bytes(TASK).unwrap()), (None, 0));
    for task in [OTHER, TaskId { partition: 4, ..TASK }] {
        assert_eq!((store.state(task).get(b"a"), store.waiting_bytes(task).unwrap()), (Some(b"1".to_vec()), 3));
    }
}

#[test]
fn what_was_written_is_there_after_the_store_was_opened_again() {
    let (_folder, path) = folder();
    put(&open(&path).unwrap(), TASK, &[(b"a", Some(b"1"))]);
    let store = open(&path).unwrap();
    assert_eq!(store.positions(TASK).unwrap(), Some(Positions { applied: Offset(1), published: None }));
    assert_eq!(store.state(TASK).get(b"a"), Some(b"1".to_vec()));
}

#[test]
fn a_publication_cut_short_takes_all_rows_of_an_offset_or_none() {
    let (_folder, path) = folder();
    let store = open(&path).unwrap();
    let mut batch = Batch::default();
    for (offset, index) in [(4, 0), (4, 1), (6, 0), (6, 1), (9, 0)] {
        batch.put_row(TASK, Offset(offset), index, &[0; 10]);
    }
    batch.put_position(TASK, Offset(12));
    store.write(&batch).unwrap();
    // Bytes at most, rows taken, next.
    for (bytes_max, rows, next) in [(1, 2, 6), (20, 2, 6), (21, 4, 9), (40, 4, 9), (41, 5, 12), (1000, 5, 12)] {
        let mut taken = Taken::default();
        store.outgoing().take(TASK, Offset(0), bytes_max, &mut taken).unwrap();
        assert_eq!((taken.row_count(), taken.tasks[0].next), (rows, Offset(next)), "{bytes_max} bytes at most");
    }
    let mut taken = Taken::default();
    store.outgoing().take(TASK, Offset(6), 1000, &mut taken).unwrap();
    assert_eq!(taken.row_count(), 3, "what is below N is not taken");
    let mut taken = Taken::default();
    store.outgoing().take(TASK, Offset(12), 1000, &mut taken).unwrap();
    assert!(taken.tasks.is_empty(), "N does not stand still in a publication, and never falls");
}

#[test]
fn a_store_that_is_open_is_not_opened_again() {
    let (_folder, path) = folder();
    let _store = open(&path).unwrap();
    let refused = open(&path).unwrap_err();
    assert!(matches!(refused, StoreError::Held { .. }), "{refused:?}");
    assert!(refused.to_string().contains("Another processor runs on this state"), "{refused}");
}

#[test]
fn a_damaged_store_is_said_to_be_damaged() {
    for (damaged, what) in [("CURRENT", "no such manifest\n"), ("MANIFEST", "x"), ("OPTIONS", "")] {
        let (_folder, path) = folder();
        put(&open(&path).unwrap(), TASK, &[(b"a", Some(b"1"))]);
        let file = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
        let file = file.filter(|file| file.file_name().unwrap().to_string_lossy().starts_with(damaged)).last().unwrap();
        fs::write(&file, what).unwrap();
        match open(&path) {
            Err(error @ StoreError::Damaged { .. }) => {
                assert!(error.to_string().contains("rebuilt from the newest checkpoint"), "{error}");
            }
            // Only a diary of settings: nothing of the data is gone.
            Ok(store) if damaged == "OPTIONS" => assert_eq!(store.state(TASK).get(b"a"), Some(b"1".to_vec())),
            other => panic!("{damaged}: {other:?}"),
        }
    }
}

#[test]
fn a_hole_in_the_write_ahead_log_is_damage_and_a_torn_tail_is_not() {
    for (is_torn, at) in [(true, None), (false, Some(30))] {
        let (_folder, path) = folder();
        {
            let store = open(&path).unwrap();
            for number in 0..50_u8 {
                put(&store, TASK, &[(&[number], Some(&[number; 100]))]);
            }
        }
        let log = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
        let log = log.filter(|file| file.extension().is_some_and(|extension| extension == "log"));
        let log = log.max_by_key(|file| fs::metadata(file).unwrap().len()).unwrap();
        let mut bytes = fs::read(&log).unwrap();
        match at {
            Some(at) => bytes[at] ^= 0xFF,
            None => bytes.truncate(bytes.len() - 7),
        }
        fs::write(&log, bytes).unwrap();
        let opened = open(&path);
        assert_eq!(opened.is_ok(), is_torn, "{opened:?}");
        assert!(is_torn || matches!(opened, Err(StoreError::Damaged { .. })), "{opened:?}");
    }
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let (folder, _) = folder();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let refused = open(&file.join("state")).unwrap_err();
    assert!(matches!(&refused, StoreError::NotWritable { path, .. } if path.starts_with(&file)), "{refused:?}");
}

/// Two migrations that note in the state that they ran.
const MIGRATIONS: [Migration; 2] = [
    Migration { to: FIRST + 1, name: "the first", run: |store| note(store, b"1") },
    Migration { to: FIRST + 2, name: "the second", run: |store| note(store, b"2") },
];

const FIRST: u32 = migration::FIRST;

fn note(store: &Store, which: &[u8]) -> Result<()> {
    let ran = store.state(TASK).get(b"ran").unwrap_or_default();
    let mut batch = Batch::default();
    batch.put_state(TASK, [(b"ran".to_vec(), Some([&ran[..], which].concat()))].into());
    store.write(&batch)
}

fn migrated(path: &Path, migrations: &[Migration]) -> Result<Vec<u8>> {
    let store = Store::open_with(path, &Memory::default(), migrations)?;
    Ok(store.state(TASK).get(b"ran").unwrap_or_default())
}

#[test]
fn migrations_run_once_each_and_in_order_from_whatever_version() {
    let (_folder, path) = folder();
    assert_eq!(migrated(&path, &[]).unwrap(), b"", "new");
    assert_eq!(migrated(&path, &MIGRATIONS[..1]).unwrap(), b"1");
    assert_eq!(migrated(&path, &MIGRATIONS[..1]).unwrap(), b"1", "not again");
    assert_eq!(migrated(&path, &MIGRATIONS).unwrap(), b"12");

    let (_folder, path) = folder();
    assert_eq!(migrated(&path, &[]).unwrap(), b"");
    assert_eq!(migrated(&path, &MIGRATIONS).unwrap(), b"12", "both at once");

    let (_folder, path) = folder();
    assert_eq!(migrated(&path, &MIGRATIONS).unwrap(), b"", "a new store has nothing to migrate");
    let store = Store::open_with(&path, &Memory::default(), &MIGRATIONS).unwrap();
    assert_eq!(store.migrations().unwrap(), Vec::<String>::new());
}

#[test]
fn a_migration_that_failed_runs_again_and_the_ones_before_it_do_not() {
    let (_folder, path) = folder();
    migrated(&path, &[]).unwrap();
    // For a reason that says nothing of the state itself.
    let fail = |store: &Store| Err(StoreError::TooNew { path: store.path.clone(), found: 0, known: 0 });
    let failing = Migration { to: FIRST + 2, name: "failing", run: fail };
    let [first, second] = MIGRATIONS;
    let failed = migrated(&path, &[first, failing]).unwrap_err();
    assert!(matches!(&failed, StoreError::Migration { name: "failing", .. }), "{failed:?}");
    let [first, _] = MIGRATIONS;
    let store = Store::open_with(&path, &Memory::default(), &[first, second]).unwrap();
    assert_eq!(store.state(TASK).get(b"ran"), Some(b"12".to_vec()));
    assert_eq!(store.migrations().unwrap(), ["the first", "the second"]);
}

#[test]
fn a_state_of_a_newer_release_is_refused_and_left_alone() {
    let (_folder, path) = folder();
    migrated(&path, &MIGRATIONS).unwrap();
    let refused = migrated(&path, &[]).unwrap_err();
    assert!(matches!(refused, StoreError::TooNew { found, known, .. } if found == FIRST + 2 && known == FIRST));
    assert!(refused.to_string().contains("use the release that wrote it"), "{refused}");
    migrated(&path, &MIGRATIONS).unwrap();
}

/// The list itself: each landed version once, in order.
#[test]
fn the_migrations_of_this_release_lead_from_the_first_version_to_the_present_one() {
    let versions: Vec<u32> = migration::ALL.iter().map(|migration| migration.to).collect();
    let expected: Vec<u32> = (FIRST..).skip(1).take(versions.len()).collect();
    assert_eq!(versions, expected);
    assert_eq!(VERSION, versions.last().copied().unwrap_or(FIRST));
}
