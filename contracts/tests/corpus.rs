//! What the fuzzer kept, and every crash it ever found, through the bodies of its targets. docs/fuzzing.md says how
//! to run the fuzzer itself.

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
