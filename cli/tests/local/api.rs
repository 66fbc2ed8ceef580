//! The API as any program on this machine meets it, spoken by hand.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;

use crate::tripline::{Home, Up, event};

/// One request, word for word; its status and body.
pub fn ask(up: &Up, head: &str, body: &[u8]) -> (u16, String) {
    said(up, &format!("{head}\nconnection: close\ncontent-length: {}\n\n", body.len()), body)
}

/// The answer to what was said so far.
fn said(up: &Up, head: &str, body: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(up.address()).unwrap();
    let head = head.replace("$HOST", &up.address()).replace('\n', "\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).unwrap_or_else(|| panic!("no answer to {head}")).parse().unwrap();
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default();
    (status, body)
}

#[test]
fn pages_of_other_origins_are_refused_and_programs_are_answered() {
    let home = Home::new();
    let up = home.up(&["--listen", "127.0.0.1:0"]);
    let cases = [
        ("GET /healthz HTTP/1.1\nhost: $HOST", 200),
        ("GET /readyz HTTP/1.1\nhost: $HOST", 200),
        ("GET /healthz HTTP/1.1\nhost: $HOST\norigin: http://$HOST", 200),
        ("GET /healthz HTTP/1.1\nhost: rebound.example", 403),
        ("GET /v1/topics HTTP/1.1\nhost: $HOST\norigin: https://evil.example", 403),
        ("GET /v1/topics HTTP/1.1\nhost: $HOST\nsec-fetch-site: cross-site", 403),
        ("POST /v1/events HTTP/1.1\nhost: $HOST\norigin: null\ncontent-type: application/x-ndjson", 403),
        ("POST /v1/events HTTP/1.1\nhost: $HOST\ncontent-type: text/plain", 415),
        ("POST /v1/events HTTP/1.1\nhost: $HOST", 415),
        ("OPTIONS /v1/events HTTP/1.1\nhost: $HOST", 405),
        ("GET /v2/topics HTTP/1.1\nhost: $HOST", 404),
        ("GET /v1/topics/no.such.v1/records HTTP/1.1\nhost: $HOST", 404),
        ("GET /v1/topics/alerts.v1/records?from=noon HTTP/1.1\nhost: $HOST", 400),
        ("GET /v1/extents?topc=alerts.v1 HTTP/1.1\nhost: $HOST", 400),
        ("GET /v1/alerts?severity=high&status=all HTTP/1.1\nhost: $HOST", 200),
        ("GET /v1/alerts?status=lost HTTP/1.1\nhost: $HOST", 400),
        ("GET /v1/alerts?limit=10001 HTTP/1.1\nhost: $HOST", 400),
        ("GET /v1/alerts/none HTTP/1.1\nhost: $HOST", 404),
        ("GET /v1/alerts HTTP/1.1\nhost: $HOST\norigin: https://evil.example", 403),
        ("GET /v1/subscriptions HTTP/1.1\nhost: $HOST", 200),
        ("GET /v1/stats HTTP/1.1\nhost: $HOST", 200),
        ("POST /v1/rules/pii_email/disable HTTP/1.1\nhost: $HOST\norigin: null\ncontent-type: application/json", 403),
        ("POST /v1/rules/pii_email/disable HTTP/1.1\nhost: $HOST\ncontent-type: text/plain", 415),
        ("POST /v1/rules/pii_email/disable HTTP/1.1\nhost: $HOST\ncontent-type: application/json", 400),
    ];
    for (head, expected) in cases {
        let (status, body) = ask(&up, head, b"");
        assert_eq!(status, expected, "{head}: {body}");
        if status >= 400 {
            let error: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert!(error["error"]["kind"].is_string() && error["error"]["message"].is_string(), "{error}");
        }
    }
    assert_eq!(home.run(&["tail", "telemetry.events.v1"]).stdout, "", "nothing of it was written");
}

#[test]
fn commands_over_http_are_carried_out_or_refused_with_the_reason() {
    let home = Home::new();
    let up = home.up(&["--listen", "127.0.0.1:0"]);
    let post = |route: &str, body: &str| -> (u16, serde_json::Value) {
        let head = format!("POST {route} HTTP/1.1\nhost: $HOST\ncontent-type: application/json");
        let (status, answer) = ask(&up, &head, body.as_bytes());
        (status, serde_json::from_str(&answer).unwrap())
    };
    let (status, answer) = post("/v1/rules/pii_email/disable", "{\"by\": \"bob\"}");
    assert_eq!((status, &answer["outcome"]), (200, &"rule.disabled".into()), "{answer}");
    let (_, rules) = ask(&up, "GET /v1/rules HTTP/1.1\nhost: $HOST", b"");
    let rules: serde_json::Value = serde_json::from_str(&rules).unwrap();
    let rule = rules["rules"].as_array().unwrap().iter().find(|rule| rule["rule_id"] == "pii_email").unwrap();
    assert_eq!((&rule["is_on"], &rule["switched"]["by"]), (&false.into(), &"bob".into()));
    let (status, answer) = post("/v1/rules/nope/disable", "{}");
    assert_eq!((status, &answer["error"]["kind"]), (409, &"conflict".into()), "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains("expected a rule of set"), "{answer}");
    let (status, answer) = post("/v1/rules/pii_email/mute", "{\"unitl\": \"2999-01-01T00:00:00Z\"}");
    assert_eq!(status, 400, "{answer}");
}

const POST: &str = "POST /v1/events HTTP/1.1\nhost: $HOST\ncontent-type: application/x-ndjson";

#[test]
fn posted_events_are_answered_line_by_line_and_stages_words_are_not_taken() {
    let home = Home::new();
    let up = home.up(&["--listen", "127.0.0.1:0"]);
    let claims = [
        "\"is_watcher_generated\":true",
        "\"source_type\":\"watcher\"",
        "\"event_depth\":1",
        "\"ancestry\":[\"rule\"]",
    ];
    let mut body = event("a", 1);
    for claim in claims {
        writeln!(body, "{{\"topic\":\"t\",\"payload\":{{}},{claim}}}").unwrap();
    }
    body.push_str("{\"topic\":\"t\",\"endpoint_id\":\"_\",\"payload\":{},\"event_type\":\"system.control\"}\n\n");
    body.push_str(&event("a", 2));
    let (status, answer) = ask(&up, POST, body.as_bytes());
    assert_eq!(status, 200, "{answer}");
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((&answer["accepted"], &answer["refused"]), (&2.into(), &5.into()));
    let results = answer["results"].as_array().unwrap();
    assert_eq!((&results[0]["line"], &results[0]["offset"]), (&1.into(), &1.into()));
    for (result, field) in
        results[1..].iter().zip(["is_watcher_generated", "source_type", "event_depth", "ancestry", "event_type"])
    {
        assert!(result["error"]["message"].as_str().unwrap().starts_with(&format!("`{field}`")), "{result}");
    }
    assert_eq!((&results[6]["line"], &results[6]["offset"]), (&8.into(), &2.into()));
    let json = home.run(&["tail", "telemetry.events.v1", "--output", "json", "-n", "1"]).stdout;
    let record: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&record["value"]["source"], &record["value"]["event_id"]), (&"http".into(), &results[0]["event_id"]));
}

