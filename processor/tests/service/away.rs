//! A broker that is away when the service starts or later, and a topic that is deleted under it.

use std::num::NonZeroU32;

use bus::Bus;
use bus::connection::{KafkaConnection, Security};
use bus::kafka::Kafka;
use contracts::topics;
use rustix::process::Signal;
use tempfile::TempDir;
use testbed::kafka::{Broker, Options, tool};

use crate::process::{Service, run, wait_for};

/// A broker of its own with every topic, and a home for processes beside it.
struct Cluster {
    broker: Broker,
    home: TempDir,
}

impl Cluster {
    fn start() -> Self {
        let broker = Broker::start(Options::default());
        let connection = KafkaConnection { brokers: broker.bootstrap(), security: Security::Plaintext };
        let bus = Kafka::connect(connection, "test").unwrap();
        for topic in topics::ALL {
            bus.create(&topic.declare(NonZeroU32::MIN)).unwrap();
        }
        let home = TempDir::new().unwrap();
        let config = format!("instance = 'p'\n[kafka]\nbrokers = ['{}']\n[log]\nformat = 'json'\n", broker.bootstrap());
        std::fs::write(home.path().join("config.toml"), config).unwrap();
        Self { broker, home }
    }

    const ARGS: [&str; 4] = ["--config", "config.toml", "--listen", "127.0.0.1:0"];

    fn service(&self) -> Service {
        Service::start(self.home.path(), &Self::ARGS)
    }
}

fn wait_for_trouble(service: &Service) -> String {
    let is_trouble = |text: &str| text.contains(r#""reason":"trouble""#);
    wait_for("trouble", || Some(service.get("/readyz")).filter(|(status, text)| *status == 503 && is_trouble(text))).1
}

#[test]
fn a_broker_that_is_away_at_the_start_and_later_is_waited_for_and_readiness_says_so() {
    let mut cluster = Cluster::start();
    cluster.broker.kill();
    let service = cluster.service();
    let text = wait_for_trouble(&service);
    assert!(text.contains(&cluster.broker.bootstrap()), "which broker? {text}");
    cluster.broker.start_again();
    service.wait_until_ready();
    cluster.broker.kill();
    wait_for_trouble(&service);
    cluster.broker.start_again();
    service.wait_until_ready();
    service.signal(Signal::TERM);
    let (status, said) = service.wait();
    assert_eq!(status, 0, "{said:#?}");
}

#[test]
fn who_is_stopped_while_the_broker_is_away_ends_well() {
    let mut cluster = Cluster::start();
    cluster.broker.kill();
    let service = cluster.service();
    wait_for_trouble(&service);
    service.signal(Signal::TERM);
    let (status, said) = service.wait();
    assert_eq!(status, 0, "{said:#?}");
}

#[test]
fn an_input_that_is_deleted_ends_the_service_by_its_name() {
    let cluster = Cluster::start();
    let service = cluster.service();
    service.wait_until_ready();
    let (bootstrap, topic) = (cluster.broker.bootstrap(), topics::TELEMETRY_EVENTS);
    let arguments = ["--bootstrap-server", &bootstrap, "--delete", "--topic", topic];
    tool("org.apache.kafka.tools.TopicCommand", &arguments).unwrap();
    let (status, said) = service.wait();
    let is_named = |line: &String| line.contains(topic) && line.contains("does not exist");
    assert!(status == 1 && said.iter().any(is_named), "{status}: {said:#?}");
    // Until it is there again, nothing starts.
    let ended = run(cluster.home.path(), &Cluster::ARGS);
    assert!(ended.status == 1 && ended.stderr.contains(topic), "{ended:?}");
    assert!(ended.stderr.contains("tripline topology apply"), "{}", ended.stderr);
}
