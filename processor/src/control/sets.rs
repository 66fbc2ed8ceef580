//! Rule sets, put together from their parts on `rule.sets.v1`.

use std::collections::VecDeque;
use std::sync::Arc;

use bus::{Batch, BatchLimit, Bus, BusError, Partition, Progress, Start, Until};
use contracts::canonical::Digest;
use contracts::codec::{self, DecodeError, Schemas};
use contracts::records::RuleSetPart;
use contracts::topics::RULE_SETS;
use detection::parts::Joining;
use detection::rule::RuleSet;

use super::ControlError;

/// Kept in memory, whole; what was used longest ago goes.
const SETS_MAX: usize = 4;

#[derive(Debug, Default)]
pub(super) struct Sets(VecDeque<(Digest, Arc<RuleSet>)>);

impl Sets {
    pub fn get(&mut self, digest: Digest) -> Option<Arc<RuleSet>> {
        let place = self.0.iter().position(|(known, _)| *known == digest)?;
        let found = self.0.remove(place)?;
        let set = Arc::clone(&found.1);
        self.0.push_front(found);
        Some(set)
    }

    pub fn keep(&mut self, digest: Digest, set: &Arc<RuleSet>) {
        self.0.push_front((digest, Arc::clone(set)));
        self.0.truncate(SETS_MAX);
    }
}

/// Reads all of the topic: it holds few sets, and they are asked for seldom.
pub(super) fn read(bus: &dyn Bus, schemas: &dyn Schemas, digest: Digest) -> Result<RuleSet, ControlError> {
    let mut joining = Joining::new(digest);
    let mut reader = bus.read(&partitions(bus)?, Until::End)?;
    let (mut batch, limit) = (Batch::default(), BatchLimit::default());
    while reader.next(&mut batch, &limit)? == Progress::More {
        for record in batch.records() {
            match codec::decode::<RuleSetPart>(record.value.unwrap_or_default(), schemas) {
                Ok(part) => joining.take(part),
                Err(DecodeError::SchemaUnavailable(reason)) => {
                    let reason = reason.to_string();
                    return Err(ControlError::SchemaUnavailable { topic: RULE_SETS, reason });
                }
                // No part of any set; whoever waits for one is told that it is missing.
                Err(_) => {}
            }
        }
    }
    joining.set().map_err(|source| ControlError::Set { digest, source })
}

fn partitions(bus: &dyn Bus) -> Result<Vec<(Partition, Start)>, BusError> {
    let topic = bus.topics()?.into_iter().find(|topic| topic.name == RULE_SETS);
    let topic = topic.ok_or_else(|| BusError::UnknownTopic { topic: RULE_SETS.to_owned() })?;
    Ok((0..topic.partitions.get()).map(|index| (Partition::new(RULE_SETS, index), Start::Earliest)).collect())
}
