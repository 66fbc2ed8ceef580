//! What is recorded is replayed: from the log or from a file, alone or against other rules, and nothing of the log changes.

use bus::embedded::{Embedded, Options};
use bus::recording::{Ending, Recording};
use bus::{Batch, BatchLimit, Bus, ProducerSettings, Progress, Reader, Row, To};
use contracts::avro::Framing;
use contracts::canonical::tolerant_text;
use contracts::codec;
use contracts::draft::{Fill, event_from_json};
use contracts::field::JsonObject;
use contracts::id::{CommandId, EndpointId};
use contracts::json::{self, Mode};
use contracts::json_face::to_json;
use contracts::record::Record;
use contracts::records::{Alert, ControlCommand, ControlCommandType};
use contracts::schema::BuiltIn;
use contracts::time::Timestamp;
use detection::parts;
use detection::rule::RuleSet;
use serde_json::Value;

use crate::tripline::{Home, check};

const TOPIC: &str = "telemetry.events.v1";

fn rule(name: &str, severity: &str, filter: &str) -> String {
    format!(
        "rule {name} {{\ntopic: \"shell\"\nfilter: \"{filter}\"\nseverity: {severity}\ncategory: security\nalert: \"{{command}}\"\n}}\n"
    )
}

/// Events of three hosts: `list`, `wipe` and `mount` once on each.
fn home() -> Home {
    let home = Home::with_log();
    let mut events = String::new();
    for (number, command) in ["list", "wipe", "mount"].iter().enumerate() {
        for host in 0..3 {
            let line = format!(
                "{{\"topic\":\"shell\",\"endpoint_id\":\"host-{host}\",\"event_id\":\"event-{number}-{host}\",\"payload\":{{\"command\":\"{command}\"}}}}\n"
            );
            events.push_str(&line);
        }
    }
    assert_eq!(home.run_with(&["send"], events.as_bytes()).status, 0);
    home
}

fn replay(home: &Home, args: &[&str], status: i32) -> Value {
    let run = home.run(&[&["replay", "--output", "json", "--from"], args].concat());
    assert_eq!((run.status, run.stdout.lines().count()), (status, 1), "{run:#?}");
    serde_json::from_str(&run.stdout).unwrap()
}

#[test]
fn a_recording_gives_what_the_log_gives_and_the_log_stays_as_it_is() {
    let home = home();
    let rules = home.write("wipe.rules", rule("wiped", "high", "$.command == 'wipe'"));
    let recorded = home.run(&["tail", TOPIC, "rule.matches.v1", "--record", "day.avro"]);
    check(&recorded, 0, "", "9 records of telemetry.events.v1, rule.matches.v1 in day.avro\n");
    let again = home.run(&["tail", TOPIC, "--record", "day.avro"]);
    assert_eq!(again.status, 1);
    assert!(again.stderr.contains("there is such a file already"), "{}", again.stderr);

    let of_log = replay(&home, &[TOPIC, "--rules", &rules], 0);
    let of_file = replay(&home, &["day.avro", "--rules", &rules], 0);
    for name in ["records", "times", "rules", "partitions"] {
        assert_eq!(of_log[name], of_file[name], "{name}");
    }
    assert_eq!((&of_log["matches"], &of_file["matches"]), (&"derived".into(), &"recorded".into()));
    assert_eq!((&of_file["records"], &of_file["rules"]["alerts"]), (&9.into(), &3.into()));
    assert_eq!(of_file["rules"]["by_rule"]["wiped"]["alerts"], 3);
    let spread = replay(&home, &["day.avro", "--rules", &rules, "--partitions", "2"], 0);
    assert_eq!(spread["rules"]["alerts_digest"], of_log["rules"]["alerts_digest"]);
    for topic in ["alerts.v1", "watcher.events.v1", "dead.letters.v1"] {
        check(&home.run(&["tail", topic, "--all"]), 0, "", "");
    }
}

