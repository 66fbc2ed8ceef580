//! What endpoints send and what people command: the fifteen rules of the pack and three with windows, two of them routed.

use std::collections::BTreeMap;

use contracts::avro::Framing;
use contracts::canonical::Digest;
use contracts::codec;
use contracts::draft::{Fill, event_from_json};
use contracts::field::JsonObject;
use contracts::id::{CommandId, EndpointId};
use contracts::record::Record;
use contracts::records::{ControlCommand, ControlCommandType, TelemetryEvent};
use contracts::time::Timestamp;
use detection::pack::PACK;
use detection::rule::{RuleSet, Watcher};
use testbed::chance::Chance;

const ENDPOINTS: u64 = 120;
const USERS: u64 = 40;
/// Many: what an alert costs to rate grows with the alerts of its agent.
const AGENTS: u64 = 5_000;
/// The ones that people switch off and on.
const SWITCHED: [&str; 4] = ["file_access", "high_memory", "fleet_logins", "unanswered"];

/// Routed by the user, over all endpoints; and absences, which only time makes.
const MORE: &str = r#"
rule fleet_logins {
    topic: "auth.login"
    filter: "$.ok == false and count_in_window(30s, by: $.user) >= 3"
    lateness: 2s
    scope: fleet
    severity: high
    category: security
    dedup_window: 0s
    alert: "{count} failed logins of {user}"
}
rule fleet_order {
    topic: "*"
    filter: "sequence(20s, by: $.user, topic 'auth.login' where $.ok == false, topic 'file.open')"
    lateness: 1s
    scope: fleet
    severity: critical
    category: security
    dedup_window: 1s
    alert: "{user} opens a file after a failed login"
}
rule unanswered {
    topic: "*"
    filter: "absent(2s, topic 'job.done', after: topic 'job.started', by: $.job)"
    lateness: 1s
    severity: low
    category: observability
    alert: "a job did not end"
}
"#;

/// Sets that can be told apart by their alerts: other texts, other thresholds, rules that are not in each.
pub fn rule_sets() -> Vec<RuleSet> {
    let pack: String = PACK.iter().map(|packed| packed.text).collect();
    let all = pack + MORE;
    let other =
        all.replace("Access to {path}", "Somebody reads {path}").replace(">= 3", ">= 2").replace("> 4096", "> 6000");
    let fewer: String = PACK[..10].iter().map(|packed| packed.text).chain([MORE]).collect();
    [("all", all), ("other", other), ("fewer", fewer)].map(|(name, text)| set(name, &text)).into()
}

fn set(name: &str, text: &str) -> RuleSet {
    let rules = detection::text::parse(name, text).unwrap_or_else(|diagnostics| panic!("{diagnostics}"));
    let watcher = Watcher { name: "supervised".to_owned(), subscriptions: Vec::new(), rules };
    RuleSet { name: name.to_owned(), watchers: vec![watcher] }
}

pub fn by_digest(sets: &[RuleSet]) -> BTreeMap<Digest, RuleSet> {
    sets.iter().map(|set| (detection::parts::split(set).unwrap().0, set.clone())).collect()
}

/// The parts of a set, each with its key.
pub fn parts(set: &RuleSet) -> Vec<(String, Vec<u8>)> {
    let (digest, parts) = detection::parts::split(set).unwrap();
    parts.iter().map(|part| (format!("{digest}/{}", part.part), encoded(part))).collect()
}

/// An event of some endpoint, and the endpoint: what happened now, or up to ten seconds ago.
pub fn event(chance: &mut Chance, number: u64, now: Timestamp) -> (String, Vec<u8>) {
    let endpoint = format!("host-{}", chance.below(ENDPOINTS));
    let late_micros = if chance.below(4) == 0 { chance.below(10_000_000) } else { 0 };
    let observed_at = Timestamp::from_micros(now.micros() - i64::try_from(late_micros).unwrap()).unwrap();
    let (topic, payload) = what(chance, number);
    let text = format!(
        r#"{{"topic":"{topic}","endpoint_id":"{endpoint}","actor_id":"agent-{}","observed_at":"{observed_at}","payload":{payload}}}"#,
        number % AGENTS
    );
    (endpoint.clone(), encoded(&drafted(&text, &endpoint, now, number)))
}

