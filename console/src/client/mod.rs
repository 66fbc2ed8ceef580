//! The client of the API: a log in another process, reached through its socket.
//!
//! Invariant: a [`Client`] is a [`Log`] like any other; errors of the other process keep their kind and their words.
//! It blocks its caller, as the logs in this process do; the runtime inside drives one request at a time.
//!
//! Absent on purpose: retries (whether a row was taken may be unknown) and TCP (a program that is not the owner's own
//! command line has HTTP clients of its own).

mod changes;
mod producer;
mod reader;

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bus::{
    BusError, Difference, ErrorKind, Extent, FateSink, Found, Offset, Partition, Producer, ProducerSettings, Reader,
    Result, Start, Until,
};
use contracts::field::Symbols;
use contracts::topics::Declared;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;
use tokio::runtime::Runtime;

use crate::Log;
use crate::model::{AlertFilter, StatusFilter};
use crate::wire::json::{Applied, ErrorBody, Extents, Health, Topics, Topology};
use crate::wire::view::{AlertDetail, Alerts, Rules, Stats, Subscriptions};
use crate::wire::{JSON_TYPE, start};
pub use changes::ChangeStream;

/// How long an answer may take that needs no body of ours.
const ANSWER_WITHIN: Duration = Duration::from_mins(1);
/// The longest answer that is read whole.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

#[derive(Debug, Clone)]
pub struct Client {
    socket: Arc<PathBuf>,
    runtime: Arc<Runtime>,
}

impl Client {
    /// Whoever answers on this socket; nobody is [`BusError::Unreachable`].
    pub fn connect(socket: &Path) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| unreachable(socket, &error))?;
        let client = Self { socket: Arc::new(socket.to_owned()), runtime: Arc::new(runtime) };
        client.health()?;
        Ok(client)
    }

    /// Who answers.
    pub fn health(&self) -> Result<Health> {
        self.call(Method::GET, "/healthz", JSON_TYPE, Bytes::new(), ANSWER_WITHIN)
    }

    pub fn alerts(&self, filter: &AlertFilter) -> Result<Alerts> {
        self.get(&format!("/v1/alerts?{}", query(filter)))
    }

    /// An alert by its id or the beginning of it.
    pub fn alert(&self, beginning: &str) -> Result<AlertDetail> {
        self.get(&format!("/v1/alerts/{}", escaped(beginning)))
    }

    /// Changes of alerts from now on.
    pub fn watch(&self, filter: &AlertFilter) -> Result<ChangeStream> {
        let path = format!("/v1/alerts/watch?{}", query(filter));
        let answer = self.runtime.block_on(self.request(Method::GET, &path, JSON_TYPE, Bytes::new()))?;
        Ok(ChangeStream::new(self.clone(), answer.into_body()))
    }

    pub fn rules(&self) -> Result<Rules> {
        self.get("/v1/rules")
    }

    pub fn subscriptions(&self) -> Result<Subscriptions> {
        self.get("/v1/subscriptions")
    }

    pub fn stats(&self) -> Result<Stats> {
        self.get("/v1/stats")
    }

    fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        self.call(Method::GET, path, JSON_TYPE, Bytes::new(), ANSWER_WITHIN)
    }

    fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body_type: &str,
        body: Bytes,
        within: Duration,
    ) -> Result<T> {
        self.runtime.block_on(async {
            let answered = async {
                let answer = self.request(method, path, body_type, body).await?;
                whole(answer).await
            };
            let bytes = tokio::time::timeout(within, answered)
                .await
                .map_err(|_| BusError::NotAcknowledged { waited: within })??;
            serde_json::from_slice(&bytes).map_err(|error| protocol(&error))
        })
    }

    /// Sends a request on a connection of its own; an answer that is a refusal is an error.
    async fn request(&self, method: Method, path: &str, body_type: &str, body: Bytes) -> Result<Response<Incoming>> {
        let stream = UnixStream::connect(&*self.socket).await.map_err(|error| unreachable(&self.socket, &error))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| protocol(&error))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "the connection to the API ended early");
            }
        });
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "localhost")
            .header("content-type", body_type)
            .body(Full::new(body))
            .map_err(|error| protocol(&error))?;
        let answer = sender.send_request(request).await.map_err(|error| BusError::Unreachable {
            target: name_of(&self.socket),
            reason: format!("the connection was lost before an answer came ({error})"),
        })?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let body = whole(answer).await?;
        let ErrorBody { error } = serde_json::from_slice(&body).map_err(|error| protocol(&error))?;
        let kind = ErrorKind::from_name(&error.kind).unwrap_or(ErrorKind::Protocol);
        Err(BusError::Relayed { kind, message: error.message })
    }
}

