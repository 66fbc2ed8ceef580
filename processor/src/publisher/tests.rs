//! Old rows and a membership that the log takes: what nobody but this crate can stop.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, OnceLock};

use bus::embedded::{Embedded, Options};
use bus::{
    Batch, BatchLimit, Bus, Instance, MemberSettings, Offset, Partition, ProducerSettings, Progress, Record, Start, To,
    Until,
};
use contracts::topics::{self, ALERTS, TELEMETRY_EVENTS};
use detection::view::View;
use tempfile::TempDir;

use super::*;
use crate::core::{Core, CoreError, Cores};
use crate::failpoint::Failpoints;
use crate::outbox::Rows;
use crate::recovery::Recovered;
use crate::settings::GROUP;
use crate::store::TaskState;
use crate::{Heard, Processor, Settings, Stage};

const TASK: TaskId = TaskId { stage: Stage::Events, partition: 0 };
const SESSION: Duration = Duration::from_millis(150);
/// Long for what would come at once.
const NEVER: Duration = Duration::from_millis(300);

/// One alert for each event.
#[derive(Debug)]
struct Echo;

impl Cores for Echo {
    fn core(&self, _task: TaskId, _state: &TaskState<'_>) -> Result<Box<dyn Core>, CoreError> {
        Ok(Box::new(Self))
    }
}

impl Core for Echo {
    fn apply(&mut self, record: &Record<'_>, _view: &mut View<'_>, rows: &mut Rows) -> Result<(), CoreError> {
        let row = Row { topic: ALERTS, to: To::Key(b"k"), value: record.value, headers: &[] };
        rows.push(&row).map_err(|source| CoreError::Row { task: TASK, offset: record.offset, source })
    }
}

struct Scene {
    log: Embedded,
    folder: TempDir,
}

impl Scene {
    fn new() -> Self {
        Self::with(&[TELEMETRY_EVENTS, ALERTS])
    }

    /// These topics, and one event.
    fn with(names: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let options = Options { maintenance_interval: None, ..Options::default() };
        let log = Embedded::open(&folder.path().join("log"), options).unwrap();
        for topic in names {
            log.create(&topics::find(topic).unwrap().declare(NonZeroU32::MIN)).unwrap();
        }
        let mut producer = log.producer(&ProducerSettings::default(), Box::new(drop)).unwrap();
        let to = To::Partition { index: 0, key: None };
        producer.send(&Row { topic: TELEMETRY_EVENTS, to, value: Some(b"event"), headers: &[] }, 0).unwrap();
        assert_eq!(producer.flush(Duration::from_secs(10)).unwrap(), 0);
        Self { log, folder }
    }

    /// It has applied the event.
    fn processor(&self, failpoints: Failpoints) -> Processor {
        let mut processor = self.start(failpoints);
        while processor.tasks.turn().unwrap() != Heard::Records(1) {}
        processor
    }

    fn start(&self, failpoints: Failpoints) -> Processor {
        let settings = Settings {
            stages: vec![Stage::Events],
            is_static: false,
            session_timeout: SESSION,
            ..Settings::new(Instance::new("p").unwrap(), self.folder.path().join("state"))
        };
        Processor::start(Arc::new(self.log.clone()), settings, Arc::new(Echo), failpoints).unwrap()
    }

    fn alerts(&self) -> usize {
        let mut reader = self.log.read(&[(Partition::new(ALERTS, 0), Start::Earliest)], Until::End).unwrap();
        let (mut batch, mut count) = (Batch::default(), 0);
        while reader.next(&mut batch, &BatchLimit::default()).unwrap() == Progress::More {
            count += batch.len();
        }
        count
    }
}

/// The process slept while rows were taken and not yet sent; another worked; it woke and has its partition again, by a
/// membership as good as any. Nothing but the epoch tells that the rows are old.
#[test]
fn rows_taken_before_a_partition_was_lost_and_won_back_are_stopped_by_their_epoch_alone() {
    let scene = Scene::new();
    let shared: Arc<OnceLock<Arc<Shared>>> = Arc::default();
    let (reading, is_over) = (Arc::clone(&shared), AtomicBool::new(false));
    let failpoints = Failpoints::new(move |point| {
        let is_first = point == Point::RowsTaken && !is_over.swap(true, Ordering::SeqCst);
        if let Some(shared) = reading.get().filter(|_| is_first) {
            let live = shared.ownership.live()[&TASK];
            shared.ownership.end(&[TASK]);
            let (published, waiting_bytes) = (live.published, live.waiting_bytes);
            let recovered = Recovered { applied: Offset(1), published, waiting_bytes };
            shared.ownership.grant(TASK, recovered, live.standing);
        }
        Ok(())
    });
    let mut processor = scene.processor(failpoints);
    shared.set(Arc::clone(&processor.outbound.shared)).unwrap();
    assert_eq!(processor.outbound.turn(Instant::now()).unwrap(), Sent::Undecided);
    assert_eq!(scene.alerts(), 0, "old rows were published");
    assert_eq!(scene.log.committed(GROUP, &[TASK.input()]).unwrap(), [None], "N moved with them");
    // By its own epoch the same row goes out, once.
    while !matches!(processor.outbound.turn(Instant::now()).unwrap(), Sent::Committed { rows: 1 }) {}
    assert_eq!(scene.alerts(), 1);
}

