//! The one place where records enter the log.
//!
//! Invariant: offsets are given out under the lock of [`Appender`], written in one batch, and made visible only after the
//! batch is written. A write that failed leaves no trace: its offsets go to the next one.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard};

use contracts::time::Timestamp;
use rocksdb::WriteBatch;

use super::layout;
use super::log::Log;
use super::options::Lost;
use super::store::Family;
use super::topics::{Head, Topic};
use crate::{Instance, Offset, Result};

/// What appending changes.
#[derive(Debug, Default)]
pub(super) struct Appender {
    /// By topic number and partition.
    pub heads: Vec<Vec<Head>>,
    appends: u64,
    publications: u64,
    /// Of instances that made a publisher since the log was opened.
    pub epochs: BTreeMap<Instance, Epoch>,
}

/// How many publishers of an instance there were; the newest fences the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Epoch(pub u64);

/// Rows on their way into the log: they get offsets at once and become visible together by [`Append::commit`], or not at
/// all when it is dropped.
pub(super) struct Append<'l> {
    log: &'l Log,
    appender: MutexGuard<'l, Appender>,
    batch: WriteBatch,
    now: Timestamp,
    /// By topic number; few, and looked up for every row.
    families: Vec<(usize, Family<'l>)>,
    /// Partitions this append has touched, with their heads from before.
    before: Vec<(Arc<Topic>, u32, Head)>,
}

impl<'l> Append<'l> {
    pub fn new(log: &'l Log, mut appender: MutexGuard<'l, Appender>) -> Self {
        appender.appends += 1;
        let now = (log.options.clock)();
        Self { log, appender, batch: WriteBatch::default(), now, families: Vec::new(), before: Vec::new() }
    }

    /// Adds a record of [`layout::encode_record`] to a partition that exists; answers its offset.
    pub fn push(&mut self, topic: &Arc<Topic>, index: u32, record: &mut [u8]) -> Offset {
        let now = self.now;
        let head = self.head(topic, index);
        let offset = head.next;
        head.time = head.time.max(now);
        layout::stamp(record, head.time, head.position);
        head.next += 1;
        head.position += record.len() as u64;
        let family = family_of(self.log, &mut self.families, topic);
        self.batch.put_cf(family, layout::record_key(index, offset), record);
        Offset(offset)
    }

    /// What else becomes true together with the rows.
    pub fn batch(&mut self) -> &mut WriteBatch {
        &mut self.batch
    }

    pub fn is_newest(&self, instance: &Instance, epoch: Epoch) -> bool {
        self.appender.epochs.get(instance) == Some(&epoch)
    }

    /// What makes a publication out of rows: it is counted, and leaves markers where the habits say so. Answers whether
    /// its answer is to be lost.
    pub fn begin_publication(&mut self) -> Option<Lost> {
        let number = self.appender.publications;
        self.appender.publications += 1;
        let habits = &self.log.options.habits;
        if habits.offset_holes {
            for (topic, index, _) in &self.before {
                let head = &mut self.appender.heads[topic.number][*index as usize];
                head.next += 1;
                let mark = topic.mark(*index, head);
                self.batch.put(layout::mark_key(&topic.name, *index), mark.encode());
            }
        }
        habits.unknown_answers.iter().find(|(lost, _)| *lost == number).map(|(_, lost)| *lost)
    }

    pub fn commit(mut self) -> Result<()> {
        self.log.store.write(&self.batch)?;
        for (topic, index, _) in std::mem::take(&mut self.before) {
            topic.state(index).set_end(self.appender.heads[topic.number][index as usize].next);
        }
        self.log.news.raise();
        Ok(())
    }

    fn head(&mut self, topic: &Arc<Topic>, index: u32) -> &mut Head {
        let append = self.appender.appends;
        let head = &mut self.appender.heads[topic.number][index as usize];
        if head.touched_by != append {
            self.before.push((topic.clone(), index, *head));
            head.touched_by = append;
        }
        head
    }
}

fn family_of<'f, 'l>(log: &'l Log, families: &'f mut Vec<(usize, Family<'l>)>, topic: &Topic) -> &'f Family<'l> {
    let place = families.iter().position(|(number, _)| *number == topic.number).unwrap_or_else(|| {
        families.push((topic.number, log.store.family(&topic.name)));
        families.len() - 1
    });
    &families[place].1
}

/// What was not committed was never there.
impl Drop for Append<'_> {
    fn drop(&mut self) {
        for (topic, index, before) in self.before.drain(..) {
            self.appender.heads[topic.number][index as usize] = before;
        }
    }
}
