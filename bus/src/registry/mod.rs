//! A schema registry with Confluent's API: which schema an id stands for, and which id a schema has.
//!
//! Invariants: what an id stands for never changes, so it is asked for once. An id that nobody knows is remembered for a
//! while too: a producer that writes nonsense must not turn every record into a question. Every question is bounded, in
//! time and in tries.
//!
//! Absent on purpose: schema references, other kinds of schema than Avro, and changing a subject's compatibility: who
//! owns the registry decides that.

mod cache;
mod error;

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use contracts::avro::{Fingerprint, SchemaId, WriterSchema};
use contracts::codec::{LookupError, Schemas};
use contracts::schema::BuiltIn;
use contracts::topics;
use serde_json::{Value, json};

use crate::connection::{RegistryConnection, Secret};
use crate::http::{self, Answer, HttpError};

use cache::{Cache, Known};
pub use error::RegistryError;

type Result<T> = std::result::Result<T, RegistryError>;

/// One answer may take this long.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Pauses before the second and third try. What is still wrong after them is the caller's to decide about.
const RETRY_AFTER: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];
const CONTENT_TYPE: &str = "application/vnd.schemaregistry.v1+json";
/// Confluent's codes behind a 404: the address is right, what was asked for is not there.
const NOT_THERE: std::ops::RangeInclusive<u64> = 40_400..=40_499;

/// A registry, asked on the calling thread.
pub struct Registry {
    /// Without a slash at its end.
    url: String,
    agent: ureq::Agent,
    authorization: Option<Secret>,
    cache: Mutex<Cache>,
}

/// A schema as a subject has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    pub id: SchemaId,
    pub version: u32,
    pub schema: String,
}

/// What a registry says of a new version of a subject, under the rule the subject has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compatibility {
    Compatible,
    /// The registry's own reasons; older ones give none.
    Incompatible(Vec<String>),
}

/// The subject of a record on a topic: `<topic>-value`, or `<topic>-<record>` where a topic carries several.
pub fn subject(topic: &str, record: &str) -> String {
    match topics::find(topic) {
        Some(known) if known.records.len() > 1 => format!("{topic}-{record}"),
        _ => format!("{topic}-value"),
    }
}

