//! Processes that cases start, stop and kill: this test binary again, told by its environment what to be.
//!
//! Invariant: a child ends with its parent. It reads its standard input, and the end of that is its end.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::place::Place;
use crate::roles;
use crate::world::PATIENCE;

const ORDER: &str = "TRIPLINE_CONFORMANCE_CHILD";
const BETWEEN: &str = "|";
/// What a child says begins so; the test harness prints lines of its own around it.
const SAYS: &str = "@@ ";

#[derive(Debug)]
pub struct Child {
    role: String,
    process: std::process::Child,
    stdin: ChildStdin,
    lines: mpsc::Receiver<String>,
}

impl Child {
    pub fn start(place: &Place, role: &str, arguments: &[&str]) -> Self {
        let order = [&[role, &place.to_string()], arguments].concat().join(BETWEEN);
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child::process", "--ignored", "--nocapture"])
            .env(ORDER, order)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = process.stdin.take().unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                match line.split_once(SAYS) {
                    Some((_, said)) => drop(sender.send(said.to_owned())),
                    None => println!("child: {line}"),
                }
            }
        });
        Self { role: role.to_owned(), process, stdin, lines }
    }

    /// The next thing the child says.
    pub fn line(&mut self) -> String {
        self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| {
            panic!("{} said nothing for {PATIENCE:?}; its status is {:?}", self.role, self.process.try_wait())
        })
    }

    /// Waits until the child says this.
    pub fn until(&mut self, wanted: &str) {
        let said = self.line();
        assert_eq!(said, wanted, "from {}", self.role);
    }

    pub fn tell(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").unwrap();
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Waits for the end by SIGKILL: by its own hand or another's.
    pub fn killed(mut self) {
        use std::os::unix::process::ExitStatusExt;
        let status = self.ended();
        assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "{} was to be killed, not {status}", self.role);
    }

    /// Waits for a good end.
    pub fn finished(mut self) {
        let status = self.ended();
        assert!(status.success(), "{}: {status}", self.role);
    }

    fn ended(&mut self) -> std::process::ExitStatus {
        crate::seen::eventually("the child ends", || self.process.try_wait().unwrap())
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended long ago.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// What a child knows of its parent.
#[derive(Debug)]
pub struct Parent {
    told: mpsc::Receiver<String>,
}

impl Parent {
    pub fn says(&self) -> String {
        self.told.recv_timeout(PATIENCE * 2).expect("the parent says nothing")
    }
}

pub fn say(line: &str) {
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{SAYS}{line}").and_then(|()| stdout.flush()).unwrap();
}

/// The end that leaves no chance to tidy up.
pub fn kill_myself() -> ! {
    kill_process(rustix::process::getpid(), Signal::KILL).unwrap();
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

#[test]
#[ignore = "not a case: the process that cases start"]
fn process() {
    let Ok(order) = std::env::var(ORDER) else { return };
    let words: Vec<&str> = order.split(BETWEEN).collect();
    let [role, place, arguments @ ..] = &words[..] else { panic!("not an order: {order}") };
    let (sender, told) = mpsc::channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            drop(sender.send(line));
        }
        std::process::exit(3);
    });
    roles::play(role, place.parse().unwrap(), arguments, &Parent { told });
}
