//! `/trust/v1`: what gateways are told.
//!
//! A namespace's checkpoint is for whoever asks: it has public keys and hashes. That of all
//! namespaces shows every tenant's ids, and needs a key.

pub mod waiting;

use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_NONE_MATCH, RANGE,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::get;
use namespace_jwt_core::trust::checkpoint::sequence_of_etag;
use namespace_jwt_core::trust::name::Digest;
use serde_json::{Value, json};

use super::Api;
use super::asked::uuid;
use super::call::authenticate;
use super::error::Failure;
use super::openapi::failure;
use super::routes::Routes;
use crate::authority::Caller;
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

/// Adds the routes.
pub fn add_to(routes: &mut Routes) {
    let at = |path| format!("/trust/v1/{path}");
    let words = ("All", "Read the checkpoint of all namespaces");
    routes.plain(&at("all"), get(all), checkpoint_described(words, &[], true));
    let words = ("AllLog", "Read the log of revoked tokens of all namespaces");
    routes.plain(&at("all/log/{epoch}"), get(log_of_all), log_described(words, &["epoch"], true));
    let words = ("Namespace", "Read the checkpoint of a namespace");
    let path = at("namespaces/{id}");
    routes.plain(&path, get(of_namespace), checkpoint_described(words, &["id"], false));
    let words = ("NamespaceLog", "Read the log of revoked tokens of a namespace");
    let path = at("namespaces/{id}/log/{epoch}");
    let its_log = log_described(words, &["id", "epoch"], false);
    routes.plain(&path, get(log_of_namespace), its_log);
    let words = ("Object", "Read what a checkpoint names by its hash");
    let bytes = json!({"description": "Its bytes.", "content": {
        "application/json": {"schema": {"type": "object"}},
    }});
    let its_bytes = described(words, &["name"], false, json!([]), &[("200", bytes)]);
    routes.plain(&at("objects/{name}"), get(object), its_bytes);
}

fn checkpoint_described(words: Words, names: &[&str], needs_key: bool) -> Value {
    let header = |name| json!({"in": "header", "name": name, "schema": {"type": "string"}});
    let parameters = json!([header("If-None-Match"), header("Prefer")]);
    let shown = json!({"description": "A signed checkpoint.", "content": {
        "application/json": {"schema": {"type": "object"}},
    }});
    let as_known = json!({"description": "It is the one of `If-None-Match`."});
    described(words, names, needs_key, parameters, &[("200", shown), ("304", as_known)])
}

fn log_described(words: Words, names: &[&str], needs_key: bool) -> Value {
    let parameters = json!([{"in": "header", "name": "Range", "schema": {"type": "string"}}]);
    let bytes = json!({"application/octet-stream": {"schema": {"type": "string"}}});
    let all = json!({"description": "Records of 8 bytes.", "content": bytes});
    let part = json!({"description": "A part of them.", "content": bytes});
    let none = json!({"description": "There are none there."});
    let answers = [("200", all), ("206", part), ("416", none)];
    described(words, names, needs_key, parameters, &answers)
}

/// The name of an operation, and what it does.
type Words = (&'static str, &'static str);

fn described(
    (name, summary): Words,
    names: &[&str],
    needs_key: bool,
    mut parameters: Value,
    answers: &[(&str, Value)],
) -> Value {
    let schema = |name: &str| match name {
        "epoch" => json!({"type": "integer", "minimum": 1}),
        "name" => json!({"type": "string", "pattern": "^[0-9a-f]{64}$"}),
        _ => uuid(),
    };
    if let Some(parameters) = parameters.as_array_mut() {
        parameters.extend(names.iter().map(
            |name| json!({"in": "path", "name": name, "required": true, "schema": schema(name)}),
        ));
    }
    let missing = ("404", failure("There is no such thing.", "Message"));
    let away = ("503", failure("The database is away, or the log is too long.", "Message"));
    let unknown = ("401", failure("No good key.", "DeniedAuthentication"));
    let limited = ("429", failure("Too many requests of this address had no good key.", "Error"));
    let denied = [unknown, limited].into_iter().filter(|_| needs_key);
    let responses: serde_json::Map<_, _> = answers
        .iter()
        .cloned()
        .chain([missing, away])
        .chain(denied)
        .map(|(status, it)| (status.to_owned(), it))
        .collect();
    let security = if needs_key { json!([{"key": []}]) } else { json!([]) };
    json!({"get": {
        "operationId": format!("Trust.{name}"),
        "parameters": parameters,
        "responses": responses,
        "security": security,
        "summary": summary,
        "tags": ["Trust feed"],
    }})
}

async fn all(State(api): State<Api>, request: Request) -> Result<Response, Failure> {
    let (parts, _) = request.into_parts();
    let caller = authenticate(&parts, &api).await?;
    api.authority.check_follows_all(&caller).await?;
    checkpoint(&api, TrustScope::All, Some(&caller), &parts).await
}

async fn of_namespace(
    State(api): State<Api>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, _) = request.into_parts();
    checkpoint(&api, namespace(&id)?, None, &parts).await
}

async fn log_of_all(
    State(api): State<Api>,
    Path(epoch): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let (parts, _) = request.into_parts();
    let caller = authenticate(&parts, &api).await?;
    api.authority.check_follows_all(&caller).await?;
    log(&api, TrustScope::All, &epoch, &parts.headers).await
}

async fn log_of_namespace(
    State(api): State<Api>,
    Path((id, epoch)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    log(&api, namespace(&id)?, &epoch, &headers).await
}

async fn object(State(api): State<Api>, Path(name): Path<String>) -> Result<Response, Failure> {
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

async fn checkpoint(
    api: &Api,
    scope: TrustScope,
    caller: Option<&Caller>,
    parts: &Parts,
) -> Result<Response, Failure> {
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
            // Whoever was held may have lost the key, or the right, meanwhile.
            if let Some(caller) = caller {
                api.authority.check_follows_all(caller).await?;
            }
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
