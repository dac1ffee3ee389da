//! A good answer: JSON, with the status 200 whatever was done.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::error::Failure;
use crate::authority::Caller;
use crate::http::{answer, request};

/// What a handler returns.
pub type Answered = Result<Answer, Failure>;

/// A value, and who asked for it.
pub struct Answer {
    body: Value,
    caller: Option<String>,
}

impl Answer {
    /// An answer to somebody.
    pub fn to(caller: &Caller, body: Value) -> Self {
        Self { body, caller: caller.access_key().map(str::to_owned) }
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        // What makes something answers 200 too, as on the platform.
        let mut response = answer::json(StatusCode::OK, &self.body);
        if let Some(caller) = self.caller {
            // For the log.
            response.extensions_mut().insert(request::Caller(caller));
        }
        response
    }
}
