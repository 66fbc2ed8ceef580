//! Go parts, built by Go from a checked-in `go.mod` into the cache.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::{Error, cache, command};

/// Ten minutes of processor time, and other builds may run beside it.
const BUILD_MAX: Duration = Duration::from_hours(1);

/// What to build: the package of a program, and the module that pins all it is built from.
#[derive(Debug)]
pub struct Program {
    /// Of the folder in the cache; carries the version.
    pub name: &'static str,
    pub package: &'static str,
    pub module: &'static str,
    pub sums: &'static str,
}

const FILE: &str = "program";

pub fn build(program: &Program) -> Result<PathBuf, Error> {
    Ok(cache::once(program.name, |folder| fill(folder, program))?.join(FILE))
}

fn fill(folder: &Path, program: &Program) -> Result<(), Error> {
    for (name, text) in [("go.mod", program.module), ("go.sum", program.sums)] {
        let file = folder.join(name);
        std::fs::write(&file, text).map_err(Error::file("write", &file))?;
    }
    eprintln!("building {} by Go (once; it takes minutes)", program.package);
    // Nobody waits for this part alone: whoever works on the machine comes first.
    let mut go = Command::new("nice");
    go.args(["go", "build", "-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", FILE]);
    go.arg(program.package).current_dir(folder);
    command::run(&mut go, b"", BUILD_MAX).map(drop)
}
