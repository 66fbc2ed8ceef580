//! Where a figure was measured: without it a figure cannot be compared with another.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

pub fn describe() -> Value {
    let cpu = fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| {
        let line = text.lines().find(|line| line.starts_with("model name"))?;
        Some(line.split(':').nth(1)?.trim().to_owned())
    });
    let memory_kb = fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        text.lines().find(|line| line.starts_with("MemTotal"))?.split_whitespace().nth(1)?.parse::<u64>().ok()
    });
    json!({
        "cpu": cpu,
        "cores": std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
        "memory_kb": memory_kb,
        "os": std::env::consts::OS,
    })
}

/// The commit that was built, with `-dirty` where the checkout differs from it.
pub fn commit() -> Option<String> {
    let output = Command::new("git").args(["describe", "--always", "--dirty", "--abbrev=12"]).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// What this process has in memory.
pub fn resident_kb() -> usize {
    resident_kb_of(std::process::id())
}

pub fn resident_kb_of(process: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Processor time of this process so far, all its threads together, in nanoseconds.
pub fn cpu_ns() -> usize {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    threads.map(|thread| thread_ns(&thread.path().join("schedstat"))).sum()
}

/// Processor time of the calling thread.
pub fn thread_cpu_ns() -> usize {
    thread_ns("/proc/thread-self/schedstat".as_ref())
}

fn thread_ns(path: &Path) -> usize {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}
