//! Tokens for SASL OAUTHBEARER: client credentials are exchanged at an OIDC token endpoint (RFC 6749, 4.4).
//!
//! Invariant: neither the client secret nor a token appears in an error; what the endpoint answered is shown only by its
//! `error` field and status. librdkafka asks again when four fifths of a token's life are over.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rdkafka::client::OAuthToken;
use serde_json::Value;

use crate::connection::{Sasl, Secret, Security};
use crate::http::{self, HttpError};
use crate::{BusError, Result};

/// The exchange happens inside a poll: it may not hold a consumer up for longer than its session lasts.
const EXCHANGE_MAX: Duration = Duration::from_secs(5);
/// Assumed when the endpoint does not say how long a token lives (RFC 6749 lets it).
const LIFE_DEFAULT: Duration = Duration::from_mins(5);

/// Where tokens come from. One for all clients of a connection.
pub(super) struct TokenSource {
    endpoint: String,
    client_id: String,
    client_secret: Secret,
    scope: Option<String>,
    agent: ureq::Agent,
    latest: Mutex<Option<Token>>,
}

#[derive(Clone)]
struct Token {
    text: Secret,
    expires_at: SystemTime,
    life: Duration,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum TokenError {
    #[error("token endpoint {endpoint}: {source}; is the address right, and can it be reached from here?")]
    Http { endpoint: String, source: HttpError },

    #[error("token endpoint {endpoint} answered {status} ({error}); check client id, client secret and scope")]
    Refused { endpoint: String, status: u16, error: String },

    #[error("token endpoint {endpoint} answered without a usable `access_token`; is it an OIDC token endpoint?")]
    NotAToken { endpoint: String },
}

impl TokenSource {
    pub fn new(security: &Security) -> Result<Option<Self>> {
        let (tls, sasl) = match security {
            Security::SaslPlaintext(sasl) => (None, sasl),
            Security::SaslTls(tls, sasl) => (Some(tls), sasl),
            Security::Plaintext | Security::Tls(_) => return Ok(None),
        };
        let Sasl::OauthBearer { token_endpoint, client_id, client_secret, scope } = sasl else { return Ok(None) };
        let authorities = tls.and_then(|tls| tls.authorities.as_deref());
        let agent = http::agent(authorities, EXCHANGE_MAX)
            .map_err(|error| BusError::Denied { target: token_endpoint.clone(), reason: error.to_string() })?;
        Ok(Some(Self {
            endpoint: token_endpoint.clone(),
            client_id: client_id.clone(),
            client_secret: client_secret.clone(),
            scope: scope.clone(),
            agent,
            latest: Mutex::new(None),
        }))
    }

    /// A token with at least half of its life before it: the clients of one process share it.
    pub fn fetch(&self) -> std::result::Result<OAuthToken, TokenError> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let now = SystemTime::now();
        let is_fresh = |token: &&Token| token.expires_at.duration_since(now).is_ok_and(|left| left > token.life / 2);
        let token = match latest.as_ref().filter(is_fresh) {
            Some(token) => token.clone(),
            None => latest.insert(self.exchange(now)?).clone(),
        };
        let expires = token.expires_at.duration_since(UNIX_EPOCH).unwrap_or_default();
        Ok(OAuthToken {
            token: token.text.reveal().to_owned(),
            // Who this is stands in the token; the name is for librdkafka's messages.
            principal_name: self.client_id.clone(),
            lifetime_ms: i64::try_from(expires.as_millis()).unwrap_or(i64::MAX),
        })
    }

    fn exchange(&self, now: SystemTime) -> std::result::Result<Token, TokenError> {
        let endpoint = || self.endpoint.clone();
        let credentials = BASE64_STANDARD.encode(format!("{}:{}", self.client_id, self.client_secret.reveal()));
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(self.scope.as_deref().map(|scope| ("scope", scope)));
        let answer = self
            .agent
            .post(&self.endpoint)
            .header("authorization", format!("Basic {credentials}"))
            .header("accept", "application/json")
            .send_form(form)
            .map_err(HttpError::from)
            .and_then(http::read)
            .map_err(|source| TokenError::Http { endpoint: endpoint(), source })?;
        let body: Value = serde_json::from_str(&answer.body).unwrap_or(Value::Null);
        if answer.status != 200 {
            let error = body.get("error").and_then(Value::as_str).unwrap_or("no reason given").to_owned();
            return Err(TokenError::Refused { endpoint: endpoint(), status: answer.status, error });
        }
        let text = body.get("access_token").and_then(Value::as_str).filter(|text| !text.contains('\0'));
        let text = text.ok_or_else(|| TokenError::NotAToken { endpoint: endpoint() })?;
        let life = body.get("expires_in").and_then(Value::as_u64).map_or(LIFE_DEFAULT, Duration::from_secs);
        Ok(Token { text: Secret::new(text), expires_at: now + life, life })
    }
}

impl std::fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenSource").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
