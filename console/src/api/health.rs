//! Whether this process lives, and whether it can do its work.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use bus::ErrorKind;

use super::{Api, Problem, body};
use crate::wire::json::Health;

pub async fn alive() -> Response {
    answer("alive")
}

/// Ready is what can reach its log, and whose stages are.
pub async fn ready(State(api): State<Api>) -> Result<Response, Problem> {
    api.with_log(|log| log.topics()).await?;
    match api.stages.as_ref().and_then(|stages| stages.waiting()) {
        None => Ok(answer("ready")),
        Some(reason) => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, ErrorKind::Unavailable, reason)),
    }
}

/// Those of the stages that run in this process, as Prometheus reads them.
pub async fn metrics(State(api): State<Api>) -> Response {
    let text = api.stages.as_ref().map(|stages| stages.metrics()).unwrap_or_default();
    ([(CONTENT_TYPE, METRICS_TYPE)], text).into_response()
}

const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

fn answer(status: &str) -> Response {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    body::json(&Health { status: status.to_owned(), version, pid: std::process::id() })
}
