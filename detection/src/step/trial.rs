//! Records by hand, for the tests of the step's parts: time and windows without matching before them and without holdback
//! behind them.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use contracts::avro::EventView;
use contracts::canonical::Digest;
use contracts::field::{Depth, JsonObject, SchemaVersion};
use contracts::id::{EndpointId, EventId, RuleId};
use contracts::records::{Category, Scope, Severity, SourceType, Stream, TelemetryEvent};
use contracts::time::Timestamp;

use super::clock::{self, Moment};
use super::deadline::{self, Due, Kind, Passing};
use super::round::{Owner, Round};
use super::stream::{self, Admission};
use super::window::{self, Fired, Observation};
use super::{Effects, Stage, Task, idle, tally};
use crate::limits::Limits;
use crate::plan::{Options, Plan, Role};
use crate::rule::{Expr, Rule, RuleSet, TopicPattern, Window};
use crate::view::keys::{Key, Tag};
use crate::view::{Changes, MemoryStore, View};

/// 2026-01-01, so that the times of a test can be small.
pub const EPOCH: i64 = 1_767_225_600_000_000;

/// One record, as a test writes it; times are in microseconds after [`EPOCH`].
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    Event(Event),
    Tick { appended: i64 },
}

#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub appended: i64,
    pub observed: i64,
    pub id: u64,
    pub endpoint: &'static str,
    pub group: String,
    pub role: Role,
    pub value: Option<u64>,
    pub seq: Option<i64>,
}

/// What a record led to.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    Fired {
        id: u64,
        fired: Fired,
    },
    /// The event `id` was not answered.
    Absent {
        id: String,
        window: (i64, i64),
        at: i64,
    },
    Other(Due),
}

pub struct Trial {
    pub plan: Plan,
    pub store: MemoryStore,
    pub stage: Stage,
    /// Of all records so far.
    pub out: Effects,
}

pub fn event(said: &Event) -> TelemetryEvent {
    let at = |micros: i64| Timestamp::from_micros(EPOCH + micros).unwrap();
    TelemetryEvent {
        schema_version: SchemaVersion::ONE,
        event_id: EventId::new(format!("event-{:08}", said.id)).unwrap(),
        event_type: "a.b".to_owned(),
        topic: "a.b".to_owned(),
        endpoint_id: EndpointId::new(said.endpoint),
        source: "test".to_owned(),
        source_type: SourceType::External,
        is_watcher_generated: false,
        event_depth: Depth::ZERO,
        causation_id: None,
        ancestry: Vec::new(),
        correlation_id: None,
        actor_id: None,
        scope: Scope { session_id: None, thread_id: None },
        observed_at: at(said.observed),
        ingested_at: at(said.appended),
        stream: said.seq.map(|seq| Stream { boot_id: "boot".to_owned(), seq }),
        labels: BTreeMap::new(),
        payload: JsonObject::empty(),
    }
}

pub fn rule(windows: Vec<Window>, lateness_ms: u64) -> Rule {
    let mut terms: Vec<_> = windows.into_iter().map(Expr::Window).collect();
    let filter = if terms.len() == 1 { terms.pop() } else { Some(Expr::And(terms)) };
    let plain = Rule::new(RuleId::new("the_rule"), Severity::High, Category::Security, "it happened".to_owned());
    Rule { topics: vec![TopicPattern::All], filter, lateness_ms, ..plain }
}

impl Trial {
    pub fn of(rule: Rule, limits: Limits) -> Self {
        let set = RuleSet::of_one("watcher", vec![rule]);
        let plan = Plan::compile(&set, &[], &Options { limits, ..Options::default() }).expect("the rule of a test");
        Self { plan, store: MemoryStore::default(), stage: Stage::One, out: Effects::default() }
    }

    /// Keys and values with this tag.
    pub fn bytes(&self, tag: Tag) -> usize {
        let view = View::over(&self.store);
        view.scan(&Key::new(tag)).map(|(key, value)| key.len() + value.len()).sum()
    }

