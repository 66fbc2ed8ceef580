//! What should be on the topics: every input partition followed from its first record to its last, in memory, once.

use std::collections::BTreeMap;

use bus::{Batch, BatchLimit, Bus, Partition, Progress, Record, Start, Until};
use contracts::partition::partition_of;
use processor::{Stage, TaskId};

use crate::standin::{OUTPUTS, follow};
use crate::world::PARTITIONS;

/// Rows in their order, by the task they came from and the partition they went to.
type Lines = BTreeMap<(String, Partition), Vec<(Vec<u8>, Vec<u8>)>>;

/// Equal maps are equal multisets, and the same bytes in the same order for each input partition.
pub fn check(bus: &dyn Bus) {
    let (expected, found) = (expected(bus), found(bus));
    for key in expected.keys().chain(found.keys()) {
        let (expected, found) = (expected.get(key), found.get(key));
        let text = |rows: Option<&Vec<(Vec<u8>, Vec<u8>)>>| -> Vec<String> {
            rows.into_iter().flatten().map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
        };
        let (found, expected) = (text(found), text(expected));
        let same = found.iter().zip(&expected).take_while(|(found, expected)| found == expected).count();
        assert_eq!(found.get(same), expected.get(same), "rows of {} on {}, after {same} that are right", key.0, key.1);
    }
    assert_eq!(found, expected);
}

/// How many rows there should be.
pub fn count(bus: &dyn Bus) -> usize {
    expected(bus).values().map(Vec::len).sum()
}

fn expected(bus: &dyn Bus) -> Lines {
    let mut lines = Lines::new();
    for stage in Stage::ALL {
        for partition in 0..PARTITIONS {
            let task = TaskId { stage, partition };
            let mut state = BTreeMap::new();
            each(bus, &task.input(), &mut |record| {
                for (topic, key, value) in follow(task, record, &mut state) {
                    let index = partition_of(&key, PARTITIONS.try_into().expect("not zero"));
                    lines.entry((task.to_string(), Partition::new(topic, index))).or_default().push((key, value));
                }
            });
        }
    }
    lines
}

fn found(bus: &dyn Bus) -> Lines {
    let mut lines = Lines::new();
    for (topic, index) in OUTPUTS.into_iter().flat_map(|topic| (0..PARTITIONS).map(move |index| (topic, index))) {
        let partition = Partition::new(topic, index);
        each(bus, &partition, &mut |record| {
            let (key, value) = (record.key.unwrap_or_default(), record.value.unwrap_or_default());
            let source = String::from_utf8_lossy(value).split('|').next().unwrap_or_default().to_owned();
            lines.entry((source, partition.clone())).or_default().push((key.to_vec(), value.to_vec()));
        });
    }
    lines
}

/// Every committed record of a partition.
pub fn each(bus: &dyn Bus, partition: &Partition, with: &mut dyn FnMut(&Record<'_>)) {
    let mut reader = bus.read(&[(partition.clone(), Start::Earliest)], Until::End).unwrap();
    let mut batch = Batch::default();
    while reader.next(&mut batch, &BatchLimit::default()).unwrap() == Progress::More {
        batch.records().for_each(|record| with(&record));
    }
}
