//! What a load consists of: quiet events, and among them, evenly, some that a rule must raise an alert for.
//!
//! Invariant: an event follows from its number alone, so that what was expected can be said without keeping what was sent.

use std::path::Path;

use contracts::draft::{Fill, event_from_json};
use contracts::field::JsonObject;
use contracts::id::{EndpointId, EventId};
use contracts::json::{self, Mode, Object};
use contracts::limits::JSON_DEPTH_MAX;
use contracts::records::TelemetryEvent;
use contracts::settings::{self, Input, Reported, Table};
use contracts::time::Timestamp;

use crate::failure::Failure;

/// So many events of one endpoint come in a row, as collectors publish them.
const BURST: u64 = 10;
/// Neighbours in time are no neighbours in number. It has no divisor in common with what people choose.
const SCATTER: u64 = 7_919;

/// Goes ahead alone, before the clock begins, and is not timed: that a sender finds its broker and becomes known to it is no load.
pub const FIRST: u64 = 0;

const PAYLOAD_BYTES: std::ops::RangeInclusive<u64> = 0..=256 << 10;

#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    endpoints: u64,
    /// One event in so many is meant for the rule.
    pub alert_every: u64,
    payload_bytes: usize,
    quiet: Kind,
    alerting: Kind,
    /// The rule that the others are meant for.
    pub rule: String,
}

#[derive(Debug, Clone, PartialEq)]
struct Kind {
    /// What all of them have in common.
    event: TelemetryEvent,
    /// The beginning of the payload, without its closing brace.
    payload: String,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            endpoints: 10_000,
            alert_every: 100,
            payload_bytes: 200,
            quiet: Kind::new("load.step", r#"{"what":"nothing that a rule is for","#),
            alerting: Kind::new("load.file", r#"{"path":"/etc/passwd","#),
            rule: "file_access".to_owned(),
        }
    }
}

impl Profile {
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path).map_err(|source| Failure::File {
            doing: "cannot read the profile",
            path: path.to_owned(),
            source,
        })?;
        let read = settings::read(&Input::file(&path.display().to_string(), &text), profile);
        Ok(read.map_err(Failure::Topology)?.value)
    }

    /// The place among the alerting events, if event `number` is one. They do not all fall to the same endpoints.
    pub fn alert_of(&self, number: u64) -> Option<u64> {
        let block = number / self.alert_every;
        (number % self.alert_every == block % self.alert_every).then_some(block)
    }

    /// The event of a number, that happens at this time. `run` tells loads apart.
    pub fn event(&self, run: &str, number: u64, at: Timestamp) -> TelemetryEvent {
        let kind = if self.alert_of(number).is_some() { &self.alerting } else { &self.quiet };
        let endpoint_id = EndpointId::new(format!("load-{}", number / BURST * SCATTER % self.endpoints));
        // No two payloads are the same, of other loads neither, so that none is held back as a repeat.
        let mut payload = format!("{}\"run\":\"{run}\",\"number\":{number},\"pad\":\"", kind.payload);
        let pad = self.payload_bytes.saturating_sub(payload.len() + 2);
        payload.extend(std::iter::repeat_n('x', pad));
        payload.push_str("\"}");
        TelemetryEvent {
            event_id: EventId::new(id(run, number)).expect("invariant: it is long enough"),
            observed_at: at,
            ingested_at: at,
            payload: JsonObject::new(payload).expect("invariant: the beginning was checked when it was read"),
            endpoint_id,
            ..kind.event.clone()
        }
    }
}

impl Kind {
    fn new(topic: &str, payload: &str) -> Self {
        let endpoint_id = EndpointId::new("load");
        let fill = Fill { endpoint_id: &endpoint_id, now: Timestamp::MAX, source: "load", place: 0 };
        let text = Object::new().with("topic", topic).with("payload", Object::new()).text().into_owned();
        let event = event_from_json(text.as_bytes(), &fill).expect("invariant: a topic and a payload are enough");
        Self { event, payload: payload.to_owned() }
    }
}

/// Of the event of a number.
fn id(run: &str, number: u64) -> String {
    format!("load-{run}-{number:012}")
}

/// The number that an event id of this run stands for.
pub fn number_of(run: &str, event_id: &str) -> Option<u64> {
    event_id.strip_prefix("load-")?.strip_prefix(run)?.strip_prefix('-')?.parse().ok()
}

fn profile(root: &Table<'_>) -> Result<Profile, Reported> {
    let default = Profile::default();
    let endpoints = root.integer("endpoints", 1..=10_000_000_u64).or(default.endpoints);
    let alert_every = root.integer("alert_every", 1..=1_000_000_u64).or(default.alert_every);
    let payload_bytes = root.size("payload_bytes", PAYLOAD_BYTES).or(default.payload_bytes as u64);
    let quiet = kind(&root.table("quiet"), default.quiet);
    let of_alerts = root.table("alerting");
    let alerting = kind(&of_alerts, default.alerting);
    let rule = of_alerts.text("rule").or(default.rule);
    Ok(Profile {
        endpoints: endpoints?,
        alert_every: alert_every?,
        payload_bytes: usize::try_from(payload_bytes?).expect("invariant: it is within a range of few bytes"),
        quiet: quiet?,
        alerting: alerting?,
        rule: rule?,
    })
}

fn kind(table: &Table<'_>, default: Kind) -> Result<Kind, Reported> {
    let topic = table.text("topic").or(default.event.topic);
    let payload = table.parsed("payload", "the text of a JSON object", beginning, Clone::clone);
    let payload = payload.or_from(default.payload, "a short one");
    Ok(Kind::new(&topic?, &payload?))
}

/// The payload up to where more members follow.
fn beginning(text: &str) -> Result<String, Option<String>> {
    let value =
        json::parse(text.as_bytes(), Mode::Tolerant, JSON_DEPTH_MAX).map_err(|error| Some(error.to_string()))?;
    let members: &Object<'_> = value.as_object().ok_or(None)?;
    let text = members.text();
    let open = text.strip_suffix('}').unwrap_or(&text).to_owned();
    Ok(if open == "{" { open } else { open + "," })
}