impl Registry {
    /// Reads the files it needs; asks nothing yet.
    pub fn new(connection: &RegistryConnection) -> Result<Self> {
        let url = connection.url.trim_end_matches('/').to_owned();
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(RegistryError::Address { url });
        }
        let agent = http::agent(connection.authorities.as_deref(), ANSWER_MAX)
            .map_err(|source| RegistryError::Unreachable { url: url.clone(), tries: 0, source })?;
        let authorization = connection.credentials.as_ref().map(|(user, password)| {
            let pair = BASE64_STANDARD.encode(format!("{user}:{}", password.reveal()));
            Secret::new(format!("Basic {pair}"))
        });
        Ok(Self { url, agent, authorization, cache: Mutex::default() })
    }

    /// The schema an id stands for; `None` if the registry has no such id.
    pub fn schema(&self, id: SchemaId) -> Result<Option<Arc<WriterSchema>>> {
        match self.cache().known(id, Instant::now()) {
            Some(Known::As(schema)) => return Ok(Some(schema)),
            Some(Known::Nowhere) => return Ok(None),
            None => {}
        }
        let path = format!("/schemas/ids/{}", id.0);
        let Some(answer) = self.ask(&path, None)? else {
            self.cache().nowhere(id, Instant::now());
            return Ok(None);
        };
        let schema = Arc::new(parse(id, &answer)?);
        self.cache().learn(id, schema.clone());
        Ok(Some(schema))
    }

    /// Makes a schema the newest version of a subject, or finds that it is one already. Answers its id.
    pub fn register(&self, subject: &str, schema: &str) -> Result<SchemaId> {
        let path = format!("/subjects/{}/versions", encoded(subject));
        let answer = self.ask(&path, Some(&json!({ "schema": schema })))?;
        let answer = answer.ok_or_else(|| self.not_the_api(&path, 404))?;
        self.id_in(&path, &answer)
    }

    /// The version of a subject that is this schema, if there is one.
    pub fn find(&self, subject: &str, schema: &str) -> Result<Option<Registered>> {
        let path = format!("/subjects/{}", encoded(subject));
        let answer = self.ask(&path, Some(&json!({ "schema": schema })))?;
        answer.map(|answer| self.registered_in(&path, &answer, Some(schema))).transpose()
    }

    /// The newest version of a subject, if it has any.
    pub fn latest(&self, subject: &str) -> Result<Option<Registered>> {
        let path = format!("/subjects/{}/versions/latest", encoded(subject));
        let answer = self.ask(&path, None)?;
        answer.map(|answer| self.registered_in(&path, &answer, None)).transpose()
    }

    /// Whether the registry would take this schema as the newest version of a subject. One without versions takes any.
    pub fn compatibility(&self, subject: &str, schema: &str) -> Result<Compatibility> {
        let path = format!("/compatibility/subjects/{}/versions?verbose=true", encoded(subject));
        let Some(answer) = self.ask(&path, Some(&json!({ "schema": schema })))? else {
            return Ok(Compatibility::Compatible);
        };
        match answer.get("is_compatible").and_then(Value::as_bool) {
            Some(true) => Ok(Compatibility::Compatible),
            Some(false) => Ok(Compatibility::Incompatible(texts(answer.get("messages")))),
            None => Err(self.not_the_api(&path, 200)),
        }
    }

    /// Asks, and asks again where that may help; `None` if what was asked for is not there.
    fn ask(&self, path: &str, body: Option<&Value>) -> Result<Option<Value>> {
        let url = format!("{}{path}", self.url);
        let mut pauses = RETRY_AFTER.iter();
        loop {
            let tries = RETRY_AFTER.len() - pauses.len() + 1;
            let failed = match self.ask_once(&url, body) {
                Ok(answer) if is_passing(answer.status) => {
                    RegistryError::Failed { url: url.clone(), status: answer.status, reason: reason(&answer), tries }
                }
                Ok(answer) => return verdict(url, &answer),
                Err(source) => RegistryError::Unreachable { url: url.clone(), tries, source },
            };
            let Some(pause) = pauses.next() else { return Err(failed) };
            std::thread::sleep(*pause);
        }
    }

    fn ask_once(&self, url: &str, body: Option<&Value>) -> std::result::Result<Answer, HttpError> {
        let authorization = self.authorization.as_ref().map(Secret::reveal);
        let response = match body {
            None => {
                let request = self.agent.get(url).header("accept", CONTENT_TYPE);
                authorization.into_iter().fold(request, |request, text| request.header("authorization", text)).call()
            }
            Some(body) => {
                let request = self.agent.post(url).header("accept", CONTENT_TYPE).content_type(CONTENT_TYPE);
                let request =
                    authorization.into_iter().fold(request, |request, text| request.header("authorization", text));
                request.send(body.to_string())
            }
        };
        http::read(response?)
    }

    fn id_in(&self, path: &str, answer: &Value) -> Result<SchemaId> {
        let id = answer.get("id").and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
        id.map(SchemaId).ok_or_else(|| self.not_the_api(path, 200))
    }

    /// `schema` is what was asked with, for registries that do not repeat it.
    fn registered_in(&self, path: &str, answer: &Value, schema: Option<&str>) -> Result<Registered> {
        let version = answer.get("version").and_then(Value::as_u64).and_then(|version| u32::try_from(version).ok());
        let schema = answer.get("schema").and_then(Value::as_str).or(schema);
        match (version, schema) {
            (Some(version), Some(schema)) => {
                Ok(Registered { id: self.id_in(path, answer)?, version, schema: schema.to_owned() })
            }
            _ => Err(self.not_the_api(path, 200)),
        }
    }

    fn not_the_api(&self, path: &str, status: u16) -> RegistryError {
        RegistryError::NotTheApi { url: format!("{}{path}", self.url), status }
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Schemas for Registry {
    fn by_id(&self, id: SchemaId) -> std::result::Result<Arc<WriterSchema>, LookupError> {
        match self.schema(id) {
            Ok(Some(schema)) => Ok(schema),
            // A schema of another kind never becomes one of Avro: asking again is of no use.
            Ok(None) | Err(RegistryError::NotAvro { .. }) => Err(LookupError::Unknown),
            Err(error) => Err(LookupError::Unavailable(Box::new(error))),
        }
    }

    /// A registry knows no fingerprints; a producer without one writes schemas that are built in.
    fn by_fingerprint(&self, fingerprint: Fingerprint) -> std::result::Result<Arc<WriterSchema>, LookupError> {
        BuiltIn.by_fingerprint(fingerprint)
    }
}

/// Whether the same question may be answered otherwise in a moment.
fn is_passing(status: u16) -> bool {
    status >= 500 || status == 429 || status == 408
}

fn verdict(url: String, answer: &Answer) -> Result<Option<Value>> {
    let body: Option<Value> = serde_json::from_str(&answer.body).ok();
    let code = body.as_ref().and_then(|body| body.get("error_code")).and_then(Value::as_u64);
    let reason = || reason(answer);
    match (answer.status, body) {
        (200, Some(body)) => Ok(Some(body)),
        (404, _) if code.is_some_and(|code| NOT_THERE.contains(&code)) => Ok(None),
        (401 | 403, _) => Err(RegistryError::Denied { url, status: answer.status }),
        (409, _) => Err(RegistryError::Incompatible { url, reason: reason() }),
        (422, _) => Err(RegistryError::Invalid { url, reason: reason() }),
        (status, _) => Err(RegistryError::NotTheApi { url, status }),
    }
}

fn parse(id: SchemaId, answer: &Value) -> Result<WriterSchema> {
    let not_avro = |reason: String| RegistryError::NotAvro { id, reason };
    match answer.get("schemaType").and_then(Value::as_str) {
        None | Some("AVRO") => {}
        Some(other) => return Err(not_avro(format!("it is of the kind {other}"))),
    }
    let text = answer.get("schema").and_then(Value::as_str).ok_or_else(|| not_avro("no text came with it".into()))?;
    WriterSchema::parse(text).map_err(|error| not_avro(error.to_string()))
}

/// The registry's own words about a failure; nothing of a body that is not of its making.
fn reason(answer: &Answer) -> String {
    const CHARS_MAX: usize = 500;
    let body: Value = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
    let message = body.get("message").and_then(Value::as_str).unwrap_or("no reason given");
    message.chars().take(CHARS_MAX).collect()
}

fn texts(list: Option<&Value>) -> Vec<String> {
    let items = list.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect()
}

/// A subject as one step of a path.
fn encoded(subject: &str) -> String {
    let mut path = String::with_capacity(subject.len());
    for byte in subject.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'~') {
            path.push(char::from(byte));
        } else {
            write!(path, "%{byte:02X}").expect("invariant: writing to a String does not fail");
        }
    }
    path
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("url", &self.url).finish_non_exhaustive()
    }
}
