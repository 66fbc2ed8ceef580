//! Every topic on a broker, and a home for processes beside it.

use std::num::NonZeroU32;
use std::time::Duration;

use bus::connection::{KafkaConnection, Security};
use bus::kafka::Kafka;
use bus::{Batch, BatchLimit, Bus, Partition, ProducerSettings, Progress, Row, Start, To, Until};
use contracts::codec;
use contracts::records::DeadLetter;
use contracts::schema::BuiltIn;
use contracts::topics;
use tempfile::TempDir;

use crate::process::{Service, wait_for};

pub struct Cluster {
    pub bus: Kafka,
    pub home: TempDir,
}

impl Cluster {
    pub const ARGS: [&str; 4] = ["--config", "config.toml", "--listen", "127.0.0.1:0"];

    /// One partition of each topic.
    pub fn on(brokers: &str) -> Self {
        let connection = KafkaConnection { brokers: brokers.to_owned(), security: Security::Plaintext };
        let bus = Kafka::connect(connection, "test").unwrap();
        for topic in topics::ALL {
            bus.create(&topic.declare(NonZeroU32::MIN)).unwrap();
        }
        let home = TempDir::new().unwrap();
        let config = format!("instance = 'p'\n[kafka]\nbrokers = ['{brokers}']\n[log]\nformat = 'json'\n");
        std::fs::write(home.path().join("config.toml"), config).unwrap();
        Self { bus, home }
    }

    pub fn configure(&self, more: &str) {
        let path = self.home.path().join("config.toml");
        let config = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, config + more).unwrap();
    }

    pub fn service(&self) -> Service {
        self.service_in("data")
    }

    /// With its state in this directory.
    pub fn service_in(&self, dir: &str) -> Service {
        Service::start(self.home.path(), &[&Self::ARGS[..], &["--dir", dir]].concat())
    }

    /// An event that nobody can read: it becomes one dead letter.
    pub fn send_poison(&self, text: &str) {
        let mut producer = self.bus.producer(&ProducerSettings::default(), Box::new(drop)).unwrap();
        let to = To::Partition { index: 0, key: None };
        let row = Row { topic: topics::TELEMETRY_EVENTS, to, value: Some(text.as_bytes()), headers: &[] };
        producer.send(&row, 0).unwrap();
        assert_eq!(producer.flush(Duration::from_secs(30)).unwrap(), 0);
    }

    /// Of each of these there is one dead letter, and no other.
    pub fn wait_for_dead_letters(&self, sent: &[String]) {
        let found = wait_for("dead letters", || Some(self.dead_letters()).filter(|found| found.len() >= sent.len()));
        assert_eq!(found, sent);
    }

    fn dead_letters(&self) -> Vec<String> {
        let mut reader =
            self.bus.read(&[(Partition::new(topics::DEAD_LETTERS, 0), Start::Earliest)], Until::End).unwrap();
        let (mut batch, mut found) = (Batch::default(), Vec::new());
        while reader.next(&mut batch, &BatchLimit::default()).unwrap() == Progress::More {
            for record in batch.records() {
                let letter: DeadLetter = codec::decode(record.value.unwrap(), &BuiltIn).unwrap();
                found.push(String::from_utf8(letter.raw.as_bytes().to_vec()).unwrap());
            }
        }
        found
    }
}
