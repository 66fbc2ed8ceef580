#![no_main]

#[path = "../bodies/rule_json.rs"]
mod body;
#[path = "../bodies/rules.rs"]
mod rules;

libfuzzer_sys::fuzz_target!(|data: &[u8]| body::run(data));
