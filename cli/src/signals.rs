//! Ctrl-C and SIGTERM, for commands that finish what they have begun.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::failure::Failure;

/// True once the end was asked for. Whoever asks again ends the process at once.
pub fn end_asked() -> Result<Arc<AtomicBool>, Failure> {
    let asked = Arc::new(AtomicBool::new(false));
    for (signal, status) in [(SIGINT, 130), (SIGTERM, 143)] {
        // Armed before the first signal is seen: of two that come at once, the second counts.
        flag::register_conditional_shutdown(signal, status, Arc::clone(&asked))
            .and_then(|_| flag::register(signal, Arc::clone(&asked)))
            .map_err(|source| Failure::Io { doing: "watch for signals", source })?;
    }
    Ok(asked)
}
