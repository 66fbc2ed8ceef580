//! The rules that come with Tripline, each with its cases. They are files in `rules/`, and part of the program.

/// A rule of the pack.
#[derive(Debug, Clone, Copy)]
pub struct Packed {
    /// The file as diagnostics call it.
    pub name: &'static str,
    pub text: &'static str,
    pub cases: &'static str,
}

macro_rules! pack {
    ($($name:literal,)+) => {
        /// Security, policy, observability; five of each.
        pub const PACK: &[Packed] = &[$(Packed {
            name: concat!("rules/", $name, ".rules"),
            text: include_str!(concat!("../../rules/", $name, ".rules")),
            cases: include_str!(concat!("../../rules/", $name, ".cases.json")),
        },)+];
    };
}

pack! {
    "pii_email",
    "pii_phone",
    "pii_credit_card",
    "sql_injection",
    "command_injection",
    "dangerous_command",
    "tool_rate_limit",
    "file_access",
    "network_access",
    "session_timeout",
    "slow_model_call",
    "worker_failure_rate",
    "high_memory",
    "high_error_rate",
    "queue_depth",
}
