//! The read model's answers. Texts of records are cut to 256 characters; the record has them whole.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertStatus {
    Open,
    Acknowledged,
    Resolved,
}

impl AlertStatus {
    pub const ALL: [Self; 3] = [Self::Open, Self::Acknowledged, Self::Resolved];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertSummary {
    pub alert_id: String,
    pub rule_id: String,
    pub severity: String,
    pub category: String,
    pub status: AlertStatus,
    /// False where the status is asked for and no answer is on `watcher.events.v1`.
    pub confirmed: bool,
    pub message: String,
    pub endpoint_id: String,
    pub group_key: String,
    pub triggered_at: String,
    /// By the log's time.
    pub raised_at: String,
    pub occurrences: i64,
    pub episode: i64,
    /// Repeats that were held back with it and told so far.
    pub held_back: i64,
    pub escalations: u64,
    pub escalated_to: Option<String>,
    pub acknowledged_by: Option<String>,
    pub resolved_by: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alerts {
    /// Newest first.
    pub alerts: Vec<AlertSummary>,
    /// How many there are that were asked for; `alerts` may be fewer.
    pub found: u64,
    /// How many can be asked for, and how many there were on the topic.
    pub kept: u64,
    pub seen: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertDetail {
    pub summary: AlertSummary,
    /// Where the record stands on `alerts.v1`.
    pub place: PlaceJson,
    /// Where `rule.matched`, with the values compared, stands on `watcher.events.v1`.
    pub compared: Option<PlaceJson>,
    pub acknowledged: Option<ActedJson>,
    pub resolved: Option<ActedJson>,
    pub escalations: Vec<EscalationJson>,
    pub held_back: Vec<HeldBackJson>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceJson {
    pub partition: u32,
    pub offset: u64,
}

/// Who acknowledged or resolved, when, and why if it was said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActedJson {
    pub by: String,
    pub at: String,
    pub reason: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscalationJson {
    pub target: String,
    pub priority: String,
    pub block: String,
    pub sent_at: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldBackJson {
    pub reason: String,
    pub count: i64,
    pub until: String,
}

/// What whoever watches alerts is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeJson {
    /// `raised`, `escalated`, `acknowledged`, `resolved`, `held_back`; `missed` for changes that came too fast.
    pub what: String,
    pub at: Option<String>,
    pub alert_id: Option<String>,
    /// To or by whom.
    pub who: Option<String>,
    pub count: Option<i64>,
    /// Absent for an alert that is not known any more.
    pub alert: Option<AlertSummary>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetJson {
    pub name: Option<String>,
    pub digest: String,
    pub confirmed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    pub set: Option<SetJson>,
    pub rules: Vec<RuleJson>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleJson {
    pub rule_id: String,
    /// Absent for a rule that the set in force does not have.
    pub severity: Option<String>,
    pub watcher: Option<String>,
    pub is_on: bool,
    pub switched: Option<SwitchJson>,
    pub mutes: Vec<MuteJson>,
    pub breakers_open: u64,
    pub alerts: u64,
    pub held_back: u64,
    pub last_alert_at: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchJson {
    pub by: String,
    pub at: String,
    pub reason: Option<String>,
    pub confirmed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MuteJson {
    pub group_key: Option<String>,
    pub endpoint_id: Option<String>,
    pub until: String,
    pub by: String,
    pub reason: Option<String>,
    pub confirmed: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subscriptions {
    pub set: Option<SetJson>,
    pub subscriptions: Vec<SubscriptionJson>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubscriptionJson {
    pub subscription_id: String,
    pub watcher: String,
    pub topic: Option<String>,
    pub rules: Vec<String>,
    /// Its JSON form; absent where it is longer than 16 KiB.
    pub subscription: Option<serde_json::Value>,
    /// None for one of the rule set.
    pub added_by: Option<String>,
    pub confirmed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Records of `alerts.v1`.
    pub alerts: u64,
    /// Of these, those that can still be listed.
    pub alerts_kept: u64,
    pub open: u64,
    pub acknowledged: u64,
    pub resolved: u64,
    pub by_severity: Vec<NumberJson>,
    /// Matches that raised no alert, by reason, as told so far.
    pub held_back: Vec<NumberJson>,
    /// Events that a rule or all of detection could not take as they were, by the type of event that tells it.
    pub not_taken: Vec<NumberJson>,
    pub events_lost: u64,
    pub escalations: u64,
    pub breakers_open: u64,
    /// Records of the topics the numbers come from that could not be read.
    pub unreadable: u64,
    /// Older escalations, held-back counts, commands or breakers are left out of what single alerts and rules show.
    pub is_cut: bool,
    /// The first and the last record counted, by the log's time.
    pub since: Option<String>,
    pub until: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberJson {
    pub name: String,
    pub count: u64,
}

/// A command that was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commanded {
    pub command_id: String,
    pub control_offset: u64,
    /// The type of the event that tells it.
    pub outcome: String,
}
