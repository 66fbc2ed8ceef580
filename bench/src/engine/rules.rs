//! Rule sets to measure with.

use std::fmt::Write as _;
use std::sync::Arc;

use detection::pack::PACK;
use detection::plan::{Options, Plan};
use detection::rule::{RuleSet, Watcher};
use detection::text;

pub fn pack() -> Arc<Plan> {
    plan(&PACK.iter().map(|packed| packed.text).collect::<String>())
}

/// So many rules of five kinds in turn: a text in a member, a member's value, a pattern, a number, a count.
pub fn generated(count: usize) -> Arc<Plan> {
    let mut text = String::new();
    for number in 0..count {
        let (topic, filter) = match number % 5 {
            0 => ("*", format!("$.command contains 'tool-{number} --force'")),
            1 => ("file.*", format!("$.path == '/opt/secret/{number}/key.pem'")),
            2 => ("http.request", format!("$.url matches 'evil-{number}\\.(?:com|net)/[a-z]+'")),
            3 => ("process.stats", format!("$.memory_mb > {}", 100_000 + number)),
            _ => ("auth.*", format!("$.reason == 'denied-{number}' and count_in_window(60s) >= 5")),
        };
        write!(
            text,
            "rule generated_{number} {{\ntopic: \"{topic}\"\nfilter: \"\"\"{filter}\"\"\"\nseverity: low\ncategory: security\nalert: \"{number}\"\n}}\n"
        )
        .expect("a String takes all");
    }
    plan(&text)
}

/// A count per user that no user reaches, within so long.
pub fn counting_within(window: &str) -> String {
    format!(
        "rule logins {{\ntopic: \"auth.login\"\nfilter: \"count_in_window({window}, by: $.user) >= 20\"\nseverity: low\ncategory: security\nalert: \"{{count}}\"\n}}"
    )
}

pub fn counting() -> Arc<Plan> {
    plan(&counting_within("60s"))
}

fn plan(text: &str) -> Arc<Plan> {
    let rules = text::parse("bench", text).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    let watcher = Watcher { name: "bench".to_owned(), subscriptions: Vec::new(), rules };
    let set = RuleSet { name: "bench".to_owned(), watchers: vec![watcher] };
    let options = Options::default();
    Arc::new(Plan::compile(&set, &[], &options).expect("the rules are good"))
}
