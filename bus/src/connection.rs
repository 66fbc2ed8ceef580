//! How a Kafka cluster, a schema registry and a store for checkpoints are reached: plain data, filled by configuration.
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

/// The part of a bucket in a store that speaks S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Connection {
    pub bucket: String,
    /// What the names of ours begin with: empty, or segments without a slash at either end.
    pub prefix: String,
    /// Amazon's for the region when absent.
    pub endpoint: Option<String>,
    pub region: String,
    pub authorities: Option<PathBuf>,
    pub credentials: S3Credentials,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct S3Credentials {
    pub access_key: String,
    pub secret_key: Secret,
    /// Of credentials that expire.
    pub session_token: Option<Secret>,
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
