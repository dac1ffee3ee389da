//! `/trust/v1`: what gateways are told.
//!
//! A namespace's checkpoint is for whoever asks: it has public keys and hashes. That of all
//! namespaces shows every tenant's ids, and needs a key.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, RANGE,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use namespace_jwt_core::trust::checkpoint::sequence_of_etag;
use namespace_jwt_core::trust::name::Digest;

use super::Api;
use super::call::authenticate;
use super::error::Failure;
use crate::feed::{Checkpoint, Log};
use crate::http::answer::JSON;
use crate::model::id;
use crate::model::trust::TrustScope;

const PREFER: HeaderName = HeaderName::from_static("prefer");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");

/// The longest that a request is held: less than requests may take in all.
const LONGEST_WAIT: u64 = 25;

/// How long a client of a checkpoint may do without asking again.
const ONE_SECOND: HeaderValue = HeaderValue::from_static("max-age=1");

pub async fn all(State(api): State<Api>, request: Request) -> Result<Response, Failure> {
    let (parts, _) = request.into_parts();
    authenticate(&parts, &api).await?;
    checkpoint(&api, TrustScope::All, &parts).await
}

pub async fn of_namespace(
    State(api): State<Api>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, _) = request.into_parts();
    checkpoint(&api, namespace(&id)?, &parts).await
}

pub async fn log_of_all(
    State(api): State<Api>,
    Path(epoch): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, _) = request.into_parts();
    authenticate(&parts, &api).await?;
    log(&api, TrustScope::All, &epoch, &parts.headers).await
}

pub async fn log_of_namespace(
    State(api): State<Api>,
    Path((id, epoch)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    log(&api, namespace(&id)?, &epoch, &headers).await
}

pub async fn object(State(api): State<Api>, Path(name): Path<String>) -> Result<Response, Failure> {
    let name = Digest::read(&name).ok_or(Failure::UnknownPath)?;
    let bytes = api.feed.object(name).await.ok_or(Failure::UnknownPath)?;
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    let never_changes = HeaderValue::from_static("public, max-age=31536000, immutable");
    headers.insert(CACHE_CONTROL, never_changes);
    Ok(response)
}

fn namespace(text: &str) -> Result<TrustScope, Failure> {
    id::parse(text).map(TrustScope::Namespace).ok_or(Failure::UnknownPath)
}

async fn checkpoint(api: &Api, scope: TrustScope, parts: &Parts) -> Result<Response, Failure> {
    let asked = parts.headers.get(IF_NONE_MATCH).and_then(|etag| etag.to_str().ok());
    let current = current(api, scope).await?;
    let at_once = || match asked == Some(current.etag.as_str()) {
        // One that is older than a second was signed anew just now, and has another tag.
        true => not_modified(&current),
        false => shown(&current),
    };
    let Some(wait) = preferred_wait(&parts.headers) else { return Ok(at_once()) };
    let mut answer = match asked.and_then(sequence_of_etag) {
        // Also where a replica is behind: an answer at once would be asked for again, for ever.
        Some(sequence) if sequence >= current.sequence => {
            let known = (sequence == current.sequence).then_some(sequence);
            // Without `Preference-Applied` a gateway knows to ask again only after a while.
            let Some(_waiting) = api.metrics.waiting.begin(known) else { return Ok(at_once()) };
            api.wait_for_news(scope, sequence, Duration::from_secs(wait)).await;
            shown(&self::current(api, scope).await?)
        }
        _ => shown(&current),
    };
    if let Ok(applied) = HeaderValue::from_str(&format!("wait={wait}")) {
        answer.headers_mut().insert(PREFERENCE_APPLIED, applied);
    }
    Ok(answer)
}

async fn current(api: &Api, scope: TrustScope) -> Result<Checkpoint, Failure> {
    api.feed.checkpoint(scope).await?.ok_or(Failure::UnknownPath)
}

fn shown(checkpoint: &Checkpoint) -> Response {
    let mut response = Response::new(Body::from(checkpoint.body.to_string()));
    tag(&mut response, checkpoint);
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response
}

fn not_modified(checkpoint: &Checkpoint) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    tag(&mut response, checkpoint);
    response
}

fn tag(response: &mut Response, checkpoint: &Checkpoint) {
    if let Ok(etag) = HeaderValue::from_str(&checkpoint.etag) {
        response.headers_mut().insert(ETAG, etag);
    }
    response.headers_mut().insert(CACHE_CONTROL, ONE_SECOND);
}

