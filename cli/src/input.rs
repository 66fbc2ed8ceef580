//! Partitions of topics as one reader.
//!
//! Invariant: up to an end, records come in the order of append times, whatever the log; whoever follows gets each as it comes.

use bus::{Batch, BatchLimit, BusError, Merged, Partition, Progress, Reader, Start, Until};
use console::Log;
use contracts::nearest::nearest;

use crate::failure::Failure;

/// Chosen partitions of a topic.
#[derive(Debug)]
pub struct Wanted {
    pub topic: String,
    pub partitions: Vec<u32>,
    /// How many the topic has.
    pub count: std::num::NonZeroU32,
}

impl Wanted {
    /// All partitions if none is chosen.
    pub fn of(log: &dyn Log, topic: &str, chosen: &[u32]) -> Result<Self, Failure> {
        let topics = log.topics()?;
        let Some(found) = topics.iter().find(|found| found.name == topic) else {
            let there: Vec<&str> = topics.iter().map(|found| found.name.as_str()).collect();
            let hint = match nearest(topic, there.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if there.is_empty() => "there is none yet".to_owned(),
                None => format!("there are {}", there.join(", ")),
            };
            return Err(Failure::NoTopic { topic: topic.to_owned(), hint });
        };
        let count = found.partitions;
        if let Some(beyond) = chosen.iter().find(|index| **index >= count.get()) {
            let partition = Partition::new(topic, *beyond);
            return Err(BusError::UnknownPartition { partition, partitions: count.get() }.into());
        }
        let partitions = if chosen.is_empty() { (0..count.get()).collect() } else { chosen.to_vec() };
        Ok(Self { topic: topic.to_owned(), partitions, count })
    }

    /// One reader for each partition, to the end that it has now.
    pub fn each(&self, log: &dyn Log, from: Start) -> Result<Vec<Box<dyn Reader>>, Failure> {
        let read = |index| Ok(log.read(&self.topic, &[index], from, Until::End)?);
        self.partitions.iter().map(|index| read(*index)).collect()
    }
}

/// To the end that the partitions have now.
pub fn to_the_end(log: &dyn Log, wanted: &[Wanted], from: Start) -> Result<Box<dyn Reader>, Failure> {
    if let [only] = wanted
        && let [_] = *only.partitions
    {
        return Ok(log.read(&only.topic, &only.partitions, from, Until::End)?);
    }
    let each: Result<Vec<_>, _> = wanted.iter().map(|wanted| wanted.each(log, from)).collect();
    Ok(Box::new(Merged::over(each?.into_iter().flatten().collect())))
}

/// On and on.
pub fn following(log: &dyn Log, wanted: &[Wanted], from: Start) -> Result<Box<dyn Reader>, Failure> {
    let read = |wanted: &Wanted| log.read(&wanted.topic, &wanted.partitions, from, Until::Forever);
    let readers = wanted.iter().map(read).collect::<Result<_, _>>()?;
    Ok(Box::new(InTurn { readers, turn: 0 }))
}

#[derive(Debug)]
struct InTurn {
    readers: Vec<Box<dyn Reader>>,
    turn: usize,
}

impl Reader for InTurn {
    /// Waits for each a share of what may be waited.
    fn next(&mut self, batch: &mut Batch, limit: &BatchLimit) -> bus::Result<Progress> {
        let count = self.readers.len();
        let limit = BatchLimit { wait: limit.wait / u32::try_from(count).unwrap_or(u32::MAX), ..*limit };
        self.turn = (self.turn + 1) % count;
        self.readers[self.turn].next(batch, &limit)
    }
}
