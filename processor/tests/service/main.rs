//! `tripline-processor` as its operator has it: a process, its configuration, its signals, its exit statuses, its health.

#![expect(clippy::unwrap_used, reason = "a test that panics has failed, and says where")]

mod away;
mod cluster;
mod collector;
mod deployment;
mod names;
mod process;
mod refusals;
