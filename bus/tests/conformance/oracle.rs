//! The embedded log against the plainest log there is: a list for each partition.
//!
//! proptest makes the sequences and shrinks a failing one; `PROPTEST_CASES` asks for more of them.
//!
//! A crash is the folder as the kernel has it at that instant, copied: what a killed process leaves. Real kills are in
//! `crashes`.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bus::{Aborted, Bus, Extent, Inputs, Offset, Outcome, Ownership, Partition, Publication, Publisher, Row, Start};
use contracts::topics::{Compression, Declared, Keep, Partitioning};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::member::{Taker, settings};
use crate::place::{Place, open_embedded};
use crate::seen::{Seen, instance_of, read, row, send_texts};
use crate::world::World;

const PARTITIONS: u32 = 2;
const TOPIC: &str = "out";
const INPUT: &str = "in";
const GROUP: &str = "group";

#[derive(Debug, Clone)]
enum Call {
    Send {
        index: u32,
        count: usize,
    },
    /// Rows for each partition and the offset of the input that goes with them.
    Publish {
        counts: [usize; 2],
        input: Option<u64>,
        ownership: Ownership,
    },
    /// A newer publisher of the same instance, and then the older one tries.
    Fence {
        index: u32,
    },
    ReadFrom {
        index: u32,
        back: u64,
    },
    /// The process is gone.
    Crash,
    /// The log is closed and opened.
    Restart,
}

fn call() -> impl Strategy<Value = Call> {
    let ownership = prop_oneof![3 => Just(Ownership::Unchanged), 1 => Just(Ownership::Changed)];
    prop_oneof![
        4 => (0..PARTITIONS, 1..5_usize).prop_map(|(index, count)| Call::Send { index, count }),
        6 => ([0..4_usize, 0..4], proptest::option::of(0..9_u64), ownership)
            .prop_map(|(counts, input, ownership)| Call::Publish { counts, input, ownership }),
        1 => (0..PARTITIONS).prop_map(|index| Call::Fence { index }),
        2 => (0..PARTITIONS, 0..8_u64).prop_map(|(index, back)| Call::ReadFrom { index, back }),
        2 => Just(Call::Crash),
        1 => Just(Call::Restart),
    ]
}

