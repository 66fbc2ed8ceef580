//! `tripline rules explain`: rules in either form, or the plan that will run.

use detection::{json_form, text};

use super::Compiled;
use crate::args::{Form, RuleForm};
use crate::failure::Failure;
use crate::terminal;

pub fn run(compiled: &Compiled, shown: RuleForm, form: Form) -> Result<(), Failure> {
    let rules = compiled.plan.rules.iter().map(|planned| &planned.rule);
    terminal::print(match (shown, form) {
        (RuleForm::Text, _) => rules.map(text::print).collect::<Vec<_>>().join("\n"),
        (RuleForm::Json, _) => rules.map(|rule| json_form::rule_to_json(rule) + "\n").collect(),
        (RuleForm::Plan, Form::Text) => compiled.plan.explain(),
        (RuleForm::Plan, Form::Json) => format!("{}\n", compiled.plan.explain_json().text()),
    })
}
