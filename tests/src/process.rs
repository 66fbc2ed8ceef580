//! A long-lived child process that cannot outlive its owner by accident.
//!
//! A watchdog (`sh`, blocked on a pipe whose other end only we hold) kills the child when our process is gone, were it by
//! SIGKILL. The child runs its program only after the watchdog stands, so there is no instant at which it is unguarded.
//! Both have process groups of their own: Ctrl-C reaches the tests, and the watchdog does the rest.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::Error;

/// Waits for one line before it becomes the program given as arguments; without the line it ends.
const LAUNCH: &str = r#"read -r go && exec "$@" </dev/null"#;
/// Waits for the end of its input, kills process $1 and removes folder $2 unless somebody wants to look into it.
const WATCH: &str = r#"read -r never; kill -KILL "$1"; [ -z "$2" ] || [ -e "$2/keep" ] || rm -rf "$2""#;
const POLL: Duration = Duration::from_millis(10);
const TAIL_LINES: usize = 40;

/// What becomes of the process when the process that started it ends.
#[derive(Debug, Clone, Copy)]
pub enum Lifetime {
    /// It is killed, and its folder removed unless it has a file `keep`.
    Owner,
    /// It goes on: for `xtask`, whose user ends it later.
    Detached,
}

#[derive(Debug)]
pub struct Process {
    part: &'static str,
    child: Child,
    guard: Guard,
    log: PathBuf,
}

#[derive(Debug)]
enum Guard {
    Watched(Child),
    /// Not yet let go: killed on drop, for instance when it did not become ready.
    Unwatched,
    Released,
}

impl Process {
    /// Starts `command`, which works in `folder`, with its output appended to `log`.
    pub fn start(
        part: &'static str,
        command: &Command,
        folder: &Path,
        log: &Path,
        life: Lifetime,
    ) -> Result<Self, Error> {
        let file = OpenOptions::new().create(true).append(true).open(log).map_err(Error::file("open", log))?;
        let copy = file.try_clone().map_err(Error::file("open", log))?;
        let mut child = launcher(command)
            .stdin(Stdio::piped())
            .stdout(copy)
            .stderr(file)
            .process_group(0)
            .spawn()
            .map_err(Error::program("sh"))?;
        let mut go = child.stdin.take().expect("invariant: stdin is piped");
        let guard = match life {
            Lifetime::Owner => Guard::Watched(watch(child.id(), folder)?),
            Lifetime::Detached => Guard::Unwatched,
        };
        let process = Self { part, child, guard, log: log.to_owned() };
        go.write_all(b"go\n").map_err(Error::program("sh"))?;
        Ok(process)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Looks every few milliseconds until `ready` holds, the process ends, or `limit` is over.
    pub fn wait_until(&mut self, limit: Duration, mut ready: impl FnMut(&Path) -> bool) -> Result<(), Error> {
        let end = Instant::now() + limit;
        let (part, log) = (self.part, self.log.clone());
        while !ready(&log) {
            if let Some(status) = self.ended()? {
                return Err(Error::Ended { part, status, tail: tail(&log), log });
            }
            if Instant::now() >= end {
                return Err(Error::NotReady { part, limit, tail: tail(&log), log });
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    pub fn signal(&self, signal: Signal) -> Result<(), Error> {
        signal_pid(self.pid(), signal)
    }

    /// SIGTERM, then waits; a process that is not gone after `limit` is killed and reported.
    pub fn terminate(mut self, limit: Duration) -> Result<(), Error> {
        // A stopped process would keep the SIGTERM for later.
        self.signal(Signal::CONT)?;
        self.signal(Signal::TERM)?;
        let end = Instant::now() + limit;
        while self.ended()?.is_none() {
            if Instant::now() >= end {
                return Err(Error::NotEnding { part: self.part, limit, log: self.log.clone() });
            }
            thread::sleep(POLL);
        }
        Ok(())
    }

    /// SIGKILL: what a drop does, by a name that says so at the call.
    pub fn kill(self) {
        drop(self);
    }

    /// Lets a process of [`Lifetime::Detached`] go on after this value is gone.
    pub fn release(mut self) -> u32 {
        if let Guard::Unwatched = self.guard {
            self.guard = Guard::Released;
        }
        self.pid()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>, Error> {
        let pid = self.pid();
        self.child.try_wait().map_err(|source| Error::Signal { pid, source })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Guard::Released = self.guard {
            return;
        }
        // The child first, so that it is never unguarded; reaped last, so that its pid cannot be another's while the
        // watchdog still knows it. Each may have ended already, and then there is nothing left to do: hence `drop`.
        drop(self.child.kill());
        if let Guard::Watched(watchdog) = &mut self.guard {
            drop(watchdog.kill());
            drop(watchdog.wait());
        }
        drop(self.child.wait());
    }
}

pub fn signal_pid(pid: u32, signal: Signal) -> Result<(), Error> {
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let sent = raw.map_or(Err(rustix::io::Errno::SRCH), |pid| kill_process(pid, signal));
    sent.map_err(|error| Error::Signal { pid, source: error.into() })
}

/// A process that was let go on, and how to know it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Detached {
    pub pid: u32,
    /// Where it serves.
    pub address: String,
}

/// Whether `pid` is (still) the process that works in `folder`: its command line names the folder, which no other part's does.
pub fn is_in(pid: u32, folder: &Path) -> bool {
    let line = match fs::read(format!("/proc/{pid}/cmdline")) {
        Ok(line) => line,
        Err(_) if Path::new("/proc/self").exists() => return false,
        Err(_) => {
            let ps = Command::new("ps").args(["-ww", "-o", "args=", "-p", &pid.to_string()]).output();
            ps.map(|output| output.stdout).unwrap_or_default()
        }
    };
    String::from_utf8_lossy(&line).contains(&format!("{}/", folder.display()))
}

/// The last lines of a log, for an error that has to tell the whole story.
pub fn tail(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

fn launcher(command: &Command) -> Command {
    let mut launcher = Command::new("sh");
    launcher.args(["-c", LAUNCH, "launch"]).arg(command.get_program()).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        launcher.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => launcher.env(name, value),
            None => launcher.env_remove(name),
        };
    }
    launcher
}

fn watch(pid: u32, folder: &Path) -> Result<Child, Error> {
    let mut command = Command::new("sh");
    command.args(["-c", WATCH, "watch", &pid.to_string()]).arg(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    command.spawn().map_err(Error::program("sh"))
}
