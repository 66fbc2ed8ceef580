//! `tripline rules explain`: rules in either form, or the plan that will run.

use detection::{json_form, text};

use crate::args::{Form, RuleForm};
use crate::failure::Failure;
use crate::rule_set::RuleSetFiles;
use crate::terminal;

pub fn run(read: &RuleSetFiles, shown: RuleForm, form: Form) -> Result<(), Failure> {
    let rules = read.plan.rules.iter().map(|planned| &planned.rule);
    terminal::print(match (shown, form) {
        (RuleForm::Text, _) => rules.map(text::print).collect::<Vec<_>>().join("\n"),
        (RuleForm::Json, _) => rules.map(|rule| json_form::rule_to_json(rule) + "\n").collect(),
        (RuleForm::Plan, Form::Text) => read.plan.explain(),
        (RuleForm::Plan, Form::Json) => format!("{}\n", read.plan.explain_json().text()),
    })
}
