//! What goes wrong with directories, disks and files, and what the log says of it.

use std::process::Command;

use testbed::disk::Disk;

use super::*;
use crate::embedded::{Salvaged, salvage};

#[test]
fn a_second_owner_is_told_who_the_first_is_and_a_dead_one_hinders_nobody() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("owner"), "process 1 (`gone`) since long ago").unwrap();
    let log = Embedded::open(dir.path(), Options::default()).unwrap();
    let Err(BusError::Held { path, holder }) = Embedded::open(dir.path(), Options::default()) else {
        panic!("two owners of one directory")
    };
    assert_eq!(path, dir.path());
    assert!(
        holder.starts_with(&format!("process {} (`", std::process::id())) && holder.contains("`) since 2"),
        "{holder}"
    );
    drop(log);
    Embedded::open(dir.path(), Options::default()).unwrap();
}

#[test]
fn a_log_of_another_layout_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    drop(Embedded::open(dir.path(), Options::default()).unwrap());
    let store = super::super::store::Store::open(dir.path(), &Options::default()).unwrap();
    let mut batch = rocksdb::WriteBatch::default();
    batch.put([0], 7_u32.to_be_bytes());
    store.write(&batch).unwrap();
    drop(store);
    let refused = Embedded::open(dir.path(), Options::default()).unwrap_err();
    assert!(matches!(refused, BusError::LogVersion { found: 7, .. }), "{refused}");
}

#[test]
fn a_directory_that_cannot_be_made_or_written_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let below_a_file = Embedded::open(&file.join("log"), Options::default()).unwrap_err();
    assert!(matches!(below_a_file, BusError::NotWritable { .. }), "{below_a_file}");
    let Some(disk) = Disk::mount("1m,ro") else { return };
    let read_only = Embedded::open(disk.path(), Options::default()).unwrap_err();
    assert!(matches!(read_only, BusError::NotWritable { .. }), "{read_only}");
}

/// Sends rows of 64 KiB that do not compress until one fails; answers the offsets of those kept and the failure.
fn fill(log: &Embedded, rows: usize) -> (Vec<u64>, Option<BusError>) {
    let fates = Arc::new(Mutex::new(Vec::new()));
    let sink = fates.clone();
    let settings = ProducerSettings { linger: Duration::ZERO, ..ProducerSettings::default() };
    let mut producer = log.producer(&settings, Box::new(move |fate| sink.lock().unwrap().push(fate.result))).unwrap();
    let mut noise = 0x9E37_79B9_7F4A_7C15_u64;
    let mut value = vec![0; 64 * 1024];
    for tag in 0..rows {
        value.fill_with(|| {
            noise ^= noise << 13;
            noise ^= noise >> 7;
            noise ^= noise << 17;
            noise.to_le_bytes()[0]
        });
        let row = Row { topic: "in", to: To::Partition { index: 0, key: None }, value: Some(&value), headers: &[] };
        producer.send(&row, tag as u64).unwrap();
        if fates.lock().unwrap().last().is_some_and(Result::is_err) {
            break;
        }
    }
    drop(producer);
    let mut kept = Vec::new();
    for fate in Arc::try_unwrap(fates).unwrap().into_inner().unwrap() {
        match fate {
            Ok((_, offset)) => kept.push(offset.0),
            Err(error) => return (kept, Some(error)),
        }
    }
    (kept, None)
}

#[test]
fn a_full_disk_keeps_nothing_of_the_call_and_the_log_goes_on_once_there_is_room() {
    // With a reserve the log stops by itself; without one the system refuses in the middle of a write.
    for reserve in [8 * 1024 * 1024, 0] {
        let Some(disk) = Disk::mount("48m") else { return };
        let ballast = disk.path().join("ballast");
        std::fs::write(&ballast, vec![1; 16 * 1024 * 1024]).unwrap();
        let memory = Memory { write_buffer_bytes: 6 * 1024 * 1024, ..Memory::default() };
        let options = Options { disk_reserve_bytes: reserve, memory, ..Options::default() };
        let log = two_topics(disk.path(), options.clone());
        let (kept, error) = fill(&log, 10_000);
        let error = error.expect("48 MB hold no 640 MB");
        assert!(matches!(error, BusError::DiskFull { .. }), "reserve {reserve}: {error}");
        assert_eq!(kept, (0..kept.len() as u64).collect::<Vec<_>>());
        assert_eq!(log.extent(&Partition::new("in", 0)).unwrap().end.0, kept.len() as u64);
        let publisher_refused = log.publisher(&instance("a")).unwrap_err();
        assert!(matches!(publisher_refused, BusError::DiskFull { .. }), "reserve {reserve}: {publisher_refused}");
        assert_eq!(contents(&log, "in", 0).len(), kept.len(), "reading goes on");

        std::fs::remove_file(&ballast).unwrap();
        let freed = Instant::now();
        let (more, error) = loop {
            let filled = fill(&log, 8);
            if filled.1.is_none() || freed.elapsed() > Duration::from_secs(30) {
                break filled;
            }
        };
        assert!(error.is_none(), "reserve {reserve}: 16 MB are free again, and still {error:?}");
        assert_eq!(more[0] + 8, log.extent(&Partition::new("in", 0)).unwrap().end.0);
        drop(log);
        let log = Embedded::open(disk.path(), options).unwrap();
        let offsets: Vec<u64> = contents(&log, "in", 0).iter().map(|record| record.0).collect();
        assert_eq!(offsets, (0..more[0] + 8).collect::<Vec<_>>(), "reserve {reserve}");
    }
}

