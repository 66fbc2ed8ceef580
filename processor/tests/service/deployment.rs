//! A deployment on a real broker with a real registry, from its first refusal to its clean end.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bus::connection::{KafkaConnection, RegistryConnection, Security};
use bus::kafka::Kafka;
use bus::registry::{self, Registry};
use bus::{Batch, BatchLimit, Bus, Header, Partition, ProducerSettings, Progress, Row, Start, To, Until};
use contracts::avro::Framing;
use contracts::canonical::Digest;
use contracts::codec::{self, Schemas};
use contracts::draft::{Fill, event_from_json};
use contracts::field::JsonObject;
use contracts::id::{CommandId, EndpointId};
use contracts::record::Record;
use contracts::records::{Alert, AnyRecord, ControlCommand, ControlCommandType, TelemetryEvent};
use contracts::time::Timestamp;
use contracts::topics;
use contracts::topology::Topology;
use detection::parts;
use detection::rule::RuleSet;
use rustix::process::Signal;
use testbed::kafka::{Broker, Options};

use crate::collector::Collector;
use crate::process::{Service, run, wait_for};

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const TASKS: u64 = 6;

/// A folder with a configuration for a broker and the topologies that are used, and a client of our own.
struct Deployment {
    home: tempfile::TempDir,
    bus: Arc<dyn Bus>,
}

impl Deployment {
    fn new(broker: &Broker, registry: Option<&str>) -> Self {
        let home = tempfile::tempdir().unwrap();
        let registry = registry.map(|url| format!("[registry]\nurl = '{url}'\n")).unwrap_or_default();
        let config = format!(
            "topology = 'two.toml'\n[kafka]\nbrokers = ['{}']\n{registry}[log]\nformat = 'json'\n[processor]\n\
             static_membership = false\nsession_timeout = '6s'\ncheckpoints = 'checkpoints'\nlisten = '127.0.0.1:0'\n",
            broker.bootstrap()
        );
        std::fs::write(home.path().join("config.toml"), config).unwrap();
        for (name, partitions) in [("two", 2), ("three", 3)] {
            std::fs::write(home.path().join(name).with_extension("toml"), topology(partitions)).unwrap();
        }
        let connection = KafkaConnection { brokers: broker.bootstrap(), security: Security::Plaintext };
        Self { home, bus: Arc::new(Kafka::connect(connection, "test").unwrap()) }
    }

    fn configure(&self, more: &str) {
        let path = self.home.path().join("config.toml");
        let config = std::fs::read_to_string(&path).unwrap();
        std::fs::write(path, config + more).unwrap();
    }

    fn make_topics(&self) {
        bus::topic::apply(&*self.bus, &Topology::parse("two", &topology(2)).unwrap().topics).unwrap();
    }

    fn start(&self, name: &str) -> Service {
        Service::start(self.home.path(), &["--config", "config.toml", "--instance", name, "--dir", name])
    }

    #[track_caller]
    fn refused(&self, args: &[&str], status: i32, said: &[&str]) {
        let ended = run(self.home.path(), &[&["--config", "config.toml", "--instance", "a"], args].concat());
        assert_eq!(ended.status, status, "{}", ended.stderr);
        for said in said {
            assert!(ended.stderr.contains(said), "{said:?} is not in: {}", ended.stderr);
        }
    }

