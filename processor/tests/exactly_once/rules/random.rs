//! Random events and commands on the embedded log, cut into random batches, with all that the stand-in's run has: crashes at
//! every point, restarts, rebalances, lost answers, lost disks. `PROPTEST_CASES` asks for more.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bus::embedded::{Embedded, Habits, Options};
use bus::{Bus, Partition, Row, To};
use contracts::records::{Alert, ControlCommandType};
use contracts::schema::BuiltIn;
use contracts::time::Timestamp;
use contracts::{codec, topics};
use detection::limits::Limits;
use detection::plan::Plan;
use detection::risk::RiskPlan;
use detection::rule::RuleSet;
use processor::detecting::Detecting;
use processor::{Cores, Framings, Stage, TaskId};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use testbed::chance::Chance;

use super::fleet;
use super::oracle::{self, OUTPUTS, Oracle, POISON_KEY, Recorded};
use crate::random::{Call, habits, of_processors, perform};
use crate::world::{PARTITIONS, PROCESSORS, World, folder};

const CASES: u32 = 24;
const SHRINK_MS_MAX: u32 = 60_000;
/// When these tests begin.
const BEGIN_MICROS: i64 = 1_767_225_600_000_000;

#[derive(Debug, Clone)]
enum Deed {
    Call(Call),
    /// Each some milliseconds after the one before.
    Send {
        count: usize,
        seed: u64,
    },
    Poison {
        topic: &'static str,
        seed: u64,
    },
    Command {
        seed: u64,
    },
    /// One of the alerts that are there.
    Answer {
        pick: usize,
        command: ControlCommandType,
    },
    /// By the log's clock.
    Wait {
        ms: i64,
    },
    Tick {
        seat: usize,
    },
    Mark {
        seat: usize,
    },
}

fn deed() -> impl Strategy<Value = Deed> {
    let seat = 0..PROCESSORS;
    let command = prop_oneof![Just(ControlCommandType::Acknowledge), Just(ControlCommandType::Resolve)];
    let poisoned = prop_oneof![Just(topics::CONTROL), (0..3_usize).prop_map(|stage| Stage::ALL[stage].topic())];
    prop_oneof![
        40 => of_processors().prop_map(Deed::Call),
        14 => (1..60_usize, any::<u64>()).prop_map(|(count, seed)| Deed::Send { count, seed }),
        1 => (poisoned, any::<u64>()).prop_map(|(topic, seed)| Deed::Poison { topic, seed }),
        4 => any::<u64>().prop_map(|seed| Deed::Command { seed }),
        2 => (any::<usize>(), command).prop_map(|(pick, command)| Deed::Answer { pick, command }),
        4 => (1..8_000_i64).prop_map(|ms| Deed::Wait { ms }),
        3 => seat.clone().prop_map(|seat| Deed::Tick { seat }),
        6 => seat.prop_map(|seat| Deed::Mark { seat }),
    ]
}

/// A world whose processors run rules, and its clock.
struct Scene {
    world: World,
    clock: Arc<AtomicI64>,
    sets: Vec<RuleSet>,
    sent: u64,
    commands: u32,
}

#[derive(Debug, Default)]
struct Seen {
    crashes: usize,
    rows: usize,
    alerts: usize,
}

