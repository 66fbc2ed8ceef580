//! What is refused before anything is touched, and what is said about it.

use std::net::TcpListener;
use std::path::Path;

use crate::process::run;

const KAFKA: &str = "instance = 'p'\n[kafka]\nbrokers = ['127.0.0.1:1']\n";

#[track_caller]
fn check(config: &str, args: &[&str], status: i32, said: &[&str]) {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("config.toml"), config).unwrap();
    let ended = run(home.path(), &[&["--config", "config.toml"], args].concat());
    assert_eq!((ended.status, ended.stdout.as_str()), (status, ""), "{}", ended.stderr);
    for said in said {
        assert!(ended.stderr.contains(said), "{said:?} is not in: {}", ended.stderr);
    }
}

#[test]
fn a_processor_without_a_name_does_not_start() {
    check("[kafka]\nbrokers = ['127.0.0.1:1']", &[], 2, &["`instance` is missing", "TRIPLINE_INSTANCE", "--instance"]);
}

#[test]
fn the_embedded_log_is_for_up() {
    check("instance = 'p'", &[], 2, &["embedded log", "`tripline up`", "--brokers"]);
    check(&format!("bus = 'embedded'\n{KAFKA}"), &[], 2, &["`tripline up`"]);
}

#[test]
fn all_that_is_wrong_with_the_configuration_is_told_at_once() {
    let config = "instance = 'a b'\n[kafka]\nbrokers = ['a:1']\n[processor]\nstage = ['events']\ntick_every = '1h'\n";
    let said =
        ["config.toml:1:12", "config.toml:5:1", "config.toml:6:14", "did you mean `processor.stages`?", "--listen"];
    check(config, &["--listen", "7720"], 2, &said);
    check(KAFKA, &["--topology", "nowhere.toml"], 1, &["nowhere.toml: cannot read the topology"]);
    check(KAFKA, &["--log", "bus=loud"], 2, &["--log: expected a level"]);
    check(KAFKA, &["--log-format", "json", "--log", "bus=loud"], 2, &[r#"{"error":{"status":2,"message":"--log"#]);
}

#[test]
fn an_address_that_is_taken_cannot_be_had() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    check(KAFKA, &["--listen", &address], 3, &[&address, "name another address"]);
}

#[test]
fn help_is_what_it_was() {
    let home = tempfile::tempdir().unwrap();
    let ended = run(home.path(), &["--help"]);
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/service/help.txt");
    testbed::golden::check(&golden, &ended.stdout);
}
