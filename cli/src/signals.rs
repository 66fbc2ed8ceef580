//! Ctrl-C and SIGTERM: how a person or a supervisor ends a command that finishes what it has begun.
//!
//! Invariant: the first one asks for the end, the second one is the end.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use contracts::failure::Status;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::Signals;

use crate::failure::Failure;

/// True once the end was asked for.
pub fn end_asked() -> Result<Arc<AtomicBool>, Failure> {
    let asked = Arc::new(AtomicBool::new(false));
    for (signal, status) in [(SIGINT, Status::Interrupted), (SIGTERM, Status::Terminated)] {
        // Armed before the first signal is seen: of two that come at once, the second counts.
        flag::register_conditional_shutdown(signal, status.code().into(), Arc::clone(&asked))
            .and_then(|_| flag::register(signal, Arc::clone(&asked)))
            .map_err(not_watched)?;
    }
    Ok(asked)
}

/// For a command that does nothing but wait for its end.
pub struct Ends {
    signals: Signals,
}

impl Ends {
    pub fn register() -> Result<Self, Failure> {
        // Nobody asks whether: it is for the second one.
        end_asked()?;
        let signals = Signals::new([SIGINT, SIGTERM]).map_err(not_watched)?;
        Ok(Self { signals })
    }

    /// For a thread of this process without which there is no use in going on.
    pub fn closer(&self) -> impl FnOnce() + Send + 'static {
        let handle = self.signals.handle();
        move || handle.close()
    }

    /// The signal's name; `None` if such a thread ended first.
    pub fn wait(&mut self) -> Option<&'static str> {
        let signal = self.signals.forever().next()?;
        Some(if signal == SIGTERM { "SIGTERM" } else { "Ctrl-C" })
    }
}

fn not_watched(source: std::io::Error) -> Failure {
    Failure::Io { doing: "watch for signals", source }
}
