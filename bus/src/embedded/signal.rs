//! How readers sleep until there is something new, without asking again and again.
//!
//! Invariant: whoever reads the count, then looks, then waits with that count misses nothing: what happens after the
//! first step changes the count, and a changed count does not wait.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Instant;

#[derive(Debug, Default)]
pub(super) struct Signal {
    count: AtomicU64,
    /// Spares a writer the lock while nobody sleeps.
    sleepers: AtomicUsize,
    lock: Mutex<()>,
    changed: Condvar,
}

/// What a reader saw before it looked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen(u64);

impl Signal {
    pub fn seen(&self) -> Seen {
        Seen(self.count.load(Ordering::SeqCst))
    }

    /// Something is new for somebody.
    pub fn raise(&self) {
        self.count.fetch_add(1, Ordering::SeqCst);
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            // Taking the lock once means a sleeper is either not yet checking the count, or already waiting.
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.changed.notify_all();
        }
    }

    /// Sleeps until something is new since `seen`, at most until `deadline`.
    pub fn wait(&self, seen: Seen, deadline: Instant) {
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        while self.seen() == seen {
            let Some(left) = deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                break;
            };
            guard = self.changed.wait_timeout(guard, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(guard);
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
    }
}
