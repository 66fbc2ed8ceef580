//! What the API and its client say to each other: frames of bytes for rows and records, JSON for all else.
//!
//! Invariant: both sides use these types and no others, so that neither can drift.

pub mod bytes;
pub mod json;
pub mod rows;
pub mod start;
pub mod stream;
pub mod view;

/// Rows on their way to the log.
pub const ROWS_TYPE: &str = "application/vnd.tripline.rows.v1";
/// Records on their way from it.
pub const RECORDS_TYPE: &str = "application/vnd.tripline.records.v1";
pub const NDJSON_TYPE: &str = "application/x-ndjson";
pub const JSON_TYPE: &str = "application/json";

/// The longest body of rows or events that one request may have.
pub const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// The most rows or events in one request.
pub const ROWS_MAX: usize = 20_000;
/// The longest frame: the largest record of a topic, its key, its headers.
pub const FRAME_BYTES_MAX: usize = 4 * 1024 * 1024;