/// Something for each rule, and what no rule is for.
fn what(chance: &mut Chance, number: u64) -> (&'static str, String) {
    let user = chance.below(USERS);
    match chance.below(40) {
        0 => ("chat.user_msg", format!(r#"{{"text":"mail me at user-{number}@example.com"}}"#)),
        1 => ("chat.user_msg", format!(r#"{{"message":"call 555-{:03}-{:04}"}}"#, number % 1_000, number % 10_000)),
        2 => ("chat.agent_msg", format!(r#"{{"text":"card 4111 1111 1111 1111 of {number}"}}"#)),
        3 => ("terminal.command", format!(r#"{{"command":"rm -rf /home/{number} && rm -rf /"}}"#)),
        4 => ("db.query", format!(r#"{{"command":"select {number} where a = '' OR '1'='1'"}}"#)),
        5 => ("file.open", format!(r#"{{"path":"/etc/passwd","pid":{number},"user":"u{user}"}}"#)),
        6 => ("http.request", format!(r#"{{"url":"https://192.168.0.{}/{number}"}}"#, number % 250)),
        7 => ("session.idle", format!(r#"{{"idle_duration_ms":{}}}"#, 1_800_000 + number)),
        8 => ("model.call.complete", format!(r#"{{"model":"m-{user}","duration_ms":{}}}"#, 9_000 + number % 4_000)),
        9 => ("process.stats", format!(r#"{{"memory_mb":{}}}"#, 4_000 + number % 4_000)),
        10 => ("queue.stats", format!(r#"{{"queue_depth":{}}}"#, number % 2_000)),
        11..14 => ("worker.failed", format!(r#"{{"worker":"w-{user}","error":"{number}"}}"#)),
        14..17 => ("tool.call", format!(r#"{{"tool":"search","query":"{number}"}}"#)),
        17..21 => ("auth.login", format!(r#"{{"user":"u{user}","ok":{}}}"#, number.is_multiple_of(3))),
        21 => ("job.started", format!(r#"{{"job":"j{}"}}"#, number / 50)),
        22 => ("job.done", format!(r#"{{"job":"j{}"}}"#, number / 50)),
        _ => ("process.exec", format!(r#"{{"executable":"/usr/bin/python3.11","pid":{number}}}"#)),
    }
}

fn drafted(text: &str, endpoint: &str, now: Timestamp, place: u64) -> TelemetryEvent {
    let endpoint_id = EndpointId::new(endpoint);
    event_from_json(text.as_bytes(), &Fill { endpoint_id: &endpoint_id, now, source: "soak", place }).unwrap()
}

/// Bytes that are no record of ours; each other than all before it.
pub fn poison(chance: &mut Chance, number: u64) -> Vec<u8> {
    let mut bytes = match chance.below(3) {
        0 => b"not avro ".to_vec(),
        1 => vec![0xC3, 0x01],
        _ => vec![0, 0, 0, 0, 7],
    };
    bytes.extend_from_slice(&number.to_be_bytes());
    bytes
}

pub fn swap(id: &str, set: &RuleSet, now: Timestamp) -> Vec<u8> {
    let digest = detection::parts::split(set).unwrap().0;
    command(id, ControlCommandType::SwapRuleSet, &format!(r#"{{"digest":"{digest}"}}"#), now)
}

/// A swap, a rule switched off or on, or a group muted for a while.
pub fn any_command(chance: &mut Chance, id: &str, sets: &[RuleSet], now: Timestamp) -> Vec<u8> {
    let rule = *chance.of(&SWITCHED);
    match chance.below(4) {
        0 => swap(id, chance.of(sets), now),
        1 => command(id, ControlCommandType::DisableRule, &format!(r#"{{"rule_id":"{rule}"}}"#), now),
        2 => command(id, ControlCommandType::EnableRule, &format!(r#"{{"rule_id":"{rule}"}}"#), now),
        _ => {
            let until = Timestamp::from_micros(now.micros() + 3_000_000).unwrap();
            let endpoint = chance.below(ENDPOINTS);
            let parameters =
                format!(r#"{{"rule_id":"{rule}","group_key":"[]","endpoint_id":"host-{endpoint}","until":"{until}"}}"#);
            command(id, ControlCommandType::Mute, &parameters, now)
        }
    }
}

pub fn command(id: &str, command: ControlCommandType, parameters: &str, now: Timestamp) -> Vec<u8> {
    encoded(&ControlCommand {
        command_id: CommandId::new(id),
        command,
        parameters: JsonObject::new(parameters).unwrap(),
        issued_by: "soak".to_owned(),
        issued_at: now,
        reason: None,
    })
}

fn encoded<R: Record>(record: &R) -> Vec<u8> {
    let mut value = Vec::new();
    codec::encode(record, Framing::SingleObject, &mut value).unwrap();
    value
}
