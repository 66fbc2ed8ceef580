//! A real Kafka broker (KRaft, one process) for tests and for `cargo xtask kafka`.
//!
//! Invariant: a [`Broker`] keeps its ports and its data from start to drop, through every `kill` and `start_again`.
//!
//! Absent on purpose: more than one broker. What replication does is Kafka's business; what a client sees of a
//! broker that stops, dies, hangs and comes back can all be had from one.

mod layout;
mod options;
pub mod proxy;

use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use crate::folder::Folder;
use crate::process::{Detached, Lifetime, Process};
use crate::{Error, command};
use rustix::process::Signal;

use layout::Layout;
pub use options::{Listener, Options, PASSWORD, USER};

pub const VERSION: &str = "4.1.1";

const PART: &str = "Kafka";
const READY_LINE: &str = "Kafka Server started";
const READY_MAX: Duration = Duration::from_mins(2);
const STOP_MAX: Duration = Duration::from_mins(1);
const TOOL_MAX: Duration = Duration::from_mins(1);

/// A running (or stopped) broker; dropping it kills it and removes its folder, which stays for inspection if the test panics.
#[derive(Debug)]
pub struct Broker {
    // Before the folder: fields are dropped in this order, and a dead process writes no more files.
    process: Option<Process>,
    layout: Layout,
    folder: Folder,
}

impl Broker {
    /// Starts a broker and waits until it serves; panics with the end of its log if it does not.
    pub fn start(options: Options) -> Self {
        Self::try_start(options).unwrap_or_else(|error| panic!("{error}"))
    }

    pub fn try_start(options: Options) -> Result<Self, Error> {
        let folder = Folder::new("kafka")?;
        let layout = Layout::prepare(folder.path(), options)?;
        let mut broker = Self { process: None, layout, folder };
        broker.try_start_again()?;
        Ok(broker)
    }

    /// One broker with every listener for all tests of this process; it ends with the process.
    ///
    /// It comes without `&mut`: a test that wants to stop, kill or pause a broker starts one of its own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Broker> = OnceLock::new();
        SHARED.get_or_init(|| {
            let broker = Self::start(Options::all_listeners());
            broker.folder.keep_on_panic();
            broker
        })
    }

    /// `host:port` of the plain listener, for `bootstrap.servers`.
    pub fn bootstrap(&self) -> String {
        self.address(Listener::Plain)
    }

    /// `host:port` of one of the listeners that the options named.
    pub fn address(&self, listener: Listener) -> String {
        self.layout.address(listener)
    }

    /// Where its logs (`logs/`), settings and data are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// SIGTERM, and waits until it is gone. Data and ports stay.
    pub fn stop(&mut self) {
        let process = self.running();
        process.terminate(STOP_MAX).unwrap_or_else(|error| panic!("{error}"));
    }

    /// SIGKILL, and waits until it is gone. Data and ports stay.
    pub fn kill(&mut self) {
        self.running().kill();
    }

    /// Starts a stopped or killed broker on the same ports and data, and waits until it serves.
    pub fn start_again(&mut self) {
        self.try_start_again().unwrap_or_else(|error| panic!("{error}"));
    }

    /// SIGSTOP: connections stay open, nothing is answered.
    pub fn pause(&mut self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT after [`Self::pause`].
    pub fn resume_process(&mut self) {
        self.signal(Signal::CONT);
    }

    fn try_start_again(&mut self) -> Result<(), Error> {
        assert!(self.process.is_none(), "the broker is running: stop() or kill() it first");
        self.process = Some(launch(&self.layout, Lifetime::Owner)?);
        Ok(())
    }

    fn running(&mut self) -> Process {
        self.process.take().expect("the broker is not running: start_again() first")
    }

    fn signal(&self, signal: Signal) {
        let process = self.process.as_ref().expect("the broker is not running: start_again() first");
        process.signal(signal).unwrap_or_else(|error| panic!("{error}"));
    }
}

/// One of Kafka's own command-line tools, for instance `org.apache.kafka.tools.TopicCommand`: a client by the makers of the broker.
pub fn tool(class: &str, arguments: &[&str]) -> Result<Vec<u8>, Error> {
    tool_with_input(class, arguments, b"")
}

/// The same for a tool that reads its standard input, as `org.apache.kafka.tools.ConsoleProducer`.
pub fn tool_with_input(class: &str, arguments: &[&str], stdin: &[u8]) -> Result<Vec<u8>, Error> {
    let mut java = layout::java(&layout::jars()?, &["-XX:TieredStopAtLevel=1"], class);
    command::run(java.args(arguments), stdin, TOOL_MAX)
}

/// Starts a broker in `folder` (empty, or with an earlier broker's data) that goes on when we end.
pub fn start_detached(folder: &Path, options: Options) -> Result<Detached, Error> {
    let layout = Layout::prepare(folder, options)?;
    let process = launch(&layout, Lifetime::Detached)?;
    Ok(Detached { pid: process.release(), address: layout.address(Listener::Plain) })
}

/// Fetches the broker, so that the first test does not wait for it.
pub fn prepare() -> Result<(), Error> {
    layout::jars().map(drop)
}

fn launch(layout: &Layout, life: Lifetime) -> Result<Process, Error> {
    let log = layout.next_log();
    let mut process = Process::start(PART, &layout.command(), layout.folder(), &log, life)?;
    process.wait_until(READY_MAX, |log| std::fs::read_to_string(log).is_ok_and(|text| text.contains(READY_LINE)))?;
    Ok(process)
}
