//! Whether this process lives, and whether it can do its work.

use axum::extract::State;
use axum::response::Response;

use super::{Api, Problem, body};
use crate::wire::json::Health;

pub async fn alive() -> Response {
    answer("alive")
}

/// Ready is what can reach its log.
pub async fn ready(State(api): State<Api>) -> Result<Response, Problem> {
    api.with_log(|log| log.topics()).await?;
    Ok(answer("ready"))
}

fn answer(status: &str) -> Response {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    body::json(&Health { status: status.to_owned(), version, pid: std::process::id() })
}
