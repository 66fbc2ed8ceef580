//! What is on a topic is shown, whatever it is, from where and as far as was asked.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use bus::embedded::{Embedded, Options};
use bus::{Bus, Header, ProducerSettings, Row, To};

use crate::tripline::{Home, check, event};

const TOPIC: &str = "telemetry.events.v1";

/// Rows as another producer would write them.
fn write(home: &Home, rows: &[Row<'_>]) {
    let log = Embedded::open(&home.dir().join("log"), Options::default()).unwrap();
    let mut producer = log.producer(&ProducerSettings::default(), Box::new(|fate| drop(fate.result.unwrap()))).unwrap();
    for row in rows {
        producer.send(row, 0).unwrap();
    }
    producer.flush(std::time::Duration::from_secs(10)).unwrap();
}

fn events(endpoints: &[&str]) -> String {
    (0..).zip(endpoints).map(|(number, endpoint)| event(endpoint, number)).collect()
}

#[test]
fn begins_where_it_is_told_and_shows_what_is_wanted() {
    let home = Home::with_log();
    // `a` is on partition 0 of 4, `host-1` on 1.
    assert_eq!(home.run_with(&["send"], events(&["a", "a", "host-1", "a"]).as_bytes()).status, 0);
    let line = |offset: u32, number: u32| format!("$TIME 0@{offset} a test {{\"n\":{number}}}\n");
    let cases: &[(&[&str], String)] = &[
        (&["--partition", "0"], [line(0, 0), line(1, 1), line(2, 3)].concat()),
        (&["--partition", "0", "--from", "1"], [line(1, 1), line(2, 3)].concat()),
        (&["--partition", "0", "--from", "3"], String::new()),
        (&["--partition", "0", "--from", "2026-01-01T00:00:00Z", "-n", "2"], [line(0, 0), line(1, 1)].concat()),
        (&["--from", "end"], String::new()),
        (&["--from", "9999-01-01T00:00:00Z"], String::new()),
        (&["--key", "a", "-n", "1"], line(0, 0)),
        (&["--key", "nobody"], String::new()),
    ];
    for (args, expected) in cases {
        check(&home.run(&[&["tail", TOPIC], *args].concat()), 0, expected, "");
    }
}

#[test]
fn what_cannot_be_asked_is_told_with_the_next_step() {
    let home = Home::with_log();
    let cases: &[(&[&str], i32, &str)] = &[
        (
            &["telemetry.event.v1"],
            1,
            "topic `telemetry.event.v1` does not exist; did you mean `telemetry.events.v1`?; `tripline topology apply` makes the topics of a topology",
        ),
        (&[TOPIC, "--from", "5"], 2, "--from: an offset is of one partition; name one of the 4 with --partition"),
        (
            &[TOPIC, "--from", "yesterday"],
            2,
            "--from: expected start, end, an offset such as 1200 or a time such as 2026-01-31T12:00:00Z, found \"yesterday\"",
        ),
        (&[TOPIC, "--partition", "4"], 1, "telemetry.events.v1[4] does not exist; the topic has 4 partitions, 0 to 3"),
        (
            &[TOPIC, "--partition", "0", "--from", "7"],
            1,
            "telemetry.events.v1[0]: offset 7 is beyond the end 0: the log was cut, or this position is of another log",
        ),
    ];
    for (args, status, reason) in cases {
        check(&home.run(&[&["tail"], *args].concat()), *status, "", &format!("error: {reason}\n"));
    }
    let stranger = home.run(&["tail", "nosuch"]).stderr;
    assert!(stranger.starts_with("error: topic `nosuch` does not exist; there are alerts.v1, "), "{stranger}");
    assert!(stranger.contains(", telemetry.events.v1"), "{stranger}");
    let json = home.run(&["tail", "alert.v1", "--output", "json"]);
    let error: serde_json::Value = serde_json::from_str(&json.stderr).unwrap();
    assert_eq!(error["error"]["status"], 1);
}

#[test]
fn a_log_that_nobody_can_write_to_is_not_followed() {
    let home = Home::with_log();
    let refused = "error: nothing would follow: while this command has the log in $DIR open, nobody else can write to it; run `tripline up`, then follow\n";
    check(&home.run(&["tail", TOPIC, "--follow"]), 3, "", refused);
}

#[test]
fn what_cannot_be_decoded_is_shown_as_such_and_ends_nothing() {
    let home = Home::with_log();
    assert_eq!(home.run_with(&["send"], event("a", 1).as_bytes()).status, 0);
    let headers = [Header { name: "h\u{1b}", value: b"\xff" }];
    let to = To::Partition { index: 0, key: Some(b"k\x1b\xff") };
    let put = |value| Row { topic: TOPIC, to, value, headers: &headers };
    write(&home, &[put(Some(b"")), put(Some(b"\x07poison")), put(Some(&[0, 0, 0, 0, 7, 1])), put(None)]);
    assert_eq!(home.run_with(&["send"], event("a", 2).as_bytes()).status, 0);
    let shown = home.run(&["tail", TOPIC]);
    assert_eq!(shown.status, 0, "{shown:?}");
    let lines: Vec<&str> = shown.stdout.lines().collect();
    assert_eq!(lines.len(), 6, "{shown:#?}");
    assert!(lines[1].starts_with("$TIME 0@1 k\\u001b\u{fffd} (undecodable, 0 bytes, empty: "), "{}", lines[1]);
    assert!(lines[2].contains("(undecodable, 7 bytes, undecodable: "), "{}", lines[2]);
    assert!(lines[3].contains("(undecodable, 6 bytes, unknown_schema: "), "{}", lines[3]);
    assert!(lines[4].ends_with(" (deleted)"), "{}", lines[4]);
    assert!(lines[5].ends_with("a test {\"n\":2}"), "{}", lines[5]);

    let json = home.run(&["tail", TOPIC, "--output", "json"]);
    let records: Vec<serde_json::Value> = json.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records[2]["undecodable"]["raw"], "B3BvaXNvbg==");
    assert_eq!(
        (&records[2]["key_base64"], &records[2]["headers"][0]["value_base64"]),
        (&"axv/".into(), &"/w==".into())
    );
    assert_eq!(records[5]["value"]["payload"]["n"], 2);
}