pub fn any_sequence_of_calls_and_crashes_does_what_a_plain_list_does(world: &World) {
    let Place::Embedded(path) = world.apart() else { panic!("a case for the embedded log") };
    let config = Config { cases: Config::default().cases.min(48), failure_persistence: None, ..Config::default() };
    let mut number = 0;
    let folder = std::cell::RefCell::new(|| {
        number += 1;
        path.with_file_name(format!("oracle-{number}"))
    });
    let sequences = (any::<bool>(), vec(call(), 1..40));
    let result = TestRunner::new(config).run(&sequences, |(has_holes, calls)| {
        let mut both = Both::new((folder.borrow_mut())(), has_holes);
        for call in &calls {
            both.call(call);
            both.agree();
        }
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
}

/// The log and the list, given the same calls.
struct Both {
    folder: PathBuf,
    has_holes: bool,
    crashes: u32,
    log: Option<Open>,
    lists: [List; 2],
    committed: Option<Offset>,
    sent: u64,
}

#[derive(Default)]
struct List {
    records: Vec<(Offset, String)>,
    end: u64,
}

/// What a process has of an open log.
struct Open {
    bus: Arc<dyn Bus>,
    publisher: Box<dyn Publisher>,
    member: Taker,
}

impl Open {
    fn at(folder: &Path, has_holes: bool) -> Self {
        let bus = open_embedded(folder, has_holes).unwrap();
        for (name, partitions) in [(TOPIC, PARTITIONS), (INPUT, 1)] {
            if !bus.topics().unwrap().iter().any(|found| found.name == name) {
                bus.create(&declared(name, partitions)).unwrap();
            }
        }
        let publisher = bus.publisher(&instance_of("p")).unwrap();
        let mut member = Taker::on(&*bus, &settings(GROUP, &instance_of("p"), INPUT));
        member.until_owning(1);
        Self { bus, publisher, member }
    }
}

fn declared(name: &str, partitions: u32) -> Declared {
    Declared {
        name: name.to_owned(),
        partitions: partitions.try_into().unwrap(),
        replication: 1,
        keep: Keep::Forever,
        keep_bytes_max: None,
        compression: Compression::Lz4,
        partitioning: Partitioning::Stateful,
    }
}

impl Both {
    fn new(folder: PathBuf, has_holes: bool) -> Self {
        let log = Some(Open::at(&folder, has_holes));
        Self { folder, has_holes, crashes: 0, log, lists: Default::default(), committed: None, sent: 0 }
    }

    fn log(&mut self) -> &mut Open {
        self.log.as_mut().expect("invariant: open between calls")
    }

    fn call(&mut self, call: &Call) {
        match call {
            Call::Send { index, count } => self.send(*index, *count),
            Call::Publish { counts, input, ownership } => self.publish(counts, *input, *ownership),
            Call::Fence { index } => self.fence(*index),
            Call::ReadFrom { index, back } => self.read_from(*index, *back),
            Call::Crash => self.crash(),
            Call::Restart => self.open_again(),
        }
    }

    fn values(&mut self, count: usize) -> Vec<String> {
        let first = self.sent;
        self.sent += count as u64;
        (first..self.sent).map(|number| format!("n-{number}")).collect()
    }

    fn send(&mut self, index: u32, count: usize) {
        let values = self.values(count);
        let offsets = send_texts(&*self.log().bus, TOPIC, index, &values);
        let list = &mut self.lists[index as usize];
        for (offset, value) in offsets.into_iter().zip(values) {
            assert_eq!(offset, Offset(list.end));
            list.push(value);
        }
    }

    fn publish(&mut self, counts: &[usize; 2], input: Option<u64>, ownership: Ownership) {
        let values = counts.map(|count| self.values(count));
        let rows: Vec<Row<'_>> = (0..PARTITIONS)
            .flat_map(|index| values[index as usize].iter().map(move |value| row(TOPIC, index, value)))
            .collect();
        let log = self.log();
        let membership = log.member.membership();
        let offsets: Vec<_> = input.map(|next| (Partition::new(INPUT, 0), Offset(next))).into_iter().collect();
        let inputs = input.map(|_| Inputs { membership: &membership, offsets: &offsets });
        let outcome = log.publisher.publish(&Publication { rows: &rows, inputs }, &mut || ownership).unwrap();
        match (ownership, outcome) {
            (Ownership::Unchanged, Outcome::Committed) => {
                for (list, values) in self.lists.iter_mut().zip(values) {
                    list.publish(values, self.has_holes);
                }
                self.committed = input.map(Offset).or(self.committed);
            }
            (Ownership::Changed, Outcome::Aborted(Aborted::OwnershipChanged)) => {
                let log = self.log();
                log.publisher = log.bus.publisher(&instance_of("p")).unwrap();
            }
            (asked, other) => panic!("still_owner said {asked:?}, the log {other:?}"),
        }
    }

    fn fence(&mut self, index: u32) {
        let log = self.log();
        let newer = log.bus.publisher(&instance_of("p")).unwrap();
        let mut older = std::mem::replace(&mut log.publisher, newer);
        let rows = [row(TOPIC, index, "zombie")];
        let outcome = older.publish(&Publication { rows: &rows, inputs: None }, &mut || Ownership::Unchanged).unwrap();
        assert!(matches!(outcome, Outcome::Fenced(_)), "{outcome:?}");
    }

    fn read_from(&mut self, index: u32, back: u64) {
        let list = &self.lists[index as usize];
        let start = Offset(list.end.saturating_sub(back));
        let wanted = list.records.iter().filter(|(offset, _)| *offset >= start).cloned().collect::<Vec<_>>();
        let seen = read(&*self.log().bus, &Partition::new(TOPIC, index), Start::At(start));
        assert_eq!(places(&seen), wanted, "from {start}");
    }

    fn crash(&mut self) {
        self.crashes += 1;
        let left = self.folder.with_extension(format!("crash-{}", self.crashes));
        copy(&self.folder, &left);
        drop(self.log.take());
        std::fs::remove_dir_all(&self.folder).unwrap();
        std::fs::rename(&left, &self.folder).unwrap();
        self.log = Some(Open::at(&self.folder, self.has_holes));
    }

    fn open_again(&mut self) {
        drop(self.log.take());
        self.log = Some(Open::at(&self.folder, self.has_holes));
    }

    fn agree(&mut self) {
        let log = self.log.as_ref().expect("invariant: open between calls");
        for (index, list) in (0..).zip(&self.lists) {
            let partition = Partition::new(TOPIC, index);
            assert_eq!(places(&read(&*log.bus, &partition, Start::Earliest)), list.records, "{partition}");
            let extent = Extent { earliest: Offset(0), end: Offset(list.end) };
            assert_eq!(log.bus.extent(&partition).unwrap(), extent, "{partition}");
        }
        assert_eq!(log.bus.committed(GROUP, &[Partition::new(INPUT, 0)]).unwrap(), [self.committed]);
    }
}

impl List {
    fn push(&mut self, value: String) {
        self.records.push((Offset(self.end), value));
        self.end += 1;
    }

    fn publish(&mut self, values: Vec<String>, has_holes: bool) {
        let marker = u64::from(has_holes && !values.is_empty());
        for value in values {
            self.push(value);
        }
        self.end += marker;
    }
}

fn places(seen: &[Seen]) -> Vec<(Offset, String)> {
    seen.iter().map(|seen| (seen.offset, seen.text())).collect()
}

/// A folder of files and folders, as it is now. RocksDB may tidy up meanwhile: a copy that missed a file is made anew.
fn copy(from: &Path, to: &Path) {
    for _ in 0..100 {
        let before = listing(from);
        match try_copy(from, to) {
            // A file that came while others were copied would be missing beside one that names it, as after no crash.
            Ok(()) if listing(from) == before => return,
            Err(error) if error.kind() != ErrorKind::NotFound => panic!("{}: {error}", from.display()),
            Ok(()) | Err(_) => std::fs::remove_dir_all(to).unwrap(),
        }
    }
    panic!("{} does not come to rest", from.display());
}

/// Every file below the folder, and how long it is.
fn listing(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => files.extend(listing(&entry.path())),
            Ok(metadata) => drop(files.insert(entry.path(), metadata.len())),
            Err(_) => {}
        }
    }
    files
}

fn try_copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            try_copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
