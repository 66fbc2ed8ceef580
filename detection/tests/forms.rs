//! Both forms say the same: no rule is lost or changed on its way through either, and the formatter changes none.

#![expect(clippy::unwrap_used, reason = "a test says what it expects by failing")]

mod chance;

use contracts::canonical::Digest;
use detection::{json_form, text};
use proptest::prelude::*;

fn parsed(text: &str) -> Vec<detection::rule::Rule> {
    text::parse("generated", text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn text_says_the_whole_rule(rule in chance::rule()) {
        let printed = text::print(&rule);
        prop_assert_eq!(parsed(&printed), [rule], "{}", printed);
    }

    #[test]
    fn json_says_the_whole_rule(rule in chance::rule()) {
        let written = json_form::rule_to_json(&rule);
        let read = json_form::rule_from_json("generated", &written).unwrap_or_else(|error| panic!("{error}\n{written}"));
        prop_assert_eq!(read, rule, "{}", written);
    }

    #[test]
    fn a_rule_is_printed_as_the_formatter_leaves_it(rule in chance::rule()) {
        let printed = text::print(&rule);
        prop_assert_eq!(text::format("generated", &printed).unwrap(), printed);
    }

    #[test]
    fn a_set_is_known_by_what_it_says(set in chance::rule_set()) {
        let body = json_form::set_to_json(&set);
        let read = json_form::set_from_json("generated", body.as_str()).unwrap_or_else(|error| panic!("{error}\n{body}"));
        prop_assert_eq!(&read, &set, "{}", body);
        prop_assert_eq!(json_form::set_to_json(&read).digest(), Digest::of(body.as_str().as_bytes()));
    }

    /// Spaces, line breaks and comments are put between tokens, wherever they may stand.
    #[test]
    fn formatting_changes_no_rule_and_loses_no_comment(
        rules in proptest::collection::vec(chance::rule(), 1..3),
        noise in proptest::collection::vec(noise(), 1..40),
    ) {
        let messy = strewn(&rules.iter().map(text::print).collect::<String>(), &noise);
        let formatted = text::format("generated", &messy).unwrap_or_else(|error| panic!("{error}\n{messy}"));
        // Two rules of one name are told by the reading, not by the formatter.
        prop_assume!(rules.len() < 2 || rules[0].id != rules[1].id);
        prop_assert_eq!(parsed(&formatted), parsed(&messy), "{}\n{}", messy, formatted);
        prop_assert_eq!(text::format("generated", &formatted).unwrap(), formatted.clone(), "{}", messy);
        prop_assert_eq!(comments(&formatted), comments(&messy), "{}\n{}", messy, formatted);
    }
}

fn noise() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![" ", "\t", "\n", "\r\n", "\n\n\n", " # note 1\n", "\n# note 2\r\n", "# note 3 \n\n"])
}

/// `text` with noise at the ends of its lines that are outside of strings: a line that ends there ends with its value.
fn strewn(text: &str, noise: &[&str]) -> String {
    let mut out = String::new();
    let mut is_raw = false;
    let mut noise = noise.iter().cycle();
    for line in text.lines() {
        is_raw ^= line.matches("\"\"\"").count() % 2 == 1;
        out.push_str(line);
        if !is_raw {
            out.push_str(noise.next().unwrap());
        }
        out.push('\n');
    }
    out
}

/// Comments of [`noise`], sorted: those from the middle of a line go before it.
fn comments(text: &str) -> Vec<&str> {
    let mut comments: Vec<&str> = text.match_indices("# note ").map(|(at, _)| &text[at..at + 8]).collect();
    comments.sort_unstable();
    comments
}