    fn send(&self, topic: &str, to: To<'_>, value: &[u8], headers: &[Header<'_>]) {
        let mut producer = self.bus.producer(&ProducerSettings::default(), Box::new(drop)).unwrap();
        producer.send(&Row { topic, to, value: Some(value), headers }, 0).unwrap();
        assert_eq!(producer.flush(Duration::from_secs(30)).unwrap(), 0);
    }

    /// One rule, by a swap that every task takes.
    fn put_rules_in_force(&self) -> Digest {
        let rules = "rule danger { topic: \"terminal.command\" severity: high category: security alert: \"danger\" }";
        let rules = detection::text::parse("rules", rules).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
        let (digest, parts) = parts::split(&RuleSet::of_one("guard", rules)).unwrap();
        for part in parts {
            let key = format!("{digest}/{}", part.part);
            self.send(topics::RULE_SETS, To::Key(key.as_bytes()), &encoded(&part), &[]);
        }
        let swap = ControlCommand {
            command_id: CommandId::new("swap"),
            command: ControlCommandType::SwapRuleSet,
            parameters: JsonObject::new(&*format!(r#"{{"digest":"{digest}"}}"#)).unwrap(),
            issued_by: "ann".to_owned(),
            issued_at: Timestamp::MIN,
            reason: None,
        };
        self.send(topics::CONTROL, To::Partition { index: 0, key: None }, &encoded(&swap), &[]);
        digest
    }

    fn send_event(&self, endpoint: &str) {
        let text = br#"{"topic":"terminal.command","payload":{"command":"rm -rf /"}}"#;
        let endpoint_id = EndpointId::new(endpoint);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros();
        let now = Timestamp::from_micros(i64::try_from(now).unwrap()).unwrap();
        let event: TelemetryEvent =
            event_from_json(text, &Fill { endpoint_id: &endpoint_id, now, source: "test", place: 0 }).unwrap();
        let trace = Header { name: "traceparent", value: TRACE.as_bytes() };
        self.send(topics::TELEMETRY_EVENTS, To::Key(endpoint.as_bytes()), &encoded(&event), &[trace]);
    }

    /// The endpoints that alerts are about, sorted. Every alert carries its event's trace; `check` sees its value.
    fn alerts(&self, schemas: &dyn Schemas, check: impl Fn(&[u8])) -> Vec<String> {
        let from: Vec<_> = (0..2).map(|index| (Partition::new(topics::ALERTS, index), Start::Earliest)).collect();
        let mut reader = self.bus.read(&from, Until::End).unwrap();
        let (mut batch, mut endpoints) = (Batch::default(), Vec::new());
        while reader.next(&mut batch, &BatchLimit::default()).unwrap() == Progress::More {
            for record in batch.records() {
                let trace = record.headers().find(|header| header.name == "traceparent").map(|header| header.value);
                assert_eq!(trace, Some(TRACE.as_bytes()));
                check(record.value.unwrap());
                let alert: Alert = codec::decode(record.value.unwrap(), schemas).unwrap();
                endpoints.push(alert.trigger_event.endpoint_id.as_str().to_owned());
            }
        }
        endpoints.sort();
        endpoints
    }
}

fn topology(partitions: u32) -> String {
    format!("name = 't'\nbus = 'kafka'\n[defaults]\npartitions = {partitions}\n")
}

fn encoded<R: Record>(record: &R) -> Vec<u8> {
    let mut value = Vec::new();
    codec::encode(record, Framing::SingleObject, &mut value).unwrap();
    value
}

fn publish_schemas(registry: &Registry) {
    for topic in topics::ALL {
        for schema in AnyRecord::schemas().iter().filter(|schema| topic.records.contains(&schema.name())) {
            registry.register(&registry::subject(topic.name, schema.name()), schema.text()).unwrap();
        }
    }
}

/// Reads the text as Prometheus does, and gives each sample of a family as `name{labels} value`.
const READER: &str = r#"
import sys
from prometheus_client.parser import text_string_to_metric_families as families
seen = set()
for family in families(sys.stdin.read()):
    assert family.name not in seen and family.documentation and family.type != "unknown", family
    seen.add(family.name)
    for sample in family.samples:
        labels = ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))
        print(f"{sample.name}{{{labels}}} {sample.value:g}")
"#;

