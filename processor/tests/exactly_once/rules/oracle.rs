//! What should be on the topics: each input partition applied from its first record to its last, in memory, once.
//!
//! It shares the pure crate's steps with the processor, and none of its shell: no store, no batches, no outbox, no followed control
//! topic, no plans that are made again after a restart.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use contracts::avro::{EventView, Framing};
use contracts::canonical::{Digest, tolerant_text};
use contracts::codec::{self, DecodeError};
use contracts::dead_letter::Origin;
use contracts::json::{self, Mode};
use contracts::json_face;
use contracts::owner_event::{MARKER, NO_ENDPOINT, TICK};
use contracts::record::Record as _;
use contracts::records::{
    Alert, AnyRecord, ControlCommand, ControlCommandType, DeadLetter, DeadLetterReason, RuleMatch, TelemetryEvent,
};
use contracts::schema::BuiltIn;
use contracts::time::Timestamp;
use contracts::topics;
use detection::limits::Limits;
use detection::plan::Plan;
use detection::risk::{self, RiskPlan};
use detection::rule::RuleSet;
use detection::step::{self, Command, Input, Task, What, step};
use detection::view::{Changes, MemoryStore, View};
use processor::{Stage, TaskId};

/// The topics that rows go to.
pub const OUTPUTS: [&str; 7] = [
    topics::ALERTS,
    topics::RULE_MATCHES,
    topics::WATCHER_EVENTS,
    topics::GUARDRAIL_REQUESTS,
    topics::RISK_REPORTS,
    topics::RISK_ALERTS,
    topics::DEAD_LETTERS,
];

/// A record as it stands on the log.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub offset: i64,
    pub appended_at: Timestamp,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
}

/// The key of what tests put on topics that nobody can read.
pub const POISON_KEY: &[u8] = b"poison";

/// Topic, key and value.
pub type Row = (&'static str, Vec<u8>, Vec<u8>);

pub struct Oracle {
    partitions: NonZeroU32,
    commands: BTreeMap<i64, Commanded>,
    sets: BTreeMap<Digest, RuleSet>,
}

struct Commanded {
    digest: Digest,
    command: Result<ControlCommand, DeadLetter>,
}

impl Oracle {
    /// `control`: all that was commanded, from the first record on.
    pub fn new(partitions: NonZeroU32, control: &[Recorded], sets: BTreeMap<Digest, RuleSet>) -> Self {
        let commands = control.iter().map(|record| (record.offset, Commanded::read(record))).collect();
        Self { partitions, commands, sets }
    }

    pub fn rows(&self, task: TaskId, records: &[Recorded]) -> Vec<Row> {
        let mut run = Run::new(self, task);
        for record in records {
            match task.stage {
                Stage::Events => run.event(record),
                Stage::Matches => run.found(record),
                Stage::Alerts => run.alert(record),
            }
        }
        run.rows
    }
}

impl Commanded {
    fn read(record: &Recorded) -> Self {
        let value = record.value.as_deref().unwrap_or_default();
        match codec::decode::<ControlCommand>(value, &BuiltIn) {
            Ok(command) => {
                let text = json_face::to_json(&command);
                let value = json::parse(text.as_bytes(), Mode::Tolerant, 64).unwrap();
                Self { digest: tolerant_text(&value).digest(), command: Ok(command) }
            }
            Err(error) => {
                let letter = DeadLetter::of_error(&origin(topics::CONTROL, 0, record), value, &error).unwrap();
                Self { digest: Digest::of(value), command: Err(letter) }
            }
        }
    }
}

/// One task, from its first record on.
struct Run<'o> {
    oracle: &'o Oracle,
    id: TaskId,
    state: MemoryStore,
    plan: Arc<Plan>,
    risk: RiskPlan,
    passed: i64,
    rows: Vec<Row>,
}

impl<'o> Run<'o> {
    fn new(oracle: &'o Oracle, id: TaskId) -> Self {
        let plan = Arc::new(Plan::nothing(Limits::default()));
        let mut risk = RiskPlan::default();
        for (digest, set) in &oracle.sets {
            risk.weights = std::mem::take(&mut risk.weights).with_rule_set(*digest, set);
        }
        Self { oracle, id, state: MemoryStore::default(), plan, risk, passed: -1, rows: Vec::new() }
    }

