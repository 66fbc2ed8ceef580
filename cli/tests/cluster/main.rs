//! `tripline` against a real broker and a real registry, read by programs that share no line with it.

#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

use std::fmt::Write as _;
use std::io::Write;
use std::process::{Command, Stdio};

use testbed::kafka::{Broker, Options};
use testbed::registry::Registry;
use testbed::{kcat, python};

const TOPIC: &str = "telemetry.events.v1";
const SCHEMA: &str = include_str!("../../../schemas/telemetry_event_v1.avsc");
const TOPOLOGY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../topologies/kafka.toml");

fn tripline(args: &[&str], stdin: &str) -> (i32, String, String) {
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_tripline"))
        .args(args)
        .env_clear()
        .env("HOME", home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || drop(input.write_all(stdin.as_bytes())));
        child.wait_with_output().unwrap()
    });
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// Reads values in hexadecimal, a line each, with the schema as it is documented.
const READER: &str = r#"
import io, json, sys, fastavro
schema = fastavro.parse_schema(json.loads(sys.argv[1]))
for line in sys.stdin:
    value = bytes.fromhex(line.strip())
    framing, head = ("confluent", 5) if value[0] == 0 else ("single object", 10)
    body = io.BytesIO(value[head:])
    event = fastavro.schemaless_reader(body, schema)
    assert body.read() == b"", "bytes after the record"
    print(framing, event["endpoint_id"], event["event_type"], event["payload"])
"#;

#[test]
fn another_client_reads_with_the_documented_schema_what_was_sent_in_either_framing() {
    let (brokers, registry) = (Broker::shared().bootstrap(), Registry::shared().url());
    let (status, out, err) = tripline(&["topology", "apply", TOPOLOGY, "--brokers", &brokers, "--dry-run"], "");
    assert_eq!(status, 1, "topics are missing: {out}{err}");
    let (status, out, err) = tripline(&["topology", "apply", TOPOLOGY, "--brokers", &brokers], "");
    assert_eq!(status, 0, "{out}{err}");
    let (status, out, err) = tripline(&["topology", "apply", TOPOLOGY, "--brokers", &brokers], "");
    assert_eq!((status, out.contains("are as declared")), (0, true), "{out}{err}");

    let plain = "{\"topic\":\"auth.login\",\"endpoint_id\":\"host-1\",\"payload\":{\"user\":\"änn\",\"n\":1.0}}\n";
    let (status, _, err) = tripline(&["send", "--brokers", &brokers], plain);
    assert_eq!(status, 0, "{err}");

    let with_registry = ["send", "--brokers", &brokers, "--registry", &registry];
    let (status, _, err) = tripline(&with_registry, plain);
    assert_eq!(status, 1, "{err}");
    assert!(err.contains("`tripline schemas publish`"), "an unknown schema is not published by the way: {err}");
    for _ in 0..2 {
        let (status, out, err) = tripline(&["schemas", "publish", "--registry", &registry], "");
        assert_eq!(status, 0, "{out}{err}");
    }
    let (status, out, err) = tripline(&["schemas", "check", "--registry", &registry], "");
    assert_eq!((status, out.contains("against the registry's telemetry.events.v1-value")), (0, true), "{out}{err}");
    let (status, _, err) = tripline(&with_registry, &plain.replace("host-1", "host-2"));
    assert_eq!(status, 0, "{err}");

    // Debian's kcat is built without Avro: it hands over the bytes, and fastavro reads them.
    let raw = kcat::run(&["-b", &brokers, "-C", "-t", TOPIC, "-e", "-q", "-f", "%R%s"], b"");
    let values = in_hex(&raw);
    let reader = python::with(&["fastavro==1.13.1"]);
    let read = String::from_utf8(reader.run(READER, &[SCHEMA], values.as_bytes())).unwrap();
    let mut read: Vec<&str> = read.lines().collect();
    read.sort_unstable();
    let payload = "{\"user\":\"änn\",\"n\":1.0}";
    assert_eq!(
        read,
        [format!("confluent host-2 auth.login {payload}"), format!("single object host-1 auth.login {payload}")]
    );

    let (status, out, err) = tripline(&["tail", TOPIC, "--brokers", &brokers, "--registry", &registry], "");
    assert_eq!((status, err.as_str()), (0, ""));
    let mut lines: Vec<&str> = out.lines().filter_map(|line| line.split_once(" host-")).map(|(_, rest)| rest).collect();
    lines.sort_unstable();
    assert_eq!(lines, [format!("1 auth.login {payload}"), format!("2 auth.login {payload}")], "{out}");
    let gone = ["tail", TOPIC, "--brokers", &brokers, "--registry", "http://127.0.0.1:1", "--key", "host-2"];
    let (status, out, err) = tripline(&gone, "");
    assert_eq!((status, out.as_str()), (3, ""), "a registry that cannot be asked is no fault of the record: {err}");
    let (status, out, _) = tripline(&["tail", TOPIC, "--brokers", &brokers, "--key", "host-2"], "");
    assert_eq!((status, out.contains("undecodable, ")), (0, true), "without the registry an id says nothing: {out}");
}

