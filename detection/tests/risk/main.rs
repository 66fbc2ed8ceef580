//! Risk: the formula against a plain reading of it, live scoring against one that keeps everything.

#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect")]

mod formula;
mod live;
mod oracle;
mod sample;
