//! What came of a replay, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use contracts::field::Symbols as _;
use contracts::records::Alert;
use detection::plan::{Plan, Routing};
use processor::replay::{Change, Comparison, Course, Difference, Example, Matches, Tally};
use serde_json::{Value, json};

use super::Seen;
use crate::failure::Failure;

pub(super) struct Report {
    pub from: Vec<String>,
    pub seen: Seen,
    pub passed_over: u64,
    pub course: Course,
    /// What is to be known of how files end.
    pub endings: Vec<String>,
    pub a: Side,
    pub compared: Option<Compared>,
    pub took: Duration,
}

/// A set of rules and what it came to.
pub(super) struct Side {
    pub plan: Arc<Plan>,
    pub tally: Tally,
}

pub(super) struct Compared {
    pub b: Side,
    pub comparison: Comparison,
}

/// Alerts of a comparison.
#[derive(Default)]
struct Sums {
    same: u64,
    added: u64,
    removed: u64,
    changed: u64,
}

impl Compared {
    pub fn fail_on_difference(&self) -> Result<(), Failure> {
        let Sums { added, removed, changed, .. } = self.sums();
        if added + removed + changed == 0 { Ok(()) } else { Err(Failure::Differ { added, removed, changed }) }
    }

    fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        for rule in self.comparison.rules.values() {
            sums.same += rule.same;
            sums.added += rule.added;
            sums.removed += rule.removed;
            sums.changed += rule.changed;
        }
        sums
    }
}

impl Report {
    pub fn text(&self) -> String {
        let mut out = String::new();
        let seen = &self.seen;
        let times = seen.times.map(|(first, last)| format!(", {first} to {last}")).unwrap_or_default();
        line(&mut out, format_args!("{} records of {}{times}", seen.records, self.from.join(", ")));
        if self.passed_over > 0 {
            line(&mut out, format_args!("{} of other topics were passed over", self.passed_over));
        }
        for ending in &self.endings {
            line(&mut out, format_args!("{ending}"));
        }
        if self.is_routed() {
            line(&mut out, format_args!("rules over several endpoints: fed {}", self.matches()));
        }
        self.a.text("rules", &mut out);
        if let Some(compared) = &self.compared {
            compared.b.text("against", &mut out);
            compared.text(&mut out);
        }
        out
    }

    pub fn json(&self) -> Value {
        let partitions: BTreeMap<_, _> =
            self.course.partitions.iter().map(|(stage, count)| (stage.topic(), count.get())).collect();
        let times = self.seen.times.map(|(first, last)| [first.to_string(), last.to_string()]);
        let mut report = json!({
            "from": self.from,
            "records": self.seen.records,
            "passed_over": self.passed_over,
            "times": times,
            "endings": self.endings,
            "partitions": partitions,
            "matches": match self.course.matches { Matches::Recorded => "recorded", Matches::Derived => "derived" },
            "rules": self.a.json(),
            "seconds": self.took.as_secs_f64(),
        });
        if let Some(compared) = &self.compared {
            report["against"] = compared.b.json();
            report["comparison"] = compared.json();
        }
        report
    }

    fn is_routed(&self) -> bool {
        let plans = [Some(&self.a), self.compared.as_ref().map(|compared| &compared.b)];
        let is_routed = |side: &Side| {
            side.is_commanded() || side.plan.rules.iter().any(|rule| matches!(rule.routing, Routing::Routed { .. }))
        };
        plans.into_iter().flatten().any(is_routed)
    }

    fn matches(&self) -> &'static str {
        match self.course.matches {
            Matches::Recorded => "the recorded matches",
            Matches::Derived => "the matches of this replay, each with the append time of its event",
        }
    }
}

impl Side {
    fn text(&self, what: &str, out: &mut String) {
        let tally = &self.tally;
        line(
            out,
            format_args!(
                "{what}: {}: {} alerts, {} requests for action, {} dead letters\n  digest of the alerts {}",
                self.named(),
                tally.alerts(),
                tally.requests(),
                self.dead_letters(),
                tally.alerts_digest,
            ),
        );
        for (rule, counts) in &tally.rules {
            let list = |counts: &BTreeMap<String, u64>| {
                counts.iter().map(|(what, count)| format!("{count} {what}")).collect::<Vec<_>>().join(", ")
            };
            let mut told = format!("{} alerts", counts.alerts);
            if !counts.held_back.is_empty() {
                write!(told, "; held back: {}", list(&counts.held_back)).expect("invariant: a String takes text");
            }
            if !counts.requests.is_empty() {
                write!(told, "; asked for: {}", list(&counts.requests)).expect("invariant: a String takes text");
            }
            line(out, format_args!("  {rule}: {told}"));
        }
    }

