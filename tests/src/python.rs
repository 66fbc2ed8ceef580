//! Python with packages from PyPI: readers and writers that share no line with ours.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::{Error, cache, command};

const INSTALL_MAX: Duration = Duration::from_mins(5);
const SCRIPT_MAX: Duration = Duration::from_mins(2);

/// A virtual environment in the cache.
#[derive(Debug, Clone)]
pub struct Python {
    interpreter: PathBuf,
}

/// Python with exactly these packages, each pinned: `with(&["fastavro==1.13.1"])`. Made on the first call on this machine.
pub fn with(packages: &[&str]) -> Python {
    try_with(packages).unwrap_or_else(|error| panic!("{error}"))
}

pub fn try_with(packages: &[&str]) -> Result<Python, Error> {
    for package in packages {
        assert!(
            package.contains("=="),
            "{package}: pin it (name==version), or the cache would serve whatever came first"
        );
    }
    // The version of Python is part of the name: an environment does not survive its interpreter.
    let version = command::run(Command::new("python3").arg("--version"), b"", SCRIPT_MAX)?;
    let version = String::from_utf8_lossy(&version).trim().replace(' ', "-").to_lowercase();
    let folder = cache::once(&[&[&version[..]], packages].concat().join("+"), |folder| install(folder, packages))?;
    Ok(Python { interpreter: folder.join("bin/python") })
}

impl Python {
    /// Runs `script` with `stdin` as its input; gives what it wrote to standard output, panics with what it printed if it failed.
    pub fn run(&self, script: &str, arguments: &[&str], stdin: &[u8]) -> Vec<u8> {
        self.try_run(script, arguments, stdin).unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn try_run(&self, script: &str, arguments: &[&str], stdin: &[u8]) -> Result<Vec<u8>, Error> {
        command::run(Command::new(&self.interpreter).args(["-c", script]).args(arguments), stdin, SCRIPT_MAX)
    }
}

/// The folder is moved afterwards, which its interpreter survives and the scripts beside it do not: hence `python -m pip`.
fn install(folder: &Path, packages: &[&str]) -> Result<(), Error> {
    command::run(Command::new("python3").args(["-m", "venv"]).arg(folder), b"", INSTALL_MAX)?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--only-binary", ":all:"]).args(packages);
    command::run(&mut pip, b"", INSTALL_MAX).map(drop)
}
