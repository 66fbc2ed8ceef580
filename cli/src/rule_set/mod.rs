//! Rule sets out of files: of a topology, of a directory, or of files that are looked at by themselves.
//!
//! Invariant: a [`RuleSetFiles`] compiles. What is wrong with one is told whole, as every command tells it, and then nothing
//! else is done.

pub mod files;

use std::path::{Path, PathBuf};

use contracts::topology::Watcher;
use detection::assembly::{Assembled, AssemblyError, Parts, WatcherParts, assemble};
use detection::diagnostic::Diagnostics;
use detection::plan::{Options, Plan};

use crate::args::Form;
use crate::failure::Failure;
use crate::settled::Deployment;
use crate::terminal;
use files::Files;

/// A good rule set, as [`Plan::rule_set`], and the files it came from.
#[derive(Debug)]
pub struct RuleSetFiles {
    pub files: Files,
    /// Of each rule of the plan, its file.
    pub file_of: Vec<usize>,
    pub plan: Plan,
}

/// The rule set at a path: a topology (`*.toml`), a directory with one in it, or rules alone, which then make a set and a watcher
/// that are called as the directory or the file is.
pub fn at(path: &Path, playbooks: Option<&[String]>, form: Form) -> Result<RuleSetFiles, Failure> {
    at_called(path, &name_of(path), playbooks, form)
}

/// The same, with a name for rules alone: sets that are compared then differ in their rules only.
pub fn at_called(path: &Path, name: &str, playbooks: Option<&[String]>, form: Form) -> Result<RuleSetFiles, Failure> {
    match topology_at(path)? {
        Some(topology) => of_topology(&Deployment::read(&topology)?, playbooks, form),
        None => alone(name, Files::read(&[path.to_owned()])?, playbooks, form),
    }
}

fn topology_at(path: &Path) -> Result<Option<PathBuf>, Failure> {
    let is_topology = |path: &Path| path.extension().is_some_and(|extension| extension == "toml");
    if !path.is_dir() {
        return Ok(is_topology(path).then(|| path.to_owned()));
    }
    let mut topologies = files::entries(path)?;
    topologies.retain(|path| is_topology(path));
    match topologies.len() {
        0 | 1 => Ok(topologies.pop()),
        _ => Err(Failure::Topologies { directory: path.to_owned(), found: topologies }),
    }
}

/// The last name of a path, as it is on the disk: `.` has none of its own.
fn name_of(path: &Path) -> String {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = if whole.is_dir() { whole.file_name() } else { whole.file_stem() };
    name.map_or_else(|| "rules".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// The watchers of a topology, with the rules in its files and the subscriptions in itself.
pub fn of_topology(deployment: &Deployment, playbooks: Option<&[String]>, form: Form) -> Result<RuleSetFiles, Failure> {
    let topology = &deployment.topology;
    let (files, ranges) = Files::of_watchers(&topology.watchers, &deployment.directory)?;
    let watchers = topology.watchers.iter().zip(ranges).map(|(watcher, files)| {
        let Watcher { name, subscriptions, .. } = watcher;
        WatcherParts { name, files, subscriptions }
    });
    let text = (&*deployment.name, &*deployment.text);
    assembled(&topology.rule_set, watchers.collect(), text, files, playbooks, form)
}

/// Rules outside of any topology, under one watcher of the set's name.
pub fn alone(name: &str, files: Files, playbooks: Option<&[String]>, form: Form) -> Result<RuleSetFiles, Failure> {
    let watcher = WatcherParts { name, files: 0..files.len(), subscriptions: &[] };
    assembled(name, vec![watcher], ("", ""), files, playbooks, form)
}

fn assembled(
    name: &str,
    watchers: Vec<WatcherParts<'_>>,
    topology: (&str, &str),
    files: Files,
    playbooks: Option<&[String]>,
    form: Form,
) -> Result<RuleSetFiles, Failure> {
    let options = Options { playbooks, ..Options::default() };
    let assembled = assemble(&Parts { name, files: &files.sources(), watchers, topology }, &options);
    match assembled {
        Ok(Assembled { plan, file_of }) => Ok(RuleSetFiles { files, file_of, plan }),
        Err(AssemblyError::Diagnostics(diagnostics)) => Err(tell(&diagnostics, form)),
        Err(AssemblyError::Set(problem)) => Err(Failure::Rules { files: files.what(), problem: problem.to_string() }),
    }
}

/// Tells all that is wrong, in the form that was asked for.
pub fn tell(diagnostics: &Diagnostics, form: Form) -> Failure {
    terminal::complain(
        match form {
            Form::Text => diagnostics.to_string(),
            Form::Json => diagnostics.to_json_lines(),
        }
        .trim_end(),
    );
    Failure::Checks { count: diagnostics.count() }
}
