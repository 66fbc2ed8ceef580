//! Records through the API, as they come.
//!
//! Invariant: [`Progress::Done`] only after the other side said so. A connection that ends without that is an error.

use std::time::Instant;

use bus::{Batch, BatchLimit, BusError, Offset, Partition, Progress, Reader, Result};
use contracts::time::Timestamp;
use http_body_util::BodyExt;
use hyper::body::Incoming;

use super::Client;
use crate::wire::bytes::Malformed;
use crate::wire::stream::{Frame, ReceivedRecord, take_frame};

#[derive(Debug)]
pub(super) struct ApiReader {
    client: Client,
    topic: String,
    /// One for each partition seen, so that a batch knows them as the same.
    partitions: Vec<Partition>,
    body: Incoming,
    buffer: Vec<u8>,
    /// How much of `buffer` was read.
    used: usize,
}

/// What the bytes at hand led to.
enum Step {
    Wanting,
    Full,
    Done,
}

impl ApiReader {
    pub fn new(client: Client, topic: &str, body: Incoming) -> Self {
        let (buffer, partitions) = (Vec::new(), Vec::new());
        Self { client, topic: topic.to_owned(), partitions, body, buffer, used: 0 }
    }

    /// Takes frames from the buffer until the batch is full or a frame is not whole.
    fn take(&mut self, batch: &mut Batch, limit: &BatchLimit) -> Result<Step> {
        loop {
            if batch.is_full(limit) {
                return Ok(Step::Full);
            }
            let Some((frame, length)) = take_frame(&self.buffer[self.used..]).map_err(|error| malformed(&error))?
            else {
                self.buffer.drain(..self.used);
                self.used = 0;
                return Ok(Step::Wanting);
            };
            match frame {
                Frame::Record(record) => {
                    push(batch, partition(&mut self.partitions, &self.topic, record.partition), &record)?;
                }
                Frame::End { partition: index } => {
                    batch.push_end(partition(&mut self.partitions, &self.topic, index));
                }
                // Not taken from the buffer: whoever asks again hears it again.
                Frame::Done => return Ok(Step::Done),
                Frame::Failed { kind, message } => {
                    return Err(BusError::Relayed { kind, message: message.to_owned() });
                }
                Frame::Idle => {}
            }
            self.used += length;
        }
    }
}

fn partition<'p>(known: &'p mut Vec<Partition>, topic: &str, index: u32) -> &'p Partition {
    let place = known.iter().position(|known| known.index == index).unwrap_or_else(|| {
        known.push(Partition::new(topic, index));
        known.len() - 1
    });
    &known[place]
}

fn push(batch: &mut Batch, partition: &Partition, record: &ReceivedRecord<'_>) -> Result<()> {
    let appended_at = Timestamp::from_micros(record.appended_at_micros).map_err(|error| BusError::Protocol {
        what: "a record has a time that none can have",
        reason: error.to_string(),
    })?;
    let headers = record.headers.iter().copied();
    batch.push(partition, Offset(record.offset), appended_at, record.key, record.value, headers);
    Ok(())
}

fn malformed(error: &Malformed) -> BusError {
    BusError::Protocol { what: "the stream of records is not what it says", reason: error.to_string() }
}

impl Reader for ApiReader {
    fn next(&mut self, batch: &mut Batch, limit: &BatchLimit) -> Result<Progress> {
        batch.clear();
        let until = Instant::now() + limit.wait;
        loop {
            match self.take(batch, limit)? {
                // The trait says that the batch is empty with `Done`: records before it are handed out first.
                Step::Done if batch.is_empty() && batch.ends().is_empty() => return Ok(Progress::Done),
                Step::Done | Step::Full => return Ok(Progress::More),
                Step::Wanting => {}
            }
            // What came is not held back for what may come.
            let wait = if batch.is_empty() {
                until.saturating_duration_since(Instant::now())
            } else {
                std::time::Duration::ZERO
            };
            let body = &mut self.body;
            let frame = self.client.runtime.block_on(async { tokio::time::timeout(wait, body.frame()).await });
            match frame {
                Err(_) => return Ok(Progress::More),
                Ok(Some(Ok(frame))) => {
                    if let Ok(bytes) = frame.into_data() {
                        self.buffer.extend_from_slice(&bytes);
                    }
                }
                Ok(Some(Err(error))) => return Err(cut(&self.client, &error.to_string())),
                Ok(None) => return Err(cut(&self.client, "its connection ended")),
            }
        }
    }
}

fn cut(client: &Client, reason: &str) -> BusError {
    let reason = format!("the stream of records was cut: {reason}");
    BusError::Unreachable { target: super::name_of(&client.socket), reason }
}