/// With fresh metadata old rows would be taken: a member that was missed has to see its publication end before it joins again.
#[test]
fn a_member_that_was_missed_joins_again_only_when_its_publication_is_over() {
    let scene = Scene::new();
    let (is_taken, taken): (Sender<()>, Receiver<()>) = mpsc::channel();
    let (is_lost, lost): (Sender<()>, Receiver<()>) = mpsc::channel();
    let returned = Arc::new(AtomicBool::new(false));
    let came_first = Arc::new(AtomicBool::new(false));
    let (returning, noting, lost) = (Arc::clone(&returned), Arc::clone(&came_first), Mutex::new(lost));
    let failpoints = Failpoints::new(move |point| {
        match point {
            Point::RowsTaken => {
                is_taken.send(()).unwrap();
                lost.lock().unwrap().recv().unwrap();
                let end = Instant::now() + NEVER;
                while Instant::now() < end && !returning.load(Ordering::SeqCst) {
                    std::thread::yield_now();
                }
                noting.store(returning.load(Ordering::SeqCst), Ordering::SeqCst);
            }
            Point::Lost => is_lost.send(()).unwrap(),
            _ => {}
        }
        Ok(())
    });
    let Processor { mut tasks, mut outbound, .. } = scene.processor(failpoints);
    std::thread::scope(|scope| {
        let publishing = scope.spawn(move || outbound.turn(Instant::now()).unwrap());
        taken.recv().unwrap();
        std::thread::sleep(SESSION * 2);
        let mut other = scene
            .log
            .join(&MemberSettings {
                group: GROUP.to_owned(),
                instance: Instance::new("other").unwrap(),
                is_static: false,
                topics: vec![TELEMETRY_EVENTS.to_owned()],
                session_timeout: Duration::from_secs(10),
            })
            .unwrap();
        let mut batch = Batch::default();
        while !matches!(other.poll(&mut batch, &BatchLimit::default()).unwrap(), bus::Polled::Assigned(_)) {}
        while !matches!(tasks.turn().unwrap(), Heard::Lost(_)) {}
        returned.store(true, Ordering::SeqCst);
        assert_eq!(publishing.join().unwrap(), Sent::Undecided);
    });
    assert!(!came_first.load(Ordering::SeqCst), "it could join again while old rows were on their way");
    assert_eq!(scene.alerts(), 0);
}

/// What was written may be published before whoever wrote it goes on.
#[test]
fn rows_that_are_published_before_their_batch_is_noted_do_not_count_as_waiting_for_ever() {
    let scene = Scene::new();
    let outbound: Arc<Mutex<Option<Outbound>>> = Arc::default();
    let publishing = Arc::clone(&outbound);
    let failpoints = Failpoints::new(move |point| {
        let mut outbound = if point == Point::BatchWritten { publishing.lock().unwrap().take() } else { None };
        if let Some(outbound) = &mut outbound {
            assert_eq!(outbound.turn(Instant::now()).unwrap(), Sent::Committed { rows: 1 });
        }
        Ok(())
    });
    let Processor { mut tasks, outbound: own, .. } = scene.start(failpoints);
    *outbound.lock().unwrap() = Some(own);
    while tasks.turn().unwrap() != Heard::Records(1) {}
    assert_eq!((scene.alerts(), tasks.waiting_bytes()), (1, 0));
}

/// Made again at once, a publisher would do nothing but fail; and nobody would know.
#[test]
fn rows_that_no_topic_takes_wait_and_whoever_looks_is_told_until_one_does() {
    let scene = Scene::with(&[TELEMETRY_EVENTS]);
    let mut processor = scene.processor(Failpoints::default());
    let start = Instant::now();
    let reasons = |processor: &Processor| processor.watch().readiness().to_json();
    assert_eq!(processor.outbound.turn(start).unwrap(), Sent::Undecided);
    assert!(reasons(&processor).contains(ALERTS), "{}", reasons(&processor));
    assert_eq!(processor.outbound.turn(start).unwrap(), Sent::Nothing, "not at once");
    for round in 1..4 {
        assert_eq!(processor.outbound.turn(start + RETRY_AFTER * round).unwrap(), Sent::Settled);
        assert_eq!(processor.outbound.turn(start + RETRY_AFTER * round).unwrap(), Sent::Undecided);
        assert!(reasons(&processor).contains(ALERTS), "a new publisher alone is no success: {}", reasons(&processor));
    }
    scene.log.create(&topics::find(ALERTS).unwrap().declare(NonZeroU32::MIN)).unwrap();
    assert_eq!(processor.outbound.turn(start + RETRY_AFTER * 5).unwrap(), Sent::Settled);
    assert_eq!(processor.outbound.turn(start + RETRY_AFTER * 5).unwrap(), Sent::Committed { rows: 1 });
    assert_eq!(scene.alerts(), 1);
    assert!(!reasons(&processor).contains("trouble"), "{}", reasons(&processor));
}
