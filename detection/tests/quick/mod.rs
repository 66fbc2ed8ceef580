//! Rules of every kind of window, quick to fire, beside the pack; and what makes them fire. The replay tests of `processor` use
//! them as well.

use std::sync::Arc;

use detection::pack::PACK;
use detection::plan::{Options, Plan};
use detection::rule::RuleSet;
use detection::text;

const RULES: &str = r#"
rule quick_count { topic: "*" filter: "$.n >= 1 and count_in_window(5s, by: $.user) >= 2" severity: low category: security alert: "{count}" dedup_window: 3s }
rule quick_distinct { topic: "*" filter: "distinct_in_window($.n, 5s, by: $.user) >= 3" severity: low category: security alert: "{count}" suppression_window: 4s }
rule quick_sequence { topic: "*" filter: "sequence(20s, by: $.user, topic 'chat.*' where $.n == 1, topic 'tool.*')" severity: high category: security alert: "in order" }
rule quick_absence { topic: "*" filter: "absent(3s, topic 'tool.*', after: topic 'chat.*' where $.n == 2, by: $.user)" lateness: 2s severity: critical category: security alert: "no answer" }
"#;

/// A count over the fleet: its state lives in the second stage.
pub const ROUTED: &str = r#"
rule fleet_count { topic: "*" scope: fleet filter: "count_in_window(5s, by: $.user) >= 3" severity: low category: security alert: "{count}" }
"#;

pub const TOPICS: [&str; 6] =
    ["chat.user_msg", "tool.call", "terminal.command", "app.error", "worker.failed", "model.call.complete"];
pub const PAYLOADS: [&str; 8] = [
    r#"{"user":"ann","n":1}"#,
    r#"{"user":"ann","n":2}"#,
    r#"{"user":"bob","n":2}"#,
    r#"{"user":"bob","n":3,"text":"ann@example.com"}"#,
    r#"{"command":"rm -rf /","n":4}"#,
    r#"{"duration_ms":20000,"model":"m","user":"ann","n":5}"#,
    r#"{"n":6}"#,
    r#"{"user":"ann","memory_mb":5000,"n":7,"url":"http://192.168.1.1/"}"#,
];

/// The pack, these rules, and more.
pub fn plan(more: &[&str]) -> Arc<Plan> {
    let rules = PACK.iter().map(|packed| packed.text).chain([RULES]).chain(more.iter().copied()).collect::<String>();
    let rules = text::parse("rules", &rules).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    let set = RuleSet::of_one("test", rules);
    Arc::new(Plan::compile(&set, &[], &Options::default()).unwrap_or_else(|problems| panic!("{problems:?}")))
}