#[test]
fn a_deployment_from_its_first_refusal_to_its_clean_end() {
    let broker = Broker::start(Options::default());
    let real = testbed::registry::Registry::start();
    let connection = RegistryConnection { url: real.url(), authorities: None, credentials: None };
    let registry = Registry::new(&connection).unwrap();
    let collector = Collector::start();
    let deployment = Deployment::new(&broker, Some(&real.url()));
    deployment.configure(&format!("[traces]\nendpoint = 'http://{}/v1/traces'\n", collector.address));

    let missing = ["telemetry.events.v1: missing", "control.v1: missing", "`tripline topology apply`"];
    deployment.refused(&[], 1, &missing);
    deployment.make_topics();
    let other = ["telemetry.events.v1: 2 partitions, 3 declared", "alerts.v1: 2 partitions", "three.toml"];
    deployment.refused(&["--topology", "three.toml"], 4, &other);
    deployment.refused(&[], 1, &["subject `telemetry.events.v1-value`", "`tripline schemas publish`"]);
    publish_schemas(&registry);

    let a = deployment.start("a");
    assert_eq!(a.get("/healthz").0, 200);
    a.wait_until_ready();
    assert_eq!(a.sum("tripline_processor_assigned_partitions", &[]), TASKS);
    let digest = deployment.put_rules_in_force();
    let label = format!("digest=\"{digest}\"");
    wait_for("rule set in force", || (a.sum("tripline_processor_rule_set_info", &[&label]) >= 4).then_some(()));

    for endpoint in ["host-1", "host-2", "host-3"] {
        deployment.send_event(endpoint);
    }
    deployment.send(topics::TELEMETRY_EVENTS, To::Key(b"poison"), b"not avro", &[]);
    let framed = |value: &[u8]| assert_eq!(value[0], 0, "framed by the registry's id");
    wait_for("alerts", || (deployment.alerts(&registry, framed).len() == 3).then_some(()));
    wait_for("counts", || (a.sum("tripline_processor_alerts_total", &[]) >= 3).then_some(()));
    wait_for("the end of every input", || {
        let is_seen = a.sum("tripline_processor_lag_records", &[]) == 0;
        (is_seen && a.metrics().matches("tripline_processor_lag_records{").count() == 6).then_some(())
    });
    check_metrics(&a.metrics());
    wait_for("spans", || (!collector.is_empty()).then_some(()));

    let b = deployment.start("b");
    wait_for("share of the work", || {
        let shares = [&a, &b].map(|service| service.sum("tripline_processor_assigned_partitions", &[]));
        (shares.iter().sum::<u64>() == TASKS && shares.iter().all(|share| *share > 0)).then_some(())
    });
    deployment.send_event("host-4");
    a.signal(Signal::TERM);
    let (status, log) = a.wait();
    assert_eq!(status, 0, "{log:#?}");
    assert!(log.iter().any(|line| line.contains("the partitions are given back")), "{log:#?}");
    wait_for("everything at the other one", || {
        (b.sum("tripline_processor_assigned_partitions", &[]) == TASKS).then_some(())
    });
    b.wait_until_ready();
    deployment.send_event("host-5");
    let all = ["host-1", "host-2", "host-3", "host-4", "host-5"];
    wait_for("all alerts", || (deployment.alerts(&registry, framed).len() >= 5).then_some(()));
    b.signal(Signal::INT);
    assert_eq!(b.wait().0, 0);
    assert_eq!(deployment.alerts(&registry, framed), all, "each once");
    let spans = collector.spans();
    for (instance, name) in [("a", "apply"), ("a", "publish"), ("b", "apply"), ("b", "publish")] {
        let expected = format!("{instance} {name}  {}", &TRACE[3..35]);
        assert!(spans.contains(&expected), "{expected:?} is not in {spans:#?}");
    }
}

fn check_metrics(text: &str) {
    assert!(!text.contains("host-") && !text.contains("rm -rf"), "{text}");
    let python = testbed::python::with(&["prometheus_client==0.22.1"]);
    let read = String::from_utf8(python.run(READER, &[], text.as_bytes())).unwrap();
    let samples: Vec<&str> = read.lines().collect();
    for expected in [
        "tripline_processor_ready{} 1",
        "tripline_processor_alerts_total{severity=high} 3",
        "tripline_processor_alerts_total{severity=low} 0",
        "tripline_processor_events_total{} 3",
        "tripline_processor_matches_total{} 3",
        "tripline_processor_held_back_matches_total{reason=deduplication} 0",
        "tripline_processor_dead_letters_total{reason=undecodable,stage=events} 1",
        "tripline_processor_repeated_records_total{stage=events} 0",
        "tripline_processor_risk_alerts_total{outcome=entered} 3",
        "tripline_processor_retention_alarm{partition=0,reason=input_gone,stage=events} 0",
        "tripline_processor_publications_total{outcome=fenced} 0",
    ] {
        assert!(samples.contains(&expected), "{expected} is not in:\n{read}");
    }
    let documented =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/processor.md")).unwrap();
    let mut families: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    families.sort_unstable();
    let rows = documented.lines().filter_map(|line| line.strip_prefix("| `tripline_processor_")?.split('`').next());
    let mut rows: Vec<String> = rows.map(|name| format!("tripline_processor_{name}")).collect();
    rows.sort_unstable();
    assert_eq!(rows, families, "docs/processor.md lists every figure and no other");
}

#[test]
fn it_says_that_the_broker_is_gone_goes_on_when_it_is_back_and_ends_at_once_when_told_twice() {
    let mut broker = Broker::start(Options::default());
    let deployment = Deployment::new(&broker, None);
    deployment.make_topics();
    let service = deployment.start("a");
    service.wait_until_ready();
    broker.kill();
    wait_for("trouble", || {
        let (status, body) = service.get("/readyz");
        (status == 503 && body.contains(r#""reason":"trouble""#)).then_some(())
    });
    assert_eq!(service.get("/healthz").0, 200, "it lives");
    assert_eq!(service.sum("tripline_processor_ready", &[]), 0);
    broker.start_again();
    service.wait_until_ready();
    // Nothing can be published any more, so that a clean end takes its time.
    broker.pause();
    // Two of a kind could become one.
    service.signal(Signal::INT);
    service.signal(Signal::TERM);
    let began = Instant::now();
    let (status, log) = service.wait();
    assert!([130, 143].contains(&status), "{status}: {log:#?}");
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    broker.resume_process();
}
