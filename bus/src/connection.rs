//! How a Kafka cluster and a schema registry are reached: plain data, filled by configuration.
//!
//! Invariant: a secret never reaches a log line, an error or `Debug`.

use std::fmt;
use std::path::PathBuf;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KafkaConnection {
    /// `host:port`, separated by commas.
    pub brokers: String,
    pub security: Security,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Security {
    Plaintext,
    Tls(Tls),
    SaslPlaintext(Sasl),
    SaslTls(Tls, Sasl),
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// Who signed the broker's certificate; the system's authorities when absent.
    pub authorities: Option<PathBuf>,
    /// Our own certificate, where the broker asks for one.
    pub identity: Option<Identity>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub key_password: Option<Secret>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sasl {
    Plain {
        user: String,
        password: Secret,
    },
    ScramSha256 {
        user: String,
        password: Secret,
    },
    ScramSha512 {
        user: String,
        password: Secret,
    },
    /// Client credentials, exchanged for a token at the endpoint (OIDC).
    OauthBearer {
        token_endpoint: String,
        client_id: String,
        client_secret: Secret,
        scope: Option<String>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryConnection {
    /// Base address of the Confluent API, as `http://127.0.0.1:8081/apis/ccompat/v7`.
    pub url: String,
    pub authorities: Option<PathBuf>,
    pub credentials: Option<(String, Secret)>,
}

/// Text that is shown to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one place that hands it to a library.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
