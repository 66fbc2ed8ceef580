//! The protocol against an oracle: whatever is crashed, starved, moved or lost, what readers see is what one run in memory
//! over the same input gives: the same rows, each once, and for each input partition the same bytes in the same order.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

mod failures;
mod kafka;
mod kill;
mod loss;
mod oracle;
mod points;
mod pulse;
mod random;
mod rules;
mod s3;
mod slow;
mod soak;
mod standin;
mod starting;
mod world;
