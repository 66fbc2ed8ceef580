//! What is done to the processors and their broker, in an order and at instants that chance decides.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use testbed::chance::Chance;
use testbed::kafka::proxy::{Call, Frame, Moment, Verdict};

use super::cluster::{Cluster, SESSION, Seat};

/// About as long as a start takes: a processor is killed at work, and on the way there.
const LIFE_MS_MAX: u64 = 1_000;
/// How long a moment of a publication is waited for.
const MOMENT_MAX: Duration = Duration::from_secs(10);
/// What a lost answer is spared other faults for, so that it is the processor that finds out.
const LOST_ANSWER: Duration = Duration::from_secs(12);
/// Beyond the session timeout, until its partitions have gone to others.
const OVERSLEPT: Duration = Duration::from_secs(2);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// SIGKILL.
    Kill,
    /// SIGKILL between the calls of a publication.
    KillInTransaction,
    /// SIGKILL, and the state directory is gone.
    LoseState,
    /// SIGKILL, and it comes back after its session has ended.
    StayAway,
    /// SIGSTOP past the session timeout, SIGCONT.
    Sleep,
    /// An answer to the end of a transaction, or the request, is lost on the way.
    LoseAnswer,
    /// The broker is stopped or killed, and started again.
    RestartBroker,
    /// Two more processors come and go; one of them ends by SIGKILL.
    Storm,
}

impl Fault {
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Kill, "killed"),
        (Self::KillInTransaction, "killed_in_a_transaction"),
        (Self::LoseState, "killed_and_state_lost"),
        (Self::StayAway, "killed_and_away_past_the_session"),
        (Self::Sleep, "stopped_past_the_session"),
        (Self::LoseAnswer, "commit_answers_lost"),
        (Self::RestartBroker, "broker_restarts"),
        (Self::Storm, "rebalance_storms"),
    ];

    fn kills(self) -> bool {
        !matches!(self, Self::Sleep | Self::LoseAnswer | Self::RestartBroker)
    }
}

pub type Counts = BTreeMap<Fault, u32>;

/// How many processors were killed with SIGKILL.
pub fn kills(counts: &Counts) -> u32 {
    counts.iter().filter(|(fault, _)| fault.kills()).map(|(_, count)| count).sum()
}

/// Everything at least once, so many kills in all.
fn script(kills: u32, chance: &mut Chance) -> Vec<Fault> {
    let share = |part: u32| (kills / part).max(1);
    let others = [
        (Fault::KillInTransaction, share(5)),
        (Fault::LoseState, share(20)),
        (Fault::StayAway, if kills < 20 { 0 } else { share(25) }),
        (Fault::Storm, share(20)),
        (Fault::Sleep, share(25)),
        (Fault::LoseAnswer, share(20)),
        (Fault::RestartBroker, share(25)),
    ];
    let counted: u32 = others.iter().filter(|(fault, _)| fault.kills()).map(|(_, count)| count).sum();
    let all = others.into_iter().chain([(Fault::Kill, kills.saturating_sub(counted))]);
    let mut script: Vec<Fault> = all.flat_map(|(fault, count)| (0..count).map(move |_| fault)).collect();
    chance.shuffle(&mut script);
    script
}

/// What a seat is left alone for, and until when.
#[derive(Debug, Clone, Copy)]
enum Condition {
    Up,
    Spared(Instant),
    Asleep(Instant),
    Away(Instant),
}

struct Director<'c> {
    cluster: &'c mut Cluster,
    conditions: Vec<Condition>,
    chance: &'c mut Chance,
    counts: Counts,
}

pub fn run(cluster: &mut Cluster, kills: u32, chance: &mut Chance) -> Counts {
    let script = script(kills, chance);
    let conditions = vec![Condition::Up; cluster.seats.len()];
    let mut director = Director { cluster, conditions, chance, counts: Counts::new() };
    let total = script.len();
    for (number, fault) in script.into_iter().enumerate() {
        println!("{}/{total} {fault:?}", number + 1);
        director.perform(fault);
    }
    while director.conditions.iter().any(|condition| !matches!(condition, Condition::Up)) {
        director.wait();
    }
    director.counts
}

