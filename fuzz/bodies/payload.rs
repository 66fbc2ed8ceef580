//! A payload through the fifteen rules, as an event of each of their topics, twice.
//!
//! Invariants: it is evaluated, or refused because it is no JSON object, the same each time; the second time adds no alert of a
//! rule that raised one; what is published can be encoded; matches = alerts + held back.

use std::num::NonZeroU32;
use std::sync::LazyLock;

use contracts::avro::{EventView, Framing};
use contracts::draft::{Fill, event_from_json};
use contracts::id::EndpointId;
use contracts::records::AnyRecord;
use contracts::time::Timestamp;
use detection::pack::PACK;
use detection::plan::{Options, Plan};
use detection::rule::{RuleSet, Watcher};
use detection::step::{Counts, Input, Stage, Task, What, body, step};
use detection::text;
use detection::view::{MemoryStore, View};

static PLAN: LazyLock<Plan> = LazyLock::new(|| {
    let rules =
        text::parse("rules", &PACK.iter().map(|packed| packed.text).collect::<String>()).expect("the pack is good");
    let watcher = Watcher { name: "fuzz".to_owned(), subscriptions: Vec::new(), rules };
    let set = RuleSet { name: "fuzz".to_owned(), watchers: vec![watcher] };
    Plan::compile(&set, &[], &Options::default()).expect("the pack is good")
});

const TOPICS: [&str; 6] =
    ["chat.user_msg", "terminal.command", "tool.call", "model.call.complete", "worker.failed", "anything.error"];

pub fn run(input: &[u8]) {
    let Ok(payload) = str::from_utf8(input) else { return };
    for topic in TOPICS {
        let now = Timestamp::from_micros(1_767_225_600_000_000).expect("a time in 2026");
        let fill = Fill { endpoint_id: &EndpointId::new("fuzz"), now, source: "fuzz", place: 0 };
        let shell = format!(r#"{{"topic":"{topic}","payload":{{}}}}"#);
        let event = event_from_json(shell.as_bytes(), &fill).expect("an event");
        let shell = body(&event);
        let mut view = EventView::read(&shell).expect("we wrote it");
        view.payload = payload;
        twice(&view, now);
    }
}

fn twice(event: &EventView<'_>, now: Timestamp) {
    let task = Task { stage: Stage::One, partition: 0, partitions: NonZeroU32::MIN };
    let store = MemoryStore::default();
    let mut state = View::over(&store);
    let [first, second] =
        [(); 2].map(|()| step(&PLAN, &mut state, &Input { task, appended_at: now, what: What::Event(event) }));
    assert_eq!(first.refused, second.refused);
    for effects in [&first, &second] {
        let Counts { matches, alerts, held, .. } = effects.counts;
        assert_eq!(matches, alerts + held.iter().sum::<u64>(), "no match is lost");
        for row in &effects.rows {
            row.record.encode(Framing::SingleObject, &mut Vec::new()).expect("what is published is within its limits");
        }
    }
    let alerts =
        |rows: &[detection::step::Row]| rows.iter().filter(|row| matches!(row.record, AnyRecord::Alert(_))).count();
    assert_eq!(alerts(&second.rows), 0, "the same trigger raises nothing again");
}