/// The files of a log with this ending, largest first.
fn files(dir: &Path, ending: &str) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(dir.join("log"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == ending))
        .collect();
    files.sort_by_key(|path| std::cmp::Reverse(std::fs::metadata(path).unwrap().len()));
    files
}

fn spoil(path: &Path, range: impl Fn(usize) -> std::ops::Range<usize>) {
    let mut bytes = std::fs::read(path).unwrap();
    let range = range(bytes.len());
    bytes[range].iter_mut().for_each(|byte| *byte ^= 0x5A);
    std::fs::write(path, bytes).unwrap();
}

/// A log with 2,000 records in `in`, closed.
fn written(dir: &Path) -> Options {
    let options = Options::default();
    let log = two_topics(dir, options.clone());
    let value = "v".repeat(200);
    let row = (0, Some("k"), Some(value.as_str()));
    for _ in 0..20 {
        send(&log, "in", &[row; 100]);
    }
    send(&log, "out", &[(1, None, Some("whole"))]);
    options
}

#[test]
fn a_closed_log_is_free_also_while_another_thread_starts_processes() {
    let dir = tempfile::tempdir().unwrap();
    let is_over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    assert!(Command::new("true").status().unwrap().success());
                }
            });
        }
        let opened: Vec<_> = (0..100).map(|_| Embedded::open(dir.path(), Options::default()).map(drop)).collect();
        is_over.store(true, Ordering::Relaxed);
        assert!(opened.iter().all(Result::is_ok), "{opened:?}");
    });
}

#[test]
fn a_spoiled_block_is_named_and_everything_else_is_saved() {
    let (dir, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let options = written(dir.path());
    // Opening and closing moves the records from the write-ahead log into files.
    drop(Embedded::open(dir.path(), options.clone()).unwrap());
    let uncached = Options { memory: Memory { block_cache_bytes: 0, ..Memory::default() }, ..options };
    spoil(&files(dir.path(), "sst")[0], |length| length / 4..length / 4 + 1);
    let log = Embedded::open(dir.path(), uncached.clone()).unwrap();
    let mut reader = log.read(&[(Partition::new("in", 0), Start::Earliest)], Until::End).unwrap();
    let mut batch = Batch::default();
    let damaged = loop {
        match reader.next(&mut batch, &BatchLimit::default()) {
            Ok(progress) => assert_eq!(progress, Progress::More, "the damage was read over"),
            Err(error) => break error,
        }
    };
    let BusError::Damaged { what, reason, .. } = &damaged else { panic!("{damaged}") };
    assert!(what.starts_with("in[0] from offset ") && reason.contains(".sst"), "{damaged}");
    assert_eq!(contents(&log, "out", 1).len(), 1, "other partitions are read");
    drop((log, reader));

    let salvaged = salvage(dir.path(), new.path(), &uncached).unwrap();
    let Salvaged { records, lost, .. } = &salvaged[0];
    let lost_count: u64 = lost.iter().map(|range| range.end - range.start).sum();
    assert!(lost.len() == 1 && lost_count < 400 && records + lost_count == 2_000, "{salvaged:?}");
    let log = Embedded::open(new.path(), uncached).unwrap();
    let found: Vec<u64> = contents(&log, "in", 0).iter().map(|record| record.0).collect();
    assert_eq!(found, (0..2_000).filter(|offset| !lost[0].contains(offset)).collect::<Vec<_>>());
    assert_eq!(contents(&log, "out", 1).len(), 1);
}

#[test]
fn a_hole_in_the_write_ahead_log_is_damage_and_a_torn_tail_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let options = written(dir.path());
    let ahead = files(dir.path(), "log").remove(0);
    let whole = std::fs::read(&ahead).unwrap();

    spoil(&ahead, |length| length / 2..length / 2 + 1);
    let damaged = Embedded::open(dir.path(), options.clone()).unwrap_err();
    let BusError::Damaged { rescue, .. } = &damaged else { panic!("{damaged}") };
    assert!(rescue.contains("salvage"), "{damaged}");
    let new = tempfile::tempdir().unwrap();
    let salvaged = salvage(dir.path(), new.path(), &options).unwrap();
    let records = salvaged[0].records;
    assert!(
        records > 0 && records < 2_000 && records.is_multiple_of(100),
        "whole writes before the hole: {salvaged:?}"
    );

    std::fs::write(&ahead, &whole[..whole.len() - 7]).unwrap();
    let log = Embedded::open(dir.path(), options).unwrap();
    assert_eq!(contents(&log, "in", 0).len(), 2_000);
    assert_eq!(contents(&log, "out", 1).len(), 0, "only the torn write is gone");
}

#[test]
fn a_file_that_is_gone_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    let options = written(dir.path());
    drop(Embedded::open(dir.path(), options.clone()).unwrap());
    std::fs::remove_file(&files(dir.path(), "sst")[0]).unwrap();
    let damaged = Embedded::open(dir.path(), options.clone()).unwrap_err();
    assert!(matches!(damaged, BusError::Damaged { .. }) && damaged.to_string().contains(".sst"), "{damaged}");
    let new = tempfile::tempdir().unwrap();
    salvage(dir.path(), new.path(), &options).unwrap();
    let log = Embedded::open(new.path(), options).unwrap();
    assert_eq!(contents(&log, "out", 1).len(), 1, "a file of `in` was removed");
}
