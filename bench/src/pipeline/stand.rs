//! A broker with the topics, the rules in force, and a processor on it.

use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use bus::connection::{KafkaConnection, Security};
use bus::kafka::Kafka;
use bus::{Bus, Offset, Partition, ProducerSettings, Row, To};
use contracts::avro::{EventView, Framing};
use contracts::record::Record as _;
use contracts::records::TelemetryEvent;
use contracts::topics::TELEMETRY_EVENTS;
use serde_json::Value;
use tempfile::TempDir;
use testbed::kafka::{Broker, Options};

use crate::figure::to_f64;
use crate::machine;

/// How long an alert may fail to come before it counts as lost: one that is only late says so by its latency.
const SETTLE: &str = "60s";
const READY_WITHIN: Duration = Duration::from_secs(30);

pub struct Stand {
    broker: Broker,
    bus: Kafka,
    partitions: u32,
    processor: Option<Child>,
    /// Gone after the processor.
    folder: TempDir,
}

impl Stand {
    /// The rules that come with the program, or others in their text form.
    pub fn new(partitions: u32, rules: Option<&str>) -> Self {
        let broker = Broker::start(Options::default());
        let folder = TempDir::new().expect("a temporary folder");
        let write = |name, text: &str| std::fs::write(folder.path().join(name), text).expect("a file in it");
        let named = if rules.is_some() { "bench.rules" } else { "built-in" };
        write("bench.rules", rules.unwrap_or_default());
        write(
            "topology.toml",
            &format!(
                "name = \"bench\"\nbus = \"kafka\"\n[defaults]\npartitions = {partitions}\nreplication = 1\n\
                 [[watchers]]\nname = \"bench\"\nrules = [\"{named}\"]\n"
            ),
        );
        let connection = KafkaConnection { brokers: broker.bootstrap(), security: Security::Plaintext };
        let bus = Kafka::connect(connection, "bench").expect("the broker was just started");
        let mut stand = Self { broker, bus, partitions, processor: None, folder };
        stand.tripline(&["topology", "apply", &stand.topology()]);
        stand.start();
        stand.tripline(&["rules", "apply", &stand.topology()]);
        stand
    }

    pub fn bus(&self) -> &Kafka {
        &self.bus
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
    pub fn load(&self, rate: usize, seconds: u64) -> Value {
        told(self.begin_load(rate, seconds))
    }

    pub fn begin_load(&self, rate: usize, seconds: u64) -> Child {
        let pid = self.processor.as_ref().expect("it runs").id().to_string();
        let (rate, seconds) = (rate.to_string(), format!("{seconds}s"));
        let mut command =
            self.command(&["load", "--rate", &rate, "--duration", &seconds, "--pid", &pid, "--settle", SETTLE]);
        command.args(["--output", "json"]).spawn().expect("tripline lies beside this program")
    }

    /// These events, as fast as they can be sent. None may be sent twice: a repeat is not evaluated.
    pub fn fill(&mut self, bodies: impl Iterator<Item = Vec<u8>>) {
        let refused = Box::new(|fate: bus::Fate| drop(fate.result.expect("acknowledged")));
        let mut producer = self.bus.producer(&ProducerSettings::default(), refused).expect("a producer");
        let mut value = Vec::new();
        for body in bodies {
            value.clear();
            Framing::SingleObject.write(TelemetryEvent::schema().fingerprint(), &mut value);
            value.extend_from_slice(&body);
            let event = EventView::read(&body).expect("we wrote it");
            let to = To::Key(event.endpoint_id.as_bytes());
            producer.send(&Row { topic: TELEMETRY_EVENTS, to, value: Some(&value), headers: &[] }, 0).expect("room");
        }
        assert_eq!(producer.flush(crate::log::WAIT_MAX).expect("acknowledged"), 0);
    }

    pub fn inputs(&self) -> Vec<Partition> {
        (0..self.partitions).map(|index| Partition::new(TELEMETRY_EVENTS, index)).collect()
    }

    /// Up to where the processor has published, all partitions together.
    pub fn committed(&self) -> u64 {
        let committed = self.bus.committed(processor::settings::GROUP, &self.inputs()).expect("the broker answers");
        committed.iter().flatten().map(|offset| offset.0).sum()
    }

    /// Where each input ends.
    pub fn ends(&self) -> Vec<Offset> {
        self.inputs().iter().map(|input| self.bus.extent(input).expect("the broker answers").end).collect()
    }

    /// All partitions together.
    pub fn end(&self) -> u64 {
        self.ends().iter().map(|end| end.0).sum()
    }

    pub fn resident_mb(&self) -> f64 {
        let processor = self.processor.as_ref().expect("it runs").id();
        to_f64(machine::resident_kb_of(processor)) / 1e3
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

/// What a load says when it is over.
pub fn told(load: Child) -> Value {
    let told = load.wait_with_output().expect("a load that was started ends");
    let text = String::from_utf8_lossy(&told.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A program that was built with this one.
fn beside(name: &str) -> PathBuf {
    std::env::current_exe().expect("a program knows where it is").with_file_name(name)
}
