//! What the fuzzer kept of configurations, and every crash it ever found, through the body of its target.

#[path = "../../fuzz/bodies/config.rs"]
mod config;

#[test]
fn configurations_of_the_corpus_hold_the_invariants() {
    testbed::corpus::replay("config", config::run);
}