#[test]
fn alerts_that_are_added_removed_and_changed_are_told_by_rule() {
    let home = home();
    let old = [
        rule("wiped", "high", "$.command == 'wipe'"),
        rule("listed", "low", "$.command == 'list'"),
        rule("kept", "low", "$.command == 'mount'"),
    ];
    let new = [
        rule("wiped", "critical", "$.command == 'wipe'"),
        rule("mounted", "low", "$.command == 'mount' and $.command != 'x'"),
        rule("kept", "low", "$.command == 'mount'"),
    ];
    let [old, new] = [("old.rules", old), ("new.rules", new)].map(|(name, rules)| home.write(name, rules.concat()));
    let report = replay(&home, &[TOPIC, "--rules", &new, "--against", &old, "--fail-on-difference"], 1);
    let comparison = &report["comparison"];
    let counts = |of: &Value| ["same", "added", "removed", "changed"].map(|name| of[name].as_u64().unwrap());
    assert_eq!(counts(comparison), [3, 3, 3, 3]);
    for (rule, expected) in
        [("kept", [3, 0, 0, 0]), ("mounted", [0, 3, 0, 0]), ("listed", [0, 0, 3, 0]), ("wiped", [0, 0, 0, 3])]
    {
        assert_eq!(counts(&comparison["by_rule"][rule]), expected, "{rule}");
    }
    let example = &comparison["by_rule"]["wiped"]["examples"][0];
    assert_eq!((&example["change"], &example["message"]), (&"changed".into(), &"wipe".into()));
    assert_eq!(example["fields"]["severity"], serde_json::json!({ "against": "high", "rules": "critical" }));
    assert!(example["fields"]["rule_set"].is_null(), "that the sets differ is known: {example}");

    let text = home.run(&["replay", "--from", TOPIC, "--rules", &new, "--against", &old]);
    assert_eq!(text.status, 0, "{text:#?}");
    assert!(text.stdout.contains("compared: 3 alerts the same, 3 added, 3 removed, 3 changed\n"), "{}", text.stdout);
    assert!(text.stdout.contains("severity \"high\" is now \"critical\""), "{}", text.stdout);
    let equal = replay(&home, &[TOPIC, "--rules", &new, "--against", &new, "--fail-on-difference"], 0);
    assert_eq!(counts(&equal["comparison"]), [9, 0, 0, 0]);
}

#[test]
fn alerts_go_to_a_file_that_is_a_recording() {
    let home = home();
    let rules = home.write("wipe.rules", rule("wiped", "high", "$.command == 'wipe'"));
    for name in ["one.avro", "other.avro"] {
        assert_eq!(replay(&home, &[TOPIC, "--rules", &rules, "--out", name], 0)["rules"]["alerts"], 3);
    }
    let [one, other] = ["one.avro", "other.avro"].map(|name| std::fs::read(home.path(name)).unwrap());
    assert_eq!(one, other, "the same input and rules, another file");
    let mut recording = Recording::open(&home.path("one.avro")).unwrap();
    let (mut batch, mut hosts) = (Batch::default(), Vec::new());
    while recording.next(&mut batch, &BatchLimit::default()).unwrap() == Progress::More {
        for record in batch.records() {
            let alert: Alert = codec::decode(record.value.unwrap(), &BuiltIn).unwrap();
            assert_eq!((&*record.partition.topic, alert.message.as_str()), ("alerts.v1", "wipe"));
            hosts.push(alert.trigger_event.endpoint_id.as_str().to_owned());
        }
    }
    hosts.sort();
    assert_eq!(
        (hosts, recording.ending()),
        (["host-0", "host-1", "host-2"].map(str::to_owned).into(), Some(Ending::Marked))
    );
}

#[test]
fn only_what_lies_between_two_times_is_replayed() {
    let home = home();
    for (args, records) in [
        (&["--since", "9999-01-01T00:00:00Z"][..], 0),
        (&["--until", "2020-01-01T00:00:00Z"], 0),
        (&["--since", "2020-01-01T00:00:00Z", "--until", "9999-01-01T00:00:00Z"], 9),
    ] {
        assert_eq!(home.run(&["tail", TOPIC, "--record", "day.avro"]).status, 0);
        for from in [TOPIC, "day.avro"] {
            assert_eq!(replay(&home, &[&[from], args].concat(), 0)["records"], records, "{from} {args:?}");
        }
        std::fs::remove_file(home.path("day.avro")).unwrap();
    }
}

#[test]
fn a_recording_that_is_cut_short_is_replayed_as_far_as_it_goes_and_that_is_told() {
    let home = home();
    assert_eq!(home.run(&["tail", TOPIC, "--record", "day.avro"]).status, 0);
    let whole = std::fs::read(home.path("day.avro")).unwrap();
    std::fs::write(home.path("cut.avro"), &whole[..whole.len() - 40]).unwrap();
    let report = replay(&home, &["cut.avro"], 0);
    assert_eq!(report["records"], 0, "all records are in the block that was cut");
    assert!(report["endings"][0].as_str().unwrap().contains("cut.avro is cut short: its last "), "{report}");
}

