//! The pipeline that bears the load: one that runs, or one of our own for as long as it takes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bus::config::Config;
use console::{Client, Log};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::failure::Failure;
use crate::place::{self, Access, Target};

#[derive(Debug)]
pub struct Subject {
    pub log: Arc<dyn Log>,
    pub name: String,
    /// Whoever keeps a read model over it.
    api: Option<Client>,
    /// The processes whose memory and time are looked at.
    pub processes: Vec<u32>,
    own: Option<Own>,
}

/// A pipeline of our own; it ends with this.
#[derive(Debug)]
struct Own {
    child: Child,
    /// Gone after the child.
    _folder: Option<TempDir>,
}

impl Subject {
    /// `dir` is the data directory that was asked for on the command line, if any was.
    pub fn find(config: &Config, dir: Option<&Path>, processes: Vec<u32>) -> Result<Self, Failure> {
        match Target::decide(config)? {
            Target::Api(client) => {
                let pid = client.health()?.pid;
                let name = format!("process {pid} in {}", config.dir.display());
                Ok(Self { log: Arc::new(client.clone()), name, api: Some(client), processes: vec![pid], own: None })
            }
            Target::Kafka(_) => {
                let place = place::open(config, Access::Existing)?;
                Ok(Self { log: place.log, name: place.name, api: None, processes, own: None })
            }
            Target::Embedded(..) => Self::start(config, dir),
        }
    }

    fn start(config: &Config, dir: Option<&Path>) -> Result<Self, Failure> {
        let made = |source| Failure::Io { doing: "make a temporary directory", source };
        let folder = match dir {
            Some(_) => None,
            None => Some(TempDir::with_prefix("tripline-load-").map_err(made)?),
        };
        let dir = folder.as_ref().map_or_else(|| config.dir.clone(), |folder| folder.path().to_owned());
        let started = |source| Failure::Io { doing: "start a pipeline", source };
        let mut command = Command::new(std::env::current_exe().map_err(started)?);
        command.args(["up", "--output", "json", "--dir"]).arg(&dir);
        if let Some(file) = &config.file {
            command.arg("--config").arg(file);
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(started)?;
        let mut ready = String::new();
        let stdout = child.stdout.take().expect("invariant: it was asked for");
        let read = BufReader::new(stdout).read_line(&mut ready);
        // From here on it ends with this value.
        let own = Own { child, _folder: folder };
        if read.map_err(started)? == 0 {
            return Err(Failure::PipelineEnded { dir });
        }
        let pid = own.child.id();
        let client = Client::connect(&place::socket(&dir))?;
        let name = format!("a pipeline of its own, process {pid} in {}", dir.display());
        Ok(Self { log: Arc::new(client.clone()), name, api: Some(client), processes: vec![pid], own: Some(own) })
    }

    /// Whether alerts of this rule can come at all, where that can be asked.
    pub fn check(&self, rule_id: &str) -> Result<(), Failure> {
        let Some(client) = &self.api else { return Ok(()) };
        let rules = client.rules()?.rules;
        let rule = rules.iter().find(|rule| rule.rule_id == rule_id && rule.severity.is_some());
        let what = match rule {
            Some(rule) if rule.is_on => return Ok(()),
            Some(_) => "is off",
            None => "is not in the rule set that runs",
        };
        Err(Failure::LoadRule { rule: rule_id.to_owned(), what })
    }

    /// Ends a pipeline of our own as a person would.
    pub fn end(mut self) -> Result<(), Failure> {
        let Some(own) = &mut self.own else { return Ok(()) };
        let ended = |source| Failure::Io { doing: "end the pipeline", source };
        own.ask()?;
        own.child.wait().map_err(ended)?;
        Ok(())
    }
}

impl Own {
    fn ask(&self) -> Result<(), Failure> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let asked = pid.map_or(Ok(()), |pid| kill_process(pid, Signal::TERM));
        asked.map_err(|error| Failure::Io { doing: "end the pipeline", source: error.into() })
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Memory and processor time of all processes, as the kernel counts them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    pub resident_bytes: u64,
    pub cpu_ticks: u64,
}

impl Usage {
    /// Of one core, in thousandths.
    pub fn cpu_since(&self, before: &Self, took: Duration) -> u64 {
        let ticks = u128::from(self.cpu_ticks.saturating_sub(before.cpu_ticks));
        let a_core = u128::from(rustix::param::clock_ticks_per_second()) * took.as_millis().max(1);
        u64::try_from(ticks * 1_000_000 / a_core).unwrap_or(u64::MAX)
    }
}

/// What cannot be read counts as nothing: the process has ended, or belongs to somebody else.
pub fn usage(processes: &[u32]) -> Usage {
    let page = rustix::param::page_size() as u64;
    let each = processes.iter().map(|pid| {
        let number = |text: Option<&str>| text.and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        let statm = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name of a process may hold anything, also spaces; what follows it does not.
        let mut after_name = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        let (user, system) = (number(after_name.nth(11)), number(after_name.next()));
        (number(statm.split(' ').nth(1)) * page, user + system)
    });
    each.fold(Usage::default(), |sum, (resident, ticks)| Usage {
        resident_bytes: sum.resident_bytes + resident,
        cpu_ticks: sum.cpu_ticks + ticks,
    })
}
