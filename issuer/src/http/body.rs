//! Reading a request's body, within limits.

use std::error::Error;
use std::fmt;
use std::pin::pin;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::http::answer;

/// How much of a body is kept without one of the [`LARGE`] places, in bytes.
const SMALL: usize = 16 << 10;

/// The places for longer bodies, so that the memory for all of them has a bound, however many are
/// sent at once. Who finds none waits, for as long as a body may take.
static LARGE: Semaphore = Semaphore::const_new(LARGE_AT_ONCE);

/// How many there are.
const LARGE_AT_ONCE: usize = 32;

/// How much of a request's body is read, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// How long a body may be, in bytes.
    pub bytes: usize,
    /// How much of a body that is too long is read all the same, in bytes, and dropped. A client
    /// that sends everything before it reads the answer sees it then, and can go on with the
    /// same connection.
    pub dropped_bytes: usize,
    /// How long the whole body may take.
    pub time: Duration,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self { bytes: 1 << 20, dropped_bytes: 8 << 20, time: Duration::from_secs(20) }
    }
}

/// Why a request's body can't be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// It is longer than is permitted, and was read to its end.
    TooLong,
    /// It is longer than is permitted, and wasn't read to its end.
    FarTooLong,
    /// It didn't arrive in time.
    TooSlow,
    /// The connection ended within it, or its framing is wrong.
    Broken,
}

impl BodyError {
    /// The status that says so.
    pub fn status(self) -> StatusCode {
        match self {
            Self::TooLong | Self::FarTooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::Broken => StatusCode::BAD_REQUEST,
        }
    }
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong | Self::FarTooLong => "the request's body is longer than is permitted",
            Self::TooSlow => "the request's body didn't arrive in time",
            Self::Broken => "the request's body can't be read to its end",
        })
    }
}

impl Error for BodyError {}

/// What a body's reading fails with when the connection has no more time for the rest of it.
#[derive(Clone, Copy, Debug)]
pub struct NoMoreTime;

impl fmt::Display for NoMoreTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection has no more time for the request's body")
    }
}

impl Error for NoMoreTime {}

impl IntoResponse for BodyError {
    fn into_response(self) -> Response {
        let mut answer = answer::message(self.status(), &self.to_string());
        if self != Self::TooLong {
            // What is left of the body would be read as the next request.
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }
}

/// Reads a body and keeps nothing, so that a client that is refused already sees the answer.
pub async fn drop_all(body: Body) {
    let limits = BodyLimits { bytes: 0, ..BodyLimits::default() };
    // What is wrong with it doesn't matter any more.
    let _ = read(body, &limits).await;
}

/// Reads a body to its end.
///
/// # Errors
///
/// If the body is longer than the limit, doesn't arrive in time, or ends before its end.
pub async fn read(body: Body, limits: &BodyLimits) -> Result<Bytes, BodyError> {
    let mut body = pin!(body);
    // What a client announces is no reason to set memory aside.
    let mut kept = Vec::new();
    let mut length = 0_usize;
    let mut place = None;
    let reading = async {
        let furthest = limits.bytes.max(limits.dropped_bytes);
        // Nothing is read of a body that is known not to end within that.
        while ends_within(&body, furthest, length) {
            let Some(frame) = body.frame().await else { return Ok(()) };
            // Trailers are none of the body's bytes.
            let Ok(data) = frame.map_err(failure)?.into_data() else { continue };
            length = length.saturating_add(data.len());
            if length <= limits.bytes {
                if length > SMALL && place.is_none() {
                    // It is never closed.
                    place = LARGE.acquire().await.ok();
                }
                kept.extend_from_slice(&data);
            } else {
                kept = Vec::new();
                place = None;
            }
        }
        Err(BodyError::FarTooLong)
    };
    let outcome = timeout(limits.time, reading).await.unwrap_or(Err(BodyError::TooSlow));
    match outcome {
        Ok(()) if length > limits.bytes => Err(BodyError::TooLong),
        Ok(()) => Ok(Bytes::from(kept)),
        // What is wrong first is what the client hears of.
        Err(_) if length > limits.bytes => Err(BodyError::FarTooLong),
        Err(error) => Err(error),
    }
}

fn failure(error: axum::Error) -> BodyError {
    if error.into_inner().is::<NoMoreTime>() { BodyError::TooSlow } else { BodyError::Broken }
}

/// Whether the rest of a body, of which `length` bytes were read, may end within `furthest` bytes.
fn ends_within(body: &Body, furthest: usize, length: usize) -> bool {
    let room = furthest.checked_sub(length).and_then(|room| u64::try_from(room).ok());
    room.is_some_and(|room| body.size_hint().lower() <= room)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll};

    use axum::BoxError;
    use axum::http::header::CONTENT_TYPE;
    use hyper::body::{Frame, SizeHint};

    use super::*;

