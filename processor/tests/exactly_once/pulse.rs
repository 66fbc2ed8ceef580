//! A producer of ticks that is of no use any more. No broker makes librdkafka give one up when a test wants it to.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bus::embedded::Habits;
use bus::{
    Bus, BusError, Extent, FateSink, Found, Instance, Member, MemberSettings, Offset, Partition, Producer,
    ProducerSettings, Publisher, Reader, Result, Row, Start, Until,
};
use contracts::time::Timestamp;
use contracts::topics::{Declared, TELEMETRY_EVENTS};
use processor::{Failpoints, Processor};

use crate::standin::Standin;
use crate::world::{declare, directory, folder, open_log, settings};

/// The log below, but the first producer takes nothing.
#[derive(Debug)]
struct FirstIsSpent {
    log: Arc<dyn Bus>,
    producers: AtomicUsize,
}

#[derive(Debug)]
struct Spent;

impl Producer for Spent {
    fn send(&mut self, _row: &Row<'_>, _tag: u64) -> Result<()> {
        Err(BusError::Spent)
    }

    fn flush(&mut self, _within: std::time::Duration) -> Result<usize> {
        Ok(0)
    }
}

impl Bus for FirstIsSpent {
    fn producer(&self, settings: &ProducerSettings, fates: FateSink) -> Result<Box<dyn Producer>> {
        match self.producers.fetch_add(1, Ordering::SeqCst) {
            0 => Ok(Box::new(Spent)),
            _ => self.log.producer(settings, fates),
        }
    }

    fn topics(&self) -> Result<Vec<Found>> {
        self.log.topics()
    }

    fn create(&self, topic: &Declared) -> Result<()> {
        self.log.create(topic)
    }

    fn alter(&self, topic: &Declared) -> Result<()> {
        self.log.alter(topic)
    }

    fn join(&self, settings: &MemberSettings) -> Result<Box<dyn Member>> {
        self.log.join(settings)
    }

    fn read(&self, from: &[(Partition, Start)], until: Until) -> Result<Box<dyn Reader>> {
        self.log.read(from, until)
    }

    fn publisher(&self, instance: &Instance) -> Result<Box<dyn Publisher>> {
        self.log.publisher(instance)
    }

    fn committed(&self, group: &str, partitions: &[Partition]) -> Result<Vec<Option<Offset>>> {
        self.log.committed(group, partitions)
    }

    fn extent(&self, partition: &Partition) -> Result<Extent> {
        self.log.extent(partition)
    }

    fn offset_at(&self, partition: &Partition, time: Timestamp) -> Result<Offset> {
        self.log.offset_at(partition, time)
    }
}

fn start(folder: &Path) -> (Arc<dyn Bus>, Processor) {
    let log = open_log(folder, Habits::default());
    declare(&*log);
    let bus = Arc::new(FirstIsSpent { log: Arc::clone(&log), producers: AtomicUsize::new(0) });
    let settings = settings("a", &folder.join("a"), &directory(folder), 10);
    (log, Processor::start(bus, settings, Arc::new(Standin), Failpoints::default()).unwrap())
}

#[test]
fn ticks_go_on_with_another_producer_when_one_is_of_no_use_any_more() {
    let folder = folder();
    let (log, mut processor) = start(folder.path());
    while processor.tasks.positions().next().is_none() {
        processor.tasks.turn().unwrap();
    }
    let ticks = || log.extent(&Partition::new(TELEMETRY_EVENTS, 0)).unwrap().end;
    let failed = processor.pulse.tick().unwrap_err();
    assert!(!failed.is_passing(), "{failed}");
    assert_eq!(ticks(), Offset(0));
    assert!(processor.pulse.tick().unwrap() > 0);
    processor.pulse.flush().unwrap();
    assert_eq!(ticks(), Offset(1));
}
