//! A real S3-compatible store (`MinIO`, one process, one folder) for tests and for `cargo xtask s3`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use rustix::process::Signal;

use crate::Error;
use crate::folder::Folder;
use crate::golang::{self, Program};
use crate::ports::{self, Port};
use crate::process::{Detached, Lifetime, Process};
use crate::python::{self, Python};

pub const ACCESS_KEY: &str = "tripline-test";
pub const SECRET_KEY: &str = "no secret of anybody";
/// It is there from the start.
pub const BUCKET: &str = "checkpoints";

const MINIO: Program = Program {
    name: "minio-20260212",
    package: "github.com/minio/minio",
    module: include_str!("../parts/s3/go.mod"),
    sums: include_str!("../parts/s3/go.sum"),
};
const PART: &str = "the S3-compatible store";
const READY_MAX: Duration = Duration::from_mins(2);
const PROBE_MAX: Duration = Duration::from_secs(2);

/// A running store; dropping it kills it.
#[derive(Debug)]
pub struct Store {
    // Before the folder: fields are dropped in this order, and a dead process writes no more files.
    process: Process,
    port: Port,
    folder: Folder,
}

impl Store {
    /// Starts a store and waits until it answers; panics with the end of its log if it does not.
    pub fn start() -> Self {
        Self::try_start().unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn try_start() -> Result<Self, Error> {
        let folder = Folder::new("s3")?;
        let port = ports::free()?;
        let process = launch(folder.path(), &port, Lifetime::Owner)?;
        Ok(Self { process, port, folder })
    }

    /// One store for all tests of this process; it ends with the process. Tests use prefixes of their own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Store> = OnceLock::new();
        SHARED.get_or_init(|| {
            let store = Self::start();
            store.folder.keep_on_panic();
            store
        })
    }

    /// The address, without a slash at its end.
    pub fn endpoint(&self) -> String {
        endpoint(&self.port)
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// Its data stays.
    pub fn kill(&self) {
        self.process.signal(Signal::KILL).unwrap_or_else(|error| panic!("{error}"));
    }

    /// At the same address, with the same data.
    pub fn start_again(&mut self) {
        self.process =
            launch(self.folder.path(), &self.port, Lifetime::Owner).unwrap_or_else(|error| panic!("{error}"));
    }

    /// What another client sees and does: `script` has `s3` (boto3's client) and `bucket`, and its arguments in `sys.argv`.
    pub fn boto(&self, script: &str, arguments: &[&str]) -> String {
        let prologue = format!(
            "import boto3, sys\nfrom botocore.config import Config\n\
             s3 = boto3.client('s3', endpoint_url='{}', aws_access_key_id='{ACCESS_KEY}', aws_secret_access_key='{SECRET_KEY}', \
             region_name='us-east-1', config=Config(s3={{'addressing_style': 'path'}}))\nbucket = '{BUCKET}'\n",
            self.endpoint()
        );
        String::from_utf8(boto3().run(&(prologue + script), arguments, b"")).expect("boto3 writes UTF-8")
    }
}

fn boto3() -> Python {
    python::with(&["boto3==1.44.5"])
}

/// Starts a store in `folder` that goes on when we end.
pub fn start_detached(folder: &Path) -> Result<Detached, Error> {
    let port = ports::free()?;
    let process = launch(folder, &port, Lifetime::Detached)?;
    Ok(Detached { pid: process.release(), address: endpoint(&port) })
}

/// Builds the store, so that the first test does not wait for it.
pub fn prepare() -> Result<(), Error> {
    program().map(drop)
}

fn program() -> Result<PathBuf, Error> {
    golang::build(&MINIO)
}

fn launch(folder: &Path, port: &Port, life: Lifetime) -> Result<Process, Error> {
    // A folder of the drive is a bucket.
    let drive = folder.join("drive");
    let bucket = drive.join(BUCKET);
    std::fs::create_dir_all(&bucket).map_err(Error::file("create", &bucket))?;
    let mut minio = Command::new("env");
    minio.args(["MINIO_BROWSER=off", "MINIO_UPDATE=off"]);
    minio.args([format!("MINIO_ROOT_USER={ACCESS_KEY}"), format!("MINIO_ROOT_PASSWORD={SECRET_KEY}")]);
    minio.arg(program()?).args(["server", "--quiet", "--address", &port.address()]);
    minio.arg("--certs-dir").arg(folder.join("certificates")).arg(&drive);
    let mut process = Process::start(PART, &minio, folder, &folder.join("s3.log"), life)?;
    let probe = format!("{}/minio/health/cluster", endpoint(port));
    process.wait_until(READY_MAX, |_| answers(&probe))?;
    Ok(process)
}

fn answers(url: &str) -> bool {
    ureq::get(url).config().timeout_global(Some(PROBE_MAX)).build().call().is_ok()
}

fn endpoint(port: &Port) -> String {
    format!("http://{}", port.address())
}
