//! What the service does when the group has put another member in its place.
//!
//! Two causes look alike from here: a second process of this name, and a join under this name, of ours or of an earlier process,
//! whose answer was lost together with the broker. Behind the second there is nobody: its session ends, and the name is free.
//!
//! Invariant: while the group shows a member of this name, it is left alone. Two processes of one name never take turns: should a
//! group that is just being loaded by its broker show nobody, the other one is displaced, looks in its turn, and ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bus::kafka::Kafka;
use bus::{BusError, ErrorKind};

use crate::failure::Failure;
use crate::health::Watched;
use crate::once_reached;
use crate::settled::Settled;

/// In sessions. One that nobody keeps up ends in one, after a rebalance that waits for it in two; a third is room.
const HELD_SESSIONS_MAX: u32 = 3;
/// How long it may stay unknown who has the name, where brokers do not answer.
const UNKNOWN_MAX: Duration = Duration::from_mins(2);
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Until nobody has this name in the group, or until this process is asked to stop; then a processor can be started anew.
pub fn wait(why: &BusError, settled: &Settled, watched: &Watched, stop: &AtomicBool) -> Result<(), Failure> {
    tracing::warn!(reason = %why, "displaced; going on once nobody has this name in the group");
    watched.in_trouble(why.to_string());
    let settings = &settled.settings;
    let name = settings.instance.as_str();
    let connect = || Ok(Kafka::connect(settled.kafka.clone(), name)?);
    let Some(kafka) = once_reached(watched, stop, connect)? else { return Ok(()) };
    let waited = settings.session_timeout * HELD_SESSIONS_MAX;
    let known_by = Instant::now() + UNKNOWN_MAX;
    let mut free_by = Instant::now() + waited;
    while !stop.load(Ordering::Acquire) {
        // First: whoever reads the figures just now keeps the state open for a moment.
        std::thread::sleep(LOOK_EVERY);
        match kafka.holder(&settings.group, &settings.instance) {
            Ok(None) => return Ok(()),
            Ok(Some(host)) if Instant::now() >= free_by => {
                return Err(Failure::NameTaken {
                    instance: name.to_owned(),
                    group: settings.group.clone(),
                    host,
                    waited,
                });
            }
            Ok(Some(_)) => {}
            // A broker that restarts begins every session anew.
            Err(error) if error.kind() == ErrorKind::Unavailable && Instant::now() < known_by => {
                free_by = Instant::now() + waited;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
