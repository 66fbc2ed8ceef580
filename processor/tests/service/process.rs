//! The program as a process: started, asked over HTTP, signalled, waited for.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What a run that ended by itself came to.
#[derive(Debug)]
pub struct Ended {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A processor that runs. Dropped, it is killed.
pub struct Service {
    child: Child,
    lines: Receiver<String>,
    address: SocketAddr,
}

fn command(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tripline-processor"));
    command.args(args).env_clear().env("HOME", home).env("COLUMNS", "100").current_dir(home);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs to its end.
pub fn run(home: &Path, args: &[&str]) -> Ended {
    let output = command(home, args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ended { status: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Until `look` finds something.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "no {what} within {PATIENCE:?}");
        std::thread::sleep(LOOK_EVERY);
    }
}

impl Service {
    /// Answers once health is served; its log has to be JSON.
    pub fn start(home: &Path, args: &[&str]) -> Self {
        let child = command(home, args).spawn().unwrap();
        // From here on dropping it ends the process.
        let mut service = Self { child, lines: mpsc::channel().1, address: SocketAddr::from(([127, 0, 0, 1], 0)) };
        let errors = BufReader::new(service.child.stderr.take().unwrap());
        let (sender, lines) = mpsc::channel();
        service.lines = lines;
        std::thread::spawn(move || errors.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let mut early = Vec::new();
        loop {
            let line = service.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("not served: {early:#?}"));
            if let Some(address) = member(&line, "address") {
                service.address = address.parse().unwrap();
                return service;
            }
            early.push(line);
        }
    }

    /// Status and body.
    pub fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    pub fn wait_until_ready(&self) {
        wait_for("readiness", || (self.get("/readyz").0 == 200).then_some(()));
    }

    pub fn metrics(&self) -> String {
        let (status, text) = self.get("/metrics");
        assert_eq!(status, 200);
        text
    }

    /// The sum of all samples of this name, whole numbers all, whose labels have all of these.
    pub fn sum(&self, name: &str, labels: &[&str]) -> u64 {
        let of_name = |line: &&str| line.starts_with(name) && matches!(line.as_bytes()[name.len()], b'{' | b' ');
        let metrics = self.metrics();
        let samples = metrics.lines().filter(|line| !line.starts_with('#')).filter(of_name);
        let chosen = samples.filter(|line| labels.iter().all(|label| line.contains(label)));
        chosen.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Its exit status and what it logged, each line of which is JSON.
    pub fn wait(mut self) -> (i32, Vec<String>) {
        let status = wait_for("end", || self.child.try_wait().unwrap());
        let lines: Vec<String> = self.lines.iter().collect();
        for line in &lines {
            serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        }
        (status.code().unwrap_or(-1), lines)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

/// A member of a line of the log.
fn member(line: &str, name: &str) -> Option<String> {
    serde_json::from_str::<Value>(line).ok()?.get(name)?.as_str().map(str::to_owned)
}
