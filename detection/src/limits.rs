//! How much anything may be, and how long anything waits. Each named, each with its overflow said.

/// What an operator may set. Part of the rule set's running, not of its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// An event later than its append time by more is taken for this much later, and counted.
    pub clock_ahead_ms_max: u64,
    /// A deeper event is counted and not evaluated.
    pub event_depth_max: i32,
    /// Alerts and evaluations over budget in a minute, before a breaker opens.
    pub breaker_failures_max: u32,
    pub breaker_cooldown_ms: u64,
    /// Alerts a half-open breaker lets through in its minute.
    pub breaker_trial_max: u32,
    /// Of one rule in one scope; beyond it the entry that closes first closes early.
    pub dedup_entries_max: u32,
    /// Groups of one window rule in one scope; beyond it a new group is not taken up, and counted.
    pub groups_max: u32,
    /// Deadlines that fire with one record; the rest fire with the next.
    pub deadlines_per_record_max: usize,
    /// Bytes scanned and nodes visited by the rules for one event.
    pub work_per_event_max: u64,
    /// An alert that raised within this time is not raised again for the same trigger.
    pub duplicate_window_ms: u64,
    /// After this much silence by append time an endpoint's state is forgotten.
    pub idle_ms_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clock_ahead_ms_max: 5_000,
            event_depth_max: 5,
            breaker_failures_max: 100,
            breaker_cooldown_ms: 60_000,
            breaker_trial_max: 10,
            dedup_entries_max: 10_000,
            groups_max: 10_000,
            deadlines_per_record_max: 1_000,
            work_per_event_max: 16 * 1024 * 1024,
            duplicate_window_ms: 24 * 3_600_000,
            idle_ms_max: 7 * 24 * 3_600_000,
        }
    }
}

pub const DEDUP_WINDOW_MS_DEFAULT: u64 = 60_000;
pub const LATENESS_MS_DEFAULT: u64 = 60_000;
/// The longest window of any kind, and the longest lateness.
pub const WINDOW_MS_MAX: u64 = 7 * 24 * 3_600_000;
pub const THRESHOLD_MAX: u32 = 10_000;
pub const SEQUENCE_STEPS_MAX: usize = 16;
pub const WINDOW_TERMS_MAX: usize = 4;
/// Of a stream: the gaps that are remembered as open.
pub const OPEN_GAPS_MAX: usize = 64;
/// Of an endpoint: the streams that are kept; beyond it the one with the oldest event is forgotten.
pub const STREAMS_MAX: usize = 64;
pub const RULES_MAX: usize = 10_000;
pub const SUBSCRIPTIONS_MAX: usize = 10_000;
pub const GROUP_PATHS_MAX: usize = 8;
/// Canonical text of the values that a rule groups by; an event with more is counted as one without the value.
pub const GROUP_KEY_BYTES_MAX: usize = 8 * 1024;
pub const MESSAGE_BYTES_MAX: usize = 8 * 1024;
/// One value inside an alert's text; of a longer one the beginning.
pub const MESSAGE_VALUE_CHARS_MAX: usize = 256;
/// The text of one file of rules.
pub const RULE_FILE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Nesting of a filter.
pub const FILTER_DEPTH_MAX: usize = 64;
/// The memory of one compiled regular expression: `\w{64}` has room, for `\w` is all of Unicode.
pub const REGEX_BYTES_MAX: usize = 4 * 1024 * 1024;