#[test]
fn whatever_happens_real_rules_alert_once_and_with_the_same_bytes() {
    let asked_for = std::env::var("PROPTEST_CASES").is_ok();
    let cases = if asked_for { Config::default().cases } else { CASES };
    let config = Config { cases, failure_persistence: None, max_shrink_time: SHRINK_MS_MAX, ..Config::default() };
    let sets = fleet::rule_sets();
    let seen = std::cell::RefCell::new(Seen::default());
    let result = TestRunner::new(config).run(&(habits(), vec(deed(), 1..120)), |(habits, deeds)| {
        let mut scene = Scene::new(habits, &sets);
        for deed in &deeds {
            scene.perform(deed);
        }
        scene.settle_and_check(&mut seen.borrow_mut());
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    let seen = seen.into_inner();
    println!("{seen:?}");
    assert!(seen.crashes > 0 && seen.alerts > 0 && seen.rows > seen.alerts, "nothing was tried: {seen:?}");
}

impl Scene {
    /// Two processors and the first rule set in force.
    fn new(habits: Habits, sets: &[RuleSet]) -> Self {
        let folder = folder();
        let clock = Arc::new(AtomicI64::new(BEGIN_MICROS));
        let reading = Arc::clone(&clock);
        let now = move || Timestamp::from_micros(reading.load(Ordering::SeqCst)).unwrap();
        let options = Options { habits, clock: Arc::new(now), maintenance_interval: None, ..Options::default() };
        let bus: Arc<dyn Bus> = Arc::new(Embedded::open(&folder.path().join("log"), options).unwrap());
        let world = World::on(bus, folder, cores);
        let mut scene = Self { world, clock, sets: sets.to_vec(), sent: 0, commands: 0 };
        for set in sets {
            for (key, value) in fleet::parts(set) {
                scene.append(topics::RULE_SETS, To::Key(key.as_bytes()), &value);
            }
        }
        let first = fleet::swap("first", &sets[0], scene.now());
        scene.command(&first);
        for seat in 0..PROCESSORS {
            scene.world.start(seat, 10);
        }
        scene
    }

    fn perform(&mut self, deed: &Deed) {
        let now = self.now();
        match *deed {
            Deed::Call(ref call) => perform(&mut self.world, call),
            Deed::Send { count, seed } => self.send(count, &mut Chance::new(seed)),
            Deed::Poison { topic, seed } => {
                let value = fleet::poison(&mut Chance::new(seed), seed);
                let index =
                    if topic == topics::CONTROL { 0 } else { u32::try_from(seed % u64::from(PARTITIONS)).unwrap() };
                self.append(topic, To::Partition { index, key: Some(POISON_KEY) }, &value);
            }
            Deed::Command { seed } => {
                self.commands += 1;
                let id = format!("c{}", self.commands);
                let command = fleet::any_command(&mut Chance::new(seed), &id, &self.sets, now);
                self.command(&command);
            }
            Deed::Answer { pick, command } => self.answer(pick, command),
            Deed::Wait { ms } => self.pass(ms),
            Deed::Tick { seat } => {
                self.world.seats[seat].tick();
            }
            Deed::Mark { seat } => {
                self.world.seats[seat].mark();
            }
        }
    }

    fn send(&mut self, count: usize, chance: &mut Chance) {
        let mut producer = self.world.bus.producer(&bus::ProducerSettings::default(), Box::new(drop)).unwrap();
        for _ in 0..count {
            self.pass(i64::try_from(chance.below(100)).unwrap());
            self.sent += 1;
            let (key, value) = fleet::event(chance, self.sent, self.now());
            let to = To::Key(key.as_bytes());
            producer.send(&Row { topic: topics::TELEMETRY_EVENTS, to, value: Some(&value), headers: &[] }, 0).unwrap();
        }
        assert_eq!(producer.flush(Duration::from_secs(10)).unwrap(), 0);
    }

    fn answer(&mut self, pick: usize, command: ControlCommandType) {
        let mut alerts: Vec<Alert> = Vec::new();
        for index in 0..PARTITIONS {
            let read = self.read(topics::ALERTS, index).into_iter();
            alerts.extend(read.filter_map(|record| codec::decode(&record.value?, &BuiltIn).ok()));
        }
        let Some(alert) = (!alerts.is_empty()).then(|| &alerts[pick % alerts.len()]) else { return };
        self.commands += 1;
        let mut parameters = contracts::json::Object::new();
        for (name, value) in [
            ("alert_id", alert.alert_id.to_string()),
            ("rule_id", alert.rule_id.to_string()),
            ("group_key", alert.group_key.clone()),
            ("endpoint_id", alert.trigger_event.endpoint_id.to_string()),
        ] {
            parameters = parameters.with(name, value);
        }
        let value = fleet::command(&format!("c{}", self.commands), command, &parameters.text(), self.now());
        self.command(&value);
    }

    fn settle_and_check(&mut self, seen: &mut Seen) {
        // What is late and what was not answered shows.
        self.pass(20_000);
        self.world.settle();
        for seat in &mut self.world.seats {
            seat.tick();
        }
        self.world.settle();
        let partitions = NonZeroU32::new(PARTITIONS).unwrap();
        let oracle = Oracle::new(partitions, &self.read(topics::CONTROL, 0), fleet::by_digest(&self.sets));
        let (mut expected, mut found) = (Vec::new(), Vec::new());
        for partition in 0..PARTITIONS {
            for stage in Stage::ALL {
                let task = TaskId { stage, partition };
                expected.extend(oracle.rows(task, &self.read(stage.topic(), partition)));
            }
            for topic in OUTPUTS {
                let rows = self.read(topic, partition).into_iter();
                found.extend(rows.filter_map(|row| oracle::row_of_ours(topic, row)));
            }
        }
        let difference = oracle::compare(&expected, &found);
        assert_eq!(difference, oracle::Difference::default());
        seen.crashes += self.world.seats.iter().map(|seat| seat.crashes).sum::<usize>();
        seen.rows += found.len();
        seen.alerts += found.iter().filter(|row| row.0 == topics::ALERTS).count();
    }

    fn command(&self, value: &[u8]) {
        self.append(topics::CONTROL, To::Partition { index: 0, key: None }, value);
    }

    fn append(&self, topic: &str, to: To<'_>, value: &[u8]) {
        let mut producer = self.world.bus.producer(&bus::ProducerSettings::default(), Box::new(drop)).unwrap();
        producer.send(&Row { topic, to, value: Some(value), headers: &[] }, 0).unwrap();
        assert_eq!(producer.flush(Duration::from_secs(10)).unwrap(), 0);
    }

    fn read(&self, topic: &str, index: u32) -> Vec<Recorded> {
        let mut records = Vec::new();
        crate::oracle::each(&*self.world.bus, &Partition::new(topic, index), &mut |record| {
            records.push(Recorded {
                offset: record.offset.0.try_into().unwrap(),
                appended_at: record.appended_at,
                key: record.key.map(<[u8]>::to_vec),
                value: record.value.map(<[u8]>::to_vec),
            });
        });
        records
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.clock.load(Ordering::SeqCst)).unwrap()
    }

    fn pass(&self, ms: i64) {
        self.clock.fetch_add(ms * 1_000, Ordering::SeqCst);
    }
}

fn cores(bus: &Arc<dyn Bus>) -> Arc<dyn Cores> {
    let plan = Arc::new(Plan::nothing(Limits::default()));
    let cores = Detecting::new(bus, plan, RiskPlan::default(), Framings::default(), Arc::new(BuiltIn));
    Arc::new(cores.unwrap())
}
