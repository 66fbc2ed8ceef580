//! Real parts that outlive the command that started them.
//!
//! Each has a folder `dev/PART-NAME` in the cache: its logs and data, and a file `running` with its process id and address.
//!
//! Invariant: a process is signalled only after its command line has been seen to name that folder; a pid alone may be
//! another's by now. Whoever starts or stops a part holds its lock.

use std::fmt::{self, Display};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use testbed::process::{Detached, is_in, signal_pid};
use testbed::{cache, kafka, registry, s3};

use crate::error::Error;

const STOP_MAX: Duration = Duration::from_secs(30);
const KILL_MAX: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);
const NAME_LEN_MAX: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Kafka,
    Registry,
    S3,
}

impl Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Kafka => "kafka",
            Self::Registry => "registry",
            Self::S3 => "s3",
        })
    }
}

/// Part of a folder's name: lower-case letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl FromStr for Name {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if plain && (1..=NAME_LEN_MAX).contains(&text.len()) {
            return Ok(Self(text.to_owned()));
        }
        Err(format!("expected 1 to {NAME_LEN_MAX} lower-case letters, digits and hyphens"))
    }
}

impl Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

pub fn start(part: Part, name: &Name, settings: Vec<(String, String)>) -> Result<ExitCode, Error> {
    let folder = folder(part, name)?;
    fs::create_dir_all(&folder).map_err(testbed::Error::file("create", &folder))?;
    let _lock = cache::lock(&folder.with_extension("lock"))?;
    if let Some(Detached { pid, address }) = running(&folder)? {
        return Err(Error::RunsAlready { part, name: name.clone(), address, pid });
    }
    let started = match part {
        Part::Kafka => {
            let options = kafka::Options::default();
            let options = settings.into_iter().fold(options, |options, (name, value)| options.property(&name, value));
            kafka::start_detached(&folder, options)?
        }
        Part::Registry => registry::start_detached(&folder)?,
        Part::S3 => s3::start_detached(&folder)?,
    };
    let file = folder.join("running");
    fs::write(&file, format!("{}\n{}\n", started.pid, started.address))
        .map_err(testbed::Error::file("write", &file))?;
    println!("{}", report(part, name, &started, &folder));
    Ok(ExitCode::SUCCESS)
}

pub fn stop(part: Part, name: &Name, remove: bool) -> Result<ExitCode, Error> {
    let folder = folder(part, name)?;
    if !folder.exists() {
        return Err(Error::NotRunning { part, name: name.clone() });
    }
    let lock = folder.with_extension("lock");
    let _lock = cache::lock(&lock)?;
    let ended = match running(&folder)? {
        Some(Detached { pid, .. }) => Some(end(part, name, pid, &folder)?),
        None if remove => None,
        None => return Err(Error::NotRunning { part, name: name.clone() }),
    };
    if remove {
        fs::remove_dir_all(&folder).map_err(testbed::Error::file("remove", &folder))?;
        println!("{part} `{name}` is gone, with its logs and data");
    } else if let Some(how) = ended {
        println!("{part} `{name}` {how}; logs and data: {}", folder.display());
    }
    Ok(ExitCode::SUCCESS)
}

pub fn status(part: Part, only: Option<&Name>) -> Result<ExitCode, Error> {
    let names = match only {
        Some(name) => vec![name.clone()],
        None => all(part)?,
    };
    let mut running_count = 0;
    for name in &names {
        let folder = folder(part, name)?;
        if let Some(found) = running(&folder)? {
            running_count += 1;
            println!("{}", report(part, name, &found, &folder));
        } else if folder.exists() {
            println!("{part} `{name}` does not run; logs and data: {}", folder.display());
        }
    }
    match (running_count, only) {
        (0, Some(name)) => Err(Error::NotRunning { part, name: name.clone() }),
        (0, None) => {
            println!("no {part} runs; start one with `cargo xtask {part} start`");
            Ok(ExitCode::SUCCESS)
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn report(part: Part, name: &Name, found: &Detached, folder: &Path) -> String {
    let Detached { pid, address } = found;
    let usage = match part {
        Part::Kafka => format!("kcat -L -b {address}"),
        Part::Registry => format!("curl {address}/subjects"),
        Part::S3 => format!(
            "AWS_ACCESS_KEY_ID='{}' AWS_SECRET_ACCESS_KEY='{}' and checkpoints = \"s3://{}/dev\", endpoint = \"{address}\"",
            s3::ACCESS_KEY,
            s3::SECRET_KEY,
            s3::BUCKET
        ),
    };
    format!(
        "{part} `{name}` runs at {address}\n  process {pid}, logs and data in {}\n  try:  {usage}\n  end:  cargo xtask {part} stop --name {name}",
        folder.display()
    )
}

/// SIGTERM, then SIGKILL; says which it took.
fn end(part: Part, name: &Name, pid: u32, folder: &Path) -> Result<&'static str, Error> {
    signal_pid(pid, Signal::TERM)?;
    if gone_within(STOP_MAX, pid, folder) {
        return Ok("has ended");
    }
    signal_pid(pid, Signal::KILL)?;
    if gone_within(KILL_MAX, pid, folder) {
        return Ok("did not end when asked and was killed");
    }
    Err(Error::Immortal { part, name: name.clone(), pid, waited_s: KILL_MAX.as_secs() })
}

fn gone_within(limit: Duration, pid: u32, folder: &Path) -> bool {
    let end = Instant::now() + limit;
    while is_in(pid, folder) {
        if Instant::now() >= end {
            return false;
        }
        thread::sleep(POLL);
    }
    true
}

/// What the file `running` says, if that process is still the one it was.
fn running(folder: &Path) -> Result<Option<Detached>, Error> {
    let file = folder.join("running");
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(testbed::Error::file("read", &file)(error).into()),
    };
    let found = text
        .split_once('\n')
        .and_then(|(pid, address)| Some(Detached { pid: pid.parse().ok()?, address: address.trim_end().to_owned() }));
    Ok(found.filter(|found| is_in(found.pid, folder)))
}

fn folder(part: Part, name: &Name) -> Result<PathBuf, Error> {
    Ok(cache::root()?.join(format!("dev/{part}-{name}")))
}

fn all(part: Part) -> Result<Vec<Name>, Error> {
    let folder = cache::root()?.join("dev");
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(testbed::Error::file("read", &folder)(error).into()),
    };
    let prefix = format!("{part}-");
    let mut names: Vec<_> = entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|entry| entry.strip_prefix(&prefix)?.parse::<Name>().ok())
        .collect();
    names.sort_by(|left, right| left.0.cmp(&right.0));
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_folder() {
        for (text, good) in
            [("default", true), ("two-2", true), ("", false), ("../x", false), ("A", false), ("a.lock", false)]
        {
            assert_eq!(text.parse::<Name>().is_ok(), good, "{text:?}");
        }
        assert!("a".repeat(NAME_LEN_MAX).parse::<Name>().is_ok());
        assert!("a".repeat(NAME_LEN_MAX + 1).parse::<Name>().is_err());
    }

    /// The pid of this very test stands for a pid that was given to somebody else.
    #[test]
    fn a_pid_that_is_another_process_by_now_is_not_taken_for_the_part() {
        let folder = std::env::temp_dir().join(format!("tripline-xtask-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("running"), format!("{}\n127.0.0.1:1\n", std::process::id())).unwrap();
        let found = running(&folder).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found, None);
    }
}
