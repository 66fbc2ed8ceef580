//! A real schema registry with Confluent's API (Apicurio, in memory) for tests and for `cargo xtask registry`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use crate::Error;
use crate::folder::Folder;
use crate::maven::{self, Goal};
use crate::ports::{self, Port};
use crate::process::{Detached, Lifetime, Process};

pub const VERSION: &str = "2.6.13.Final";

const POM: &str = include_str!("../parts/registry/pom.xml");
const PART: &str = "the schema registry";
const API: &str = "/apis/ccompat/v7";
const READY_MAX: Duration = Duration::from_mins(2);
const PROBE_MAX: Duration = Duration::from_secs(2);

/// A running registry without any schema; dropping it kills it.
#[derive(Debug)]
pub struct Registry {
    // Before the folder: fields are dropped in this order, and a dead process writes no more files.
    process: Process,
    port: Port,
    folder: Folder,
}

impl Registry {
    /// Starts a registry and waits until it answers; panics with the end of its log if it does not.
    pub fn start() -> Self {
        Self::try_start().unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn try_start() -> Result<Self, Error> {
        let folder = Folder::new("registry")?;
        let port = ports::free()?;
        let process = launch(folder.path(), &port, Lifetime::Owner)?;
        Ok(Self { process, port, folder })
    }

    /// One registry for all tests of this process; it ends with the process. Tests use subjects of their own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Registry> = OnceLock::new();
        SHARED.get_or_init(|| {
            let registry = Self::start();
            registry.folder.keep_on_panic();
            registry
        })
    }

    /// The base of Confluent's API, without a slash at its end.
    pub fn url(&self) -> String {
        url(&self.port)
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }
}

/// Starts a registry in `folder` that goes on when we end.
pub fn start_detached(folder: &Path) -> Result<Detached, Error> {
    let port = ports::free()?;
    let process = launch(folder, &port, Lifetime::Detached)?;
    Ok(Detached { pid: process.release(), address: url(&port) })
}

/// Fetches the registry, so that the first test does not wait for it.
pub fn prepare() -> Result<(), Error> {
    application().map(drop)
}

fn launch(folder: &Path, port: &Port, life: Lifetime) -> Result<Process, Error> {
    let mut java = Command::new("java");
    java.args(["-Xmx256m", "-XX:+UseSerialGC", "-Dquarkus.http.host=127.0.0.1"]);
    java.arg(format!("-Dquarkus.http.port={}", port.number()));
    java.arg("-Dregistry.datasource.url=jdbc:h2:mem:registry");
    // Read by nobody in there: `process::is_in` knows the process by it.
    java.arg(format!("-Dtripline.folder={}/", folder.display()));
    java.arg("-jar").arg(application()?.join(format!("apicurio-registry-app-{VERSION}-runner.jar")));

    let mut process = Process::start(PART, &java, folder, &folder.join("registry.log"), life)?;
    let probe = format!("{}/subjects", url(port));
    process.wait_until(READY_MAX, |_| answers(&probe))?;
    Ok(process)
}

fn application() -> Result<PathBuf, Error> {
    maven::fetch(&format!("registry-{VERSION}"), POM, &Goal::Unpack)
}

fn answers(url: &str) -> bool {
    ureq::get(url).config().timeout_global(Some(PROBE_MAX)).build().call().is_ok()
}

fn url(port: &Port) -> String {
    format!("http://{}{API}", port.address())
}
