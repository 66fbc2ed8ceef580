//! A thread that does the same thing again and again until it is dropped.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::{BusError, Result};

/// However short an interval was asked for.
const EVERY_MIN: Duration = Duration::from_millis(1);

/// Ends its thread when it is dropped, and waits for what that is doing.
#[derive(Debug)]
pub(super) struct Ticker {
    /// Dropped first: that is what the thread waits for.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    pub fn start(name: &'static str, every: Duration, mut tick: impl FnMut() + Send + 'static) -> Result<Self> {
        let (stop, stopped) = channel();
        let every = every.max(EVERY_MIN);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                    tick();
                }
            })
            .map_err(|error| BusError::Thread { name, reason: error.to_string() })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to do.
            let _ = thread.join();
        }
    }
}
