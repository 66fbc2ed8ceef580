//! What a program says and ends with when it is not done: the same in every program.
//!
//! Invariant: whatever went wrong, its message has every cause behind it, each said once.

use std::error::Error;
use std::fmt::Write as _;

/// Exit statuses; documented in docs/cli.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    Done = 0,
    CheckFailed = 1,
    Usage = 2,
    CannotReach = 3,
    Refused = 4,
    /// By Ctrl-C, as shells have it.
    Interrupted = 130,
    /// By SIGTERM.
    Terminated = 143,
}

impl Status {
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// The error's message, and behind it those of its causes.
pub fn message(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Some errors tell their cause in their own words already.
        let text = cause.to_string();
        if !message.contains(&text) {
            write!(message, ": {text}").expect("invariant: a String takes text");
        }
        source = cause.source();
    }
    message
}

#[cfg(test)]
mod tests {
    use super::message;

    #[derive(Debug, thiserror::Error)]
    #[error("{words}")]
    struct Told {
        words: &'static str,
        source: Option<Box<Told>>,
    }

    /// The first is what is told, each next one the cause of the one before.
    fn chain(words: &[&'static str]) -> Told {
        let (first, causes) = words.split_first().expect("a chain has an error");
        Told { words: first, source: (!causes.is_empty()).then(|| Box::new(chain(causes))) }
    }

    #[test]
    fn every_cause_is_told_and_none_twice() {
        let cases: [(&[&str], &str); 5] = [
            (&["no log"], "no log"),
            (&["cannot read rules", "permission denied"], "cannot read rules: permission denied"),
            (&["cannot read rules: permission denied", "permission denied"], "cannot read rules: permission denied"),
            // What is behind a cause that was told already is told all the same.
            (&["no answer: timed out", "timed out", "os error 110"], "no answer: timed out: os error 110"),
            (&["no answer", "timed out", "timed out"], "no answer: timed out"),
        ];
        for (words, expected) in cases {
            assert_eq!(message(&chain(words)), expected, "{words:?}");
        }
    }
}
