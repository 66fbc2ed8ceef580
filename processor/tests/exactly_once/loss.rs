//! State that is lost: what a processor goes on from, and when it refuses to.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use bus::config::Checkpoints;
use bus::embedded::{Embedded, Options};
use bus::{Bus, Offset, Partition};
use contracts::records::TelemetryEvent;
use contracts::schema::BuiltIn;
use contracts::time::Timestamp;
use contracts::topics::{self, Keep, TELEMETRY_EVENTS};
use processor::{Failpoints, Heard, Point, Processor, ProcessorError, Sent, Settings, StateLoss};
use tempfile::TempDir;

use crate::oracle;
use crate::standin::{OUTPUTS, Standin};
use crate::world::{PARTITIONS, declare, directory, folder, send, settings};

/// Of the one processor.
pub const TASKS: usize = 6;
/// One of them takes no record: it has nothing to restore.
pub const AT_WORK: usize = 5;
pub const HOUR_MICROS: i64 = 3_600_000_000;

/// One processor on a log whose events are kept for an hour.
pub struct Scene {
    pub log: Embedded,
    pub clock: Arc<AtomicI64>,
    folder: TempDir,
    checkpoints: Checkpoints,
    /// How many tasks were restored from a checkpoint.
    pub restored: Arc<AtomicUsize>,
}

impl Scene {
    pub fn new() -> Self {
        Self::storing(directory)
    }

    /// Two times forty events, applied and published, with a checkpoint after each.
    pub fn storing(checkpoints: impl FnOnce(&Path) -> Checkpoints) -> Self {
        let folder = folder();
        let checkpoints = checkpoints(folder.path());
        let clock = Arc::new(AtomicI64::new(1_767_225_600_000_000));
        let reading = Arc::clone(&clock);
        let options = Options {
            clock: Arc::new(move || Timestamp::from_micros(reading.load(Ordering::SeqCst)).unwrap()),
            maintenance_interval: None,
            ..Options::default()
        };
        let log = Embedded::open(&folder.path().join("log"), options).unwrap();
        declare(&log);
        let events = topics::find(TELEMETRY_EVENTS).unwrap().declare(2.try_into().unwrap());
        log.alter(&topics::Declared { keep: Keep::For(Duration::from_hours(1)), ..events }).unwrap();
        let scene = Self { log, clock, folder, checkpoints, restored: Arc::default() };
        let mut processor = scene.start(StateLoss::Refuse).unwrap();
        for from in [0, 40] {
            send(&scene.log, 0, from, 40);
            run(&mut processor).unwrap();
            let checkpoints = processor.checkpoints.as_mut().unwrap();
            assert_eq!(checkpoints.write().unwrap(), TASKS);
            assert_eq!(checkpoints.show().unwrap(), TASKS);
        }
        scene
    }

