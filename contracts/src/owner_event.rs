//! Events that the owner of a partition puts there by number: they say something of the partition, not of an endpoint.
//!
//! Invariant: no rule, subscription, export or count sees them, and nobody but an owner may send one.

/// Stands where an endpoint would; no endpoint has this name.
pub const NO_ENDPOINT: &str = "_";
/// Time went on.
pub const TICK: &str = "system.tick";
/// A command takes effect here.
pub const MARKER: &str = "system.control";

/// Their types.
pub const TYPES: [&str; 2] = [TICK, MARKER];

/// Whether an event is one of them.
pub fn is_owners(endpoint_id: &str, event_type: &str) -> bool {
    endpoint_id == NO_ENDPOINT && TYPES.contains(&event_type)
}
