//! A good answer: JSON, with the status 200 whatever was done.

use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::error::Failure;
use crate::http::answer;

/// What a handler returns.
pub type Answered = Result<Answer, Failure>;

/// What was asked for.
pub struct Answer(pub Value);

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        // What makes something answers 200 too, as on the platform.
        let mut response = answer::json(StatusCode::OK, &self.0);
        // It may hold a token, also where the method is GET.
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
