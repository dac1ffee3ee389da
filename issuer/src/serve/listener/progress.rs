//! How far the reading of a connection's requests is, and the time limit that goes by it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::rt::{Sleep, Timer};
use tokio::time;

/// How far the reading of a connection is.
///
/// One task reads, answers and closes a connection, so the order of memory doesn't matter.
#[derive(Debug, Default)]
pub struct Progress {
    /// How many bytes arrived.
    received: AtomicU64,
    /// How many of them belong to requests that were read to their end, as far as is known.
    settled: AtomicU64,
    /// Whether the body of the last request wasn't read to its end.
    body_left: AtomicBool,
}

impl Progress {
    /// Some bytes arrived.
    pub fn received(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The headers of a request were read.
    pub fn head_is_read(&self) {
        self.settle();
    }

    /// Whether a request has begun that wasn't read to its end.
    pub fn is_within_request(&self) -> bool {
        self.body_left.load(Ordering::Relaxed)
            || self.received.load(Ordering::Relaxed) != self.settled.load(Ordering::Relaxed)
    }

    fn settle(&self) {
        self.settled.store(self.received.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

/// A request's body that says whether it was read to its end.
pub struct Watched {
    body: Incoming,
    ended: bool,
    progress: Arc<Progress>,
}

impl Watched {
    /// The body of the request that is read next.
    pub fn new(body: Incoming, progress: Arc<Progress>) -> Self {
        Self { body, ended: false, progress }
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        self.ended |= frame.is_none();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let ended = self.ended || self.body.is_end_stream();
        self.progress.body_left.store(!ended, Ordering::Relaxed);
        if ended {
            self.progress.settle();
        }
    }
}

/// The clock that hyper measures the reading of a request's headers with.
///
/// hyper has one time limit for the headers, which begins when the connection is ready for
/// a request: on a connection that is kept alive the pause before the request counts. This
/// clock makes two of it, one for the pause and one from the first byte on. hyper asks for the
/// limit to be set (`sleep_until`) as it begins to wait for headers, and asks whether it has
/// passed whenever bytes have arrived that don't complete them.
pub struct HeadTimer {
    progress: Arc<Progress>,
    head: Duration,
    idle: Duration,
    /// Whether the connection has waited for its first request already.
    used: AtomicBool,
}

impl HeadTimer {
    /// A clock for one connection.
    pub fn new(progress: Arc<Progress>, head: Duration, idle: Duration) -> Self {
        Self { progress, head, idle, used: AtomicBool::new(false) }
    }
}

impl Timer for HeadTimer {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(Instant::now())
    }

    fn sleep_until(&self, _: Instant) -> Pin<Box<dyn Sleep>> {
        self.progress.settle();
        // Who has just connected has something to ask.
        let begun = !self.used.swap(true, Ordering::Relaxed);
        let limit = if begun { self.head } else { self.idle };
        Box::pin(HeadSleep {
            progress: Arc::clone(&self.progress),
            head: self.head,
            begun,
            sleep: Box::pin(time::sleep(limit)),
        })
    }
}

struct HeadSleep {
    progress: Arc<Progress>,
    head: Duration,
    /// Whether the limit is that of the headers already.
    begun: bool,
    sleep: Pin<Box<time::Sleep>>,
}

impl Sleep for HeadSleep {}

impl Future for HeadSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if !self.begun && self.progress.is_within_request() {
            self.begun = true;
            self.sleep = Box::pin(time::sleep(self.head));
        }
        self.sleep.as_mut().poll(context)
    }
}
