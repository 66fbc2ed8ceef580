//! `kcat`, a Kafka client that shares no line with ours.

use std::process::Command;
use std::time::Duration;

use crate::certificates::{Certificates, Identity};
use crate::kafka::USER;
use crate::{Error, command};

const LIMIT: Duration = Duration::from_mins(1);

/// `kcat` with these arguments; gives what it printed, panics if it failed.
pub fn run(arguments: &[&str], stdin: &[u8]) -> Vec<u8> {
    try_run(arguments, stdin).unwrap_or_else(|error| panic!("{error}"))
}

pub fn try_run(arguments: &[&str], stdin: &[u8]) -> Result<Vec<u8>, Error> {
    command::run(Command::new("kcat").args(arguments), stdin, LIMIT)
}

/// The arguments for `Listener::MutualTls`.
pub fn mutual_tls(certificates: &Certificates, client: &Identity) -> Vec<String> {
    settings(&[
        ("security.protocol", "ssl"),
        ("ssl.ca.location", &certificates.authority().display().to_string()),
        ("ssl.certificate.location", &client.certificate.display().to_string()),
        ("ssl.key.location", &client.key.display().to_string()),
    ])
}

/// The arguments for `Listener::Sasl` with mechanism PLAIN.
///
/// SCRAM is not to be had here: Debian's kcat has librdkafka 2.0, whose SCRAM sends a nonce that Kafka 4 refuses
/// (mended in librdkafka 2.8). `kafka::tool` runs Kafka's own client for that.
pub fn sasl_plain(password: &str) -> Vec<String> {
    settings(&[
        ("security.protocol", "sasl_plaintext"),
        ("sasl.mechanism", "PLAIN"),
        ("sasl.username", USER),
        ("sasl.password", password),
    ])
}

fn settings(pairs: &[(&str, &str)]) -> Vec<String> {
    pairs.iter().flat_map(|(name, value)| ["-X".to_owned(), format!("{name}={value}")]).collect()
}