    const LIMITS: BodyLimits =
        BodyLimits { bytes: 10, dropped_bytes: 30, time: Duration::from_millis(50) };

    /// A body in chunks, of five bytes as a rule, which counts how many were taken.
    struct Chunks {
        chunk: &'static [u8],
        left: usize,
        taken: Arc<AtomicUsize>,
        /// Whether it goes on without an end, or without a word.
        then: Poll<()>,
        announced: u64,
    }

    impl HttpBody for Chunks {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            if self.left == 0 {
                return self.then.map(|()| None);
            }
            self.left -= 1;
            self.taken.fetch_add(1, Ordering::Relaxed);
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(self.chunk)))))
        }

        fn size_hint(&self) -> SizeHint {
            let mut hint = SizeHint::new();
            hint.set_lower(self.announced);
            hint
        }
    }

    async fn read_chunks(
        left: usize,
        then: Poll<()>,
        announced: u64,
    ) -> (Result<Bytes, BodyError>, usize) {
        let taken = Arc::new(AtomicUsize::new(0));
        let chunks = Chunks { chunk: b"12345", left, taken: Arc::clone(&taken), then, announced };
        let outcome = read(Body::new(chunks), &LIMITS).await;
        (outcome, taken.load(Ordering::Relaxed))
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_its_limit_and_dropped_up_to_another() {
        let whole = |text: &'static str| Ok(Bytes::from_static(text.as_bytes()));
        let (ready, silent) = (Poll::Ready(()), Poll::Pending);
        let cases = [
            ("nothing", 0, ready, 0, whole(""), 0),
            ("as much as is permitted", 2, ready, 0, whole("1234512345"), 2),
            ("more than that", 3, ready, 0, Err(BodyError::TooLong), 3),
            ("as much as is dropped", 6, ready, 0, Err(BodyError::TooLong), 6),
            ("more than is dropped", 100, ready, 0, Err(BodyError::FarTooLong), 7),
            ("announced as more than that", 100, ready, 31, Err(BodyError::FarTooLong), 0),
            ("silence", 0, silent, 0, Err(BodyError::TooSlow), 0),
            ("silence within the body", 2, silent, 0, Err(BodyError::TooSlow), 2),
            ("silence within what is dropped", 3, silent, 0, Err(BodyError::FarTooLong), 3),
        ];
        for (case, left, then, announced, expected, taken) in cases {
            assert_eq!(read_chunks(left, then, announced).await, (expected, taken), "{case}");
        }
    }

    #[tokio::test]
    async fn so_many_long_bodies_are_kept_at_once_and_further_ones_wait() {
        let taken = Arc::new(AtomicUsize::new(0));
        let limits = BodyLimits { time: Duration::from_secs(60), ..BodyLimits::default() };
        let begin = |then| {
            let chunk = &[b'x'; 8 << 10];
            let chunks = Chunks { chunk, left: 4, taken: Arc::clone(&taken), then, announced: 0 };
            tokio::spawn(async move { read(Body::new(chunks), &limits).await })
        };
        let silent: Vec<_> = (0..LARGE_AT_ONCE).map(|_| begin(Poll::Pending)).collect();
        let waits = begin(Poll::Ready(()));
        // One processor runs these, each until it waits.
        tokio::task::yield_now().await;
        assert_eq!(taken.load(Ordering::Relaxed), LARGE_AT_ONCE * 4 + 3);
        silent[0].abort();
        assert_eq!(waits.await.unwrap().unwrap().len(), 32 << 10);
    }

    struct Fails(Option<BoxError>);

    impl HttpBody for Fails {
        type Data = Bytes;
        type Error = BoxError;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
            Poll::Ready(self.0.take().map(Err))
        }
    }

    #[tokio::test]
    async fn a_body_for_which_there_is_no_more_time_was_too_slow() {
        let cases: [(BoxError, _); 2] =
            [(NoMoreTime.into(), BodyError::TooSlow), ("reset".into(), BodyError::Broken)];
        for (error, expected) in cases {
            assert_eq!(read(Body::new(Fails(Some(error))), &LIMITS).await, Err(expected));
        }
    }

    #[tokio::test]
    async fn each_failure_is_json_and_closes_a_connection_whose_body_is_not_read() {
        let cases = [
            (BodyError::TooLong, 413, None),
            (BodyError::FarTooLong, 413, Some("close")),
            (BodyError::TooSlow, 408, Some("close")),
            (BodyError::Broken, 400, Some("close")),
        ];
        for (error, status, connection) in cases {
            let (parts, body) = error.into_response().into_parts();
            assert_eq!(parts.status, status);
            assert_eq!(parts.headers[CONTENT_TYPE], "application/json");
            let found = parts.headers.get(CONNECTION).map(|it| it.to_str().unwrap());
            assert_eq!(found, connection, "{error:?}");
            let body = body.collect().await.unwrap().to_bytes();
            let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["message"], error.to_string());
        }
    }
}
