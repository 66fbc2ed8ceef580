//! A broker that is away when the service starts or later, and a topic that is deleted under it.

use contracts::topics;
use rustix::process::Signal;
use serde_json::Value;
use testbed::kafka::{Broker, Options, tool};

use crate::cluster::Cluster;
use crate::process::{Service, run, wait_for};

fn start() -> (Broker, Cluster) {
    let broker = Broker::start(Options::default());
    let cluster = Cluster::on(&broker.bootstrap());
    (broker, cluster)
}

fn wait_for_trouble(service: &Service) -> String {
    let is_trouble = |text: &str| text.contains(r#""reason":"trouble""#);
    wait_for("trouble", || Some(service.get("/readyz")).filter(|(status, text)| *status == 503 && is_trouble(text))).1
}

#[test]
fn a_broker_that_is_away_at_the_start_and_later_is_waited_for_and_readiness_says_so() {
    let (mut broker, cluster) = start();
    broker.kill();
    let service = cluster.service();
    let text = wait_for_trouble(&service);
    assert!(text.contains(&broker.bootstrap()), "which broker? {text}");
    broker.start_again();
    service.wait_until_ready();
    broker.kill();
    wait_for_trouble(&service);
    broker.start_again();
    service.wait_until_ready();
    service.signal(Signal::TERM);
    let (status, said) = service.wait();
    assert_eq!(status, 0, "{said:#?}");
}

#[test]
fn who_is_stopped_while_the_broker_is_away_ends_well() {
    let (mut broker, cluster) = start();
    broker.kill();
    let service = cluster.service();
    wait_for_trouble(&service);
    service.signal(Signal::TERM);
    let (status, said) = service.wait();
    assert_eq!(status, 0, "{said:#?}");
}

#[test]
fn an_input_that_is_deleted_ends_the_service_by_its_name() {
    let (broker, cluster) = start();
    let service = cluster.service();
    service.wait_until_ready();
    let (bootstrap, topic) = (broker.bootstrap(), topics::TELEMETRY_EVENTS);
    let arguments = ["--bootstrap-server", &bootstrap, "--delete", "--topic", topic];
    tool("org.apache.kafka.tools.TopicCommand", &arguments).unwrap();
    let (status, said) = service.wait();
    // What ended it, not what was logged on the way there.
    let ended_by: Value = serde_json::from_str(said.last().unwrap()).unwrap();
    let reason = ended_by["error"]["message"].as_str().unwrap_or_else(|| panic!("{said:#?}"));
    // The broker forgets what was committed for the topic, too; either may be seen first.
    let ends = [("does not exist", 1), ("has committed nothing", 4)];
    let end = ends.iter().find(|(words, _)| reason.contains(topic) && reason.contains(words));
    let Some((_, expected)) = end else { panic!("{reason}") };
    assert_eq!((status, &ended_by["error"]["status"]), (*expected, &Value::from(*expected)), "{said:#?}");
    // Until it is there again, nothing starts.
    let ended = run(cluster.home.path(), &Cluster::ARGS);
    assert!(ended.status == 1 && ended.stderr.contains(topic), "{ended:?}");
    assert!(ended.stderr.contains("tripline topology apply"), "{}", ended.stderr);
}
