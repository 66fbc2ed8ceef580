//! The body of a request: of a type we know, whole, bounded in bytes and in time.

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bus::ErrorKind;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::Serialize;

use super::{Api, Problem};
use crate::wire::{BODY_BYTES_MAX, JSON_TYPE};

pub async fn whole(api: &Api, request: Request, expected_type: &str) -> Result<Bytes, Problem> {
    let (head, body) = request.into_parts();
    let found = head.headers.get(header::CONTENT_TYPE).map_or(&b"none"[..], |found| found.as_bytes());
    let found = String::from_utf8_lossy(found);
    if !found.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(expected_type) {
        let message = format!("the body is of type {found}, expected {expected_type}; name it in `Content-Type`");
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, ErrorKind::Invalid, message));
    }
    // Said beforehand, it is refused beforehand: who waits for `100 Continue` need not send it at all.
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
        return Err(too_large());
    }
    let within = api.bounds.body_within;
    match tokio::time::timeout(within, Limited::new(body, BODY_BYTES_MAX).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        Ok(Err(error)) => Err(Problem::invalid(format!("the body was not received whole: {error}"))),
        Err(_) => {
            let message = format!("the body did not come within {within:?}; nothing of it was taken");
            Err(Problem::new(StatusCode::REQUEST_TIMEOUT, ErrorKind::Unavailable, message))
        }
    }
}

fn too_large() -> Problem {
    let message = format!("the body is larger than {BODY_BYTES_MAX} bytes; send it in several requests");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, ErrorKind::TooLarge, message)
}

pub fn json(value: &impl Serialize) -> Response {
    let body = serde_json::to_string(value).expect("invariant: what the API answers is JSON");
    ([(header::CONTENT_TYPE, JSON_TYPE)], Body::from(body)).into_response()
}
