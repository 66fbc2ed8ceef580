//! What the fuzzer kept, and every crash it ever found, through the bodies of its targets. docs/fuzzing.md says how
//! to run the fuzzer itself.

#[path = "../../fuzz/bodies/payload.rs"]
mod payload;
#[path = "../../fuzz/bodies/rule_json.rs"]
mod rule_json;
#[path = "../../fuzz/bodies/rules.rs"]
mod rules;

#[test]
fn rules_of_the_corpus_hold_the_invariants() {
    testbed::corpus::replay("rules", rules::run);
}

#[test]
fn rules_in_json_of_the_corpus_hold_the_invariants() {
    testbed::corpus::replay("rule_json", rule_json::run);
}

#[test]
fn payloads_of_the_corpus_hold_the_invariants() {
    testbed::corpus::replay("payload", payload::run);
}
