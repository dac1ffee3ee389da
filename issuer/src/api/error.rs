//! A refusal as an answer: the one place where it gets its status and its shape.

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::authority::refusal::{AuthenticationFault, Refusal, Resource};
use crate::http::answer;
use crate::http::body::BodyError;
use crate::model::trust::MAX_RECORDS;
use crate::store::StoreError;

/// The two ways in which the platform's products tell of errors. What is wrong with arguments, and
/// who may not do something, all tell alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Errors {
    /// Of what isn't found, or is there already, nothing but a message: functions and containers
    /// v1beta1.
    Brief,
    /// Everything with a `type`, and with what it is about.
    Typed,
}

/// A request that isn't done.
#[derive(Debug)]
pub enum Failure {
    /// An operation says no.
    Refused(Refusal),
    /// Its address has failed to say who it is too often.
    TooManyFailures {
        /// How long to wait, in seconds.
        wait_seconds: u64,
    },
    /// The path names nothing that there is.
    UnknownPath,
    /// Its body can't be had.
    Body(BodyError),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Failure {
    /// The answer of a product that tells of errors in this way.
    pub fn respond(self, errors: Errors) -> Response {
        match self {
            Self::Refused(refusal) => refused(&refusal, errors),
            Self::TooManyFailures { wait_seconds } => {
                let body = json!({
                    "message": "too many failed authentications from this address",
                    "type": "too_many_requests",
                });
                retry_after(answer::json(StatusCode::TOO_MANY_REQUESTS, &body), wait_seconds)
            }
            // As the router answers it; its body comes with what all answers have.
            Self::UnknownPath if errors == Errors::Brief => StatusCode::NOT_FOUND.into_response(),
            Self::UnknownPath => not_found("region", ""),
            Self::Body(error) => error.into_response(),
        }
    }
}

/// What is of this service alone tells of errors briefly.
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        self.respond(Errors::Brief)
    }
}

fn refused(refusal: &Refusal, errors: Errors) -> Response {
    match refusal {
        Refusal::NotAuthenticated(fault) => {
            let reason = match fault {
                AuthenticationFault::Malformed => "invalid_argument",
                AuthenticationFault::Unknown => "not_found",
                AuthenticationFault::Expired => "expired",
                // The platform has no word for it.
                AuthenticationFault::Locked => "unknown_reason",
            };
            let body = json!({
                "message": "authentication is denied",
                "method": "api_key",
                "reason": reason,
                "type": "denied_authentication",
            });
            answer::json(StatusCode::UNAUTHORIZED, &body)
        }
        Refusal::NotPermitted(action) => {
            let body = json!({
                "details": [{"action": action.name(), "resource": action.resource()}],
                "message": "insufficient permissions",
                "type": "permissions_denied",
            });
            answer::json(StatusCode::FORBIDDEN, &body)
        }
        Refusal::WouldGain(action, _) => {
            let body = json!({
                "details": [{"action": action.name(), "resource": action.resource()}],
                "help_message": refusal.to_string(),
                "message": "insufficient permissions",
                "type": "permissions_denied",
            });
            answer::json(StatusCode::FORBIDDEN, &body)
        }
        Refusal::QuotaExceeded { quota, most, found } => {
            quotas_exceeded(quota.name(), *found, *most, "quota(s) exceeded for this resource")
        }
        Refusal::TooMany(bound, found) => {
            quotas_exceeded(bound.name(), *found, bound.most(), &refusal.to_string())
        }
        Refusal::IsOwner(help) => precondition_failed("unknown_precondition", help),
        Refusal::NotFound(resource, id) => match errors {
            Errors::Brief => answer::message(StatusCode::NOT_FOUND, &refusal.to_string()),
            Errors::Typed => not_found(code(*resource), id),
        },
        Refusal::AlreadyExists(resource, id) => match errors {
            Errors::Brief => answer::message(StatusCode::CONFLICT, &refusal.to_string()),
            Errors::Typed => already_exists(code(*resource), id, &refusal.to_string()),
        },
        Refusal::StillInUse(_, help) => precondition_failed("resource_still_in_use", help),
        Refusal::InvalidArguments(faults) => {
            let details = faults.iter().map(|fault| {
                json!({
                    "argument_name": fault.name,
                    "help_message": fault.help,
                    "reason": fault.reason.name(),
                })
            });
            let body = json!({
                "details": details.collect::<Value>(),
                "message": "invalid argument(s)",
                "type": "invalid_arguments",
            });
            answer::json(StatusCode::BAD_REQUEST, &body)
        }
        Refusal::Busy => {
            let message = "the service has too much to do; send the same request again";
            retry_after(answer::message(StatusCode::SERVICE_UNAVAILABLE, message), 1)
        }
        // Found by the database alone, where two requests came at once.
        Refusal::Store(StoreError::AlreadyExists) => match errors {
            Errors::Brief => answer::message(StatusCode::CONFLICT, "it exists already"),
            Errors::Typed => already_exists("", "", "it exists already"),
        },
        Refusal::Store(StoreError::Missing) => match errors {
            Errors::Brief => answer::message(StatusCode::NOT_FOUND, "it is gone"),
            Errors::Typed => not_found("", ""),
        },
        // A client that sends the same again, as it may after 503, would be refused again.
        Refusal::Store(error @ StoreError::LogFull { records }) => {
            tracing::error!(%error, "nothing more can be revoked");
            quotas_exceeded("revoked_tokens", *records, MAX_RECORDS, &error.to_string())
        }
        Refusal::LogTooLong { .. } => {
            tracing::error!(error = %refusal, "a checkpoint isn't signed");
            let message = refusal.to_string();
            retry_after(answer::message(StatusCode::SERVICE_UNAVAILABLE, &message), 5)
        }
        Refusal::Store(error) => {
            tracing::error!(%error, "a request failed");
            let message = error.to_string();
            retry_after(answer::message(StatusCode::SERVICE_UNAVAILABLE, &message), 5)
        }
        Refusal::Internal(reason) => {
            tracing::error!(reason, "a request failed");
            answer::message(StatusCode::INTERNAL_SERVER_ERROR, "internal error")
        }
    }
}

