//! Disks that are full, read-only or damaged, and a clock that jumps: an error that says what to do, or a recovery, and never
//! a row lost or doubled.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bus::config::Checkpoints;
use bus::{Bus, Partition};
use contracts::topics::TELEMETRY_EVENTS;
use processor::checkpoint::CheckpointError;
use processor::store::{Memory, Store, StoreError};
use processor::{CoreError, Failpoints, Processor, ProcessorError, Settings, StateLoss};
use testbed::disk::Disk;

use crate::loss::{AT_WORK, HOUR_MICROS, Scene, TASKS, goes_on_exactly, run};
use crate::oracle;
use crate::standin::Standin;
use crate::world::send;

/// All of what is free.
fn fill(dir: &Path) -> PathBuf {
    let ballast = dir.join("ballast");
    let mut file = std::fs::File::create(&ballast).unwrap();
    // Ends with an error: the disk is full.
    drop(std::io::copy(&mut std::io::repeat(1), &mut file));
    ballast
}

#[test]
fn a_full_disk_ends_the_processor_and_with_room_it_goes_on_exactly() {
    let Some(disk) = Disk::mount("32m") else { return };
    let scene = Scene::new();
    let dir = disk.path().join("state");
    let start = || {
        let settings = Settings { dir: dir.clone(), ..scene.settings() };
        Processor::start(Arc::new(scene.log.clone()), settings, Arc::new(Standin), Failpoints::default())
    };
    let mut processor = start().unwrap();
    run(&mut processor).unwrap();
    let ballast = fill(disk.path());
    // More than what the file system has set aside for the write-ahead log already.
    let error = (1..1_000).find_map(|round| {
        send(&scene.log, 0, 40 * (round + 1), 40);
        run(&mut processor).err()
    });
    let error = error.expect("a full disk takes no forty thousand events");
    assert!(matches!(&error, ProcessorError::Store(StoreError::DiskFull { path }) if *path == dir), "{error:?}");
    drop(processor);
    std::fs::remove_file(ballast).unwrap();
    run(&mut start().unwrap()).unwrap();
    oracle::check(&scene.log);
}

#[test]
fn a_full_place_of_checkpoints_holds_nothing_up_and_with_room_they_are_written() {
    let Some(disk) = Disk::mount("1m") else { return };
    let scene = Scene::storing(|_| Checkpoints::Directory(disk.path().to_owned()));
    let mut processor = scene.start(StateLoss::Refuse).unwrap();
    let ballast = fill(disk.path());
    send(&scene.log, 0, 80, 40);
    run(&mut processor).unwrap();
    let error = processor.checkpoints.as_mut().unwrap().write().unwrap_err();
    assert!(matches!(error, ProcessorError::Checkpoint(CheckpointError::Io { .. })), "{error:?}");
    assert!(error.to_string().contains("No space left") && error.to_string().contains(disk.path().to_str().unwrap()));
    send(&scene.log, 0, 120, 40);
    run(&mut processor).unwrap();
    std::fs::remove_file(ballast).unwrap();
    let checkpoints = processor.checkpoints.as_mut().unwrap();
    assert_eq!((checkpoints.write().unwrap(), checkpoints.show().unwrap()), (TASKS, TASKS));
    let names: Vec<PathBuf> = scene.files_of_checkpoints(disk.path());
    assert!(names.iter().all(|name| name.extension().is_some_and(|ending| ending == "checkpoint")), "{names:?}");
    oracle::check(&scene.log);
}

#[test]
fn a_state_directory_that_cannot_be_written_is_said_at_the_start() {
    let Some(disk) = Disk::mount("1m,ro") else { return };
    let scene = Scene::new();
    let settings = Settings { dir: disk.path().join("state"), ..scene.settings() };
    let bus = Arc::new(scene.log.clone());
    let refused = Processor::start(bus, settings, Arc::new(Standin), Failpoints::default()).map(drop).unwrap_err();
    assert!(matches!(refused, ProcessorError::Store(StoreError::NotWritable { .. })), "{refused:?}");
    assert!(refused.to_string().contains(disk.path().to_str().unwrap()), "{refused}");
}

/// Which files are spoilt, by the beginning or the end of their names, and how.
type Damage = fn(&mut Vec<u8>);

