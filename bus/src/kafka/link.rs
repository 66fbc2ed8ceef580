//! What every client of librdkafka shares: where its log lines go, what last went wrong on the way to the broker, and
//! where its tokens come from.
//!
//! Invariant: a log line of librdkafka is written once, and a broken connection cannot flood the log. A secret appears
//! in none of them: librdkafka names settings, never their values.
//!
//! librdkafka retries connections by itself and reports each failure as an event; the call that waits only learns that
//! it timed out. [`Link::trouble`] joins the two, so that an error can say "connection refused" instead.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::client::OAuthToken;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use super::token::TokenSource;
use super::tracks::EndText;

/// Lines a client may log in one [`LOG_WINDOW`]; the rest is counted.
const LOG_LINES_MAX: u32 = 20;
const LOG_WINDOW: Duration = Duration::from_secs(30);

/// The context of a librdkafka client: what all share, and what this kind of client does in its callbacks.
#[derive(Debug)]
pub(super) struct Context<Role> {
    pub link: Arc<Link>,
    pub role: Role,
}

/// A client that has nothing to do in callbacks.
#[derive(Debug)]
pub(super) struct Plain;

/// One client's way to the cluster.
#[derive(Debug)]
pub(super) struct Link {
    /// The addresses, for messages.
    pub target: String,
    pub tokens: Option<Arc<TokenSource>>,
    pub end_text: EndText,
    trouble: Mutex<Option<Trouble>>,
    /// Counts connections that broke: whether an answer may be the second one to a question asked twice.
    breaks: AtomicU64,
    lines: Mutex<Lines>,
}

/// Why the broker could not be reached or would not listen.
#[derive(Debug, Clone)]
pub(super) struct Trouble {
    pub kind: TroubleKind,
    pub reason: String,
}

/// In the order of how much each tells: a failed name is why all brokers are down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TroubleKind {
    Down,
    Unresolved,
    Tls,
    Denied,
}

impl Trouble {
    /// Whether trying again with the same credentials is of any use.
    pub fn is_final(&self) -> bool {
        self.kind >= TroubleKind::Tls
    }
}

#[derive(Debug)]
struct Lines {
    window_start: Instant,
    written: u32,
    left_out: u32,
}

impl Link {
    pub fn new(target: &str, tokens: Option<Arc<TokenSource>>) -> Self {
        Self {
            target: target.to_owned(),
            tokens,
            end_text: EndText::default(),
            trouble: Mutex::new(None),
            breaks: AtomicU64::new(0),
            lines: Mutex::new(Lines { window_start: Instant::now(), written: 0, left_out: 0 }),
        }
    }

    /// The most telling failure since the last [`Self::forget_trouble`].
    pub fn trouble(&self) -> Option<Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn forget_trouble(&self) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub fn breaks(&self) -> u64 {
        self.breaks.load(Ordering::Acquire)
    }

    fn note(&self, code: RDKafkaErrorCode, reason: &str) {
        let kind = match code {
            RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::OperationTimedOut => TroubleKind::Down,
            RDKafkaErrorCode::Resolve => TroubleKind::Unresolved,
            RDKafkaErrorCode::SSL => TroubleKind::Tls,
            RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed => TroubleKind::Denied,
            // "All brokers are down" follows the one that says why; everything else comes back from the call itself.
            _ => return,
        };
        self.breaks.fetch_add(1, Ordering::AcqRel);
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if trouble.as_ref().is_none_or(|known| known.kind <= kind) {
            *trouble = Some(Trouble { kind, reason: reason.to_owned() });
        }
    }
}

impl Lines {
    /// Whether one more line may be written, and how many were left out since the last.
    fn admit(&mut self, now: Instant) -> Option<u32> {
        if now.duration_since(self.window_start) >= LOG_WINDOW {
            self.window_start = now;
            self.written = 0;
        }
        if self.written >= LOG_LINES_MAX {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        self.written += 1;
        Some(std::mem::take(&mut self.left_out))
    }
}

impl<Role: Send + Sync> ClientContext for Context<Role> {
    /// Without effect unless the mechanism is OAUTHBEARER: then librdkafka asks for a token, and again in time.
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        let admitted = {
            let mut lines = self.link.lines.lock().unwrap_or_else(PoisonError::into_inner);
            lines.admit(Instant::now())
        };
        let Some(left_out) = admitted else { return };
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical | RDKafkaLogLevel::Error => {
                tracing::error!(target: "kafka", facility, left_out, "{message}");
            }
            RDKafkaLogLevel::Warning => tracing::warn!(target: "kafka", facility, left_out, "{message}"),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
                tracing::info!(target: "kafka", facility, left_out, "{message}");
            }
            RDKafkaLogLevel::Debug => tracing::debug!(target: "kafka", facility, left_out, "{message}"),
        }
    }

    /// Not logged: librdkafka writes a log line of its own about each of these.
    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::PartitionEOF) => self.link.end_text.note(reason),
            Some(code) => self.link.note(code, reason),
            None => {}
        }
    }

    fn generate_oauth_token(&self, _config: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        let source = self.link.tokens.as_ref().expect("invariant: only OAUTHBEARER asks for tokens");
        source.fetch().map_err(|error| {
            self.link.note(RDKafkaErrorCode::Authentication, &error.to_string());
            error.into()
        })
    }
}
