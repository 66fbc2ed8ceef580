//! A rule, or a set of rules, in the JSON form.
//!
//! Invariants: as those of the text form; and a set is written canonically, so that its digest is its own.

use detection::json_form;

use super::rules::{compiles_or_says_why, keeps_its_meaning};

pub fn run(input: &[u8]) {
    let Ok(written) = str::from_utf8(input) else { return };
    match json_form::rule_from_json("fuzz.json", written) {
        Ok(rule) => {
            keeps_its_meaning(&rule);
            compiles_or_says_why(vec![rule]);
        }
        Err(diagnostics) => assert!(diagnostics.count() > 0 && !diagnostics.to_string().is_empty()),
    }
    if let Ok(set) = json_form::set_from_json("fuzz.json", written) {
        let body = json_form::set_to_json(&set);
        let again = json_form::set_from_json("written", body.as_str()).expect("what is written is read");
        assert_eq!(json_form::set_to_json(&again), body);
        assert_eq!(again, set);
    }
}
