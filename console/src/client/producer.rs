//! Rows through the API, many in one request.
//!
//! Invariant: the fate of a row is what the owner of the log said of it; a row of a request that got no answer is
//! [`BusError::NotAcknowledged`], never silently repeated.

use std::time::{Duration, Instant};

use bus::{BusError, ErrorKind, Fate, FateSink, Offset, Partition, Producer, ProducerSettings, Result, Row};
use hyper::Method;
use hyper::body::Bytes;

use super::Client;
use crate::wire::json::{FateJson, Fates};
use crate::wire::rows::put_row;
use crate::wire::{BODY_BYTES_MAX, ROWS_MAX, ROWS_TYPE};

/// A request is sent when it is this long: large enough that its cost is nothing, small enough that fates come early.
const REQUEST_BYTES: usize = 1024 * 1024;
const REQUEST_ROWS: usize = 5_000;
const _: () = assert!(REQUEST_BYTES < BODY_BYTES_MAX && REQUEST_ROWS <= ROWS_MAX);

pub(super) struct ApiProducer {
    client: Client,
    linger: Duration,
    patience: Duration,
    fates: FateSink,
    topic: String,
    body: Vec<u8>,
    tags: Vec<u64>,
    /// When the first row of `body` came.
    since: Instant,
}

impl ApiProducer {
    pub fn new(client: Client, settings: &ProducerSettings, fates: FateSink) -> Self {
        Self {
            client,
            linger: settings.linger,
            patience: settings.patience,
            fates,
            topic: String::new(),
            body: Vec::new(),
            tags: Vec::new(),
            since: Instant::now(),
        }
    }

    fn post(&mut self) {
        if self.tags.is_empty() {
            return;
        }
        let body = Bytes::from(std::mem::take(&mut self.body));
        let tags = std::mem::take(&mut self.tags);
        let mut results = self.results(body, tags.len()).into_iter();
        for tag in tags {
            let result = results.next().expect("invariant: a result for each tag");
            (self.fates)(Fate { tag, result });
        }
    }

    fn results(&self, body: Bytes, count: usize) -> Vec<Result<(Partition, Offset)>> {
        let path = match super::segment(&self.topic) {
            Ok(topic) => format!("/v1/topics/{topic}/records"),
            Err(error) => return repeated(&error, count),
        };
        match self.client.call::<Fates>(Method::POST, &path, ROWS_TYPE, body, self.patience) {
            Ok(answer) if answer.fates.len() == count => {
                answer.fates.into_iter().map(|fate| self.result(fate)).collect()
            }
            Ok(answer) => {
                let reason = format!("{} fates for {count} rows", answer.fates.len());
                repeated(&BusError::Protocol { what: "fates do not match the rows that were sent", reason }, count)
            }
            Err(error) => repeated(&error, count),
        }
    }

    fn result(&self, fate: FateJson) -> Result<(Partition, Offset)> {
        match fate {
            FateJson::Stored { partition, offset } => Ok((Partition::new(&self.topic, partition), Offset(offset))),
            FateJson::Lost { error } => {
                let kind = ErrorKind::from_name(&error.kind).unwrap_or(ErrorKind::Protocol);
                Err(BusError::Relayed { kind, message: error.message })
            }
        }
    }
}

/// What happened to a request happened to each of its rows.
fn repeated(error: &BusError, count: usize) -> Vec<Result<(Partition, Offset)>> {
    let each = || Err(BusError::Relayed { kind: error.kind(), message: error.to_string() });
    (0..count).map(|_| each()).collect()
}

impl Producer for ApiProducer {
    fn send(&mut self, row: &Row<'_>, tag: u64) -> Result<()> {
        if row.topic != self.topic {
            self.post();
            row.topic.clone_into(&mut self.topic);
        }
        if self.tags.is_empty() {
            self.since = Instant::now();
        }
        put_row(&mut self.body, row);
        self.tags.push(tag);
        let is_full = self.body.len() >= REQUEST_BYTES || self.tags.len() >= REQUEST_ROWS;
        if is_full || self.since.elapsed() >= self.linger {
            self.post();
        }
        Ok(())
    }

    fn flush(&mut self, _within: Duration) -> Result<usize> {
        self.post();
        Ok(0)
    }
}

impl std::fmt::Debug for ApiProducer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApiProducer")
            .field("topic", &self.topic)
            .field("waiting", &self.tags.len())
            .finish_non_exhaustive()
    }
}
