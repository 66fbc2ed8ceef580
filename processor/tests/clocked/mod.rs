//! A log whose clock the test sets, and a processor on it, turn by turn.

use std::num::NonZeroU32;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use bus::embedded::{Embedded, Options};
use bus::{Bus, Row, To};
use contracts::time::Timestamp;
use contracts::topics;
use processor::{Heard, Processor, Sent};

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

pub struct Log {
    pub bus: Arc<dyn Bus>,
    clock: Arc<AtomicI64>,
}

impl Log {
    /// With every topic.
    pub fn new(folder: &Path, partitions: NonZeroU32, now_micros: i64) -> Self {
        let clock = Arc::new(AtomicI64::new(now_micros));
        let reading = Arc::clone(&clock);
        let options = Options {
            clock: Arc::new(move || Timestamp::from_micros(reading.load(Ordering::SeqCst)).unwrap()),
            maintenance_interval: None,
            ..Options::default()
        };
        let bus: Arc<dyn Bus> = Arc::new(Embedded::open(&folder.join("log"), options).unwrap());
        for topic in topics::ALL {
            bus.create(&topic.declare(partitions)).unwrap();
        }
        Self { bus, clock }
    }

    /// What is appended from here on is of this time.
    pub fn set_clock(&self, now: Timestamp) {
        self.clock.store(now.micros(), Ordering::SeqCst);
    }

    pub fn send(&self, topic: &str, to: To<'_>, value: &[u8]) {
        let mut producer = self.bus.producer(&bus::ProducerSettings::default(), Box::new(drop)).unwrap();
        producer.send(&Row { topic, to, value: Some(value), headers: &[] }, 0).unwrap();
        assert_eq!(producer.flush(Duration::from_secs(10)).unwrap(), 0);
    }
}

/// Until all its tasks are there and nothing is left to apply or to publish.
pub fn settle(processor: &mut Processor, tasks: usize) {
    let deadline = Instant::now() + PATIENCE;
    let mut quiet = 0;
    while quiet < 2 || processor.tasks.positions().count() < tasks {
        let heard = processor.tasks.turn().unwrap();
        let sent = processor.outbound.turn(Instant::now()).unwrap();
        quiet = if (heard, sent) == (Heard::Records(0), Sent::Nothing) { quiet + 1 } else { 0 };
        assert!(Instant::now() < deadline, "not quiet");
    }
}
