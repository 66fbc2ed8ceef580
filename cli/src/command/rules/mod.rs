//! `tripline rules`: rules as files, before anything runs them.
//!
//! Invariant: every command reads and compiles first; what is wrong with any file is told whole, and then nothing else is done.

mod explain;
mod files;
mod fmt;
mod list;
mod test;

use detection::diagnostic::Diagnostics;
use detection::plan::{Options, Plan, Subject};
use detection::reading;
use detection::rule::{Rule, RuleSet, Watcher};
use serde_json::json;

use crate::args::{self, Common, Form};
use crate::failure::Failure;
use crate::terminal;
use files::Files;

/// The watcher and the set of rules that are looked at outside of a topology.
const STANDALONE: &str = "standalone";

pub fn run(args: args::Rules, common: &Common) -> Result<(), Failure> {
    let form = common.output;
    match args {
        args::Rules::Check(args) => check(&args, form),
        args::Rules::Test(args) => test::run(&Compiled::chosen(&args, form)?, form),
        args::Rules::Explain(args) => explain::run(&Compiled::chosen(&args.chosen, form)?, args.form, form),
        args::Rules::List(args) => list::run(&Compiled::chosen(&args, form)?, form),
        args::Rules::Fmt(args) => fmt::run(&args, form),
    }
}

fn check(args: &args::RulesCheck, form: Form) -> Result<(), Failure> {
    let playbooks = (!args.playbook.is_empty()).then_some(&*args.playbook);
    let compiled = Compiled::of(Files::read(&args.paths)?, playbooks, form)?;
    let (rules, files) = (compiled.plan.rules.len(), compiled.files.len());
    terminal::print(match form {
        Form::Text => format!("{} are good: {rules} rules in {files} files\n", compiled.files.what()),
        Form::Json => {
            format!("{}\n", json!({ "rules": rules, "files": files, "digest": compiled.plan.set.digest.to_string() }))
        }
    })
}

/// Rules that are good, and the files they came from.
struct Compiled {
    files: Files,
    /// Of each rule of the plan, its file.
    file_of: Vec<usize>,
    plan: Plan,
}

impl Compiled {
    fn chosen(args: &args::RulesChosen, form: Form) -> Result<Self, Failure> {
        let mut compiled = Self::of(Files::read(&args.paths)?, None, form)?;
        if args.rule.is_empty() {
            return Ok(compiled);
        }
        let ids: Vec<_> = compiled.plan.rules.iter().map(|planned| planned.rule.id.as_str()).collect();
        if let Some(unknown) = args.rule.iter().find(|id| !ids.contains(&&***id)) {
            let near = contracts::nearest::nearest(unknown, ids.iter().copied());
            let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            let reason = format!("there is no rule `{unknown}` in {}{near}", compiled.files.what());
            return Err(Failure::Flag { flag: "--rule", reason });
        }
        let chosen = |planned: &detection::plan::PlannedRule| args.rule.iter().any(|id| id == planned.rule.id.as_str());
        let (rules, file_of): (Vec<Rule>, Vec<usize>) = compiled
            .plan
            .rules
            .iter()
            .zip(&compiled.file_of)
            .filter(|(planned, _)| chosen(planned))
            .map(|(planned, file)| (planned.rule.clone(), *file))
            .unzip();
        compiled.plan = plan(rules).expect("invariant: rules that are good together are good apart");
        compiled.file_of = file_of;
        Ok(compiled)
    }

    /// Tells all that is wrong, or compiles.
    fn of(files: Files, playbooks: Option<&[String]>, form: Form) -> Result<Self, Failure> {
        let sources = files.sources();
        let mut reading = reading::read(&sources);
        let file_of = (0..reading.rules().len()).map(|rule| reading.file_of(rule)).collect();
        let options = Options { playbooks, ..Options::default() };
        let plan = Plan::compile(&standalone(reading.rules().to_vec()), &[], &options);
        for problem in plan.as_ref().err().into_iter().flatten() {
            match problem.subject {
                Subject::Rule { rule, .. } => reading.fault(rule, &problem.fault),
                // What cannot be read is told instead of the set that it leaves.
                _ if !reading.diagnostics().is_empty() => {}
                // An error of the set as a whole stands at no line of any file.
                _ => {
                    return Err(Failure::Rules { files: files.what(), problem: problem.to_string() });
                }
            }
        }
        reading.finish().map_err(|diagnostics| tell(&diagnostics, form))?;
        let plan = plan.expect("invariant: each problem of a rule became a diagnostic");
        drop(sources);
        Ok(Self { files, file_of, plan })
    }
}

fn plan(rules: Vec<Rule>) -> Result<Plan, Vec<detection::plan::Problem>> {
    Plan::compile(&standalone(rules), &[], &Options::default())
}

fn standalone(rules: Vec<Rule>) -> RuleSet {
    let watcher = Watcher { name: STANDALONE.to_owned(), subscriptions: Vec::new(), rules };
    RuleSet { name: STANDALONE.to_owned(), watchers: vec![watcher] }
}

fn tell(diagnostics: &Diagnostics, form: Form) -> Failure {
    terminal::complain(
        match form {
            Form::Text => diagnostics.to_string(),
            Form::Json => diagnostics.to_json_lines(),
        }
        .trim_end(),
    );
    Failure::Checks { count: diagnostics.count() }
}
