//! A task with rules that match whatever the test says.

use std::num::NonZeroU32;
use std::sync::Arc;

use contracts::avro::EventView;
use contracts::field::{Depth, JsonObject, Millionths, SchemaVersion};
use contracts::id::{CommandId, EndpointId, EventId, RuleId};
use contracts::json::{self, Mode, Object, Value};
use contracts::limits::JSON_DEPTH_MAX;
use contracts::records::{
    Alert, AnyRecord, Category, ControlCommand, ControlCommandType, GuardrailRequest, Severity, SourceType,
    TelemetryEvent,
};

use crate::limits::Limits;
use crate::plan::{Options, Plan, Routing};
use crate::rule::{Holdback, Rule, RuleSet, TopicPattern, Watcher};
use crate::step::clock::{self, Appended, Moment};
use crate::step::command::{self, Running};
use crate::step::deadline::{self, Passing};
use crate::step::due;
use crate::step::effects::{Counts, Row};
use crate::step::holdback::{self, Admitted, Slot, Tag};
use crate::step::input::{Command, Stage, Task};
use crate::step::round::{Match, Owner, Round};
use crate::step::row::Row as _;
use crate::step::watcher::timestamp;
use crate::step::{ActiveAlert, Effects, active_alerts, alert, body, escalation, request};
use crate::view::value::Reader;
use crate::view::{Changes, MemoryStore, Store, View};

/// Where all times of tests begin, in microseconds.
pub const START: i64 = 1_767_225_600_000_000;
pub const SECOND: i64 = 1_000_000;

pub fn rule(id: &str) -> Rule {
    Rule {
        name: format!("The rule {id}"),
        topics: vec![TopicPattern::Exact("worker.failed".to_owned())],
        holdback: Holdback { dedup_window_ms: 0, ..Holdback::default() },
        attack: vec!["T1059".to_owned()],
        confidence: Millionths::new(900_000).unwrap(),
        ..Rule::new(RuleId::new(id), Severity::Info, Category::System, "saw {what}".to_owned())
    }
}

/// What a test feeds. Times are seconds after the start.
#[derive(Debug, Clone)]
pub enum Feed {
    /// A match of a rule: by an event of this id, endpoint and `what`.
    Match {
        at: i64,
        observed: i64,
        rule: usize,
        endpoint: &'static str,
        group: &'static str,
        id: String,
        what: String,
    },
    /// An event on `host` that no rule matches.
    Event {
        at: i64,
    },
    /// An event on `host` whose evaluation by a rule went over its budget.
    OverBudget {
        at: i64,
        rule: usize,
    },
    Tick {
        at: i64,
    },
    Command {
        at: i64,
        id: &'static str,
        kind: ControlCommandType,
        parameters: String,
    },
}

pub struct World {
    pub plan: Arc<Plan>,
    pub task: Task,
    pub store: MemoryStore,
    pub rows: Vec<Row>,
    pub counts: Counts,
    /// Whom the rules of the test are known by; of a swap command the set that it names.
    pub next_set: Option<RuleSet>,
    offset: i64,
    ids: usize,
}

impl World {
    pub fn of(rules: impl IntoIterator<Item = Rule>) -> Self {
        Self::with(rules, Limits::default())
    }

    pub fn with(rules: impl IntoIterator<Item = Rule>, limits: Limits) -> Self {
        let options = Options { limits, ..Options::default() };
        let plan = Plan::compile(&set(rules), &[], &options).unwrap_or_else(|problems| panic!("{problems:?}"));
        Self {
            plan: Arc::new(plan),
            task: Task { stage: Stage::One, partition: 0, partitions: NonZeroU32::MIN },
            store: MemoryStore::default(),
            rows: Vec::new(),
            counts: Counts::default(),
            next_set: None,
            offset: 0,
            ids: 0,
        }
    }

    /// One record, stored before the next: as after a restart.
    pub fn feed(&mut self, feed: &Feed) -> Vec<Row> {
        let store = self.store.clone();
        let mut view = View::over(&store);
        let rows = self.apply(&mut view, feed);
        let changes = view.into_changes().unwrap();
        self.store.apply(changes);
        rows
    }

    /// All in one batch.
    pub fn feed_all(&mut self, feeds: &[Feed]) -> Vec<Row> {
        let store = self.store.clone();
        let mut view = View::over(&store);
        let rows = feeds.iter().flat_map(|feed| self.apply(&mut view, feed)).collect();
        let changes: Changes = view.into_changes().unwrap();
        self.store.apply(changes);
        rows
    }

    /// A match of the first rule on `host`, by an event of its own.
    pub fn matches(&mut self, at: i64, what: &str) -> Vec<Row> {
        self.matches_of(0, at, what)
    }

