//! Answers that say nothing but a message, in JSON, as clients of the platform read them.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

/// The one Content-Type of JSON: without a charset, as the JavaScript client compares it whole.
pub const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// An answer of the form `{"message": "…"}`.
pub fn message(status: StatusCode, message: &str) -> Response {
    json(status, &json!({ "message": message }))
}

/// An answer in JSON.
pub fn json(status: StatusCode, body: &Value) -> Response {
    json_text(status, body.to_string())
}

/// An answer whose text is JSON already.
pub fn json_text(status: StatusCode, text: String) -> Response {
    let mut answer = Response::new(Body::from(text));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, JSON);
    answer
}
