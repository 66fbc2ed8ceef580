//! The embedded log, in a directory of its own.

use std::fs;
use std::path::Path;

use bus::embedded::{Embedded, Options};

use crate::figure::{Figure, to_f64};
use crate::log;

/// Each waits for the operating system to have it, so fewer will do.
const SINGLE_RECORDS: usize = 20_000;
const PUBLICATIONS: usize = 1_000;

pub fn measure(runs: u32) -> Vec<Figure> {
    let (mut batched, mut single, mut read, mut disk) = (vec![], vec![], vec![], vec![]);
    let (mut p50, mut p99) = (vec![], vec![]);
    for _ in 0..runs {
        let dir = tempfile::tempdir().expect("a directory");
        let bus = Embedded::open(dir.path(), Options::default()).expect("an empty log");
        for topic in ["batched", "single", "output"] {
            log::create(&bus, topic);
        }
        batched.push(log::produce(&bus, "batched", log::RECORDS));
        read.push(log::read(&bus, "batched", log::RECORDS));
        let took = {
            let mut took = log::publish(&bus, "batched", "output", PUBLICATIONS);
            took.sort_unstable();
            took
        };
        p50.push(log::percentile_ms(&took, 50));
        p99.push(log::percentile_ms(&took, 99));
        drop(bus);
        disk.push(bytes_below(dir.path()) / to_f64(log::RECORDS));
        let bus = Embedded::open(dir.path(), Options::default()).expect("the log again");
        single.push(log::produce_single(&bus, "single", SINGLE_RECORDS));
    }
    [
        Figure::new("embedded_append_batched", "records/s", &batched).with("records", log::RECORDS),
        Figure::new("embedded_append_single", "records/s", &single).with("records", SINGLE_RECORDS),
        Figure::new("embedded_read", "records/s", &read).with("records", log::RECORDS),
        Figure::new("embedded_disk_per_record", "bytes", &disk).with("records", log::RECORDS),
        Figure::new("embedded_publish_p50", "ms", &p50).with("publications", PUBLICATIONS),
        Figure::new("embedded_publish_p99", "ms", &p99).with("publications", PUBLICATIONS),
    ]
    .map(|figure| figure.with("value_bytes", log::VALUE_BYTES))
    .into()
}

fn bytes_below(dir: &Path) -> f64 {
    let entries = fs::read_dir(dir).expect("a directory").map(|entry| entry.expect("an entry"));
    entries
        .map(|entry| {
            let about = entry.metadata().expect("what it is");
            if about.is_dir() {
                bytes_below(&entry.path())
            } else {
                to_f64(usize::try_from(about.len()).expect("64 bits"))
            }
        })
        .sum()
}
