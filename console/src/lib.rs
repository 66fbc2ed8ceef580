//! The HTTP API over a log, the client that speaks it, the read model over the topics, and commands to processors.
//!
//! Invariant: what goes through the API is what would have been written directly, byte for byte: rows and records travel
//! framed ([`wire`]), never decoded and encoded again.
//!
//! Absent on purpose: users and roles (the socket is the owner's, TCP is loopback only), and consumer groups and
//! publications over HTTP: a stage that needs them runs in the process that owns the log, or on Kafka.

pub mod api;
pub mod client;
pub mod control;
pub mod explain;
pub mod follower;
pub mod intake;
pub mod listen;
pub mod log;
pub mod model;
pub mod wire;

pub use client::Client;
pub use log::Log;
