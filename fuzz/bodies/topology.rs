//! A topology file.
//!
//! Invariants: what is taken keeps to every limit and can be drawn; what is refused has at least one problem, each with
//! a place in the file, and no more than the limit are listed.

use contracts::settings::{PROBLEMS_MAX, Place};
use contracts::topics::{self, Keep, Partitioning};
use contracts::topology::{LogKind, PARTITIONS_MAX, REPLICATION_MAX, Topology};

pub fn run(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    match Topology::parse("topology.toml", text) {
        Ok(topology) => is_within_limits(&topology),
        Err(problems) => {
            assert!((1..=PROBLEMS_MAX).contains(&problems.iter().count()));
            for problem in problems.iter() {
                assert!(problem.to_string().starts_with("topology.toml:"));
                marks_within_its_line(&problem.place);
            }
        }
    }
}

fn is_within_limits(topology: &Topology) {
    assert!(!topology.name.is_empty());
    for topic in &topology.topics {
        let row = topics::find(&topic.name).expect("only our topics");
        assert!(topic.partitions.get() <= PARTITIONS_MAX);
        assert!((1..=REPLICATION_MAX).contains(&topic.replication));
        assert!(row.partitioning != Partitioning::Single || topic.partitions.get() == 1);
        assert!(matches!(row.keep, Keep::For(_)) || topic.keep == row.keep);
        assert!(topic.keep_bytes_max.is_none() || matches!(topic.keep, Keep::For(_)));
        assert!(topology.log == LogKind::Kafka || topic.replication == 1);
    }
    assert!(topology.watchers.iter().all(|watcher| !watcher.name.is_empty() && !watcher.rules.is_empty()));
    assert!(!topology.watchers.is_empty());
    assert!(topology.plain().starts_with(&topology.name));
    assert!(topology.dot().ends_with("}\n"));
}

fn marks_within_its_line(place: &Place) {
    if let Place::Line { line, column, excerpt, .. } = place {
        assert!(*line >= 1 && *column >= 1 && excerpt.mark_chars >= 1);
        assert!(excerpt.mark_from <= excerpt.text.chars().count());
        assert!(!excerpt.text.contains(char::is_control));
    }
}
