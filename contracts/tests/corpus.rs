//! What the fuzzer kept, and every crash it ever found, through the bodies of its targets. docs/fuzzing.md says how
//! to run the fuzzer itself.

use std::fs;
use std::path::Path;

use contracts::avro::{Framing, SchemaId};
use contracts::records::AnyRecord;

#[path = "../../fuzz/bodies/event.rs"]
mod event;
#[path = "../../fuzz/bodies/json.rs"]
mod json;
#[path = "../../fuzz/bodies/topology.rs"]
mod topology;

#[test]
fn values_of_the_corpus_hold_the_invariants() {
    testbed::corpus::replay("event", event::run);
}

#[test]
fn lines_of_the_corpus_hold_the_invariants() {
    testbed::corpus::replay("json", json::run);
}

#[test]
fn topologies_of_the_corpus_hold_the_invariants() {
    testbed::corpus::replay("topology", topology::run);
}

/// How the first values of the corpus were made, and how those of a new record are: from the lines, in both framings.
#[test]
#[ignore = "writes seeds into fuzz/corpus/event, for a fuzzer to start from"]
fn lines_become_values() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus");
    for line in fs::read_dir(corpus.join("json")).unwrap().map(|entry| entry.unwrap()) {
        let text = fs::read(line.path()).unwrap();
        let (name, text) = json::named(&text).unwrap_or((AnyRecord::NAMES[0], &text));
        let Ok(record) = AnyRecord::from_json(name, text).unwrap() else { continue };
        for (suffix, framing) in [("", Framing::SingleObject), ("-confluent", Framing::Confluent(SchemaId(2)))] {
            let mut value = Vec::new();
            record.encode(framing, &mut value).unwrap();
            let name = line.file_name().into_string().unwrap();
            fs::write(corpus.join("event").join(format!("{name}{suffix}")), value).unwrap();
        }
    }
}
