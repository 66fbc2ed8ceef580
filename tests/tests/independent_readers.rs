//! The registry, Python and kcat of the testbed work as tests of other crates rely on.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use testbed::python;
use testbed::registry::Registry;

#[test]
fn a_registry_gives_back_the_schema_it_was_given_under_its_id() {
    let registry = Registry::start();
    let subject = format!("{}/subjects/t-value/versions", registry.url());
    let body = r#"{"schema": "\"string\""}"#;
    let mut answer = ureq::post(&subject)
        .header("Content-Type", "application/vnd.schemaregistry.v1+json")
        .send(body)
        .unwrap_or_else(|error| panic!("{subject}: {error}"));
    let answer: serde_json::Value = serde_json::from_str(&answer.body_mut().read_to_string().unwrap()).unwrap();
    let id = answer["id"].as_u64().expect("an id");

    let schema = ureq::get(format!("{}/schemas/ids/{id}", registry.url())).call().unwrap().body_mut().read_to_string();
    let schema: serde_json::Value = serde_json::from_str(&schema.unwrap()).unwrap();
    assert_eq!(schema["schema"], "\"string\"");
}

#[test]
fn fastavro_reads_what_fastavro_wrote() {
    let python = python::with(&["fastavro==1.13.1"]);
    let script = r#"
import fastavro, io, sys
schema = fastavro.parse_schema({"type": "map", "values": "string"})
body = io.BytesIO()
fastavro.schemaless_writer(body, schema, {sys.argv[1]: sys.stdin.read()})
body.seek(0)
print(fastavro.schemaless_reader(body, schema, None))
"#;
    let out = python.run(script, &["key"], b"value");
    assert_eq!(String::from_utf8(out).unwrap().trim(), "{'key': 'value'}");
}

#[test]
fn a_failing_script_is_an_error_with_its_traceback() {
    let python = python::with(&["fastavro==1.13.1"]);
    let error = python.try_run("raise ValueError('broken on purpose')", &[], b"").unwrap_err().to_string();
    assert!(error.contains("broken on purpose"), "{error}");
}
