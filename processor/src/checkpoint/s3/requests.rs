//! One question to the store: signed, bounded, asked again where the answer may have been lost on the way.

use std::fmt::{self, Display};
use std::io;
use std::thread;
use std::time::Duration;

use bus::connection::S3Connection;
use bus::http::{self, HttpError};
use instant_xml::FromXml;
use rusty_s3::{Bucket, Credentials, Method, UrlStyle};
use ureq::http::Response;
use ureq::{Agent, Body};

/// How long a signature counts. Clocks may differ by as much.
pub(super) const VALID: Duration = Duration::from_mins(15);
/// For a part, on a slow line.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// A range that is read, and more than any list of a thousand names.
const ANSWER_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Between tries, of which there is one more.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum S3Error {
    #[error("no answer from {store}: {reason}")]
    NoAnswer { store: String, reason: String },

    #[error("the store answered {status} {code}{}", hint(code))]
    Refused { status: u16, code: String },

    #[error("the answer ({status}) is none of an S3-compatible store; is `processor.s3.endpoint` right?")]
    Garbled { status: u16 },

    #[error("it has more than {parts_max} parts; spread the state over more partitions")]
    TooLarge { parts_max: usize },

    #[error("`{endpoint}` cannot be the endpoint of bucket `{bucket}`: {reason}")]
    Endpoint { endpoint: String, bucket: String, reason: String },

    #[error(transparent)]
    Http(#[from] HttpError),
}

#[derive(Debug)]
pub(super) struct Client {
    pub bucket: Bucket,
    pub credentials: Credentials,
    prefix: String,
    agent: Agent,
}

#[derive(Debug)]
pub(super) struct Answer {
    status: u16,
    /// `ETag`.
    pub tag: Option<String>,
    pub body: Vec<u8>,
}

#[derive(FromXml)]
#[xml(rename = "ListMultipartUploadsResult", ns("http://s3.amazonaws.com/doc/2006-03-01/"))]
struct Unfinished {
    uploads: Vec<UnfinishedUpload>,
    #[xml(rename = "IsTruncated")]
    is_truncated: Option<bool>,
    #[xml(rename = "NextKeyMarker")]
    next_key: Option<String>,
    #[xml(rename = "NextUploadIdMarker")]
    next_id: Option<String>,
}

#[derive(FromXml)]
#[xml(rename = "Upload", ns("http://s3.amazonaws.com/doc/2006-03-01/"))]
struct UnfinishedUpload {
    #[xml(rename = "Key")]
    key: String,
    #[xml(rename = "UploadId")]
    id: String,
}

impl Client {
    pub fn new(connection: &S3Connection) -> Result<Self, S3Error> {
        let S3Connection { bucket, prefix, endpoint, region, authorities, credentials } = connection;
        let (endpoint, style) = match endpoint {
            Some(endpoint) => (endpoint.clone(), UrlStyle::Path),
            None => (format!("https://s3.{region}.amazonaws.com"), UrlStyle::VirtualHost),
        };
        let failed = |reason: &dyn Display| {
            let (endpoint, bucket, reason) = (endpoint.clone(), bucket.clone(), reason.to_string());
            S3Error::Endpoint { endpoint, bucket, reason }
        };
        let url = endpoint.parse().map_err(|error| failed(&error))?;
        let bucket = Bucket::new(url, style, bucket.clone(), region.clone()).map_err(|error| failed(&error))?;
        let (key, secret) = (credentials.access_key.as_str(), credentials.secret_key.reveal());
        let credentials = match &credentials.session_token {
            Some(token) => Credentials::new_with_token(key, secret, token.reveal()),
            None => Credentials::new(key, secret),
        };
        let agent = http::agent(authorities.as_deref(), ANSWER_WITHIN)?;
        Ok(Self { bucket, credentials, prefix: prefix.clone(), agent })
    }

    pub fn key(&self, name: &impl Display) -> String {
        if self.prefix.is_empty() { name.to_string() } else { format!("{}/{name}", self.prefix) }
    }

    /// Asks until there is an answer that will not change, a few times.
    pub fn ask(&self, send: impl Fn(&Agent) -> Result<Response<Body>, ureq::Error>) -> io::Result<Answer> {
        for pause in PAUSES {
            match self.ask_once(&send) {
                Err(error) if error.kind() == io::ErrorKind::NotConnected => thread::sleep(pause),
                outcome => return outcome,
            }
        }
        self.ask_once(&send)
    }

    pub fn ask_once(&self, send: &dyn Fn(&Agent) -> Result<Response<Body>, ureq::Error>) -> io::Result<Answer> {
        let no_answer = |error: ureq::Error| {
            let (store, reason) = (self.bucket.base_url().to_string(), error.to_string());
            io::Error::new(io::ErrorKind::NotConnected, S3Error::NoAnswer { store, reason })
        };
        let mut response = send(&self.agent).map_err(no_answer)?;
        let tag = response.headers().get("etag").and_then(|tag| Some(tag.to_str().ok()?.to_owned()));
        let status = response.status();
        let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec().map_err(no_answer)?;
        let answer = Answer { status: status.as_u16(), tag, body };
        if status.is_success() { Ok(answer) } else { Err(answer.refused()) }
    }

    /// Key and id of every upload in the bucket that was begun and is not over.
    ///
    /// Of the whole bucket, for some stores (`MinIO`) list those of a prefix only where it is a whole key.
    pub fn unfinished(&self, pages_max: usize) -> io::Result<Vec<(String, String)>> {
        let mut found = Vec::new();
        let mut after = None;
        for _ in 0..pages_max {
            let url = self.sign_unfinished(after.as_ref());
            let answer = self.ask(|agent| agent.get(&url).call())?;
            let page = instant_xml::from_str::<Unfinished>(&answer.text());
            let page = page.map_err(|_| answer.garbled())?;
            found.extend(page.uploads.into_iter().map(|upload| (upload.key, upload.id)));
            after = page.next_key.zip(page.next_id).filter(|_| page.is_truncated == Some(true));
            if after.is_none() {
                break;
            }
        }
        Ok(found)
    }

    /// What `rusty_s3` has no action for.
    fn sign_unfinished(&self, after: Option<&(String, String)>) -> String {
        // Sorted, as the signature wants it.
        let after = after.map(|(key, id)| [("key-marker", key.as_str()), ("upload-id-marker", id.as_str())]);
        let mut query: Vec<(&str, &str)> = after.into_iter().flatten().collect();
        query.push(("uploads", "1"));
        query.sort_unstable();
        rusty_s3::signing::sign(
            &jiff::Timestamp::now(),
            Method::Get,
            self.bucket.base_url().clone(),
            self.credentials.key(),
            self.credentials.secret(),
            self.credentials.token(),
            self.bucket.region(),
            VALID.as_secs(),
            query.into_iter(),
            std::iter::empty(),
        )
        .into()
    }
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn garbled(&self) -> io::Error {
        io::Error::other(S3Error::Garbled { status: self.status })
    }

    pub fn refused(&self) -> io::Error {
        let text = self.text();
        let code = text.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>"));
        let code = code.map_or("", |(code, _)| code).to_owned();
        let kind = match self.status {
            404 if code != "NoSuchBucket" => io::ErrorKind::NotFound,
            401 | 403 => io::ErrorKind::PermissionDenied,
            // It asks for patience, or has not succeeded itself.
            200..300 | 408 | 429 | 500.. => io::ErrorKind::NotConnected,
            _ => io::ErrorKind::Other,
        };
        io::Error::new(kind, S3Error::Refused { status: self.status, code })
    }
}

fn hint(code: &str) -> &'static str {
    match code {
        "NoSuchBucket" => ": the bucket is not there; make it, or correct `processor.checkpoints`",
        "AccessDenied" => ": these credentials may not do this",
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" => ": the access key or its secret is wrong",
        "RequestTimeTooSkewed" => ": the clock of this machine is wrong",
        "AuthorizationHeaderMalformed" | "PermanentRedirect" => ": `processor.s3.region` or the endpoint is wrong",
        _ => "",
    }
}

impl Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket.name())?;
        if self.prefix.is_empty() { Ok(()) } else { write!(f, "/{}", self.prefix) }
    }
}

impl From<S3Error> for io::Error {
    fn from(error: S3Error) -> Self {
        Self::other(error)
    }
}
