//! `docker-compose.yml` is read by the compose tool itself. No container is started: not every machine can.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use testbed::{Error, command};

const LIMIT: Duration = Duration::from_mins(1);

#[test]
fn the_file_is_accepted() {
    assert!(rendered(&file()).unwrap().contains("apache/kafka"));
}

#[test]
fn an_unknown_key_is_refused() {
    let misspelt = file().replace("healthcheck:", "helthcheck:");
    let refusal = rendered(&misspelt).unwrap_err().to_string();
    assert!(refusal.contains("helthcheck"), "{refusal}");
}

#[test]
fn ports_are_open_to_this_machine_only() {
    assert_eq!(open_ports(&file()), Vec::<&str>::new());
    let open = file().replace("127.0.0.1:9092:9092", "9092:9092");
    assert_eq!(open_ports(&open), ["\"9092:9092\""]);
}

/// The port mappings that are not bound to loopback.
fn open_ports(text: &str) -> Vec<&str> {
    let lines = text.lines().map(str::trim_start);
    let in_ports = lines.scan(false, |inside, line| {
        *inside = if line.starts_with("- ") { *inside } else { line == "ports:" };
        Some(inside.then_some(line))
    });
    let mappings = in_ports.flatten().filter_map(|line| line.strip_prefix("- "));
    mappings.filter(|mapping| !mapping.starts_with("\"127.0.0.1:")).collect()
}

fn file() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docker-compose.yml");
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The file as the compose tool understands it.
fn rendered(text: &str) -> Result<String, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("docker-compose.yml");
    std::fs::write(&path, text).unwrap();
    let output = command::run(Command::new("docker-compose").arg("-f").arg(&path).arg("config"), b"", LIMIT)?;
    Ok(String::from_utf8(output).unwrap())
}