fn precondition_failed(precondition: &str, help: &str) -> Response {
    let body = json!({
        "help_message": help,
        "message": "precondition failed",
        "precondition": precondition,
        "type": "precondition_failed",
    });
    answer::json(StatusCode::PRECONDITION_FAILED, &body)
}

fn quotas_exceeded(resource: &str, current: u64, quota: u64, message: &str) -> Response {
    let body = json!({
        "details": [{"current": current, "quota": quota, "resource": resource}],
        "message": message,
        "type": "quotas_exceeded",
    });
    answer::json(StatusCode::FORBIDDEN, &body)
}

fn not_found(resource: &str, id: &str) -> Response {
    let body = json!({
        "message": "resource is not found",
        "resource": resource,
        "resource_id": id,
        "type": "not_found",
    });
    answer::json(StatusCode::NOT_FOUND, &body)
}

fn already_exists(resource: &str, id: &str, help: &str) -> Response {
    let body = json!({
        "help_message": help,
        "message": "resource already exists",
        "resource": resource,
        "resource_id": id,
        "type": "already_exists",
    });
    answer::json(StatusCode::CONFLICT, &body)
}

/// What a kind of thing is called where errors have a type.
fn code(resource: Resource) -> &'static str {
    match resource {
        Resource::Namespace => "namespace",
        Resource::Application(product) => product.application(),
        Resource::AnyApplication => "application",
        Resource::Token => "token",
        Resource::Project => "project_id",
        Resource::Organization => "organization",
        Resource::User => "user",
        Resource::IamApplication => "application",
        Resource::Bearer => "bearer",
        Resource::Anything => "resource",
        Resource::Group => "group",
        // As recorded.
        Resource::Member => "",
        Resource::Policy => "policy",
        Resource::ApiKey => "access_key",
        Resource::SshKey => "ssh_key",
        Resource::Jwt => "jwt",
        Resource::Log => "log",
        Resource::Quota => "quotum",
        Resource::TrustKey => "trust_key",
    }
}

fn retry_after(mut response: Response, seconds: u64) -> Response {
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    response
}
