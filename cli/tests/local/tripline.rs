//! Runs the program and holds what it said against what it should say.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// No command of a test takes longer, but for a reason the test would show.
const PATIENCE: Duration = Duration::from_mins(1);

/// A person with nothing configured, and an empty data directory.
pub struct Home {
    folder: tempfile::TempDir,
}

/// What a command came to. Places, process ids and times are masked: `$DIR`, `$PID`, `$TIME`.
#[derive(Debug)]
pub struct Run {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Home {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name).display().to_string()
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tripline"));
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("TRIPLINE_DIR", self.dir())
            .env("COLUMNS", "100")
            // Ticks take offsets, which tests name. The marker of the first rule set takes the first of each partition.
            .env("TRIPLINE_PROCESSOR__TICK_EVERY", "1m")
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub fn run(&self, args: &[&str]) -> Run {
        self.run_with(args, b"")
    }

    pub fn run_with(&self, args: &[&str], stdin: &[u8]) -> Run {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        std::thread::scope(|scope| {
            // A command that refuses its input closes it early.
            scope.spawn(move || drop(input.write_all(stdin)));
            self.finished(child)
        })
    }

    pub fn finished(&self, child: Child) -> Run {
        let pid = child.id();
        let output = child.wait_with_output().unwrap();
        Run {
            status: output.status.code().unwrap_or(-1),
            stdout: self.masked(&output.stdout, pid),
            stderr: self.masked(&output.stderr, pid),
        }
    }

    fn masked(&self, output: &[u8], pid: u32) -> String {
        let text = String::from_utf8(output.to_vec()).expect("output is UTF-8");
        let text = text.replace(&self.folder.path().display().to_string(), "$HOME");
        mask_times(&text.replace(&format!("process {pid}"), "process $PID")).replace("$HOME/data", "$DIR")
    }

    /// A log with the topics of one node and nothing in them.
    pub fn with_log() -> Self {
        let home = Self::new();
        let made = home.run(&["topology", "apply"]);
        assert_eq!(made.status, 0, "{made:?}");
        home
    }

    pub fn up(&self, args: &[&str]) -> Up {
        Up::start(self.command(&[&["up"], args].concat()))
    }
}

/// A running `tripline up`; killed when dropped.
pub struct Up {
    child: Child,
    /// What it printed until it was ready.
    pub told: String,
    stderr: BufReader<ChildStderr>,
    rest: Option<JoinHandle<String>>,
}

impl Up {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let mut told = String::new();
        while !told.contains("ready") {
            if stdout.read_line(&mut told).unwrap() == 0 {
                let mut reason = String::new();
                drop(BufReader::into_inner(stderr).read_to_string(&mut reason));
                panic!("up ended before it was ready: {told}{reason}");
            }
        }
        let rest = std::thread::spawn(move || {
            let mut rest = String::new();
            drop(stdout.read_to_string(&mut rest));
            rest
        });
        Self { child, told, stderr, rest: Some(rest) }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens on TCP.
    pub fn address(&self) -> String {
        let line = self.told.lines().find(|line| line.contains("http://")).expect("up listens on TCP");
        line.split("http://").nth(1).unwrap().trim().to_owned()
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    pub fn next_complaint(&mut self) -> String {
        let mut line = String::new();
        self.stderr.read_line(&mut line).unwrap();
        line
    }

    /// Its exit status, or the signal that ended it as a negative number.
    pub fn wait(&mut self) -> i32 {
        use std::os::unix::process::ExitStatusExt;
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                if let Some(rest) = self.rest.take() {
                    rest.join().unwrap();
                }
                return status.code().unwrap_or_else(|| -status.signal().unwrap());
            }
            assert!(Instant::now() < until, "up did not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn end(mut self) {
        self.signal(Signal::TERM);
        assert_eq!(self.wait(), 0);
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// One expectation of a command: its status and its whole output.
#[track_caller]
pub fn check(run: &Run, status: i32, stdout: &str, stderr: &str) {
    assert_eq!(run.stderr, stderr, "standard error of {run:#?}");
    assert_eq!(run.stdout, stdout, "standard output of {run:#?}");
    assert_eq!(run.status, status, "exit status of {run:#?}");
}

/// An event as little typed as one can be, about an endpoint of its own.
pub fn event(endpoint: &str, number: u64) -> String {
    format!("{{\"topic\":\"test\",\"endpoint_id\":\"{endpoint}\",\"payload\":{{\"n\":{number}}}}}\n")
}

/// `2026-01-31T12:00:00.000000Z` becomes `$TIME`.
fn mask_times(text: &str) -> String {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00.000000Z";
    let fits = |bytes: &[u8]| {
        bytes.len() == SHAPE.len()
            && bytes.iter().zip(SHAPE).all(|(byte, shape)| match shape {
                b'0' => byte.is_ascii_digit(),
                shape => byte == shape,
            })
    };
    let mut masked = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if rest.as_bytes().get(..SHAPE.len()).is_some_and(fits) {
            masked.push_str("$TIME");
            rest = &rest[SHAPE.len()..];
        } else {
            masked.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    masked
}

pub fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}
