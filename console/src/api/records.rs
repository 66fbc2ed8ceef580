//! Records of a topic: appended as they are, and read as a stream.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bus::{Batch, BatchLimit, ErrorKind, Partition, Progress, Reader, Until};
use hyper::body::Frame;
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, mpsc as channel};

use super::{Api, Problem, body};
use crate::log::{deliver, partitions};
use crate::wire::json::{ErrorJson, FateJson, Fates};
use crate::wire::rows::take_rows;
use crate::wire::start::From as StartText;
use crate::wire::stream::{put_done, put_end, put_failed, put_idle, put_record};
use crate::wire::{RECORDS_TYPE, ROWS_MAX, ROWS_TYPE};

/// Each row's fate comes back in its place; a request that was refused whole has written nothing.
pub async fn append(State(api): State<Api>, Path(topic): Path<String>, request: Request) -> Result<Response, Problem> {
    let body = body::whole(&api, request, ROWS_TYPE).await?;
    let within = api.bounds.log_within;
    let fates = api
        .with_log(move |log| {
            let received = take_rows(&body)?;
            if received.len() > ROWS_MAX {
                return Err(Problem::too_many(received.len()));
            }
            let rows: Vec<_> = received.iter().filter_map(|row| row.as_row(&topic)).collect();
            Ok(deliver(log, &rows, within)?)
        })
        .await?;
    Ok(body::json(&Fates { fates: fates.into_iter().map(FateJson::from).collect() }))
}

impl From<bus::Result<(Partition, bus::Offset)>> for FateJson {
    fn from(fate: bus::Result<(Partition, bus::Offset)>) -> Self {
        match fate {
            Ok((partition, offset)) => Self::Stored { partition: partition.index, offset: offset.0 },
            Err(error) => Self::Lost { error: ErrorJson::new(error.kind(), &error) },
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadQuery {
    /// Numbers separated by commas; all when absent.
    partition: Option<String>,
    from: Option<String>,
    #[serde(default)]
    follow: bool,
}

/// Frames of [`crate::wire::stream`], until the ends that the partitions had, or for as long as the client listens.
pub async fn read(
    State(api): State<Api>,
    Path(topic): Path<String>,
    query: Result<Query<ReadQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|error| Problem::invalid(error.body_text()))?;
    let from = query.from.as_deref().unwrap_or("start").parse::<StartText>();
    let StartText(from) = from.map_err(|error| Problem::invalid(format!("`from`: {error}")))?;
    let chosen = query.partition.as_deref().map(partition_list).transpose()?;
    let until = if query.follow { Until::Forever } else { Until::End };
    let permit = api.stream()?;
    let reader = api
        .with_log(move |log| {
            let chosen = match chosen {
                Some(chosen) => chosen,
                None => partitions(log, &topic)?.iter().map(|partition| partition.index).collect(),
            };
            log.read(&topic, &chosen, from, until)
        })
        .await?;
    Ok(([(header::CONTENT_TYPE, RECORDS_TYPE)], stream(&api, reader, permit)).into_response())
}

fn partition_list(text: &str) -> Result<Vec<u32>, Problem> {
    let wrong = |_| Problem::invalid(format!("`partition`: expected numbers separated by commas, found {text:?}"));
    text.split(',').map(|number| number.parse().map_err(wrong)).collect()
}

/// How much of a stream waits for its client; the log is not read further until it took some.
const CHUNKS_WAITING_MAX: usize = 4;
const CHUNK: BatchLimit = BatchLimit { records_max: 1_000, bytes_max: 256 * 1024, wait: Duration::from_millis(200) };
/// After so many polls without a record the client hears that somebody is there.
const IDLE_POLLS: u32 = 25;

fn stream(api: &Api, reader: Box<dyn Reader>, permit: OwnedSemaphorePermit) -> Body {
    let (chunks, waiting) = channel::channel::<Bytes>(CHUNKS_WAITING_MAX);
    let closing = api.closing.clone();
    tokio::task::spawn_blocking(move || {
        let _permit = permit;
        pump(reader, &chunks, || *closing.borrow());
    });
    Body::new(Chunks(waiting))
}

/// A body that is written as it comes.
pub(super) struct Chunks(channel::Receiver<Bytes>);

impl Chunks {
    pub fn new(waiting: channel::Receiver<Bytes>) -> Self {
        Self(waiting)
    }
}

impl HttpBody for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.get_mut().0.poll_recv(context).map(|chunk| chunk.map(|chunk| Ok(Frame::data(chunk))))
    }
}

/// Reads until all is read, the client is gone, or the end of this process was asked for.
fn pump(mut reader: Box<dyn Reader>, chunks: &channel::Sender<Bytes>, is_closing: impl Fn() -> bool) {
    let mut batch = Batch::default();
    let mut idle_polls = 0;
    loop {
        let mut frames = Vec::new();
        let progress = reader.next(&mut batch, &CHUNK);
        for record in batch.records().filter(|_| progress.is_ok()) {
            put_record(&mut frames, &record);
        }
        for end in batch.ends() {
            put_end(&mut frames, end.index);
        }
        let ends_here = match progress {
            Ok(Progress::More) => false,
            Ok(Progress::Done) => {
                put_done(&mut frames);
                true
            }
            Err(error) => {
                put_failed(&mut frames, error.kind(), &error.to_string());
                true
            }
        };
        idle_polls = if frames.is_empty() { idle_polls + 1 } else { 0 };
        if !ends_here && is_closing() {
            put_failed(&mut frames, ErrorKind::Unavailable, "the process that owns the log is ending");
            drop(chunks.blocking_send(frames.into()));
            return;
        }
        if idle_polls == IDLE_POLLS {
            put_idle(&mut frames);
            idle_polls = 0;
        }
        let client_left =
            if frames.is_empty() { chunks.is_closed() } else { chunks.blocking_send(frames.into()).is_err() };
        if ends_here || client_left {
            return;
        }
    }
}