#[test]
fn what_cannot_be_replayed_is_told_with_the_next_step() {
    let home = Home::with_log();
    home.write("text.avro", "no recording");
    let cases: &[(&[&str], i32, &str)] = &[
        (
            &["alerts.v1"],
            2,
            "--from: expected telemetry.events.v1, rule.matches.v1 or a file that is there, found \"alerts.v1\"",
        ),
        (&[TOPIC, "--since", "yesterday"], 2, "--since: expected a time such as $TIME (RFC 3339), found \"yesterday\""),
        (&[TOPIC, "--matches", "recorded"], 2, "--matches: --from has no rule.matches.v1"),
        (&["text.avro"], 1, "expected an Avro object container"),
        (&[TOPIC, "--rules", "nowhere.rules"], 1, "nowhere.rules: cannot read the rules"),
        (&[TOPIC, "--fail-on-difference"], 2, "--against"),
    ];
    for (args, status, reason) in cases {
        let run = home.run(&[&["replay", "--from"], *args].concat());
        assert_eq!((run.status, run.stdout.as_str()), (*status, ""), "{run:#?}");
        assert!(run.stderr.contains(reason), "{args:?}: {}", run.stderr);
    }
}

/// Rows as a processor's owner and people write them.
fn write(home: &Home, rows: &[(&str, To<'_>, Vec<u8>)]) {
    let log = Embedded::open(&home.dir().join("log"), Options::default()).unwrap();
    let mut producer = log.producer(&ProducerSettings::default(), Box::new(|fate| drop(fate.result.unwrap()))).unwrap();
    for (topic, to, value) in rows {
        producer.send(&Row { topic, to: *to, value: Some(value), headers: &[] }, 0).unwrap();
    }
    assert_eq!(producer.flush(std::time::Duration::from_secs(10)).unwrap(), 0);
}

fn framed<R: Record>(record: &R) -> Vec<u8> {
    let mut value = Vec::new();
    codec::encode(record, Framing::SingleObject, &mut value).unwrap();
    value
}

#[test]
fn a_set_of_the_log_runs_by_its_digest_or_from_where_it_was_swapped_in() {
    let home = Home::with_log();
    let send = |n: u32| {
        let event = format!(
            "{{\"topic\":\"shell\",\"endpoint_id\":\"host-1\",\"payload\":{{\"command\":\"wipe\",\"n\":{n}}}}}\n"
        );
        assert_eq!(home.run_with(&["send"], event.as_bytes()).status, 0);
    };
    send(1);
    let rules = detection::text::parse("rules", &rule("wiped", "high", "$.command == 'wipe'")).unwrap();
    let (digest, parts) = parts::split(&RuleSet::of_one("published", rules)).unwrap();
    let command = ControlCommand {
        command_id: CommandId::new("swap-1"),
        command: ControlCommandType::SwapRuleSet,
        parameters: JsonObject::new(format!("{{\"digest\":\"{digest}\"}}")).unwrap(),
        issued_by: "ann".to_owned(),
        issued_at: Timestamp::from_micros(0).unwrap(),
        reason: None,
    };
    let text = to_json(&command);
    let said = tolerant_text(&json::parse(text.as_bytes(), Mode::Tolerant, 64).unwrap()).digest();
    let endpoint_id = EndpointId::new("_");
    let fill = Fill { endpoint_id: &endpoint_id, now: command.issued_at, source: "p", place: 0 };
    let text = format!("{{\"topic\":\"system.control\",\"payload\":{{\"control_offset\":0,\"digest\":\"{said}\"}}}}");
    let marker = framed(&event_from_json(text.as_bytes(), &fill).unwrap());
    let alone = To::Partition { index: 0, key: None };
    let mut rows: Vec<(&str, To<'_>, Vec<u8>)> =
        parts.iter().map(|part| ("rule.sets.v1", To::Key(b"k"), framed(part))).collect();
    rows.push(("control.v1", alone, framed(&command)));
    rows.extend((0..4).map(|index| (TOPIC, To::Partition { index, key: Some(b"_") }, marker.clone())));
    write(&home, &rows);
    send(2);

    let digest = digest.to_string();
    let whole = replay(&home, &[TOPIC, "--rules", &digest], 0);
    assert_eq!((&whole["rules"]["alerts"], &whole["rules"]["set"]), (&2.into(), &"published".into()));
    let recorded = replay(&home, &[TOPIC, "--rules", "recorded"], 0);
    assert_eq!(recorded["rules"]["alerts"], 1, "from the marker on: {recorded}");
    let topics = [TOPIC, "control.v1", "rule.sets.v1"];
    let kept = home.run(&[&["tail"], &topics[..], &["--record", "day.avro"]].concat());
    assert_eq!(kept.status, 0, "{kept:?}");
    let of_file = replay(&home, &["day.avro", "--rules", "recorded"], 0);
    assert_eq!(of_file["rules"]["alerts_digest"], recorded["rules"]["alerts_digest"]);
    let unknown = home.run(&["replay", "--from", TOPIC, "--rules", &"0".repeat(64)]);
    assert_eq!(unknown.status, 1);
    assert!(unknown.stderr.contains("rule.sets.v1: expected its parts, found 0"), "{}", unknown.stderr);
}
