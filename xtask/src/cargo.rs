//! The tests and the benchmarks, by cargo.
//!
//! Invariant: always the whole workspace with the features and profile that `cargo run` uses, so that RocksDB is compiled once.

use std::io::{BufRead, BufReader, IsTerminal};
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use testbed::{certificates, kafka, registry, s3};

use crate::error::Error;

const SOAK: &str = "soak::processes_that_are_killed_and_cut_off_on_a_real_broker_alert_exactly_once";
const TEST_THREADS: &str = "RUST_TEST_THREADS";

/// Runs every test, and ends with one line over all of cargo's.
pub fn test(arguments: &[String]) -> Result<ExitCode, Error> {
    kafka::prepare()?;
    registry::prepare()?;
    s3::prepare()?;
    certificates::try_cached()?;

    let mut command = cargo(&["test", "--workspace", "--no-fail-fast"]);
    command.args(arguments).stdout(Stdio::piped());
    if std::env::var_os(TEST_THREADS).is_none() {
        // Most of a test with a real broker is waiting for it.
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        command.env(TEST_THREADS, (2 * cores).to_string());
    }
    if std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command.spawn().map_err(testbed::Error::program("cargo"))?;
    let output = child.stdout.take().expect("invariant: stdout is piped");
    let mut totals = Totals::default();
    for line in BufReader::new(output).lines() {
        let line = line.map_err(testbed::Error::program("cargo"))?;
        totals.add(&line);
        println!("{line}");
    }
    let status = child.wait().map_err(testbed::Error::program("cargo"))?;
    if totals != Totals::default() || status.success() {
        println!("{totals}");
    }
    Ok(code(status))
}

/// The test that every run has in its short form. It writes its report to a file, and cargo and the test say the rest.
pub fn soak(kills: u32, seed: Option<u64>) -> Result<ExitCode, Error> {
    kafka::prepare()?;
    let report = std::env::temp_dir().join(format!("tripline-soak-{}.json", std::process::id()));
    let mut command = cargo(&["test", "--workspace", "--test", "exactly_once", "--", "--exact", SOAK, "--nocapture"]);
    command.env("TRIPLINE_TEST_SOAK_KILLS", kills.to_string()).env("TRIPLINE_TEST_SOAK_REPORT", &report);
    if let Some(seed) = seed {
        command.env("TRIPLINE_SEED", seed.to_string());
    }
    let status = command.stdout(std::io::stderr()).status().map_err(testbed::Error::program("cargo"))?;
    // A run that did not come to its end has none.
    if let Ok(text) = std::fs::read_to_string(&report) {
        println!("{text}");
        std::fs::remove_file(&report).map_err(testbed::Error::file("remove", &report))?;
    }
    Ok(code(status))
}

pub fn bench(arguments: &[String]) -> Result<ExitCode, Error> {
    // The programs that some of them measure lie beside the one that measures.
    let built = cargo(&["build", "--release", "--workspace", "--bins"]).status();
    if !built.as_ref().is_ok_and(ExitStatus::success) {
        return Ok(code(built.map_err(testbed::Error::program("cargo"))?));
    }
    let mut command = cargo(&["run", "--release", "--package", "bench", "--"]);
    Ok(command.args(arguments).status().map(code).map_err(testbed::Error::program("cargo"))?)
}

/// The cargo that runs us, or the first on the path.
fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What cargo told this program about its own package is not true of others; ring's build would start anew for it.
    let about_us = std::env::vars_os().map(|(name, _)| name).filter(|name| {
        let name = name.to_string_lossy();
        name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")
    });
    for name in about_us {
        command.env_remove(name);
    }
    command.args(arguments);
    command
}

fn code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

/// The sum of the lines `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Totals {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Totals {
    fn add(&mut self, line: &str) {
        let Some(result) = line.strip_prefix("test result: ") else { return };
        let words: Vec<_> = result.split([' ', ';', '.']).filter(|word| !word.is_empty()).collect();
        for pair in words.windows(2) {
            let [count, what] = pair else { continue };
            let Ok(count) = count.parse::<u64>() else { continue };
            match *what {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                "ignored" => self.skipped += count,
                _ => {}
            }
        }
    }
}

impl std::fmt::Display for Totals {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_add_up_over_all_results_and_nothing_else() {
        let mut totals = Totals::default();
        for line in [
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 9 filtered out; finished in 0.30s",
            "test result: \u{1b}[31mFAILED\u{1b}[m. 2 passed; 4 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.2s",
            "7 passed; 7 failed",
            "test result:",
        ] {
            totals.add(line);
        }
        assert_eq!(totals, Totals { passed: 5, failed: 4, skipped: 1 });
        assert_eq!(totals.to_string(), "5 passed, 4 failed, 1 skipped");
    }
}
