//! Events as a fleet sends them, made from numbers alone.

use std::fmt::Write as _;

use contracts::field::JsonObject;
use contracts::id::{EndpointId, EventId};
use contracts::records::{Stream, TelemetryEvent};
use detection::step::body;

use super::time;
use crate::sample;

const ENDPOINTS: usize = 1_000;
/// Events of one endpoint in a row: a collector publishes what it has gathered, and a log keeps that together.
const BURST: usize = 10;
/// One event in so many is meant for a rule.
const MATCHING: usize = 100;

/// Avro bodies of so many events of the mix.
pub fn bodies(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(nth).collect()
}

/// One event of the mix.
pub fn nth(number: usize) -> Vec<u8> {
    in_bursts(number, event(number))
}

/// One event of the mix, its payload filled up to so many bytes.
pub fn nth_of(number: usize, payload_bytes: usize) -> Vec<u8> {
    let (topic, mut payload) = event(number);
    let closed = payload.pop();
    assert_eq!(closed, Some('}'), "an object");
    payload.push_str(r#","trace":""#);
    let mut mixed = number as u64;
    while payload.len() + 2 < payload_bytes {
        mixed = mixed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(17);
        // A word of its own, and one that is everywhere: it packs about as text does.
        write!(payload, "{mixed:016x} at frame ").expect("a String takes all");
    }
    payload.push_str(r#""}"#);
    in_bursts(number, (topic, payload))
}

/// The same events, no two of one endpoint in a row: each touches rows of state that no event of its batch has touched.
pub fn scattered(count: usize) -> Vec<Vec<u8>> {
    let event = |number: usize| of(number, number % ENDPOINTS, number / ENDPOINTS, event(number));
    (0..count).map(|number| body(&event(number))).collect()
}

/// Only what no rule is for.
pub fn quiet_bodies(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| in_bursts(number, quiet(number))).collect()
}

/// Only what some rule is for, each with its own payload.
pub fn telling_bodies(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| in_bursts(number, telling(number))).collect()
}

/// One and the same payload: after the first of each endpoint all are held back.
pub fn repeats(count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| in_bursts(number, telling(0))).collect()
}

fn in_bursts(number: usize, what: (&'static str, String)) -> Vec<u8> {
    let seq = number / (ENDPOINTS * BURST) * BURST + number % BURST;
    body(&of(number, number / BURST % ENDPOINTS, seq, what))
}

/// Logins of so many users, one after the other, all from one endpoint each thousand.
pub fn logins(count: usize, users: usize) -> Vec<Vec<u8>> {
    (0..count).map(|number| body(&login(number, users))).collect()
}

/// One login of them, where the same user logs in again after twenty seconds, however many users there are.
pub fn login_in_turn(number: usize, users: usize) -> Vec<u8> {
    const ROUND_US: usize = 20_000_000;
    let at = time(signed(number / users * ROUND_US + number % users * ROUND_US / users));
    body(&TelemetryEvent { observed_at: at, ingested_at: at, ..login(number, users) })
}

fn login(number: usize, users: usize) -> TelemetryEvent {
    let user = number % users;
    // A user stays with an endpoint: the window's group lives there.
    let payload = format!(r#"{{"user":"user-{user}","method":"password","ok":true}}"#);
    let seq = number / users * (users / ENDPOINTS) + user / ENDPOINTS;
    of(number, user % ENDPOINTS, seq, ("auth.login", payload))
}

fn event(number: usize) -> (&'static str, String) {
    if number.is_multiple_of(MATCHING) { telling(number / MATCHING) } else { quiet(number) }
}

/// The `seq`th event of an endpoint; a hundred microseconds lie between one event and the next.
fn of(number: usize, endpoint: usize, seq: usize, (topic, payload): (&str, String)) -> TelemetryEvent {
    let at = time(signed(number) * 100);
    TelemetryEvent {
        event_id: EventId::new(format!("{number:032x}")).expect("long enough"),
        event_type: topic.to_owned(),
        topic: topic.to_owned(),
        endpoint_id: EndpointId::new(format!("host-{endpoint:04}")),
        observed_at: at,
        ingested_at: at,
        stream: Some(Stream { boot_id: "2f6c0d6e".to_owned(), seq: signed(seq) }),
        payload: JsonObject::new(payload).expect("an object"),
        ..sample::event(200, 0)
    }
}

fn signed(number: usize) -> i64 {
    i64::try_from(number).expect("a count of events")
}

/// What no rule has anything to say to, by the shares of a busy host.
fn quiet(number: usize) -> (&'static str, String) {
    // Each endpoint sends every kind in its turn.
    match (number + number / ENDPOINTS) % 20 {
        0..8 => ("process.exec", exec(number)),
        8..12 => (
            "file.open",
            format!(
                r#"{{"path":"/usr/lib/python3/dist-packages/module_{number}/__init__.py","flags":["O_RDONLY","O_CLOEXEC"],"pid":{},"executable":"/usr/bin/python3.11","user":"svc-build","inode":{},"size":18233}}"#,
                number % 65_536,
                number * 7
            ),
        ),
        12..15 => (
            "http.request",
            format!(
                r#"{{"method":"GET","url":"https://api.example.com/v2/items/{number}?page=3","status":200,"duration_ms":{},"bytes":5120,"headers":{{"user-agent":"curl/8.5.0","accept":"*/*"}}}}"#,
                number % 900
            ),
        ),
        15..17 => (
            "chat.user_msg",
            format!(
                r#"{{"text":"Please summarise the meeting notes of week {} and list the open points, thanks","language":"en","tokens":{}}}"#,
                number % 53,
                number % 400
            ),
        ),
        17 => (
            "tool.call",
            format!(
                r#"{{"tool":"search","arguments":{{"query":"open tickets of component {number}","limit":20}},"agent":"planner"}}"#
            ),
        ),
        18 => (
            "process.stats",
            format!(
                r#"{{"memory_mb":{},"cpu_percent":{},"threads":{},"open_files":{}}}"#,
                number % 4_000,
                number % 100,
                number % 64,
                number % 512
            ),
        ),
        _ => (
            "queue.stats",
            format!(r#"{{"queue":"ingest-{}","queue_depth":{},"consumers":4}}"#, number % 8, number % 1_000),
        ),
    }
}

fn exec(number: usize) -> String {
    let mut text = format!(
        r#"{{"pid":{},"ppid":1,"executable":"/usr/bin/python3.11","command":"python3 -m build --outdir /tmp/out/{number}","cwd":"/srv/build","exit_code":null,"arguments":["#,
        number % 65_536
    );
    for option in 0..number % 12 {
        write!(text, "\"--option-{option}=/usr/share/value/{number}\",").expect("a String takes all");
    }
    text.push_str("\"-\"]}");
    text
}

/// What some rule of the pack is for.
fn telling(number: usize) -> (&'static str, String) {
    match number % 6 {
        0 => ("chat.user_msg", format!(r#"{{"text":"Please email support-{number}@example.com for help"}}"#)),
        1 => ("terminal.command", format!(r#"{{"command":"rm -rf /home/user-{number}/docs"}}"#)),
        2 => ("model.call.complete", format!(r#"{{"model":"gpt-4","duration_ms":{},"tokens":500}}"#, 12_500 + number)),
        3 => ("file.open", format!(r#"{{"path":"/etc/passwd","pid":{number}}}"#)),
        4 => ("process.stats", format!(r#"{{"memory_mb":{},"cpu_percent":3}}"#, 5_000 + number)),
        _ => ("worker.failed", format!(r#"{{"worker":"w-{}","error":"timeout"}}"#, number % 40)),
    }
}
