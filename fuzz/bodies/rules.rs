//! A file of rules in the text form.
//!
//! Invariants: it is read or refused with diagnostics that can be shown; what is read is printed as text that reads as the same
//! rules, turns into JSON and back without loss, formats to text that formats to itself and means the same, and compiles or is
//! refused with reasons.

use detection::plan::{Options, Plan};
use detection::rule::{Rule, RuleSet, Watcher};
use detection::{json_form, text};

pub fn run(input: &[u8]) {
    let Ok(written) = str::from_utf8(input) else { return };
    match text::parse("fuzz.rules", written) {
        Ok(rules) => {
            rules.iter().for_each(keeps_its_meaning);
            let formatted = text::format("fuzz.rules", written).expect("what is read can be formatted");
            assert_eq!(text::format("fuzz.rules", &formatted).expect("what was formatted is read"), formatted);
            assert_eq!(text::parse("fuzz.rules", &formatted).expect("what was formatted is read"), rules);
            compiles_or_says_why(rules);
        }
        Err(diagnostics) => {
            assert!(diagnostics.count() > 0 && !diagnostics.to_string().is_empty());
            assert!(!diagnostics.to_json_lines().is_empty());
        }
    }
}

pub fn keeps_its_meaning(rule: &Rule) {
    let printed = text::print(rule);
    let again = text::parse("printed", &printed).unwrap_or_else(|diagnostics| panic!("{diagnostics}\n{printed}"));
    assert_eq!(again, std::slice::from_ref(rule), "{printed}");
    let json = json_form::rule_to_json(rule);
    let again =
        json_form::rule_from_json("printed", &json).unwrap_or_else(|diagnostics| panic!("{diagnostics}\n{json}"));
    assert_eq!(&again, rule, "{json}");
}

pub fn compiles_or_says_why(rules: Vec<Rule>) {
    let watcher = Watcher { name: "fuzz".to_owned(), subscriptions: Vec::new(), rules };
    let set = RuleSet { name: "fuzz".to_owned(), watchers: vec![watcher] };
    match Plan::compile(&set, &[], &Options::default()) {
        Ok(plan) => assert!(!plan.explain().is_empty()),
        Err(problems) => {
            assert!(!problems.is_empty() && problems.iter().all(|problem| !problem.to_string().is_empty()));
        }
    }
}