    fn event(&mut self, record: &Recorded) {
        let event: TelemetryEvent = match codec::decode(record.value.as_deref().unwrap_or_default(), &BuiltIn) {
            Ok(event) => event,
            Err(error) => return self.refuse(record, &error),
        };
        if !self.is_owners(&event, record) {
            let body = step::body(&event);
            self.step(What::Event(&EventView::read(&body).unwrap()), record);
        }
    }

    fn found(&mut self, record: &Recorded) {
        let value = record.value.as_deref().unwrap_or_default();
        let writer = match codec::writer_of(value, &BuiltIn) {
            Ok(writer) => writer,
            Err(error) => return self.refuse(record, &error),
        };
        if writer.record_name() == Some(TelemetryEvent::NAME) {
            return match codec::decode(value, &BuiltIn) {
                Ok(event) => assert!(self.is_owners(&event, record), "nobody sends {event:?} here"),
                Err(error) => self.refuse(record, &error),
            };
        }
        match codec::decode::<RuleMatch>(value, &BuiltIn) {
            Ok(found) => {
                while let Some(next) = self.next().filter(|next| *next <= found.control_offset) {
                    self.obey(next, record);
                }
                self.step(What::Match(&found), record);
            }
            Err(error) => self.refuse(record, &error),
        }
    }

    fn alert(&mut self, record: &Recorded) {
        let alert: Alert = match codec::decode(record.value.as_deref().unwrap_or_default(), &BuiltIn) {
            Ok(alert) => alert,
            Err(error) => return self.refuse(record, &error),
        };
        let mut view = View::over(&self.state);
        risk::migrate(&mut view).unwrap();
        let input = risk::Input { appended_at: record.appended_at, alert: &alert };
        let effects = risk::step(&self.risk, &mut view, &input);
        let changes = view.into_changes().unwrap();
        self.take(changes, &effects.rows);
    }

    /// Ticks, and markers that are for the next command.
    fn is_owners(&mut self, event: &TelemetryEvent, record: &Recorded) -> bool {
        match (event.endpoint_id.as_str(), &*event.event_type) {
            (NO_ENDPOINT, TICK) => self.step(What::Tick, record),
            (NO_ENDPOINT, MARKER) => {
                let text = event.payload.as_str();
                let place = self.next().filter(|next| text.contains(&format!("\"control_offset\":{next},")));
                if let Some(place) = place {
                    let digest = self.oracle.commands[&place].digest;
                    assert!(text.contains(&digest.to_string()), "nobody writes false markers here: {text}");
                    self.obey(place, record);
                }
            }
            _ => return false,
        }
        true
    }

    fn next(&self) -> Option<i64> {
        self.oracle.commands.range(self.passed + 1..).next().map(|(place, _)| *place)
    }

    fn obey(&mut self, offset: i64, record: &Recorded) {
        self.passed = offset;
        let Commanded { command, .. } = &self.oracle.commands[&offset];
        match command {
            Ok(command) => {
                let set = wanted_set(command).and_then(|digest| self.oracle.sets.get(&digest)).map(Ok);
                self.step(What::Command(Command { offset, command, set }), record);
            }
            Err(letter) => {
                self.step(What::NoCommand { offset }, record);
                if self.id.stage == Stage::Events && self.id.partition == 0 {
                    self.push(topics::DEAD_LETTERS, &letter.topic, &letter.clone().into());
                }
            }
        }
    }

    fn step(&mut self, what: What<'_>, record: &Recorded) {
        let stage = if self.id.stage == Stage::Events { step::Stage::One } else { step::Stage::Two };
        let task = Task { stage, partition: self.id.partition, partitions: self.oracle.partitions };
        let mut view = View::over(&self.state);
        let effects = step(&self.plan, &mut view, &Input { task, appended_at: record.appended_at, what });
        let changes = view.into_changes().unwrap();
        self.take(changes, &effects.rows);
        if let Some(plan) = effects.plan {
            self.plan = plan;
        }
        if let Some(refused) = effects.refused {
            let value = record.value.as_deref().unwrap_or_default();
            let letter = DeadLetter::new(&self.origin(record), value, DeadLetterReason::Invalid, refused);
            self.push(topics::DEAD_LETTERS, &letter.topic.clone(), &letter.into());
        }
    }

