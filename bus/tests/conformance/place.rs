//! Where a log is, and how it is opened: the only file of the suite that names the two implementations.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bus::connection::{KafkaConnection, Security};
use bus::embedded::{Embedded, Habits, Options};
use bus::kafka::Kafka;
use bus::{Bus, Result};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Embedded(PathBuf),
    /// `host:port`
    Kafka(String),
}

impl Place {
    pub fn open(&self) -> Result<Arc<dyn Bus>> {
        match self {
            Self::Embedded(path) => open_embedded(path, false),
            Self::Kafka(brokers) => {
                let connection = KafkaConnection { brokers: brokers.clone(), security: Security::Plaintext };
                Ok(Arc::new(Kafka::connect(connection, "conformance")?))
            }
        }
    }
}

/// An embedded log that looks for what is to be forgotten as often as the suite's broker does.
pub fn open_embedded(path: &Path, offset_holes: bool) -> Result<Arc<dyn Bus>> {
    let habits = Habits { offset_holes, ..Habits::default() };
    let maintenance_interval = Some(Duration::from_millis(500));
    Ok(Arc::new(Embedded::open(path, Options { habits, maintenance_interval, ..Options::default() })?))
}

/// One word for a child process.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Embedded(path) => write!(f, "embedded={}", path.display()),
            Self::Kafka(brokers) => write!(f, "kafka={brokers}"),
        }
    }
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text.split_once('=') {
            Some(("embedded", path)) => Ok(Self::Embedded(path.into())),
            Some(("kafka", brokers)) => Ok(Self::Kafka(brokers.to_owned())),
            _ => Err(format!("not a place: {text}")),
        }
    }
}