    pub fn matches_of(&mut self, rule: usize, at: i64, what: &str) -> Vec<Row> {
        self.ids += 1;
        let (id, what) = (format!("event-{:04}", self.ids), what.to_owned());
        self.feed(&Feed::Match { at, observed: at, rule, endpoint: "host", group: "[]", id, what })
    }

    pub fn tick(&mut self, at: i64) -> Vec<Row> {
        self.feed(&Feed::Tick { at })
    }

    pub fn command(&mut self, at: i64, id: &'static str, kind: ControlCommandType, parameters: &str) -> Vec<Row> {
        self.feed(&Feed::Command { at, id, kind, parameters: parameters.to_owned() })
    }

    pub fn still_held(&self) -> u64 {
        let view = View::over(&self.store);
        let key = crate::view::keys::Key::tagged(Tag::Held as u8);
        let counts = view.scan(&key).map(|(_, row)| {
            let row = holdback::HeldRow::from_row(&mut Reader::new(&row)).unwrap();
            u64::try_from(row.count).unwrap()
        });
        counts.sum()
    }

    pub fn is_enabled(&self, rule: usize) -> bool {
        command::is_enabled(&mut View::over(&self.store), &self.plan.rules[rule])
    }

    pub fn active(&self) -> Vec<ActiveAlert> {
        active_alerts(&mut View::over(&self.store))
    }

    pub fn running(&self) -> Running {
        command::running(&mut View::over(&self.store)).unwrap()
    }

    pub fn has_rows(&self, tag: u8) -> bool {
        self.store.first(&[tag], &[tag + 1]).is_some()
    }

    fn apply(&mut self, view: &mut View<'_>, feed: &Feed) -> Vec<Row> {
        let plan = Arc::clone(&self.plan);
        let appended = clock::append(view, timestamp(START + feed.at() * SECOND));
        let mut out = Effects::default();
        let mut heard = Vec::new();
        let mut round = Round::new(&plan, view, &mut out, &mut heard, self.task, appended.at);
        match feed {
            Feed::Match { observed, rule, endpoint, group, id, what, .. } => {
                let planned = &plan.rules[*rule];
                let owner = match planned.routing {
                    Routing::Fused { .. } => Owner::Endpoint(endpoint),
                    Routing::Routed { .. } => Owner::Group { rule_id: planned.rule.id.as_str(), group_key: group },
                };
                let body = body(&event(id, endpoint, what, START + observed * SECOND));
                let event = EventView::read(&body).unwrap();
                let moment = pass(&mut round, appended, owner, &event);
                let payload = json::parse(event.payload.as_bytes(), Mode::Tolerant, JSON_DEPTH_MAX).unwrap();
                let matched = Match {
                    rule: planned,
                    owner,
                    group_key: group,
                    event: &event,
                    payload: &payload,
                    details: None,
                    triggered_at: moment.event_time,
                    judged_at: moment.stream_time,
                    occurrences: 1,
                    window: None,
                };
                outcome(&mut round, &matched);
            }
            Feed::Event { at } => {
                let body = body(&event("no-match", "host", "x", START + at * SECOND));
                pass(&mut round, appended, Owner::Endpoint("host"), &EventView::read(&body).unwrap());
            }
            Feed::OverBudget { at, rule } => {
                let body = body(&event("over-budget", "host", "x", START + at * SECOND));
                let event = EventView::read(&body).unwrap();
                let owner = Owner::Endpoint("host");
                let moment = pass(&mut round, appended, owner, &event);
                let planned = &plan.rules[*rule];
                let slot = Slot { rule_id: planned.rule.id.as_str(), owner, group_key: "[]" };
                holdback::failed(&mut round, slot, planned, &event, moment.stream_time);
            }
            Feed::Tick { .. } => deadline::fire(&mut round, appended, Passing::Tick, due::fire),
            Feed::Command { at, id, kind, parameters } => {
                deadline::fire(&mut round, appended, Passing::Command, due::fire);
                let command = ControlCommand {
                    command_id: CommandId::new(*id),
                    command: *kind,
                    parameters: JsonObject::new(parameters.clone()).unwrap(),
                    issued_by: "olga".to_owned(),
                    issued_at: timestamp(START + at * SECOND),
                    reason: Some("because".to_owned()),
                };
                let set = self.next_set.as_ref().map(Ok);
                command::apply(&mut round, &Command { offset: self.offset, command: &command, set });
                self.offset += 1;
            }
        }
        self.take(out)
    }

    fn take(&mut self, out: Effects) -> Vec<Row> {
        self.counts += out.counts;
        if let Some(plan) = out.plan {
            self.plan = plan;
        }
        self.rows.extend(out.rows.clone());
        out.rows
    }
}

