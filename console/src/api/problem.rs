//! Refusals, as HTTP says them: a status and a body that says what, why and what to do.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bus::{BusError, ErrorKind};

use crate::wire::bytes::Malformed;
use crate::wire::json::{ErrorBody, ErrorJson};
use crate::wire::{JSON_TYPE, ROWS_MAX};

#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    kind: ErrorKind,
    message: String,
}

impl Problem {
    pub fn new(status: StatusCode, kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into() }
    }

    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, ErrorKind::Invalid, message)
    }

    pub fn no_such_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, ErrorKind::Unknown, "there is no such route; docs/api.md lists them")
    }

    pub fn no_such_method() -> Self {
        let message = "this route does not take this method; docs/api.md lists them";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, ErrorKind::Invalid, message)
    }

    pub fn too_many(rows: usize) -> Self {
        let message = format!("{rows} rows or lines in one request, at most {ROWS_MAX} are taken; send several");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorKind::TooLarge, message)
    }

    /// A task of ours ended before it answered.
    pub fn broken() -> Self {
        let message = "the request was dropped inside; the log of this process says more";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, ErrorKind::Protocol, message)
    }
}

impl From<BusError> for Problem {
    fn from(error: BusError) -> Self {
        let status = match error.kind() {
            ErrorKind::Unknown => StatusCode::NOT_FOUND,
            ErrorKind::Conflict | ErrorKind::Fixed => StatusCode::CONFLICT,
            ErrorKind::Gone => StatusCode::GONE,
            ErrorKind::Invalid => StatusCode::BAD_REQUEST,
            ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Denied => StatusCode::FORBIDDEN,
            ErrorKind::Storage => StatusCode::INSUFFICIENT_STORAGE,
            ErrorKind::Protocol => StatusCode::BAD_GATEWAY,
        };
        Self::new(status, error.kind(), error.to_string())
    }
}

impl From<Malformed> for Problem {
    fn from(error: Malformed) -> Self {
        Self::invalid(error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        tracing::debug!(status = self.status.as_u16(), kind = self.kind.as_str(), message = self.message, "refused");
        let body = ErrorBody { error: ErrorJson::new(self.kind, &self.message) };
        let body = serde_json::to_string(&body).expect("invariant: two texts are JSON");
        (self.status, [(header::CONTENT_TYPE, JSON_TYPE)], body).into_response()
    }
}
