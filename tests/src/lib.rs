//! Real parts for tests: a Kafka broker, a schema registry, an S3-compatible store, `kcat`, Python readers.
//!
//! Every part is fetched once into a cache that all checkouts share, runs as a process of its own on free
//! loopback ports, keeps its logs, and is gone when the test process is gone, however that ended.
//!
//! Absent on purpose: containers (not every machine runs them) and anything of Tripline itself. Nothing here
//! is linked into a product binary. Functions for tests panic with the whole story; each has a `try_` form for `xtask`.

pub mod cache;
pub mod certificates;
pub mod chance;
pub mod command;
pub mod corpus;
pub mod disk;
pub mod error;
mod folder;
mod golang;
pub mod golden;
pub mod kafka;
pub mod kcat;
mod maven;
pub mod ports;
pub mod process;
pub mod python;
pub mod registry;
pub mod s3;

pub use error::Error;