pub fn set(rules: impl IntoIterator<Item = Rule>) -> RuleSet {
    let watcher = Watcher { name: "guard".to_owned(), subscriptions: Vec::new(), rules: rules.into_iter().collect() };
    RuleSet { name: "set".to_owned(), watchers: vec![watcher] }
}

/// Moves the owner's clock, and fires what is due.
fn pass(round: &mut Round<'_, '_>, appended: Appended, owner: Owner<'_>, event: &EventView<'_>) -> Moment {
    let moment = clock::advance(round, owner, event.observed_at);
    deadline::fire(round, appended, Passing::Event(owner, moment), due::fire);
    moment
}

fn outcome(round: &mut Round<'_, '_>, matched: &Match<'_>) {
    let hash = holdback::fingerprint(matched, round.plan.limits.work_per_event_max);
    if let Admitted::Raise { episode } = holdback::admit(round, matched, hash) {
        let raised = alert::raise(round, matched, hash, episode);
        escalation::open(round, matched, &raised);
        request::propose(round, matched, &raised);
    }
}

pub fn event(id: &str, endpoint: &str, what: &str, observed_at: i64) -> TelemetryEvent {
    let payload = Object::new().with("what", what.to_owned()).text().into_owned();
    TelemetryEvent {
        schema_version: SchemaVersion::ONE,
        event_id: EventId::new(format!("{id:0>8}")).unwrap(),
        event_type: "worker.failed".to_owned(),
        topic: "worker.failed".to_owned(),
        endpoint_id: EndpointId::new(endpoint),
        source: "test".to_owned(),
        source_type: SourceType::External,
        is_watcher_generated: false,
        event_depth: Depth::ZERO,
        causation_id: None,
        ancestry: Vec::new(),
        correlation_id: Some("correlated".to_owned()),
        actor_id: None,
        scope: contracts::records::Scope { session_id: Some("session".to_owned()), thread_id: None },
        observed_at: timestamp(observed_at),
        ingested_at: timestamp(observed_at),
        stream: None,
        labels: std::collections::BTreeMap::new(),
        payload: JsonObject::new(payload).unwrap(),
    }
}

impl Feed {
    pub fn at(&self) -> i64 {
        match self {
            Self::Match { at, .. }
            | Self::Event { at }
            | Self::OverBudget { at, .. }
            | Self::Tick { at }
            | Self::Command { at, .. } => *at,
        }
    }
}

/// What was published, each row in a word: `alert`, `request`, or a watcher event's type and what tells it from others.
pub fn words(rows: &[Row]) -> Vec<String> {
    rows.iter()
        .map(|row| match &row.record {
            AnyRecord::Alert(_) => "alert".to_owned(),
            AnyRecord::GuardrailRequest(_) => "request".to_owned(),
            AnyRecord::TelemetryEvent(event) => word(event),
            other => panic!("{other:?}"),
        })
        .collect()
}

fn word(event: &TelemetryEvent) -> String {
    let payload = event.payload.value();
    let text = |name: &&str| match payload.as_object().unwrap().get(name) {
        Some(Value::String(text)) => text.clone().into_owned(),
        other => other.map(Value::to_string).unwrap_or_default(),
    };
    let members: &[&str] = match &*event.event_type {
        "alert.suppressed" => &["reason", "count"],
        "circuit_breaker.tripped" => &["state", "failure_count"],
        "escalation.sent" => &["target", "priority", "block"],
        "log.signal" => &["level"],
        "command.refused" => &["reason"],
        _ => &[],
    };
    let parts = members.iter().map(text);
    std::iter::once(event.event_type.clone()).chain(parts).collect::<Vec<_>>().join(" ")
}

pub fn alerts(rows: &[Row]) -> Vec<&Alert> {
    let alerts = rows.iter().filter_map(|row| match &row.record {
        AnyRecord::Alert(alert) => Some(&**alert),
        _ => None,
    });
    alerts.collect()
}

pub fn requests(rows: &[Row]) -> Vec<&GuardrailRequest> {
    let requests = rows.iter().filter_map(|row| match &row.record {
        AnyRecord::GuardrailRequest(request) => Some(&**request),
        _ => None,
    });
    requests.collect()
}

/// The watcher events of a type.
pub fn events<'r>(rows: &'r [Row], event_type: &str) -> Vec<&'r TelemetryEvent> {
    let events = rows.iter().filter_map(|row| match &row.record {
        AnyRecord::TelemetryEvent(event) if event.event_type == event_type => Some(&**event),
        _ => None,
    });
    events.collect()
}

/// A member of an event's payload, as JSON.
pub fn member(event: &TelemetryEvent, name: &str) -> String {
    event.payload.value().as_object().unwrap().get(name).map(Value::to_string).unwrap_or_default()
}