    pub fn settings(&self) -> Settings {
        settings("a", &self.path("state"), &self.checkpoints, 10)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn start(&self, state_loss: StateLoss) -> Result<Processor, ProcessorError> {
        let settings = Settings { state_loss, ..self.settings() };
        let restored = Arc::clone(&self.restored);
        let failpoints = Failpoints::new(move |point| {
            restored.fetch_add(usize::from(point == Point::Restored), Ordering::SeqCst);
            Ok(())
        });
        Processor::start(Arc::new(self.log.clone()), settings, Arc::new(Standin), failpoints)
    }

    /// The events of before are gone.
    pub fn forget_input(&self) {
        let now = self.clock.fetch_add(2 * HOUR_MICROS, Ordering::SeqCst) + 2 * HOUR_MICROS;
        self.log.maintain(Timestamp::from_micros(now).unwrap()).unwrap();
        assert!(self.log.extent(&Partition::new(TELEMETRY_EVENTS, 0)).unwrap().earliest > Offset(0));
    }

    pub fn lose(&self, name: &str) {
        std::fs::remove_dir_all(self.path(name)).unwrap();
    }

    /// The checkpoints of the partition that the events are in, ascending.
    fn checkpoints(&self) -> Vec<PathBuf> {
        self.files_of_checkpoints(&self.path("checkpoints"))
    }

    /// The same below another directory.
    pub fn files_of_checkpoints(&self, dir: &Path) -> Vec<PathBuf> {
        let folder = dir.join(self.settings().group).join(format!("{TELEMETRY_EVENTS}-0"));
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }
}

pub fn run(processor: &mut Processor) -> Result<(), ProcessorError> {
    let mut quiet = 0;
    while quiet < 3 {
        let heard = processor.tasks.turn()?;
        let sent = processor.outbound.turn(std::time::Instant::now())?;
        quiet = if (heard, sent) == (Heard::Records(0), Sent::Nothing) { quiet + 1 } else { 0 };
    }
    Ok(())
}

/// With so many tasks restored.
pub fn goes_on_exactly(scene: &Scene, restored: usize) {
    let mut processor = scene.start(StateLoss::Refuse).unwrap();
    send(&scene.log, 0, 80, 40);
    run(&mut processor).unwrap();
    oracle::check(&scene.log);
    assert_eq!(scene.restored.load(Ordering::SeqCst), restored);
}

#[test]
fn a_lost_state_is_made_again_from_its_checkpoint() {
    let scene = Scene::new();
    scene.lose("state");
    goes_on_exactly(&scene, AT_WORK);
}

#[test]
fn a_lost_state_without_a_checkpoint_is_made_again_from_an_input_that_is_whole() {
    let scene = Scene::new();
    scene.lose("state");
    scene.lose("checkpoints");
    goes_on_exactly(&scene, 0);
}

#[test]
fn of_checkpoints_a_damaged_one_is_passed_over() {
    for damage in [flip as fn(&Path), cut, swap] {
        let scene = Scene::new();
        scene.lose("state");
        let newest = scene.checkpoints().pop().unwrap();
        damage(&newest);
        goes_on_exactly(&scene, AT_WORK);
    }
}

/// As after a copy of the disk was put back that is older than what the log still has.
#[test]
fn of_a_state_too_old_to_go_on_from_nothing_is_left_when_it_is_made_again() {
    let rows = [false, true].map(|is_old_state_there| {
        let scene = Scene::new();
        std::fs::create_dir(scene.path("old")).unwrap();
        for file in std::fs::read_dir(scene.path("state")).unwrap().map(Result::unwrap) {
            std::fs::copy(file.path(), scene.path("old").join(file.file_name())).unwrap();
        }
        let mut processor = scene.start(StateLoss::Refuse).unwrap();
        // Fifteen events of each group are behind: none of the groups that the old state knows is there any more.
        send(&scene.log, 0, 80, 25);
        run(&mut processor).unwrap();
        let checkpoints = processor.checkpoints.as_mut().unwrap();
        assert!(checkpoints.write().unwrap() > 0 && checkpoints.show().unwrap() > 0);
        drop(processor);
        scene.forget_input();
        scene.lose("state");
        if is_old_state_there {
            std::fs::rename(scene.path("old"), scene.path("state")).unwrap();
        }
        let mut processor = scene.start(StateLoss::Refuse).unwrap();
        send(&scene.log, 0, 105, 40);
        run(&mut processor).unwrap();
        let mut rows = Vec::new();
        for (topic, index) in OUTPUTS.into_iter().flat_map(|topic| (0..PARTITIONS).map(move |index| (topic, index))) {
            oracle::each(&scene.log, &Partition::new(topic, index), &mut |record| {
                rows.push(String::from_utf8_lossy(record.value.unwrap()).into_owned());
            });
        }
        // Tasks take turns; only within one of them there is an order.
        rows.sort();
        rows
    });
    let differs = rows[0].iter().zip(&rows[1]).find(|(clean, old)| clean != old);
    assert_eq!(differs, None, "a row, and what it is where an old state was there");
    assert!(rows[0].len() > 100, "{}", rows[0].len());
    assert_eq!(rows[1].len(), rows[0].len());
}

fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

fn cut(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    std::fs::write(path, &bytes[..bytes.len() - 40]).unwrap();
}

/// Another partition's.
fn swap(path: &Path) {
    let other = path.to_str().unwrap().replace("v1-0", "v1-1");
    let folder = Path::new(&other).parent().unwrap().to_owned();
    let other = std::fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    std::fs::copy(other, path).unwrap();
}

#[test]
fn without_state_checkpoint_and_the_beginning_of_the_input_it_refuses_to_start() {
    let scene = Scene::new();
    scene.forget_input();
    scene.lose("state");
    scene.lose("checkpoints");
    let refused = run(&mut scene.start(StateLoss::Refuse).unwrap()).unwrap_err();
    assert!(matches!(refused, ProcessorError::StateMissing { .. }), "{refused:?}");
    assert!(refused.to_string().contains("--accept-state-loss"), "{refused}");

    // As is asked for, it goes on at N: what was published stays, and nothing of it comes twice.
    let before = rows(&scene);
    let mut processor = scene.start(StateLoss::Accept).unwrap();
    run(&mut processor).unwrap();
    assert_eq!(rows(&scene), before);
    // What others publish does not take it along: it would not move with its own partition's position.
    send(&scene.log, 1, 80, 1);
    run(&mut processor).unwrap();
    assert_eq!(losses_told(&scene), Vec::<u64>::new(), "it goes with the first record behind it");
    send(&scene.log, 0, 81, 40);
    run(&mut processor).unwrap();
    assert!(rows(&scene) > before);
    assert_eq!(losses_told(&scene), [80], "it is told once");
    assert_eq!(processor.tasks.waiting_bytes(), 0);
}

fn rows(scene: &Scene) -> usize {
    let mut rows = 0;
    oracle::each(&scene.log, &Partition::new(topics::WATCHER_EVENTS, 0), &mut |_| rows += 1);
    rows
}

/// From where it was told that a partition goes on without what was before.
fn losses_told(scene: &Scene) -> Vec<u64> {
    let mut told = Vec::new();
    for index in 0..PARTITIONS {
        oracle::each(&scene.log, &Partition::new(topics::WATCHER_EVENTS, index), &mut |record| {
            let Ok(event) = contracts::codec::decode::<TelemetryEvent>(record.value.unwrap(), &BuiltIn) else { return };
            let payload: serde_json::Value = serde_json::from_str(event.payload.as_str()).unwrap();
            if event.event_type == "state.loss_accepted" {
                told.push(payload["from_offset"].as_u64().unwrap());
            }
        });
    }
    told
}

/// Processors were away for longer than the input is kept: with their state, and without.
#[test]
fn input_that_was_removed_before_anybody_looked_at_it_is_gone_on_without_only_when_asked_for() {
    for has_state in [true, false] {
        let scene = Scene::new();
        send(&scene.log, 0, 80, 40);
        scene.forget_input();
        send(&scene.log, 0, 120, 1);
        let earliest = scene.log.extent(&Partition::new(TELEMETRY_EVENTS, 0)).unwrap().earliest;
        assert!(earliest > Offset(80), "{earliest}");
        if !has_state {
            scene.lose("state");
        }
        let refused = run(&mut scene.start(StateLoss::Refuse).unwrap()).unwrap_err();
        match refused {
            ProcessorError::InputGone { applied, .. } => assert_eq!((has_state, applied), (true, Offset(80))),
            ProcessorError::StateMissing { committed, .. } => assert_eq!((has_state, committed), (false, Offset(80))),
            other => panic!("{other:?}"),
        }
        let before = rows(&scene);
        let mut processor = scene.start(StateLoss::Accept).unwrap();
        run(&mut processor).unwrap();
        send(&scene.log, 0, 121, 40);
        run(&mut processor).unwrap();
        assert!(rows(&scene) > before, "it works on");
        let mut told = losses_told(&scene);
        told.retain(|from| *from == earliest.0);
        assert_eq!(told, [earliest.0]);
        drop(processor);
        run(&mut scene.start(StateLoss::Refuse).unwrap()).unwrap();
    }
}

#[test]
fn a_task_whose_checkpoint_cannot_be_written_does_not_keep_the_others_from_theirs() {
    let scene = Scene::new();
    let mut processor = scene.start(StateLoss::Refuse).unwrap();
    send(&scene.log, 0, 80, 40);
    run(&mut processor).unwrap();
    // The first of them: a file lies where its folder would be.
    let folder = scene.path("checkpoints").join(scene.settings().group).join(format!("{TELEMETRY_EVENTS}-0"));
    std::fs::remove_dir_all(&folder).unwrap();
    std::fs::write(&folder, "in the way").unwrap();
    let checkpoints = processor.checkpoints.as_mut().unwrap();
    let failed = checkpoints.write().unwrap_err();
    assert!(failed.to_string().contains(&format!("{TELEMETRY_EVENTS}-0")), "{failed}");
    assert_eq!(checkpoints.show().unwrap(), TASKS - 1);
}

#[test]
fn a_state_of_another_log_is_refused() {
    let (scene, other) = (Scene::new(), Scene::new());
    let foreign = Settings { dir: other.path("state"), ..Settings { group: "another".to_owned(), ..scene.settings() } };
    let bus = Arc::new(scene.log.clone());
    let mut processor = Processor::start(bus, foreign, Arc::new(Standin), Failpoints::default()).unwrap();
    let refused = run(&mut processor).unwrap_err();
    assert!(matches!(refused, ProcessorError::PositionsFell { committed: None, .. }), "{refused:?}");
    assert!(refused.to_string().contains("another log or group"), "{refused}");
}