const DAMAGES: [(&str, Damage); 4] = [
    (".sst", |bytes| bytes.iter_mut().step_by(16).for_each(|byte| *byte ^= 0x5A)),
    // In the data, not in what is read when the file is opened.
    (".sst", |bytes| bytes[..24].iter_mut().for_each(|byte| *byte ^= 0x5A)),
    ("CURRENT", |bytes| *bytes = b"no such manifest\n".to_vec()),
    ("MANIFEST", |bytes| bytes.truncate(9)),
];

/// The state lies in files, and those are spoilt.
fn damage(scene: &Scene, (which, spoil): (&str, fn(&mut Vec<u8>))) {
    let dir = scene.path("state");
    // Opening moves what the write-ahead log holds into files.
    drop(Store::open(&dir, &Memory::default()).unwrap());
    let mut spoilt = 0;
    for entry in std::fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with(which) || name.ends_with(which) {
            let mut bytes = std::fs::read(&path).unwrap();
            spoil(&mut bytes);
            std::fs::write(&path, bytes).unwrap();
            spoilt += 1;
        }
    }
    assert!(spoilt > 0, "no {which}");
}

/// As a supervisor does it: started again whenever it ends, at most twice.
fn start_until_it_runs(scene: &Scene) -> Result<(), ProcessorError> {
    let mut outcome = Ok(());
    for _ in 0..3 {
        outcome = scene.start(StateLoss::Refuse).and_then(|mut processor| run(&mut processor));
        match &outcome {
            Err(ProcessorError::Store(error) | ProcessorError::Core(CoreError::Store(error))) => {
                assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
            }
            _ => break,
        }
    }
    outcome
}

#[test]
fn a_damaged_state_is_set_aside_and_made_again_from_checkpoints() {
    for case in DAMAGES {
        let scene = Scene::new();
        damage(&scene, case);
        send(&scene.log, 0, 80, 40);
        start_until_it_runs(&scene).unwrap();
        assert!(scene.path("state/damaged").is_dir(), "{}", case.0);
        goes_on_exactly(&scene, AT_WORK);
    }
}

#[test]
fn a_damaged_state_is_made_again_from_an_input_that_is_whole() {
    let scene = Scene::new();
    scene.lose("checkpoints");
    damage(&scene, DAMAGES[0]);
    send(&scene.log, 0, 80, 40);
    start_until_it_runs(&scene).unwrap();
    goes_on_exactly(&scene, 0);
}

#[test]
fn a_damaged_state_that_nothing_can_replace_is_refused_and_kept() {
    let scene = Scene::new();
    scene.forget_input();
    scene.lose("checkpoints");
    damage(&scene, DAMAGES[0]);
    send(&scene.log, 0, 80, 40);
    let refused = start_until_it_runs(&scene).unwrap_err();
    assert!(matches!(refused, ProcessorError::StateMissing { .. }), "{refused:?}");
    assert!(refused.to_string().contains("--accept-state-loss"), "{refused}");
    assert!(scene.path("state/damaged/CURRENT").is_file(), "what is left of the state is kept");
}

#[test]
fn a_clock_that_jumps_loses_and_repeats_nothing_and_no_append_time_falls() {
    let scene = Scene::new();
    let mut processor = scene.start(StateLoss::Refuse).unwrap();
    run(&mut processor).unwrap();
    let mut sent = 80;
    for hours in [-1, 24, -48, 0, 7_000, -7_000] {
        scene.clock.fetch_add(hours * HOUR_MICROS, Ordering::SeqCst);
        send(&scene.log, 0, sent, 40);
        sent += 40;
        run(&mut processor).unwrap();
    }
    drop(processor);
    scene.lose("state");
    run(&mut scene.start(StateLoss::Refuse).unwrap()).unwrap();
    oracle::check(&scene.log);
    let bus: &dyn Bus = &scene.log;
    let (mut last, mut records) = (None, 0);
    oracle::each(bus, &Partition::new(TELEMETRY_EVENTS, 0), &mut |record| {
        assert!(last <= Some(record.appended_at), "{}: {last:?} {:?}", record.offset, record.appended_at);
        last = Some(record.appended_at);
        records += 1;
    });
    assert_eq!(records, sent);
}
