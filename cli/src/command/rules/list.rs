//! `tripline rules list`.

use contracts::field::Symbols as _;
use detection::plan::{PlannedRule, Routing};
use serde_json::json;

use crate::args::Form;
use crate::failure::Failure;
use crate::rule_set::RuleSetFiles;
use crate::terminal;

pub fn run(read: &RuleSetFiles, form: Form) -> Result<(), Failure> {
    let rules = &read.plan.rules;
    let lines = rules.iter().map(|planned| match form {
        Form::Text => text(planned, rules),
        Form::Json => object(planned).to_string() + "\n",
    });
    terminal::print(lines.collect::<String>())
}

fn text(planned: &PlannedRule, all: &[PlannedRule]) -> String {
    let rule = &planned.rule;
    let width = all.iter().map(|planned| planned.rule.id.as_str().len()).max().unwrap_or_default();
    let state = if rule.enabled { "" } else { "  disabled" };
    let description = rule.description.as_deref().unwrap_or(&rule.name);
    format!(
        "{:width$}  {:8}  {:13}  {:6}  {}  {description}{state}\n",
        rule.id,
        rule.severity.symbol(),
        rule.category.symbol(),
        routing(planned),
        topics(planned).join(", "),
    )
}

fn object(planned: &PlannedRule) -> serde_json::Value {
    let rule = &planned.rule;
    json!({
        "rule_id": rule.id.as_str(),
        "name": rule.name,
        "description": rule.description,
        "severity": rule.severity.symbol(),
        "category": rule.category.symbol(),
        "topics": topics(planned),
        "state": routing(planned),
        "enabled": rule.enabled,
        "rule_digest": planned.digest.to_string(),
    })
}

fn topics(planned: &PlannedRule) -> Vec<String> {
    planned.rule.topics.iter().map(ToString::to_string).collect()
}

fn routing(planned: &PlannedRule) -> &'static str {
    match planned.routing {
        Routing::Fused { .. } => "fused",
        Routing::Routed { .. } => "routed",
    }
}
