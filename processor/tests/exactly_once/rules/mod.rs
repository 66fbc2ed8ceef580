//! The same with the real cores: fifteen rules of the pack and three more, rule sets that are swapped, rules that are switched
//! and muted, alerts that are acknowledged.

pub mod fleet;
pub mod oracle;
mod random;
