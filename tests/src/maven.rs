//! Java parts, assembled by Maven from a checked-in pom into the cache.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::{Error, cache, command};

/// Named with its version, so that an upgrade of Maven's own defaults changes nothing here.
const PLUGIN: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1";
const FETCH_MAX: Duration = Duration::from_mins(10);

pub enum Goal {
    /// The dependencies as they are: jars for a class path.
    Copy,
    /// What is inside them: an application shipped as one archive.
    Unpack,
}

/// The folder with what `pom` names; `name` carries its version.
pub fn fetch(name: &str, pom: &str, goal: &Goal) -> Result<PathBuf, Error> {
    cache::once(name, |folder| fill(folder, pom, goal))
}

fn fill(folder: &Path, pom: &str, goal: &Goal) -> Result<(), Error> {
    let goal = match goal {
        Goal::Copy => "copy-dependencies",
        Goal::Unpack => "unpack-dependencies",
    };
    let file = folder.join("pom.xml");
    std::fs::write(&file, pom).map_err(Error::file("write", &file))?;
    eprintln!("fetching {} by Maven (once)", folder.with_extension("").display());
    let mut maven = Command::new("mvn");
    maven.args(["--batch-mode", "--quiet", "--file"]).arg(&file);
    maven.arg(format!("{PLUGIN}:{goal}")).arg(format!("-DoutputDirectory={}", folder.display()));
    maven.arg("-DincludeScope=runtime");
    command::run(&mut maven, b"", FETCH_MAX).map(drop)
}