#[test]
fn a_body_beyond_a_limit_is_refused_whole() {
    let home = Home::new();
    let up = home.up(&["--listen", "127.0.0.1:0"]);
    let most = 8 * 1024 * 1024;
    // Long lines, so that it is the bytes and not the lines that are too many.
    let line = format!("{{\"topic\":\"t\",\"payload\":{{\"p\":\"{}\"}}}}\n", "x".repeat(100_000));
    let mut body = line.repeat(most / line.len());
    body.push_str(&" ".repeat(most - body.len()));

    let (status, answer) = said(&up, &format!("{POST}\ncontent-length: {}\n\n", most + 1), b"");
    assert_eq!(status, 413, "announced: {answer}");
    let chunk = format!("{POST}\ntransfer-encoding: chunked\n\n{:x}\n", most + 1);
    let (status, answer) = said(&up, &chunk, format!("{body} ").as_bytes());
    assert_eq!(status, 413, "not announced: {answer}");
    let many = "{\"topic\":\"t\",\"payload\":{}}\n".repeat(20_001);
    let (status, answer) = ask(&up, POST, many.as_bytes());
    assert_eq!(status, 413, "lines: {answer}");
    assert_eq!(home.run(&["tail", "telemetry.events.v1"]).stdout, "", "nothing of them was written");

    let (status, answer) = ask(&up, POST, body.as_bytes());
    assert_eq!(status, 200, "the most that is taken: {answer}");
}
