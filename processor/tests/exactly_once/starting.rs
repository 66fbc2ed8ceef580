//! A task that cannot start at once, because something it needs is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bus::Offset;
use bus::embedded::Habits;
use processor::store::TaskState;
use processor::{Core, CoreError, Cores, Failpoints, Heard, Point, Processor, Sent, TaskId};

use crate::oracle;
use crate::standin::Standin;
use crate::world::{declare, directory, folder, open_log, send, settings};

/// The first time it is asked, what it needs is away.
#[derive(Debug, Default)]
struct Late(AtomicBool);

impl Cores for Late {
    fn core(&self, task: TaskId, state: &TaskState<'_>) -> Result<Box<dyn Core>, CoreError> {
        if self.0.swap(true, Ordering::SeqCst) {
            return Standin.core(task, state);
        }
        Err(CoreError::SchemaUnavailable { task, offset: Offset(0), reason: "away for a moment".to_owned() })
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
