//! No part outlives the test process, however that ends.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use testbed::process::{Lifetime, Process};

const OWNER: &str = "TRIPLINE_TEST_OWNER_FOLDER";
const SOON: Duration = Duration::from_secs(20);

/// Run only by the tests below, in a process of its own: starts a part, tells its pid, and waits to be killed.
#[test]
fn owner() {
    let Some(folder) = std::env::var_os(OWNER) else {
        return;
    };
    let process = start(Path::new(&folder), Lifetime::Owner);
    println!("\npid={}", process.pid());
    std::io::stdin().lines().for_each(drop);
    std::process::exit(0);
}

#[test]
fn a_killed_owner_takes_its_part_and_its_folder_along() {
    let folder = tempfile::tempdir().unwrap().keep();
    let pid = in_another_process(&folder, |owner| owner.kill().unwrap());
    assert!(gone_soon(pid), "process {pid} outlived the process that started it");
    assert!(soon(|| !folder.exists()), "{} was left behind", folder.display());
}

#[test]
fn an_owner_that_exits_takes_its_part_along_and_leaves_what_is_marked() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("keep"), "").unwrap();
    let pid = in_another_process(folder.path(), |owner| drop(owner.stdin.take()));
    assert!(gone_soon(pid), "process {pid} outlived the process that started it");
    assert!(folder.path().join("log").exists(), "a marked folder stays");
}

#[test]
fn a_dropped_part_is_gone_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let process = start(folder.path(), Lifetime::Owner);
    let pid = process.pid();
    assert!(alive(pid));
    drop(process);
    assert!(!alive(pid));
    assert!(folder.path().exists(), "the folder is its owner's while the owner lives");
}

#[test]
fn a_released_part_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let pid = start(folder.path(), Lifetime::Detached).release();
    assert!(alive(pid));
    testbed::process::signal_pid(pid, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn a_part_that_never_gets_ready_shows_its_log() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = start(folder.path(), Lifetime::Owner);
    let log = folder.path().join("log");
    process.wait_until(SOON, |log| std::fs::read_to_string(log).unwrap().contains("begun")).unwrap();
    let error = process.wait_until(Duration::from_millis(50), |_| false).unwrap_err().to_string();
    assert!(error.contains("begun") && error.contains(&log.display().to_string()), "{error}");
}

fn start(folder: &Path, life: Lifetime) -> Process {
    let mut command = Command::new("sh");
    command.args(["-c", "echo begun; exec sleep 1000"]);
    Process::start("sleep", &command, folder, &folder.join("log"), life).unwrap()
}

/// Runs [`owner`] in a process of its own, ends that as `end` says, and gives the part's pid.
fn in_another_process(folder: &Path, end: impl FnOnce(&mut std::process::Child)) -> u32 {
    let mut owner = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "owner", "--nocapture", "--test-threads=1"])
        .env(OWNER, folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines();
    let pid = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("pid=")?.parse().ok());
    let pid = pid.expect("the owner prints the pid of its part");
    assert!(alive(pid));
    end(&mut owner);
    owner.wait().unwrap();
    pid
}

fn gone_soon(pid: u32) -> bool {
    soon(|| !alive(pid))
}

fn soon(condition: impl Fn() -> bool) -> bool {
    let end = Instant::now() + SOON;
    while Instant::now() < end {
        if condition() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

/// A zombie whose new parent has not looked yet is as gone as it gets.
fn alive(pid: u32) -> bool {
    let stat = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().unwrap().stdout;
    let stat = String::from_utf8(stat).unwrap();
    !stat.trim().is_empty() && !stat.starts_with('Z')
}
