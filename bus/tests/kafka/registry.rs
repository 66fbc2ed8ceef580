//! The schema registry: a real one, and answers that a real one cannot be made to give.

use std::time::{Duration, Instant};

use bus::connection::{RegistryConnection, Secret};
use bus::registry::{Compatibility, Registry, RegistryError, subject};
use contracts::avro::{Framing, SchemaId};
use contracts::codec::{LookupError, Schemas, decode, encode};
use contracts::record::Record;
use contracts::records::Outcome;
use testbed::registry::Registry as Real;

use crate::small_server::{Reply, SmallServer};

const V1: &str = r#"{"type":"record","name":"r","fields":[{"name":"a","type":"string"}]}"#;
const V2: &str =
    r#"{"type":"record","name":"r","fields":[{"name":"a","type":"string"},{"name":"b","type":"int","default":0}]}"#;
const BROKEN: &str = r#"{"type":"record","name":"r","fields":[{"name":"c","type":"long"}]}"#;

/// A way to fail: its name, what the server says, what it is told as, and after how many tries.
type Failing = (&'static str, fn() -> Reply, fn(&RegistryError) -> bool, usize);

fn at(url: &str) -> Registry {
    Registry::new(&RegistryConnection { url: url.to_owned(), authorities: None, credentials: None }).unwrap()
}

fn ask_json(method: &str, url: &str, body: &str) {
    let agent = ureq::agent();
    let request = ureq::http::Request::builder().method(method).uri(url).header("content-type", "application/json");
    agent.run(request.body(body.to_owned()).unwrap()).unwrap();
}

#[test]
fn a_real_registry_takes_finds_compares_and_gives_back() {
    let url = Real::shared().url();
    let registry = at(&format!("{url}/"));
    let subject = "taken-value";
    assert_eq!(registry.latest(subject).unwrap(), None);
    assert_eq!(registry.find(subject, V1).unwrap(), None);
    assert_eq!(registry.compatibility(subject, V1).unwrap(), Compatibility::Compatible, "the first version");
    let id = registry.register(subject, V1).unwrap();
    assert_eq!(registry.register(subject, V1).unwrap(), id, "the same schema is the same version");
    let found = registry.find(subject, V1).unwrap().unwrap();
    assert_eq!((found.id, found.version), (id, 1));
    ask_json("PUT", &format!("{url}/config/{subject}"), r#"{"compatibility":"FULL_TRANSITIVE"}"#);
    assert_eq!(registry.compatibility(subject, V2).unwrap(), Compatibility::Compatible);
    let incompatible = registry.compatibility(subject, BROKEN).unwrap();
    assert!(matches!(incompatible, Compatibility::Incompatible(_)), "{incompatible:?}");
    let refused = registry.register(subject, BROKEN).unwrap_err();
    assert!(matches!(refused, RegistryError::Incompatible { .. }), "{refused}");
    let newer = registry.register(subject, V2).unwrap();
    assert_eq!(registry.latest(subject).unwrap().unwrap().id, newer);
    assert!(registry.register(subject, "{").is_err(), "not a schema");

    // From an empty cache, as a reader has it.
    let reader = at(&url);
    assert!(reader.by_id(newer).is_ok());
    assert!(matches!(reader.by_id(SchemaId(987_654)), Err(LookupError::Unknown)));
}

#[test]
fn a_record_framed_with_the_registrys_id_is_read_by_another_process() {
    let registry = at(&Real::shared().url());
    let subject = subject("outcomes.v1", "outcome_v1");
    assert_eq!(subject, "outcomes.v1-value");
    let id = registry.register(&subject, Outcome::schema().text()).unwrap();
    let outcome: Outcome = contracts::json_face::from_json(
        br#"{"outcome_id":"o-1","rule_id":"r-1","outcome_label":"tp","labelled_by":"me","labelled_at":0}"#,
    )
    .unwrap();
    let mut bytes = Vec::new();
    encode(&outcome, Framing::Confluent(id), &mut bytes).unwrap();
    assert_eq!(decode::<Outcome>(&bytes, &at(&Real::shared().url())).unwrap(), outcome);
}

#[test]
fn topics_with_two_records_have_a_subject_for_each() {
    assert_eq!(subject("rule.matches.v1", "rule_match_v1"), "rule.matches.v1-rule_match_v1");
    assert_eq!(subject("rule.matches.v1", "telemetry_event_v1"), "rule.matches.v1-telemetry_event_v1");
    assert_eq!(subject("alerts.v1", "alert_v1"), "alerts.v1-value");
}

#[test]
fn what_is_known_is_not_asked_again_and_neither_is_what_nobody_knows() {
    let server = SmallServer::start(|_, request| {
        if request.line.contains("/ids/1 ") {
            Reply::Json(200, serde_json::json!({ "schema": V1 }).to_string())
        } else {
            Reply::Json(404, r#"{"error_code":40403,"message":"Schema not found"}"#.into())
        }
    });
    let registry = at(&server.url);
    for _ in 0..3 {
        assert!(registry.by_id(SchemaId(1)).is_ok());
        assert!(matches!(registry.by_id(SchemaId(2)), Err(LookupError::Unknown)));
    }
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn a_passing_failure_is_tried_again_and_a_staying_one_is_told() {
    let ok = || serde_json::json!({ "schema": V1 }).to_string();
    let server = SmallServer::start(move |number, _| match number {
        0 => Reply::Json(503, r#"{"error_code":50301,"message":"starting"}"#.into()),
        1 => Reply::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{"),
        _ => Reply::Json(200, ok()),
    });
    assert!(at(&server.url).schema(SchemaId(1)).unwrap().is_some(), "the third answer is good");

    let cases: [Failing; 6] = [
        (
            "failing",
            || Reply::Json(500, r#"{"error_code":50001,"message":"backend store"}"#.into()),
            |error| matches!(error, RegistryError::Failed { status: 500, tries: 3, reason, .. } if reason == "backend store"),
            3,
        ),
        (
            "garbage",
            || Reply::Raw(b"\x16\x03\x01garbage"),
            |error| matches!(error, RegistryError::Unreachable { .. }),
            3,
        ),
        (
            "a web page",
            || Reply::Json(200, "<html>".into()),
            |error| matches!(error, RegistryError::NotTheApi { .. }),
            1,
        ),
        (
            "another 404",
            || Reply::Json(404, "nothing".into()),
            |error| matches!(error, RegistryError::NotTheApi { .. }),
            1,
        ),
        ("a refusal", || Reply::Json(401, "{}".into()), |error| matches!(error, RegistryError::Denied { .. }), 1),
        (
            "another kind of schema",
            || Reply::Json(200, r#"{"schemaType":"PROTOBUF","schema":"syntax"}"#.into()),
            |error| matches!(error, RegistryError::NotAvro { .. }),
            1,
        ),
    ];
    for (name, reply, expected, tries) in cases {
        let server = SmallServer::start(move |_, _| reply());
        let error = at(&server.url).schema(SchemaId(1)).unwrap_err();
        assert!(expected(&error), "{name}: {error:?}");
        assert_eq!(server.requests().len(), tries, "{name}");
        let where_it_was = matches!(error, RegistryError::NotAvro { .. }) || error.to_string().contains(&server.url);
        assert!(where_it_was, "{name} does not say where: {error}");
    }
}

#[test]
fn a_registry_that_says_nothing_holds_nobody_up_for_long() {
    let server = SmallServer::start(|_, _| Reply::Silence);
    let begin = Instant::now();
    let error = at(&server.url).by_id(SchemaId(1)).unwrap_err();
    assert!(matches!(error, LookupError::Unavailable(_)), "{error}");
    assert!(begin.elapsed() < Duration::from_secs(20), "{:?}", begin.elapsed());
}

#[test]
fn credentials_are_sent_and_never_shown() {
    let server = SmallServer::start(|_, _| Reply::Json(403, "{}".into()));
    let connection = RegistryConnection {
        url: server.url.clone(),
        authorities: None,
        credentials: Some(("me".to_owned(), Secret::new("hunter2"))),
    };
    let registry = Registry::new(&connection).unwrap();
    let error = registry.register("s", V1).unwrap_err();
    assert!(matches!(error, RegistryError::Denied { .. }), "{error}");
    assert!(!format!("{registry:?} {error} {error:?} {connection:?}").contains("hunter2"));
    let sent = server.requests().remove(0).headers;
    assert!(sent.iter().any(|line| line.eq_ignore_ascii_case("authorization: Basic bWU6aHVudGVyMg==")), "{sent:?}");
}

#[test]
fn an_address_that_cannot_be_one_and_authorities_that_are_not_there_are_named() {
    let bad = |url: &str, authorities: Option<&str>| {
        let connection =
            RegistryConnection { url: url.to_owned(), authorities: authorities.map(Into::into), credentials: None };
        Registry::new(&connection).unwrap_err().to_string()
    };
    assert!(bad("registry:8081", None).contains("must begin with http"));
    assert!(bad("https://registry:8081", Some("/no/such/authorities.pem")).contains("/no/such/authorities.pem"));
}
