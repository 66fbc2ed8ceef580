//! A broker with the topics, the rules in force, and a processor on it.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use bus::connection::{KafkaConnection, Security};
use bus::kafka::Kafka;
use bus::{Bus, ProducerSettings, Row, To};
use contracts::avro::{EventView, Framing};
use contracts::record::Record as _;
use contracts::records::TelemetryEvent;
use contracts::topics::TELEMETRY_EVENTS;
use serde_json::Value;
use tempfile::TempDir;
use testbed::kafka::{Broker, Options};

use super::offsets;
use crate::engine::mix;

pub const PARTITIONS: u32 = 4;
const TOPOLOGY: &str = "name = \"bench\"\nbus = \"kafka\"\n[defaults]\npartitions = 4\nreplication = 1\n";
const READY_WITHIN: Duration = Duration::from_secs(30);

pub struct Stand {
    broker: Broker,
    bus: Kafka,
    processor: Option<Child>,
    /// Events of the mix that were sent: none is sent twice, for a repeat is not evaluated.
    filled: usize,
    /// Gone after the processor.
    folder: TempDir,
}

impl Stand {
    pub fn new() -> Self {
        let broker = Broker::start(Options::default());
        let folder = TempDir::new().expect("a temporary folder");
        std::fs::write(folder.path().join("topology.toml"), TOPOLOGY).expect("a file in it");
        let connection = KafkaConnection { brokers: broker.bootstrap(), security: Security::Plaintext };
        let bus = Kafka::connect(connection, "bench").expect("the broker was just started");
        let mut stand = Self { broker, bus, processor: None, filled: 0, folder };
        stand.tripline(&["topology", "apply", &stand.topology()]);
        stand.start();
        stand.tripline(&["rules", "apply", &stand.topology()]);
        stand
    }

    pub fn brokers(&self) -> String {
        self.broker.bootstrap()
    }

    pub fn start(&mut self) {
        let mut command = Command::new(beside("tripline-processor"));
        command.args(["--instance", "bench", "--brokers", &self.brokers(), "--listen", "127.0.0.1:0", "--log", "warn"]);
        command.arg("--dir").arg(self.folder.path()).env_remove("TRIPLINE_CONFIG").stdin(Stdio::null());
        self.processor = Some(command.spawn().expect("tripline-processor lies beside this program"));
    }

    /// As a supervisor would.
    pub fn stop(&mut self) {
        let mut processor = self.processor.take().expect("it runs");
        let asked = Command::new("kill").args(["-TERM", &processor.id().to_string()]).status();
        assert!(asked.is_ok_and(|status| status.success()), "the processor runs");
        assert!(processor.wait().expect("it ends").success(), "the processor ends cleanly");
    }

    pub fn kill(&mut self) {
        let mut processor = self.processor.take().expect("it runs");
        processor.kill().expect("it runs");
        processor.wait().expect("it ends");
    }

    /// What `tripline load` says of so many seconds at this rate.
    pub fn load(&mut self, rate: usize, seconds: u64) -> Value {
        let told = self.begin_load(rate, seconds).wait_with_output().expect("a load that was started ends");
        let text = String::from_utf8_lossy(&told.stdout);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    pub fn begin_load(&self, rate: usize, seconds: u64) -> Child {
        let pid = self.processor.as_ref().expect("it runs").id().to_string();
        let (rate, seconds) = (rate.to_string(), format!("{seconds}s"));
        let mut command =
            self.command(&["load", "--rate", &rate, "--duration", &seconds, "--pid", &pid, "--settle", "60s"]);
        command.args(["--output", "json"]).spawn().expect("tripline lies beside this program")
    }

    /// Events of the mix, as fast as they can be sent.
    pub fn fill(&mut self, count: usize) {
        let refused = Box::new(|fate: bus::Fate| drop(fate.result.expect("acknowledged")));
        let mut producer = self.bus.producer(&ProducerSettings::default(), refused).expect("a producer");
        let bodies = mix::bodies(self.filled + count);
        for body in &bodies[self.filled..] {
            let mut value = Vec::with_capacity(body.len() + 10);
            Framing::SingleObject.write(TelemetryEvent::schema().fingerprint(), &mut value);
            value.extend_from_slice(body);
            let event = EventView::read(body).expect("we wrote it");
            let to = To::Key(event.endpoint_id.as_bytes());
            producer.send(&Row { topic: TELEMETRY_EVENTS, to, value: Some(&value), headers: &[] }, 0).expect("room");
        }
        assert_eq!(producer.flush(crate::log::WAIT_MAX).expect("acknowledged"), 0);
        self.filled += count;
    }

    pub fn committed(&self) -> u64 {
        offsets(&self.bus, processor::settings::GROUP).0
    }

    pub fn end(&self) -> u64 {
        offsets(&self.bus, processor::settings::GROUP).1
    }

    fn topology(&self) -> String {
        self.folder.path().join("topology.toml").display().to_string()
    }

    fn tripline(&self, arguments: &[&str]) {
        let Output { status, stderr, .. } =
            self.command(arguments).output().expect("tripline lies beside this program");
        assert!(status.success(), "{arguments:?} within {READY_WITHIN:?}: {}", String::from_utf8_lossy(&stderr));
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(beside("tripline"));
        command.args(arguments).args(["--brokers", &self.brokers()]);
        command.env_remove("TRIPLINE_CONFIG").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

impl Drop for Stand {
    fn drop(&mut self) {
        if let Some(mut processor) = self.processor.take() {
            drop(processor.kill());
            drop(processor.wait());
        }
    }
}

/// A program that was built with this one.
fn beside(name: &str) -> PathBuf {
    std::env::current_exe().expect("a program knows where it is").with_file_name(name)
}
