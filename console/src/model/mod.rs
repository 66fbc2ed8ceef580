//! The read model: what the topics say of alerts, rules, subscriptions and of detection as a whole, joined.
//!
//! Invariant: what the model says follows from the records it took, each partition's in its order, however partitions were
//! interleaved. Each kind of thing is kept by a key and a [`Rank`] alone, the newest by rank where there are too many, and
//! things are joined only when somebody asks. So an answer that was read before its command is joined with it all the same.
//!
//! What people commanded is read from `control.v1`, which is kept for ever; watcher events, which are not, only confirm or
//! refuse it. A command without an answer counts and is shown as unconfirmed: no processor took it yet, or its answer was
//! longer ago than watcher events are kept.
//!
//! Absent on purpose: the records themselves. The model keeps where they stand; whoever wants one whole reads it there.

mod alerts;
mod newest;
mod orders;
mod overview;
mod rules;
mod sets;
mod tally;
mod watched;

use std::collections::BTreeMap;

use bus::{Partition, Record};
use contracts::codec::{self, DecodeError, Schemas};
use contracts::id::AlertId;
use contracts::records::{Alert, ControlCommand, RuleSetPart, TelemetryEvent};
use contracts::topics::{ALERTS, CONTROL, RULE_SETS, WATCHER_EVENTS};

pub(crate) use alerts::time;
pub use alerts::{AlertFilter, NoAlert, StatusFilter};
pub use newest::{Place, Rank};

use alerts::AlertRow;
use newest::Newest;
use orders::{Order, Told};
use sets::Sets;
use tally::Tally;
use watched::{Breaker, BreakerKey, Fact};

/// What the model is made of.
pub const TOPICS: [&str; 4] = [ALERTS, WATCHER_EVENTS, CONTROL, RULE_SETS];

/// Alerts that can be listed; of older ones only numbers are known.
pub const ALERTS_MAX: usize = 10_000;
/// What was told of alerts: escalations, held-back counts, acknowledgements.
pub const FACTS_MAX: usize = 20_000;
/// Places of matches, whose compared values `show` reads.
pub const MATCHES_MAX: usize = 10_000;
pub const COMMANDS_MAX: usize = 10_000;
pub const ANSWERS_MAX: usize = 10_000;
/// Breakers whose last change is known.
pub const BREAKERS_MAX: usize = 1_000;
/// Rules whose alerts a change of the rule set ended.
pub const ENDED_MAX: usize = 10_000;
/// Changes that whoever watches may lag behind.
pub const CHANGES_MAX: usize = 1_000;

#[derive(Debug)]
pub struct Model {
    /// The next offset of each partition.
    positions: BTreeMap<Partition, u64>,
    alerts: Newest<AlertId, AlertRow>,
    facts: Newest<Place, Fact>,
    /// By rule and event, where `rule.matched` stands.
    matches: Newest<(String, String), Place>,
    orders: Newest<Place, Order>,
    /// By the command's id.
    told: Newest<String, Told>,
    breakers: Newest<BreakerKey, Breaker>,
    /// By rule, when a change of the rule set ended its alerts last.
    ended: Newest<String, ()>,
    sets: Sets,
    tally: Tally,
    /// Records that could not be read.
    unreadable: u64,
}

/// Something that whoever watches alerts is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub alert_id: AlertId,
    pub what: What,
    /// Microseconds, by append time.
    pub at: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    Raised,
    Escalated { target: String },
    Acknowledged { by: String },
    Resolved { by: String },
    HeldBack { count: i64 },
}

impl Default for Model {
    fn default() -> Self {
        Self {
            positions: BTreeMap::new(),
            alerts: Newest::at_most(ALERTS_MAX),
            facts: Newest::at_most(FACTS_MAX),
            matches: Newest::at_most(MATCHES_MAX),
            orders: Newest::at_most(COMMANDS_MAX),
            told: Newest::at_most(ANSWERS_MAX),
            breakers: Newest::at_most(BREAKERS_MAX),
            ended: Newest::at_most(ENDED_MAX),
            sets: Sets::default(),
            tally: Tally::default(),
            unreadable: 0,
        }
    }
}

impl Model {
    /// Takes a record of one of [`TOPICS`]; one that was taken before changes nothing. Fails only where a schema cannot be
    /// looked up: the same record may be good the next time.
    pub fn take(&mut self, record: &Record<'_>, schemas: &dyn Schemas) -> Result<Option<Change>, DecodeError> {
        let next = self.positions.get(record.partition).copied().unwrap_or(0);
        if record.offset.0 < next {
            return Ok(None);
        }
        let taken = match record.value {
            Some(value) => self.fold(record, value, schemas),
            None => Ok(None),
        };
        let change = match taken {
            Err(error) if error.dead_letter_reason().is_none() => return Err(error),
            Err(_) => {
                self.unreadable += 1;
                None
            }
            Ok(change) => change,
        };
        self.positions.insert(record.partition.clone(), record.offset.0 + 1);
        Ok(change)
    }

    /// The next record of this partition that is not taken.
    pub fn position(&self, partition: &Partition) -> u64 {
        self.positions.get(partition).copied().unwrap_or(0)
    }

    fn fold(
        &mut self,
        record: &Record<'_>,
        value: &[u8],
        schemas: &dyn Schemas,
    ) -> Result<Option<Change>, DecodeError> {
        let rank = Rank::of(record);
        match &*record.partition.topic {
            ALERTS => Ok(Some(self.take_alert(rank, &codec::decode::<Alert>(value, schemas)?))),
            WATCHER_EVENTS => Ok(self.take_event(rank, &codec::decode::<TelemetryEvent>(value, schemas)?)),
            CONTROL => {
                let order = Order::of(rank, codec::decode::<ControlCommand>(value, schemas)?);
                self.orders.put(rank.place, rank.by_place(), order);
                Ok(None)
            }
            RULE_SETS => {
                self.sets.take(rank, codec::decode::<RuleSetPart>(value, schemas)?);
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn take_alert(&mut self, rank: Rank, alert: &Alert) -> Change {
        self.tally.alert(rank, alert);
        self.alerts.put(alert.alert_id.clone(), rank, AlertRow::of(alert));
        Change { alert_id: alert.alert_id.clone(), what: What::Raised, at: rank.micros }
    }
}