/// The seconds of `Prefer: wait=N` (RFC 7240 §4.3), as far as they are granted.
fn preferred_wait(headers: &HeaderMap) -> Option<u64> {
    let values = headers.get_all(PREFER).iter().filter_map(|value| value.to_str().ok());
    let preferences = values.flat_map(|value| value.split([',', ';']));
    let mut waits = preferences.filter_map(|it| {
        let (name, value) = it.split_once('=')?;
        let value = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("wait").then(|| value.parse::<u64>().ok())?
    });
    waits.next().map(|seconds| seconds.min(LONGEST_WAIT))
}

async fn log(
    api: &Api,
    scope: TrustScope,
    epoch: &str,
    headers: &HeaderMap,
) -> Result<Response, Failure> {
    let epoch = epoch.parse().map_err(|_| Failure::UnknownPath)?;
    let log = api.feed.log(scope, epoch).await?.ok_or(Failure::UnknownPath)?;
    let range = headers.get(RANGE).and_then(|range| range.to_str().ok());
    Ok(ranged(&log, range))
}

/// An answer with the part of a log that `Range` asks for (RFC 9110 §14). A range of another form is
/// ignored, as it may be. Whatever is asked for, the answer shares the log's bytes: anybody may ask,
/// and leave it unread.
fn ranged(log: &Log, range: Option<&str>) -> Response {
    let length = log.length();
    let asked = range.and_then(|range| {
        let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
        let last = if last.is_empty() { usize::MAX } else { last.parse().ok()? };
        let first = first.parse::<usize>().ok()?;
        (first <= last).then(|| (first, last.min(length.saturating_sub(1))))
    });
    let (status, body, content_range) = match asked {
        None => (StatusCode::OK, Body::new(log.part(0, length)), None),
        Some((first, last)) if first < length => {
            let content_range = format!("bytes {first}-{last}/{length}");
            let part = log.part(first, last.saturating_add(1));
            (StatusCode::PARTIAL_CONTENT, Body::new(part), Some(content_range))
        }
        Some(_) => {
            let content_range = format!("bytes */{length}");
            (StatusCode::RANGE_NOT_SATISFIABLE, Body::empty(), Some(content_range))
        }
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CACHE_CONTROL, ONE_SECOND);
    if let Some(Ok(value)) = content_range.map(|text| HeaderValue::from_str(&text)) {
        headers.insert(CONTENT_RANGE, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_is_read_as_rfc_7240_writes_it() {
        for (values, expected) in [
            (&["wait=10"][..], Some(10)),
            (&["respond-async, wait=10"], Some(10)),
            (&["respond-async", "Wait = \"7\""], Some(7)),
            (&["wait=0"], Some(0)),
            (&["wait=1000"], Some(LONGEST_WAIT)),
            (&["wait=x"], None),
            (&["wait"], None),
            (&["return=minimal"], None),
            (&[], None),
        ] {
            let headers =
                values.iter().map(|value| (PREFER, HeaderValue::from_static(value))).collect();
            assert_eq!(preferred_wait(&headers), expected, "{values:?}");
        }
    }

    #[test]
    fn a_part_of_a_log_is_what_was_asked_for() {
        let log = Log::default().and(&[*b"01234567", *b"89abcdef"]);
        for (range, status, content_range) in [
            (None, 200, None),
            (Some("bytes=0-"), 206, Some("bytes 0-15/16")),
            (Some("bytes=8-"), 206, Some("bytes 8-15/16")),
            (Some("bytes=2-5"), 206, Some("bytes 2-5/16")),
            (Some("bytes=2-100"), 206, Some("bytes 2-15/16")),
            (Some("bytes=16-"), 416, Some("bytes */16")),
            (Some("bytes=99-100"), 416, Some("bytes */16")),
            // Forms that nobody has to understand.
            (Some("bytes=-3"), 200, None),
            (Some("bytes=5-2"), 200, None),
            (Some("bytes=0-1,4-5"), 200, None),
            (Some("records=0-1"), 200, None),
        ] {
            let response = ranged(&log, range);
            let found = response.headers().get(CONTENT_RANGE).map(|it| it.to_str().unwrap());
            assert_eq!((response.status().as_u16(), found), (status, content_range), "{range:?}");
        }
        assert_eq!(ranged(&Log::default(), Some("bytes=0-")).status(), 416);
        assert_eq!(ranged(&Log::default(), None).status(), 200);
    }
}