#[test]
fn every_record_on_every_topic_of_ours_that_is_json_is_shown_as_json() {
    let home = Home::with_log();
    let to = To::Key(b"host-1");
    let rows = [&b"{\"level\":\"full\"}"[..], b"not json"].map(|value| Row {
        topic: "posture.v1",
        to,
        value: Some(value),
        headers: &[],
    });
    write(&home, &rows);
    let lines = home.run(&["tail", "posture.v1"]).stdout;
    assert!(lines.contains("host-1 {\"level\":\"full\"}\n") && lines.contains("(undecodable, 8 bytes"), "{lines}");
}

#[test]
fn ticks_and_markers_are_for_those_who_ask() {
    use contracts::avro::Framing;
    use contracts::json_face::from_json;
    use contracts::records::TelemetryEvent;
    let home = Home::with_log();
    let event = |event_type: &str, endpoint: &str| {
        let text = format!(
            "{{\"schema_version\":1,\"event_id\":\"12345678\",\"event_type\":\"{event_type}\",\"topic\":\"{event_type}\",\"endpoint_id\":\"{endpoint}\",\"source\":\"s\",\"source_type\":\"watcher\",\"is_watcher_generated\":true,\"event_depth\":0,\"scope\":{{}},\"observed_at\":0,\"ingested_at\":0,\"payload\":{{}}}}"
        );
        let mut value = Vec::new();
        let event: TelemetryEvent = from_json(text.as_bytes()).unwrap();
        contracts::codec::encode(&event, Framing::SingleObject, &mut value).unwrap();
        value
    };
    let values = [event("system.tick", "_"), event("system.control", "_"), event("system.tick", "host-1")];
    let rows = values.each_ref().map(|value| Row {
        topic: TOPIC,
        to: To::Partition { index: 2, key: None },
        value: Some(value),
        headers: &[],
    });
    write(&home, &rows);
    check(&home.run(&["tail", TOPIC]), 0, "$TIME 2@2 - system.tick {}\n", "");
    assert_eq!(home.run(&["tail", TOPIC, "--all"]).stdout.lines().count(), 3);
}

#[test]
fn a_reader_that_leaves_ends_it_quietly() {
    let home = Home::with_log();
    let many: String = (0..20_000).map(|number| event("a", number)).collect();
    assert_eq!(home.run_with(&["send"], many.as_bytes()).status, 0);
    let mut tail = home.command(&["tail", TOPIC]).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(tail.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.ends_with("{\"n\":0}\n"), "{first}");
    check(&home.finished(tail), 0, "", "");
}

#[test]
fn what_a_record_says_does_not_steer_the_terminal() {
    let home = Home::with_log();
    let hostile = "{\"topic\":\"t\",\"endpoint_id\":\"h\u{9b}31m\",\"payload\":{\"p\":\"\\u001b[2J\u{202e}\"}}\n";
    assert_eq!(home.run_with(&["send"], hostile.as_bytes()).status, 0);
    for form in ["text", "json"] {
        let shown = home.run(&["tail", TOPIC, "--output", form]).stdout;
        let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
        assert!(!shown.contains(steers), "{shown:?}");
        assert!(shown.contains("\\u001b[2J\\u202e"), "{shown:?}");
    }
}

/// With a terminal of its own, by `script` of util-linux.
fn on_a_terminal(home: &Home, variables: &[(&str, &str)]) -> String {
    let command = format!("{} tail {TOPIC}", env!("CARGO_BIN_EXE_tripline"));
    let output = Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .env_clear()
        .env("HOME", home.path(""))
        .env("TRIPLINE_DIR", home.dir())
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("`script`, of Debian's package bsdutils");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let home = Home::with_log();
    assert_eq!(home.run_with(&["send"], event("a", 1).as_bytes()).status, 0);
    assert!(on_a_terminal(&home, &[]).contains("\x1b["), "a terminal gets colours");
    assert!(!on_a_terminal(&home, &[("NO_COLOR", "1")]).contains('\x1b'));
    assert!(!home.run(&["tail", TOPIC]).stdout.contains('\x1b'), "a pipe gets none");
}