/// What kcat wrote as `length value length value …`, a value a line.
fn in_hex(mut raw: &[u8]) -> String {
    let mut lines = String::new();
    while let Some((length, rest)) = raw.split_first_chunk::<4>() {
        let (value, rest) = rest.split_at(usize::try_from(u32::from_be_bytes(*length)).unwrap());
        for byte in value {
            write!(lines, "{byte:02x}").unwrap();
        }
        lines.push('\n');
        raw = rest;
    }
    lines
}

/// Of three commands one is told.
const RULES: &str = "rule wiped {\ntopic: \"shell\"\nfilter: \"$.command == 'wipe'\"\nseverity: high\ncategory: security\nalert: \"{command}\"\n}\n";

#[test]
fn what_lies_on_a_broker_is_replayed_as_a_recording_of_it_is() {
    let broker = Broker::start(Options::default());
    let (brokers, folder) = (broker.bootstrap(), tempfile::tempdir().unwrap());
    let path = |name| folder.path().join(name).display().to_string();
    let (rules, recording) = (path("wiped.rules"), path("day.avro"));
    std::fs::write(&rules, RULES).unwrap();
    let run = |args: &[&str], stdin: &str| {
        let (status, out, err) = tripline(&[args, &["--brokers", &brokers]].concat(), stdin);
        assert_eq!(status, 0, "{args:?}: {out}{err}");
        out
    };
    run(&["topology", "apply", TOPOLOGY], "");
    for command in ["list", "wipe", "mount"] {
        let event = |host| {
            format!(
                "{{\"topic\":\"shell\",\"endpoint_id\":\"host-{host}\",\"payload\":{{\"command\":\"{command}\"}}}}\n"
            )
        };
        run(&["send"], &(0..40).map(event).collect::<String>());
    }
    run(&["tail", TOPIC, "--record", &recording], "");

    let replay = |from: &str, args: &[&str]| -> serde_json::Value {
        let of = ["replay", "--output", "json", "--from", from, "--rules", &rules];
        serde_json::from_str(&run(&[&of, args].concat(), "")).unwrap()
    };
    let (of_broker, of_file) = (replay(TOPIC, &[]), replay(&recording, &[]));
    assert_eq!((&of_broker["records"], &of_broker["rules"]["alerts"]), (&120.into(), &40.into()), "{of_broker}");
    assert_eq!(of_broker["rules"]["alerts_digest"], of_file["rules"]["alerts_digest"]);
    assert_eq!(replay(TOPIC, &["--since", "9999-01-01T00:00:00Z"])["records"], 0);
    assert_eq!(replay(TOPIC, &["--until", "9999-01-01T00:00:00Z"])["records"], 120);
    assert_eq!(run(&["tail", "alerts.v1", "--all"], ""), "", "nothing is written to the broker");
}

#[test]
fn brokers_that_do_not_answer_are_named() {
    let (status, out, err) = tripline(&["tail", TOPIC, "--brokers", "127.0.0.1:1"], "");
    assert_eq!((status, out.as_str()), (3, ""), "{err}");
    assert!(err.contains("127.0.0.1:1"), "{err}");
    let (status, _, err) = tripline(&["tail", TOPIC, "--brokers", "nonsense"], "");
    assert_eq!(status, 2, "{err}");
    assert!(err.contains("--brokers") && err.contains("host:port"), "{err}");
}