    fn json(&self) -> Value {
        let rule = |counts: &processor::replay::RuleTally| json!({ "alerts": counts.alerts, "held_back": counts.held_back, "requests": counts.requests });
        let rules: BTreeMap<_, _> =
            self.tally.rules.iter().map(|(id, counts)| (id.as_str().to_owned(), rule(counts))).collect();
        json!({
            "set": self.plan.set.name,
            "digest": self.plan.set.digest.to_string(),
            "rules": self.plan.rules.len(),
            "alerts": self.tally.alerts(),
            "alerts_digest": self.tally.alerts_digest.to_string(),
            "requests": self.tally.requests(),
            "rows": self.tally.rows,
            "by_rule": rules,
        })
    }

    /// Whether its rules came with recorded commands.
    fn is_commanded(&self) -> bool {
        self.plan.rules.is_empty()
    }

    fn named(&self) -> String {
        if self.is_commanded() {
            return "those that recorded commands swapped in".to_owned();
        }
        let (set, rules) = (&self.plan.set, self.plan.rules.len());
        format!("{}, {rules} rules, {}", set.name, set.digest)
    }

    fn dead_letters(&self) -> u64 {
        self.tally.rows.get(contracts::topics::DEAD_LETTERS).copied().unwrap_or_default()
    }
}

impl Compared {
    fn text(&self, out: &mut String) {
        line(out, format_args!("compared: {}", self.sums().text()));
        if self.comparison.settled_early > 0 {
            let early = self.comparison.settled_early;
            line(out, format_args!("  {early} were counted before the end, for too many waited for their other half"));
        }
        for (rule, difference) in &self.comparison.rules {
            if difference.examples.is_empty() {
                continue;
            }
            line(out, format_args!("  {rule}: {}", Sums::of(difference).text()));
            difference.examples.iter().for_each(|example| line(out, format_args!("    {}", example_text(example))));
        }
    }

    fn json(&self) -> Value {
        let rule = |of: &Difference| {
            let examples: Vec<Value> = of.examples.iter().map(example_json).collect();
            let mut rule = Sums::of(of).json();
            rule["examples"] = examples.into();
            rule
        };
        let rules: BTreeMap<_, _> =
            self.comparison.rules.iter().map(|(id, of)| (id.as_str().to_owned(), rule(of))).collect();
        let mut comparison = self.sums().json();
        comparison["settled_early"] = self.comparison.settled_early.into();
        comparison["by_rule"] = json!(rules);
        comparison
    }
}

impl Sums {
    fn of(rule: &Difference) -> Self {
        Self { same: rule.same, added: rule.added, removed: rule.removed, changed: rule.changed }
    }

    fn text(&self) -> String {
        let Self { same, added, removed, changed } = self;
        format!("{same} alerts the same, {added} added, {removed} removed, {changed} changed")
    }

    fn json(&self) -> Value {
        json!({ "same": self.same, "added": self.added, "removed": self.removed, "changed": self.changed })
    }
}

fn example_text(Example { change, alert }: &Example) -> String {
    let place = format!("{} {}", alert.triggered_at, alert.trigger_event.endpoint_id);
    match change {
        Change::Added => format!("+ {place} {}: {} ({})", alert.severity.symbol(), alert.message, alert.alert_id),
        Change::Removed => format!("- {place} {}: {} ({})", alert.severity.symbol(), alert.message, alert.alert_id),
        Change::Changed(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(field, before, now)| format!("{field} {before} is now {now}")).collect();
            format!("~ {place}: {}", fields.join("; "))
        }
    }
}

fn example_json(Example { change, alert }: &Example) -> Value {
    let Alert { alert_id, rule_id, message, triggered_at, .. } = &**alert;
    let mut example = json!({
        "alert_id": alert_id.as_str(),
        "rule_id": rule_id.as_str(),
        "endpoint_id": alert.trigger_event.endpoint_id.as_str(),
        "trigger_event_id": alert.trigger_event.event_id.as_str(),
        "triggered_at": triggered_at.to_string(),
        "severity": alert.severity.symbol(),
        "message": message,
    });
    example["change"] = match change {
        Change::Added => "added".into(),
        Change::Removed => "removed".into(),
        Change::Changed(fields) => {
            let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_else(|_| text.into());
            let fields: BTreeMap<_, _> = fields
                .iter()
                .map(|(field, before, now)| (field, json!({ "against": parsed(before), "rules": parsed(now) })))
                .collect();
            example["fields"] = json!(fields);
            "changed".into()
        }
    };
    example
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(out, "{text}").expect("invariant: a String takes text");
}
