//! Small questions over HTTP: the schema registry, token endpoints, stores for checkpoints.
//!
//! Invariant: an answer is bounded in time and size, and a status is a value, not an error: who asked knows what 404
//! means.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, http::Response};

/// The largest answer that is read: schemas are kilobytes.
const ANSWER_BYTES_MAX: u64 = 4 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    #[error("cannot read the authorities in {path}: {source}")]
    ReadAuthorities { path: PathBuf, source: std::io::Error },

    #[error("{path} holds no certificate in PEM form")]
    NoAuthorities { path: PathBuf },

    #[error("no answer: {0}")]
    NoAnswer(#[from] ureq::Error),
}

/// A status and a body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// A client that trusts these authorities, or the public ones.
pub fn agent(authorities: Option<&Path>, timeout: Duration) -> Result<Agent, HttpError> {
    let mut tls = TlsConfig::builder();
    if let Some(path) = authorities {
        tls = tls.root_certs(RootCerts::Specific(Arc::new(read_authorities(path)?)));
    }
    let config = Agent::config_builder()
        .timeout_global(Some(timeout))
        .http_status_as_error(false)
        // A registry that redirects is a wrong address; credentials must not follow it.
        .max_redirects(0)
        .user_agent(concat!("tripline/", env!("CARGO_PKG_VERSION")))
        .tls_config(tls.build())
        .build();
    Ok(config.new_agent())
}

pub fn read(mut response: Response<Body>) -> Result<Answer, HttpError> {
    let status = response.status().as_u16();
    let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).lossy_utf8(true).read_to_string()?;
    Ok(Answer { status, body })
}

fn read_authorities(path: &Path) -> Result<Vec<Certificate<'static>>, HttpError> {
    let text = std::fs::read(path).map_err(|source| HttpError::ReadAuthorities { path: path.to_owned(), source })?;
    let certificates: Vec<_> = parse_pem(&text)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(HttpError::NoAuthorities { path: path.to_owned() });
    }
    Ok(certificates)
}