impl Log for Client {
    fn topics(&self) -> Result<Vec<Found>> {
        let answer: Topics = self.call(Method::GET, "/v1/topics", JSON_TYPE, Bytes::new(), ANSWER_WITHIN)?;
        Ok(answer.topics.into_iter().map(Into::into).collect())
    }

    /// The differences are those seen a moment before; the owner of the log makes its own comparison and acts on that.
    fn apply(&self, topics: &[Declared]) -> Result<Vec<Difference>> {
        let found = self.topics()?;
        let differences = topics.iter().flat_map(|declared| {
            let found = found.iter().find(|found| found.name == declared.name);
            bus::topic::differences(declared, found)
        });
        let differences = differences.collect();
        let body = Topology { topics: topics.iter().map(Into::into).collect() };
        let body = serde_json::to_vec(&body).expect("invariant: a topology is JSON").into();
        let _: Applied = self.call(Method::POST, "/v1/topology", JSON_TYPE, body, ANSWER_WITHIN)?;
        Ok(differences)
    }

    fn producer(&self, settings: &ProducerSettings, fates: FateSink) -> Result<Box<dyn Producer>> {
        Ok(Box::new(producer::ApiProducer::new(self.clone(), settings, fates)))
    }

    fn read(&self, topic: &str, partitions: &[u32], from: Start, until: Until) -> Result<Box<dyn Reader>> {
        let partitions: Vec<_> = partitions.iter().map(ToString::to_string).collect();
        let path = format!(
            "/v1/topics/{}/records?partition={}&from={}&follow={}",
            segment(topic)?,
            partitions.join(","),
            start::From(from),
            until == Until::Forever,
        );
        let answer = self.runtime.block_on(self.request(Method::GET, &path, JSON_TYPE, Bytes::new()))?;
        Ok(Box::new(reader::ApiReader::new(self.clone(), topic, answer.into_body())))
    }

    fn extent(&self, partition: &Partition) -> Result<Extent> {
        let path = format!("/v1/extents?topic={}", segment(&partition.topic)?);
        let answer: Extents = self.call(Method::GET, &path, JSON_TYPE, Bytes::new(), ANSWER_WITHIN)?;
        let partitions = u32::try_from(answer.extents.len()).unwrap_or(u32::MAX);
        let found = answer.extents.iter().find(|found| found.partition == partition.index);
        let found = found.ok_or_else(|| BusError::UnknownPartition { partition: partition.clone(), partitions })?;
        Ok(Extent { earliest: Offset(found.earliest), end: Offset(found.end) })
    }
}

/// A topic as a part of an address. What cannot be one without escapes names no topic of any log.
fn segment(topic: &str) -> Result<&str> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if topic.is_empty() || !topic.bytes().all(legal) {
        return Err(BusError::UnknownTopic { topic: topic.to_owned() });
    }
    Ok(topic)
}

fn query(filter: &AlertFilter) -> String {
    let status = match filter.status {
        None => "all",
        Some(StatusFilter::Active) => "active",
        Some(StatusFilter::Only(status)) => status.as_str(),
    };
    let mut query = format!("status={status}&limit={}", filter.limit);
    let since = filter.since.map(|since| since.to_string());
    let severity = filter.severity.map(|severity| severity.symbol().to_owned());
    for (name, value) in
        [("rule", &filter.rule_id), ("severity", &severity), ("endpoint", &filter.endpoint_id), ("since", &since)]
    {
        if let Some(value) = value {
            write!(query, "&{name}={}", escaped(value)).expect("invariant: a String takes text");
        }
    }
    query
}

/// A text as a part of an address: what is not plain stands as `%` and two digits.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").expect("invariant: a String takes text");
        }
    }
    escaped
}

async fn whole(answer: Response<Incoming>) -> Result<Bytes> {
    match Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) => Err(BusError::Protocol { what: "an answer of the API was cut", reason: error.to_string() }),
    }
}

fn name_of(socket: &Path) -> String {
    format!("unix:{}", socket.display())
}

fn unreachable(socket: &Path, error: &io::Error) -> BusError {
    BusError::Unreachable { target: name_of(socket), reason: error.to_string() }
}

fn protocol(error: &dyn std::error::Error) -> BusError {
    BusError::Protocol {
        what: "the API did not speak as expected; are both of one version?",
        reason: error.to_string(),
    }
}
