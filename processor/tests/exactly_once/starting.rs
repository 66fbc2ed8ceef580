//! A task that cannot start at once, or go on, because something it needs is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bus::embedded::Habits;
use bus::{Offset, Record};
use detection::view::View;
use processor::store::TaskState;
use processor::{Core, CoreError, Cores, Failpoints, Heard, Point, Processor, Rows, Sent, TaskId};

use crate::oracle;
use crate::standin::Standin;
use crate::world::{declare, directory, folder, open_log, send, settings};

fn away(task: TaskId) -> CoreError {
    CoreError::SchemaUnavailable { task, offset: Offset(0), reason: "away for a moment".to_owned() }
}

/// The first time it is asked, what it needs is away.
#[derive(Debug, Default)]
struct Late(AtomicBool);

impl Cores for Late {
    fn core(&self, task: TaskId, state: &TaskState<'_>) -> Result<Box<dyn Core>, CoreError> {
        if self.0.swap(true, Ordering::SeqCst) {
            return Standin.core(task, state);
        }
        Err(away(task))
    }
}

/// A broker refuses a partition that was accepted before.
#[test]
fn a_partition_whose_core_cannot_be_made_yet_is_accepted_once_and_only_when_it_can() {
    let folder = folder();
    let bus = open_log(folder.path(), Habits::default());
    declare(&*bus);
    send(&*bus, 0, 0, 40);
    let accepted = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&accepted);
    let failpoints = Failpoints::new(move |point| {
        counting.fetch_add(usize::from(point == Point::Accepted), Ordering::SeqCst);
        Ok(())
    });
    let settings = settings("a", &folder.path().join("a"), &directory(folder.path()), 10);
    let mut processor = Processor::start(Arc::clone(&bus), settings, Arc::new(Late::default()), failpoints).unwrap();
    let error = loop {
        match processor.tasks.turn() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(error.is_passing(), "{error}");
    assert_eq!(accepted.load(Ordering::SeqCst), 0, "it cannot be worked on yet");
    assert!(matches!(processor.tasks.turn().unwrap(), Heard::Assigned(_)));
    assert_eq!(accepted.load(Ordering::SeqCst), 1);
    let mut quiet = 0;
    while quiet < 3 {
        let heard = processor.tasks.turn().unwrap();
        let sent = processor.outbound.turn(std::time::Instant::now()).unwrap();
        quiet = if (heard, sent) == (Heard::Records(0), Sent::Nothing) { quiet + 1 } else { 0 };
    }
    oracle::check(&*bus);
}

/// From this many records on what they need is away, and so is what a core that is made anew needs, for so many questions.
#[derive(Debug, Clone)]
struct Interrupted {
    records: Arc<AtomicUsize>,
    refusals: Arc<AtomicUsize>,
}

const GOES_AWAY_AT: usize = 13;
const REFUSALS: usize = 4;

impl Interrupted {
    fn is_away(&self) -> bool {
        let is_over = self.records.load(Ordering::SeqCst) >= GOES_AWAY_AT;
        is_over && self.refusals.fetch_add(1, Ordering::SeqCst) < REFUSALS
    }
}

#[derive(Debug)]
struct InterruptedCore(TaskId, Interrupted, Box<dyn Core>);

impl Cores for Interrupted {
    fn core(&self, task: TaskId, state: &TaskState<'_>) -> Result<Box<dyn Core>, CoreError> {
        if self.is_away() {
            return Err(away(task));
        }
        Ok(Box::new(InterruptedCore(task, self.clone(), Standin.core(task, state)?)))
    }
}

impl Core for InterruptedCore {
    fn apply(&mut self, record: &Record<'_>, view: &mut View<'_>, rows: &mut Rows) -> Result<(), CoreError> {
        self.1.records.fetch_add(1, Ordering::SeqCst);
        if self.1.is_away() {
            return Err(away(self.0));
        }
        self.2.apply(record, view, rows)
    }
}

/// What was polled comes only once.
#[test]
fn records_that_cannot_be_applied_yet_wait_also_while_no_core_can_be_made_for_them() {
    let folder = folder();
    let bus = open_log(folder.path(), Habits::default());
    declare(&*bus);
    send(&*bus, 0, 0, 40);
    let settings = settings("a", &folder.path().join("a"), &directory(folder.path()), 10);
    let cores = Interrupted { records: Arc::default(), refusals: Arc::default() };
    let refusals = Arc::clone(&cores.refusals);
    let mut processor = Processor::start(Arc::clone(&bus), settings, Arc::new(cores), Failpoints::default()).unwrap();
    let (mut quiet, mut failed) = (0, 0);
    while quiet < 3 {
        let heard = match processor.tasks.turn() {
            Err(error) if error.is_passing() => {
                failed += 1;
                continue;
            }
            heard => heard.unwrap(),
        };
        let sent = processor.outbound.turn(std::time::Instant::now()).unwrap();
        quiet = if (heard, sent) == (Heard::Records(0), Sent::Nothing) { quiet + 1 } else { 0 };
    }
    assert_eq!(failed, REFUSALS, "one at a record, the others at its core");
    assert!(refusals.load(Ordering::SeqCst) > REFUSALS);
    oracle::check(&*bus);
}
