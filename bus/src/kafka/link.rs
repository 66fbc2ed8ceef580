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
    times: u32,
}

/// In the order of how much each tells: a failed name is why all brokers are down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TroubleKind {
    Down,
    Unresolved,
    Tls,
    Denied,
    NoToken,
}

impl Trouble {
    /// Whether it is about who we are, not about the way there.
    pub fn is_denial(&self) -> bool {
        self.kind >= TroubleKind::Tls
    }

    /// Whether trying again with the same credentials is of no use. Once may be an accident: a broker that is just
    /// starting knows no users, and one takes no second authentication of a connection within a second.
    pub fn is_final(&self) -> bool {
        self.kind == TroubleKind::NoToken || (self.is_denial() && self.times >= 2)
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

    fn note(&self, kind: TroubleKind, reason: &str) {
        self.breaks.fetch_add(1, Ordering::AcqRel);
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        let times = match &*trouble {
            Some(known) if known.kind > kind => return,
            Some(known) if known.kind == kind => known.times.saturating_add(1),
            _ => 1,
        };
        *trouble = Some(Trouble { kind, reason: reason.to_owned(), times });
    }
}

impl TroubleKind {
    fn of(code: RDKafkaErrorCode, reason: &str) -> Option<Self> {
        match code {
            // A broker that does not like our certificate says so behind the handshake, by an alert that librdkafka
            // takes for a broken connection.
            RDKafkaErrorCode::BrokerTransportFailure if reason.contains("SSL alert") => Some(Self::Tls),
            RDKafkaErrorCode::BrokerTransportFailure | RDKafkaErrorCode::OperationTimedOut => Some(Self::Down),
            RDKafkaErrorCode::Resolve => Some(Self::Unresolved),
            RDKafkaErrorCode::SSL => Some(Self::Tls),
            RDKafkaErrorCode::Authentication | RDKafkaErrorCode::SaslAuthenticationFailed => Some(Self::Denied),
            // "All brokers are down" follows the one that says why; everything else comes back from the call itself.
            _ => None,
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
            Some(code) => {
                if let Some(kind) = TroubleKind::of(code, reason) {
                    self.link.note(kind, reason);
                }
            }
            None => {}
        }
    }

    fn generate_oauth_token(&self, _config: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        let source = self.link.tokens.as_ref().expect("invariant: only OAUTHBEARER asks for tokens");
        source.fetch().map_err(|error| {
            self.link.note(TroubleKind::NoToken, &error.to_string());
            error.into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_that_keeps_breaking_writes_so_many_lines_and_counts_the_rest() {
        let start = Instant::now();
        let mut lines = Lines { window_start: start, written: 0, left_out: 0 };
        let admitted = (0..100).filter(|_| lines.admit(start).is_some()).count();
        assert_eq!(admitted, LOG_LINES_MAX as usize);
        assert_eq!(lines.admit(start + LOG_WINDOW), Some(100 - LOG_LINES_MAX), "the next line tells how many");
        assert_eq!(lines.admit(start + LOG_WINDOW), Some(0));
    }

    #[test]
    fn the_most_telling_trouble_is_kept_and_one_denial_is_not_final() {
        let link = Link::new("broker:9092", None);
        let tells = |expected: &str, is_final: bool| {
            let trouble = link.trouble().unwrap();
            assert_eq!((trouble.reason.as_str(), trouble.is_final()), (expected, is_final));
        };
        link.note(TroubleKind::Unresolved, "no such host");
        link.note(TroubleKind::Down, "refused");
        tells("no such host", false);
        link.note(TroubleKind::Denied, "wrong password");
        tells("wrong password", false);
        link.note(TroubleKind::Denied, "wrong password");
        tells("wrong password", true);
        link.forget_trouble();
        assert!(link.trouble().is_none());
        link.note(TroubleKind::NoToken, "endpoint is down");
        tells("endpoint is down", true);
        assert_eq!(link.breaks(), 5);
    }

    #[test]
    fn an_alert_about_our_certificate_is_no_broken_connection() {
        let of = |code, reason| TroubleKind::of(code, reason);
        let alert = "Receive failed: error:0A000412:SSL routines::sslv3 alert bad certificate: SSL alert number 42";
        assert_eq!(of(RDKafkaErrorCode::BrokerTransportFailure, alert), Some(TroubleKind::Tls));
        assert_eq!(of(RDKafkaErrorCode::BrokerTransportFailure, "refused"), Some(TroubleKind::Down));
        assert_eq!(of(RDKafkaErrorCode::AllBrokersDown, "1/1 brokers are down"), None);
    }
}
