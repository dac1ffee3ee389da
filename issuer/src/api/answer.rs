//! A good answer: JSON, with the status 200 whatever was done.

use axum::http::StatusCode;
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
        answer::json(StatusCode::OK, &self.0)
    }
}
