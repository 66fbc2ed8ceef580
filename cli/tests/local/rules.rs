//! `tripline rules`: checked, tested, explained, listed and formatted, from files and from the pack.

use crate::tripline::{Home, check};

const GOOD: &str = r#"rule many_failures {
    topic: "auth.login"
    filter: "$.ok == false and count_in_window(90s, by: $.user) >= 3"
    severity: high
    category: security
    alert: "{count} failed logins of {user}"
    tests: "many_failures.cases.json"
}
"#;

const CASES: &str = r#"{"cases": [
  {"name": "three of one user", "events": [{"topic": "auth.login", "payload": {"ok": false, "user": "ann"}, "repeat": 3, "every": "1s"}],
   "alerts": [{"message": "3 failed logins of ann"}]},
  {"name": "two of one user", "events": [{"topic": "auth.login", "payload": {"ok": false, "user": "ann"}, "repeat": 2}], "alerts": []}
]}"#;

fn with_rules() -> (Home, String) {
    let home = Home::new();
    std::fs::create_dir(home.path("rules")).unwrap();
    home.write("rules/many_failures.rules", GOOD);
    home.write("rules/many_failures.cases.json", CASES);
    let folder = home.path("rules").display().to_string();
    (home, folder)
}

#[test]
fn the_pack_is_good_and_all_of_its_cases_hold() {
    let home = Home::new();
    check(&home.run(&["rules", "check"]), 0, "the rules that come with tripline are good: 15 rules in 15 files\n", "");
    let tested = home.run(&["rules", "test"]);
    assert_eq!((tested.status, tested.stderr.as_str()), (0, ""), "{tested:?}");
    assert!(
        tested.stdout.contains("\n15 rules, ") && tested.stdout.ends_with(" cases, 0 failed\n"),
        "{}",
        tested.stdout
    );
    let listed = home.run(&["rules", "list"]);
    assert_eq!((listed.status, listed.stdout.lines().count()), (0, 15), "{listed:?}");
}

#[test]
fn rules_of_a_folder_are_checked_with_their_cases() {
    let (home, folder) = with_rules();
    let good = format!("{folder}/many_failures.rules are good: 1 rules in 1 files\n").replace(&folder, "$HOME/rules");
    check(&home.run(&["rules", "check", &folder]), 0, &good, "");
    let tested = "many_failures: 2 cases, all good\n1 rules, 2 cases, 0 failed\n";
    check(&home.run(&["rules", "test", &folder]), 0, tested, "");
    check(&home.run(&["rules", "fmt", &folder, "--check"]), 0, "", "");
}

#[test]
fn a_case_that_fails_shows_the_first_difference_and_what_was_compared() {
    let (home, folder) = with_rules();
    home.write("rules/many_failures.cases.json", CASES.replace("3 failed logins of ann", "4 failed logins of ann"));
    let tested = home.run(&["rules", "test", &folder]);
    assert_eq!(tested.status, 1, "{tested:?}");
    let shown = [
        "  three of one user\n",
        "    alert 1:\n      message\n    - \"4 failed logins of ann\"\n    + \"3 failed logins of ann\"\n",
        "    raised: 3 failed logins of ann (many_failures on host-1, event ",
        "\"$.ok\":false",
    ];
    for text in shown {
        assert!(tested.stdout.contains(text), "{text:?} is not in\n{}", tested.stdout);
    }
    assert_eq!(tested.stderr, "error: 1 of 2 cases failed; the differences are above\n");
    let in_json = home.run(&["--output", "json", "rules", "test", &folder]);
    assert_eq!(in_json.stdout.lines().count(), 2, "{}", in_json.stdout);
}

#[test]
fn everything_wrong_with_every_file_is_told_in_one_run() {
    let (home, folder) = with_rules();
    home.write("rules/a.rules", GOOD.replace("many_failures", "a").replace("severity", "severty"));
    home.write("rules/c.rules", GOOD.replace("many_failures", "c").replace(">= 3", ">= 0"));
    home.write("rules/b.rules", "rule b {\n    topic: \"x\n}\n");
    let checked = home.run(&["rules", "check", &folder]);
    assert_eq!((checked.status, checked.stdout.as_str()), (1, ""), "{checked:?}");
    for place in ["$HOME/rules/a.rules:4:5", "$HOME/rules/b.rules:2:", "$HOME/rules/c.rules:3:"] {
        assert!(checked.stderr.contains(place), "{place} is not in\n{}", checked.stderr);
    }
    assert!(checked.stderr.contains("severity"), "the nearest key is named\n{}", checked.stderr);
    let in_json = home.run(&["--output", "json", "rules", "check", &folder]);
    let lines: Vec<serde_json::Value> =
        in_json.stderr.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect();
    assert!(lines.len() >= 3 && lines[0]["line"].is_number(), "{lines:?}");
    assert_eq!(home.run(&["rules", "test", &folder]).status, 1, "rules with errors are not tested");
}

#[test]
fn a_rule_goes_from_text_to_json_and_back() {
    let (home, folder) = with_rules();
    let json = home.run(&["rules", "explain", &folder, "--as", "json"]);
    assert_eq!((json.status, json.stderr.as_str()), (0, ""), "{json:?}");
    let file = home.write("again.json", &json.stdout);
    let text = home.run(&["rules", "explain", &file, "--as", "text"]);
    check(&text, 0, GOOD, "");
    let plan = home.run(&["rules", "explain", &folder]);
    assert!(plan.stdout.contains("fused") && plan.stdout.contains("$.user"), "{}", plan.stdout);
}

#[test]
fn a_file_is_formatted_in_place_and_only_if_it_has_to_be() {
    let (home, folder) = with_rules();
    let file = home.write("rules/many_failures.rules", format!("# ours\n{}", GOOD.replace("    ", "  ")));
    let unformatted = home.run(&["rules", "fmt", &folder, "--check"]);
    assert_eq!(unformatted.status, 1, "{unformatted:?}");
    check(&home.run(&["rules", "fmt", &folder]), 0, "formatted  $HOME/rules/many_failures.rules\n", "");
    assert_eq!(std::fs::read_to_string(file).unwrap(), format!("# ours\n{GOOD}"));
    check(&home.run(&["rules", "fmt", &folder]), 0, "", "");
    let piped = home.run_with(&["rules", "fmt", "-"], GOOD.replace("    ", "\t").as_bytes());
    check(&piped, 0, GOOD, "");
}

#[test]
fn what_is_not_there_is_said() {
    let (home, folder) = with_rules();
    let unknown = home.run(&["rules", "test", &folder, "--rule", "many_failure"]);
    assert_eq!(unknown.status, 2, "{unknown:?}");
    assert!(unknown.stderr.contains("did you mean `many_failures`?"), "{}", unknown.stderr);
    let empty = home.path("empty");
    std::fs::create_dir(&empty).unwrap();
    let nothing = home.run(&["rules", "check", empty.to_str().unwrap()]);
    let said = "error: $HOME/empty: expected files that end in .rules or .json, or a directory with some\n";
    check(&nothing, 1, "", said);
    std::fs::remove_file(home.path("rules/many_failures.cases.json")).unwrap();
    let missing = home.run(&["rules", "test", &folder]);
    assert_eq!(missing.status, 1, "{missing:?}");
    assert!(missing.stderr.contains("many_failures.cases.json"), "{}", missing.stderr);
}
