//! Records that were polled and are not applied yet: the time of a turn was over.
//!
//! Invariant: of each partition they are in the log's order, all of them lie before what the next poll brings of it, and the first
//! is the next one that its task applies.
//!
//! A task that has as many as one poll may bring is held: no more are polled for it until half of them are applied. So a
//! task waits for its own records only, and no more of them wait in memory than two polls bring. Where many tasks are behind,
//! all of them are held from [`POLLS_MAX`] polls on: memory is bounded, however many there are.

use std::collections::{BTreeMap, BTreeSet};

use bus::{Batch, BatchLimit, Record};

use crate::task::TaskId;

/// Of as many as the bytes of all that waits.
const POLLS_MAX: usize = 8;

#[derive(Debug, Default)]
pub(crate) struct Backlog {
    records: Batch,
    sizes: BTreeMap<TaskId, Size>,
    held: BTreeSet<TaskId>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Size {
    records: usize,
    bytes: usize,
}

impl Backlog {
    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    pub fn len(&self) -> usize {
        self.records.len()
    }

    pub fn has(&self, task: TaskId) -> bool {
        self.sizes.contains_key(&task)
    }

    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        self.records.records()
    }

    pub fn push(&mut self, task: TaskId, record: &Record<'_>) {
        let bytes_before = self.records.size_bytes();
        self.records.push_record(record);
        let size = self.sizes.entry(task).or_default();
        size.records += 1;
        size.bytes += self.records.size_bytes() - bytes_before;
    }

    /// What waits now; who is held stays so.
    pub fn replace(&mut self, waiting: Self) {
        let held = std::mem::take(&mut self.held);
        *self = Self { held, ..waiting };
    }

    /// These tasks run here no more.
    pub fn forget(&mut self, tasks: &[TaskId]) {
        self.held.retain(|task| !tasks.contains(task));
        if !tasks.iter().any(|task| self.has(*task)) {
            return;
        }
        let mut others = Self::default();
        for record in self.records.records() {
            let task = TaskId::of(record.partition).ok().filter(|task| !tasks.contains(task));
            if let Some(task) = task {
                others.push(task, &record);
            }
        }
        self.replace(others);
    }

    pub fn holds(&self, task: TaskId) -> bool {
        self.held.contains(&task)
    }

    /// Tasks that are to be held and are not yet.
    pub fn to_hold(&self, limit: &BatchLimit) -> Vec<TaskId> {
        let is_all_full = self.is_all_full(limit);
        let is_full = |size: &Size| is_all_full || size.records >= limit.records_max || size.bytes >= limit.bytes_max;
        let full = self.sizes.iter().filter(|(task, size)| !self.holds(**task) && is_full(size));
        full.map(|(task, _)| *task).collect()
    }

    /// Tasks that are held and need not be any more.
    pub fn to_free(&self, limit: &BatchLimit) -> Vec<TaskId> {
        let size = |task: &TaskId| self.sizes.get(task).copied().unwrap_or_default();
        let is_all_full = self.is_all_full(limit);
        let is_low =
            |size: Size| !is_all_full && size.records <= limit.records_max / 2 && size.bytes <= limit.bytes_max / 2;
        self.held.iter().filter(|task| is_low(size(task))).copied().collect()
    }

    fn is_all_full(&self, limit: &BatchLimit) -> bool {
        self.records.size_bytes() >= POLLS_MAX * limit.bytes_max
    }

    pub fn hold(&mut self, tasks: &[TaskId]) {
        self.held.extend(tasks);
    }

    pub fn free(&mut self, tasks: &[TaskId]) {
        self.held.retain(|task| !tasks.contains(task));
    }
}

#[cfg(test)]
mod tests {
    use bus::{Offset, Partition};
    use contracts::time::Timestamp;

    use super::*;
    use crate::task::Stage;

    const LIMIT: BatchLimit = BatchLimit { records_max: 4, bytes_max: 1_000, wait: std::time::Duration::ZERO };

    fn task(partition: u32) -> TaskId {
        TaskId { stage: Stage::Events, partition }
    }

    /// Of so many partitions, in turn, records of so many bytes.
    fn backlog(partitions: u32, each: u64, bytes: usize) -> Backlog {
        let mut batch = Batch::default();
        let now = Timestamp::from_micros(0).unwrap();
        for offset in 0..each {
            for partition in 0..partitions {
                let partition: Partition = task(partition).input();
                batch.push(&partition, Offset(offset), now, None, Some(&vec![0; bytes]), std::iter::empty());
            }
        }
        let mut backlog = Backlog::default();
        batch.records().for_each(|record| backlog.push(TaskId::of(record.partition).unwrap(), &record));
        backlog
    }

    #[test]
    fn a_task_is_held_from_one_batch_on_until_half_of_one_is_left() {
        // How many wait, how large each is; whether a free task is then held, and a held one freed.
        for (each, bytes, holds, frees) in
            [(1, 9, false, true), (2, 9, false, true), (3, 9, false, false), (4, 9, true, false), (2, 500, true, false)]
        {
            let mut waiting = backlog(2, each, bytes);
            let all = [task(0), task(1)];
            assert_eq!(waiting.to_hold(&LIMIT) == all, holds, "{each} of {bytes}");
            waiting.hold(&all);
            assert_eq!(waiting.to_hold(&LIMIT), [], "they are held already");
            assert_eq!(waiting.to_free(&LIMIT) == all, frees, "{each} of {bytes}");
        }
    }

    #[test]
    fn headers_count_and_where_all_are_behind_all_are_held() {
        let mut batch = Batch::default();
        let header = bus::Header { name: "h", value: &[0; 999] };
        let now = Timestamp::from_micros(0).unwrap();
        batch.push(&task(0).input(), Offset(0), now, None, Some(b""), std::iter::once(header));
        let mut waiting = Backlog::default();
        batch.records().for_each(|record| waiting.push(task(0), &record));
        assert_eq!(waiting.to_hold(&LIMIT), [task(0)]);

        // Each of them alone has little.
        let tasks = |count| (0..count).map(task).collect::<Vec<_>>();
        assert_eq!(backlog(19, 1, 400).to_hold(&LIMIT), []);
        let mut waiting = backlog(20, 1, 400);
        assert_eq!(waiting.to_hold(&LIMIT), tasks(20));
        waiting.hold(&tasks(20));
        assert_eq!(waiting.to_free(&LIMIT), []);
        waiting.forget(&tasks(1));
        assert_eq!(waiting.to_free(&LIMIT), tasks(20)[1..]);
    }

    #[test]
    fn of_a_task_that_ends_nothing_waits_and_the_others_keep_their_order() {
        let mut waiting = backlog(3, 5, 1);
        waiting.hold(&[task(0), task(1)]);
        waiting.forget(&[task(1), task(7)]);
        let left: Vec<_> = waiting.records().map(|record| (record.partition.index, record.offset.0)).collect();
        let expected: Vec<_> = (0..5).flat_map(|offset| [(0, offset), (2, offset)]).collect();
        assert_eq!(left, expected);
        assert_eq!((waiting.has(task(1)), waiting.holds(task(1)), waiting.holds(task(0))), (false, false, true));
        waiting.forget(&[task(0), task(2)]);
        assert!(waiting.is_empty());
    }
}
