//! The keys of a rule: how each form calls them, and what kind of value they have.

/// A key of a rule, beside its id.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Key {
    /// In the text form, and in compilers' faults.
    pub name: &'static str,
    /// The object of the JSON form that it stands in; none is the rule itself.
    pub group: Option<&'static str>,
    /// In the JSON form.
    pub member: &'static str,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// One or a list.
    Texts,
    /// A symbol: bare in the text form, a string in JSON.
    Word,
    Words,
    Bool,
    /// With its unit in the text form, in milliseconds in JSON.
    Duration,
    Number,
    /// JSON.
    Object,
    /// A filter expression: a string in the text form, a tree in JSON.
    Filter,
}

pub(crate) const ALERT: &str = "alert_config";
pub(crate) const ACTION: &str = "action_config";

const fn top(name: &'static str, kind: Kind) -> Key {
    Key { name, group: None, member: name, kind }
}

const fn within(group: &'static str, name: &'static str, member: &'static str, kind: Kind) -> Key {
    Key { name, group: Some(group), member, kind }
}

/// In the order in which a rule is written.
pub(crate) static KEYS: [Key; 32] = [
    top("name", Kind::Text),
    top("description", Kind::Text),
    top("enabled", Kind::Bool),
    top("topic", Kind::Texts),
    top("event_type", Kind::Texts),
    Key { name: "filter", group: None, member: "ast", kind: Kind::Filter },
    top("group_by", Kind::Texts),
    top("scope", Kind::Words),
    Key { name: "lateness", group: None, member: "lateness_ms", kind: Kind::Duration },
    within(ALERT, "severity", "severity", Kind::Word),
    within(ALERT, "category", "category", Kind::Word),
    within(ALERT, "alert", "message_template", Kind::Text),
    within(ALERT, "dedup_window", "dedup_window_ms", Kind::Duration),
    top("dedup_by", Kind::Texts),
    top("dedup_ignore", Kind::Texts),
    within(ALERT, "suppression_window", "suppression_window_ms", Kind::Duration),
    within(ALERT, "max_alerts_per_window", "max_alerts_per_window", Kind::Number),
    within(ALERT, "window", "window_ms", Kind::Duration),
    within(ACTION, "action", "type", Kind::Word),
    within(ACTION, "reason", "reason", Kind::Text),
    within(ACTION, "target", "target", Kind::Text),
    within(ACTION, "priority", "priority", Kind::Word),
    within(ACTION, "level", "level", Kind::Word),
    within(ACTION, "action_type", "action_type", Kind::Text),
    within(ACTION, "parameters", "parameters", Kind::Object),
    top("escalate_to", Kind::Text),
    top("attack", Kind::Texts),
    top("playbook", Kind::Text),
    top("confidence", Kind::Number),
    top("risk_weight", Kind::Number),
    top("tell_matches", Kind::Bool),
    top("tests", Kind::Texts),
];

/// The key of this name in the text form.
pub(crate) fn of_name(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The key of this name in an object of the JSON form.
pub(crate) fn of_member(group: Option<&str>, member: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.group == group && key.member == member)
}