    fn take(&mut self, changes: Changes, rows: &[step::Row]) {
        self.state.apply(changes);
        for row in rows {
            self.push(row.topic, &row.key, &row.record);
        }
    }

    fn refuse(&mut self, record: &Recorded, error: &DecodeError) {
        let value = record.value.as_deref().unwrap_or_default();
        let letter = DeadLetter::of_error(&self.origin(record), value, error).unwrap();
        self.push(topics::DEAD_LETTERS, &letter.topic.clone(), &letter.into());
    }

    fn origin<'a>(&self, record: &'a Recorded) -> Origin<'a> {
        origin(self.id.stage.topic(), self.id.partition, record)
    }

    fn push(&mut self, topic: &'static str, key: &str, row: &AnyRecord) {
        let mut value = Vec::new();
        row.encode(Framing::SingleObject, &mut value).unwrap();
        self.rows.push((topic, key.as_bytes().to_vec(), value));
    }
}

fn origin<'a>(topic: &'a str, partition: u32, record: &'a Recorded) -> Origin<'a> {
    Origin {
        topic,
        partition: partition.try_into().unwrap(),
        offset: record.offset,
        key: record.key.as_deref(),
        appended_at: record.appended_at,
    }
}

fn wanted_set(command: &ControlCommand) -> Option<Digest> {
    let parameters = command.parameters.value();
    let digest = parameters.as_object()?.get("digest")?.as_str()?.parse();
    (command.command == ControlCommandType::SwapRuleSet).then(|| digest.ok())?
}

/// A record of an output topic as the row it was; none if it is not a row: an owner's own event, or what tests put there.
pub fn row_of_ours(topic: &'static str, record: Recorded) -> Option<Row> {
    let (key, value) = (record.key.unwrap_or_default(), record.value.unwrap_or_default());
    let is_row = key != NO_ENDPOINT.as_bytes() && key != POISON_KEY;
    is_row.then_some((topic, key, value))
}

/// Rows that are missing, and rows that are there too often or were never to be.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Difference {
    pub lost: u64,
    pub duplicated: u64,
    /// Some of them, for whoever looks for the reason.
    pub examples: Vec<String>,
}

const EXAMPLES_MAX: usize = 10;

/// As multisets: every row counts.
pub fn compare<'r>(
    expected: impl IntoIterator<Item = &'r Row>,
    found: impl IntoIterator<Item = &'r Row>,
) -> Difference {
    let mut balance: BTreeMap<&Row, i64> = BTreeMap::new();
    expected.into_iter().for_each(|row| *balance.entry(row).or_default() += 1);
    found.into_iter().for_each(|row| *balance.entry(row).or_default() -= 1);
    let mut difference = Difference::default();
    for (row, balance) in balance.into_iter().filter(|(_, balance)| *balance != 0) {
        let count = balance.unsigned_abs();
        let word = if balance > 0 {
            difference.lost += count;
            "lost"
        } else {
            difference.duplicated += count;
            "not expected"
        };
        if difference.examples.len() < EXAMPLES_MAX {
            difference.examples.push(format!("{count} {word}: {} {}", row.0, shown(row)));
        }
    }
    difference
}

fn shown((topic, key, value): &Row) -> String {
    let names = topics::find(topic).unwrap().records;
    let record = AnyRecord::decode_one_of(names, value, &BuiltIn).map(|record| record.map(|record| record.to_json()));
    format!("{} {record:?}", String::from_utf8_lossy(key))
}

#[test]
fn a_row_that_is_missing_and_one_that_is_twice_are_both_seen() {
    let row = |number: u8| -> Row { (topics::ALERTS, vec![number], Vec::new()) };
    let (one, two) = (row(1), row(2));
    let counts = |expected: &[&Row], found: &[&Row]| {
        let difference = compare(expected.iter().copied(), found.iter().copied());
        (difference.lost, difference.duplicated)
    };
    assert_eq!(counts(&[&one, &two, &two], &[&two, &one, &two]), (0, 0));
    assert_eq!(counts(&[&one, &two], &[&one, &one, &one]), (1, 2));
}
