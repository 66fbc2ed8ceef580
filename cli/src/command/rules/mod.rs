//! `tripline rules`: rules as files, and what people say of those that run.
//!
//! Invariant: every command reads and compiles first; what is wrong with any file is told whole, and then nothing else is done.

mod apply;
mod explain;
mod fmt;
mod list;
mod running;
mod test;

use std::path::PathBuf;

use contracts::records::ControlCommandType;
use detection::plan::{Options, Plan, PlannedRule, Problem};
use detection::rule::{Rule, RuleSet};
use serde_json::json;

use crate::args::{self, Common, Form};
use crate::failure::Failure;
use crate::rule_set::files::Files;
use crate::rule_set::{self, RuleSetFiles};
use crate::terminal;

/// The watcher and the set of rules that are looked at outside of a topology.
const STANDALONE: &str = "standalone";

pub fn run(args: args::Rules, common: &Common) -> Result<(), Failure> {
    let form = common.output;
    match args {
        args::Rules::Check(args) => check(&args, form),
        args::Rules::Test(args) => test::run(&chosen(&args, form)?, form),
        args::Rules::Explain(args) => explain::run(&chosen(&args.chosen, form)?, args.form, form),
        args::Rules::List(args) => list::run(&chosen(&args, form)?, form),
        args::Rules::Fmt(args) => fmt::run(&args, form),
        args::Rules::Apply(args) => apply::run(args, common),
        args::Rules::Enable(args) => running::switch(args, ControlCommandType::EnableRule, common),
        args::Rules::Disable(args) => running::switch(args, ControlCommandType::DisableRule, common),
        args::Rules::Mute(args) => running::mute(args, common),
    }
}

fn check(args: &args::RulesCheck, form: Form) -> Result<(), Failure> {
    let playbooks = (!args.playbook.is_empty()).then_some(&*args.playbook);
    let read = match &*args.paths {
        [path] => rule_set::at(path, playbooks, form)?,
        paths => alone(paths, playbooks, form)?,
    };
    let (rules, files) = (read.plan.rules.len(), read.files.len());
    terminal::print(match form {
        Form::Text => format!("{} are good: {rules} rules in {files} files\n", read.files.what()),
        Form::Json => {
            format!("{}\n", json!({ "rules": rules, "files": files, "digest": read.plan.set.digest.to_string() }))
        }
    })
}

fn alone(paths: &[PathBuf], playbooks: Option<&[String]>, form: Form) -> Result<RuleSetFiles, Failure> {
    rule_set::alone(STANDALONE, Files::read(paths)?, playbooks, form)
}

/// The rules that were asked for, each with what it is among all.
fn chosen(args: &args::RulesChosen, form: Form) -> Result<RuleSetFiles, Failure> {
    let mut read = alone(&args.paths, None, form)?;
    if args.rule.is_empty() {
        return Ok(read);
    }
    let ids: Vec<_> = read.plan.rules.iter().map(|planned| planned.rule.id.as_str()).collect();
    if let Some(unknown) = args.rule.iter().find(|id| !ids.contains(&&***id)) {
        let near = contracts::nearest::nearest(unknown, ids.iter().copied());
        let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
        let reason = format!("there is no rule `{unknown}` in {}{near}", read.files.what());
        return Err(Failure::Flag { flag: "--rule", reason });
    }
    let is_chosen = |planned: &PlannedRule| args.rule.iter().any(|id| id == planned.rule.id.as_str());
    let (rules, file_of): (Vec<Rule>, Vec<usize>) = read
        .plan
        .rules
        .iter()
        .zip(&read.file_of)
        .filter(|(planned, _)| is_chosen(planned))
        .map(|(planned, file)| (planned.rule.clone(), *file))
        .unzip();
    read.plan = plan(rules).expect("invariant: rules that are good together are good apart");
    read.file_of = file_of;
    Ok(read)
}

fn plan(rules: Vec<Rule>) -> Result<Plan, Vec<Problem>> {
    Plan::compile(&RuleSet::of_one(STANDALONE, rules), &[], &Options::default())
}