    /// Something else than a record, in a batch of its own.
    pub fn change<T>(&mut self, change: impl FnOnce(&mut View<'_>) -> T) -> T {
        let mut view = View::over(&self.store);
        let changed = change(&mut view);
        let changes = view.into_changes().expect("rows of this version");
        self.store.apply(changes);
        changed
    }

    /// Each record in a batch of its own.
    pub fn run(&mut self, records: &[Said]) -> Vec<Vec<Seen>> {
        records.iter().map(|record| self.batch(std::slice::from_ref(record)).remove(0)).collect()
    }

    /// All records in one batch.
    pub fn batch(&mut self, records: &[Said]) -> Vec<Vec<Seen>> {
        let mut view = View::over(&self.store);
        let seen =
            records.iter().map(|record| apply(&self.plan, self.stage, &mut view, &mut self.out, record)).collect();
        let changes: Changes = view.into_changes().expect("rows of this version");
        self.store.apply(changes);
        seen
    }
}

fn apply(plan: &Plan, stage: Stage, view: &mut View<'_>, out: &mut Effects, record: &Said) -> Vec<Seen> {
    let appended = match record {
        Said::Event(event) => event.appended,
        Said::Tick { appended } => *appended,
    };
    let appended = clock::append(view, Timestamp::from_micros(EPOCH + appended).unwrap());
    let task = Task { stage, partition: 0, partitions: NonZeroU32::MIN };
    let mut heard = Vec::new();
    let mut round = Round::new(plan, view, out, &mut heard, task, appended.at);
    FIRED.take();
    if let Said::Event(said) = record {
        let body = super::body(&event(said));
        observe(&mut round, appended, said, &EventView::read(&body).unwrap());
    } else {
        deadline::fire(&mut round, appended, Passing::Tick, fire);
    }
    FIRED.take()
}

fn observe(round: &mut Round<'_, '_>, appended: clock::Appended, said: &Event, event: &EventView<'_>) {
    let planned = &round.plan.rules[0];
    let owner = match round.task.stage {
        Stage::One => Owner::Endpoint(event.endpoint_id),
        Stage::Two => Owner::Group { rule_id: planned.rule.id.as_str(), group_key: &said.group },
    };
    let moment: Moment = clock::advance(round, owner, event.observed_at);
    deadline::fire(round, appended, Passing::Event(owner, moment), fire);
    if stream::admit(round, event, moment) == Admission::SentAgain {
        return;
    }
    let values = [said.value.map(|value| Digest::of(&value.to_le_bytes()))];
    let (group_key, role) = (&*said.group, &said.role);
    let seen = Observation { rule: planned, owner, group_key, role, values: &values, event, moment };
    if let Some(fired) = window::observe(round, &seen).expect("a payload that is an object") {
        FIRED.with_borrow_mut(|all| all.push(Seen::Fired { id: said.id, fired: relative(fired) }));
    }
}

fn fire(round: &mut Round<'_, '_>, due: &Due) {
    let seen = match due.kind {
        Kind::Absence => {
            let Some(unanswered) = window::tell_absence(round, &round.plan.rules[0], due) else { return };
            let event = EventView::read(&unanswered.body).unwrap();
            let (from, to) = unanswered.window;
            Seen::Absent { id: event.event_id.to_owned(), window: (from - EPOCH, to - EPOCH), at: due.time - EPOCH }
        }
        Kind::Group => return window::expire(round, &round.plan.rules[0], due),
        Kind::Idle => return idle::forget(round, due, fire),
        Kind::Tally => return tally::tell_due(round, due),
        _ => Seen::Other(due.clone()),
    };
    FIRED.with_borrow_mut(|all| all.push(seen));
}

fn relative(fired: Fired) -> Fired {
    Fired { window: (fired.window.0 - EPOCH, fired.window.1 - EPOCH), ..fired }
}

thread_local! {
    /// What fired with the record at hand: a handler of deadlines has nowhere else to leave it.
    static FIRED: std::cell::RefCell<Vec<Seen>> = const { std::cell::RefCell::new(Vec::new()) };
}
