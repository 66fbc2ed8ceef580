//! What matching needs while it looks at one event, kept from one event to the next so that nothing is allocated.

/// Fits any plan; give each thread one. It holds nothing that a result could depend on.
#[derive(Debug, Default)]
pub struct Scratch {}