impl Director<'_> {
    fn perform(&mut self, fault: Fault) {
        let life = Duration::from_millis(self.chance.below(LIFE_MS_MAX));
        std::thread::sleep(life);
        match fault {
            Fault::Kill | Fault::LoseState => {
                let seat = self.somebody();
                seat.kill();
                if fault == Fault::LoseState {
                    seat.lose_state();
                }
                seat.start();
            }
            Fault::KillInTransaction => {
                let at = *self.chance.of(&[
                    (Call::AddPartitionsToTxn, Moment::Answer),
                    (Call::AddOffsetsToTxn, Moment::Answer),
                    (Call::TxnOffsetCommit, Moment::Answer),
                    (Call::EndTxn, Moment::Request),
                    (Call::EndTxn, Moment::Answer),
                ]);
                let place = self.pick();
                if !self.lose(place, at, Verdict::Swallow) {
                    self.count(Fault::Kill);
                }
                let seat = &mut self.cluster.seats[place];
                seat.kill();
                seat.start();
            }
            Fault::StayAway => {
                let place = self.pick();
                self.cluster.seats[place].kill();
                self.conditions[place] = Condition::Away(Instant::now() + SESSION + OVERSLEPT);
            }
            Fault::Sleep => {
                let place = self.pick();
                self.cluster.seats[place].freeze();
                self.conditions[place] = Condition::Asleep(Instant::now() + SESSION + OVERSLEPT);
            }
            Fault::LoseAnswer => {
                let moment = *self.chance.of(&[Moment::Request, Moment::Answer]);
                let verdict = *self.chance.of(&[Verdict::Swallow, Verdict::Swallow, Verdict::Cut]);
                let place = self.pick();
                if self.lose(place, (Call::EndTxn, moment), verdict) {
                    self.conditions[place] = Condition::Spared(Instant::now() + LOST_ANSWER);
                }
            }
            Fault::RestartBroker => {
                let broker = &mut self.cluster.proxy.broker;
                if self.chance.below(2) == 0 {
                    broker.stop();
                } else {
                    broker.kill();
                }
                broker.start_again();
            }
            Fault::Storm => self.storm(),
        }
        self.count(fault);
        self.tend();
    }

    fn storm(&mut self) {
        let pause = |chance: &mut Chance| std::thread::sleep(Duration::from_millis(800 + chance.below(1_500)));
        self.cluster.guests[0].start();
        pause(self.chance);
        self.cluster.guests[1].start();
        pause(self.chance);
        let first = usize::from(self.chance.below(2) == 0);
        self.cluster.guests[first].kill();
        pause(self.chance);
        self.cluster.guests[1 - first].stop();
    }

    /// Loses one frame of that kind on the way from or to that processor. Answers whether one came by.
    fn lose(&mut self, place: usize, at: (Call, Moment), verdict: Verdict) -> bool {
        let name = self.cluster.seats[place].name;
        let (sender, came) = mpsc::channel();
        let mut is_lost = false;
        self.cluster.proxy.rule(move |Frame { client, call, moment }| {
            if !is_lost && client == name && (call, moment) == at {
                is_lost = true;
                // Nobody waits any longer: then it was not in time.
                let _ = sender.send(());
                return verdict;
            }
            Verdict::Pass
        });
        let came = came.recv_timeout(MOMENT_MAX).is_ok();
        self.cluster.proxy.pass_all();
        came
    }

    fn somebody(&mut self) -> &mut Seat {
        let place = self.pick();
        &mut self.cluster.seats[place]
    }

    /// A processor that nothing else is going on with; waits for one.
    fn pick(&mut self) -> usize {
        loop {
            self.tend();
            let up = self.conditions.iter().enumerate().filter(|(_, condition)| matches!(condition, Condition::Up));
            let up: Vec<usize> = up.map(|(place, _)| place).collect();
            if !up.is_empty() {
                return *self.chance.of(&up);
            }
            self.wait();
        }
    }

    /// Until something is due.
    fn wait(&mut self) {
        let due = self.conditions.iter().filter_map(|condition| condition.until()).min();
        if let Some(due) = due {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
        self.tend();
    }

    /// Wakes, starts and supervises whoever it is time for.
    fn tend(&mut self) {
        let now = Instant::now();
        for (seat, condition) in self.cluster.seats.iter_mut().zip(&mut self.conditions) {
            if condition.until().is_some_and(|until| until <= now) {
                match condition {
                    Condition::Asleep(_) => seat.thaw(),
                    Condition::Away(_) => seat.start(),
                    Condition::Up | Condition::Spared(_) => {}
                }
                *condition = Condition::Up;
            }
            seat.supervise();
        }
    }

    fn count(&mut self, fault: Fault) {
        *self.counts.entry(fault).or_default() += 1;
    }
}

impl Condition {
    fn until(self) -> Option<Instant> {
        match self {
            Self::Up => None,
            Self::Spared(until) | Self::Asleep(until) | Self::Away(until) => Some(until),
        }
    }
}

#[test]
fn a_script_has_every_fault_and_as_many_kills_as_asked_for() {
    for asked in [10, 200] {
        let script = script(asked, &mut Chance::new(1));
        let kinds: std::collections::BTreeSet<Fault> = script.iter().copied().collect();
        assert_eq!(script.iter().filter(|fault| fault.kills()).count(), asked as usize);
        assert!(kinds.len() >= Fault::ALL.len() - 1, "{kinds:?}");
    }
}
