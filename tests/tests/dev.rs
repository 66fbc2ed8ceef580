//! `./dev` installs what is missing, and only that. It runs here with a PATH on which almost nothing is.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use tempfile::TempDir;
use testbed::command;

/// What the first command needs, as commands on the path.
const TOOLS: &[&str] = &["make", "c++", "clang", "clang++", "ccache", "pkg-config"];
/// What the script itself uses.
const SYSTEM: &[&str] = &["sh", "cat", "cp", "dirname", "env", "sed", "sort", "tr"];

/// A machine with Debian's package manager, as far as `./dev` can see.
struct Machine {
    folder: TempDir,
}

impl Machine {
    fn new(user_id: u32) -> Self {
        let machine = Self { folder: tempfile::tempdir().unwrap() };
        for folder in ["bin", "packages"] {
            fs::create_dir(machine.path(folder)).unwrap();
        }
        let path = std::env::var_os("PATH").unwrap();
        for program in SYSTEM {
            let found = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.exists());
            std::os::unix::fs::symlink(found.unwrap(), machine.path("bin").join(program)).unwrap();
        }
        for tool in TOOLS {
            machine.program("packages", tool, "exit 0");
        }
        let (packages, bin, calls) = (machine.path("packages"), machine.path("bin"), machine.path("calls"));
        let install = format!("echo \"$@\" >>{0}\ncp {1}/* {2}", calls.display(), packages.display(), bin.display());
        machine.program("bin", "apt-get", &install);
        machine.program("bin", "id", &format!("echo {user_id}"));
        machine.program("bin", "cargo", "echo cargo 1.95.0");
        machine
    }

    fn program(&self, folder: &str, name: &str, script: &str) {
        let path = self.path(folder).join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn dev(&self, arguments: &[&str]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../dev");
        let mut dev = Command::new(script);
        dev.args(arguments).env("PATH", self.path("bin")).env("LIBCLANG_PATH", "/").current_dir(self.folder.path());
        command::output(&mut dev, b"", Duration::from_mins(1)).unwrap()
    }

    /// What the package manager was asked for.
    fn calls(&self) -> String {
        fs::read_to_string(self.path("calls")).unwrap_or_default()
    }
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn root_gets_what_is_missing_and_nothing_else() {
    let machine = Machine::new(0);
    machine.program("bin", "make", "exit 0");
    let output = machine.dev(&["setup", "up"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let calls = machine.calls();
    let packages = calls.lines().last().unwrap().split_once("recommends ").unwrap().1;
    assert_eq!(packages, "build-essential ccache clang libssl-dev pkg-config zlib1g-dev");
}

#[test]
fn a_complete_machine_is_left_alone() {
    let machine = Machine::new(0);
    for tool in TOOLS {
        machine.program("bin", tool, "exit 0");
    }
    assert!(machine.dev(&["setup", "up"]).status.success());
    assert_eq!(machine.calls(), "");
}

#[test]
fn who_may_not_install_is_told_the_one_line() {
    let machine = Machine::new(1000);
    let output = machine.dev(&["up"]);
    assert_eq!(output.status.code(), Some(1));
    let told = stderr(&output);
    assert!(told.contains("apt-get install -y -q --no-install-recommends build-essential ccache clang"), "{told}");
    assert_eq!(machine.calls(), "");
}

#[test]
fn the_first_command_does_not_ask_for_what_only_tests_need() {
    let machine = Machine::new(1000);
    let told = |what| stderr(&machine.dev(&["setup", what]));
    assert!(told("test").contains("maven"));
    assert!(!told("up").contains("maven"));
}

#[test]
fn an_installation_that_brings_nothing_is_an_error() {
    let machine = Machine::new(0);
    machine.program("bin", "apt-get", "exit 0");
    let output = machine.dev(&["setup", "up"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("still missing"), "{}", stderr(&output));
}

#[test]
fn a_missing_toolchain_is_named_with_the_command_that_installs_it() {
    let machine = Machine::new(0);
    machine.program("bin", "cargo", "exit 1");
    let told = stderr(&machine.dev(&["setup", "up"]));
    let pinned = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../rust-toolchain.toml")).unwrap();
    let pinned = pinned.lines().find_map(|line| line.strip_prefix("channel = ")).unwrap().trim_matches('"');
    assert!(told.contains(&format!("rustup toolchain install {pinned}")), "{told}");
}

#[test]
fn an_unknown_command_is_a_usage_error() {
    let output = Machine::new(0).dev(&["launch"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("launch") && stderr(&output).contains("Usage:"));
}
