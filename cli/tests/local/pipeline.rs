//! Events in at one end of `tripline up`, alerts out at the other.

use std::io::BufRead;
use std::io::BufReader;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::api::ask;
use crate::tripline::{Home, Run, check};

/// From the start of the process to its last alert.
const DEMO_WITHIN: Duration = Duration::from_secs(5);

fn mail(number: u32) -> String {
    format!(
        "{{\"topic\":\"chat.user_msg\",\"endpoint_id\":\"e{number}\",\"payload\":{{\"text\":\"ann@example.com\"}}}}\n"
    )
}

/// Rule and endpoint of each of the first `count` alerts.
fn alerts(home: &Home, count: usize) -> Vec<String> {
    let run = home.run(&["tail", "alerts.v1", "--follow", "-n", &count.to_string(), "--output", "json"]);
    assert_eq!(run.status, 0, "{run:?}");
    let alert = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        let value = &line["value"];
        format!("{} {}", value["rule_id"].as_str().unwrap(), value["trigger_event"]["endpoint_id"].as_str().unwrap())
    };
    let mut alerts: Vec<String> = run.stdout.lines().map(alert).collect();
    alerts.sort();
    alerts
}

fn send(home: &Home, events: &str) {
    let sent = home.run_with(&["send"], events.as_bytes());
    assert_eq!(sent.status, 0, "{sent:?}");
}

#[test]
fn the_demo_shows_its_alerts_within_five_seconds_and_what_was_held_back() {
    let home = Home::new();
    let began = Instant::now();
    let mut child = home.command(&["up", "--demo", "--output", "json"]).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let lines: Vec<serde_json::Value> = lines
        .map(|line| serde_json::from_str(&line).unwrap())
        .take_while(|line: &serde_json::Value| {
            // The last line, without which this would wait for ever.
            line["demo"].is_null() || {
                let held = &line["demo"]["held_back"];
                assert_eq!((&held["deduplication"], &held["suppression"]), (&3.into(), &1.into()), "{line}");
                assert_eq!(line["demo"]["alerts"]["critical"], 1, "{line}");
                false
            }
        })
        .collect();
    let took = began.elapsed();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(lines[0]["state"], "ready");
    let mut rules: Vec<&str> = lines[1..].iter().map(|line| line["rule_id"].as_str().unwrap()).collect();
    rules.sort_unstable();
    let expected = [
        "dangerous_command",
        "file_access",
        "high_memory",
        "network_access",
        "pii_credit_card",
        "pii_email",
        "pii_phone",
        "queue_depth",
        "session_timeout",
        "slow_model_call",
        "worker_failure_rate",
    ];
    assert_eq!(rules, expected);
    assert!(took < DEMO_WITHIN, "{took:?}");
}

#[test]
fn an_alert_is_raised_once_although_the_process_is_killed_between_its_repeats() {
    let home = Home::new();
    let mut up = home.up(&[]);
    send(&home, &mail(1));
    assert_eq!(alerts(&home, 1), ["pii_email e1"]);
    up.signal(Signal::KILL);
    assert_eq!(up.wait(), -9);
    let up = home.up(&[]);
    send(&home, &(mail(1) + &mail(2)));
    assert_eq!(alerts(&home, 2), ["pii_email e1", "pii_email e2"], "the repeat is held back by what was known before");
    up.end();
    assert_eq!(alerts_that_are_there(&home), 2);
}

fn alerts_that_are_there(home: &Home) -> usize {
    home.run(&["tail", "alerts.v1"]).stdout.lines().count()
}

#[test]
fn rules_are_applied_to_what_runs_and_told_from_where_on() {
    let home = Home::new();
    let rules =
        "rule mine {\n    topic: \"mine\"\n    severity: low\n    category: policy\n    alert: \"one of mine\"\n}\n";
    let file = home.write("mine.rules", rules);
    let up = home.up(&[]);
    let Run { status, stdout, stderr } = home.run(&["rules", "apply", &file, "--output", "json"]);
    assert_eq!((status, stderr.as_str()), (0, ""), "{stdout}");
    let told: serde_json::Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((&told["name"], &told["rules"]), (&"mine".into(), &1.into()));
    assert_eq!(told["tasks"].as_array().unwrap().len(), 8, "four partitions of two stages: {told}");
    send(&home, &(mail(1) + "{\"topic\":\"mine\",\"endpoint_id\":\"e2\",\"payload\":{}}\n"));
    assert_eq!(alerts(&home, 1), ["mine e2"], "the rules of before are gone");

    let broken = home.write("broken.rules", rules.replace("low", "loud"));
    let refused = home.run(&["rules", "apply", &broken]);
    assert_eq!((refused.status, refused.stdout.as_str()), (1, ""));
    assert!(refused.stderr.contains("broken.rules:3:15") && refused.stderr.contains("low"), "{}", refused.stderr);
    up.end();
    let left = home.run(&["rules", "apply", &file]);
    assert_eq!(left.status, 3, "{left:?}");
    assert!(left.stderr.contains("no processor runs"), "{}", left.stderr);
}

#[test]
fn figures_of_the_processor_stand_beside_the_api() {
    let home = Home::new();
    let up = home.up(&["--listen", "127.0.0.1:0"]);
    send(&home, &(mail(1) + &mail(1)));
    assert_eq!(alerts(&home, 1), ["pii_email e1"]);
    let (status, ready) = ask(&up, "GET /readyz HTTP/1.1\nhost: $HOST", b"");
    assert_eq!(status, 200, "{ready}");
    let (status, metrics) = ask(&up, "GET /metrics HTTP/1.1\nhost: $HOST", b"");
    assert_eq!(status, 200, "{metrics}");
    let figure = |name: &str| metrics.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    assert_eq!(figure("tripline_processor_ready"), Some("1"));
    assert_eq!(figure("tripline_processor_alerts_total{severity=\"high\"}"), Some("1"), "{metrics}");
    up.end();
}

#[test]
fn a_rule_is_turned_off_while_everything_runs() {
    let home = Home::new();
    let up = home.up(&[]);
    check(&home.run(&["rules", "disable", "pii_email"]), 0, "pii_email is off\n", "");
    send(&home, &(mail(1) + "{\"topic\":\"t\",\"endpoint_id\":\"e2\",\"payload\":{\"path\":\"/etc/passwd\"}}\n"));
    assert_eq!(alerts(&home, 1), ["file_access e2"]);
    let unknown = home.run(&["rules", "disable", "pii_mail"]);
    assert_eq!(unknown.status, 4, "{unknown:?}");
    assert!(unknown.stderr.contains("did you mean \"pii_email\"?"), "{}", unknown.stderr);
    up.end();
}
