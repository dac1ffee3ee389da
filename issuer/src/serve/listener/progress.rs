//! How far a connection's requests are, whether their client keeps the service waiting, and the
//! time limits that go by it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::BoxError;
use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::rt::{Sleep, Timer};
use tokio::sync::Notify;
use tokio::time;

use crate::http::body::NoMoreTime;

/// How far a connection is.
///
/// One task reads, answers and closes a connection, and whoever else looks on takes what was true
/// a moment ago, so the order of memory doesn't matter.
#[derive(Debug)]
pub struct Progress {
    /// How many bytes arrived.
    received: AtomicU64,
    /// How many of them belong to requests that were read to their end, as far as is known.
    settled: AtomicU64,
    /// Whether the body of the last request wasn't read to its end.
    body_left: AtomicBool,
    began: Instant,
    /// How long after that the client was asked for what it has to send now, headers or a body, in
    /// nanoseconds. Sending a part of it is no new beginning.
    asked: AtomicU64,
    /// Whether the service waits for bytes of the client.
    bytes_awaited: AtomicBool,
    /// Whether the service waits for the client to read.
    reader_awaited: AtomicBool,
    /// Whether others want this connection's place.
    wanted: AtomicBool,
    told: Notify,
}

impl Progress {
    /// That of a connection that was accepted just now.
    pub fn new() -> Self {
        Self {
            received: AtomicU64::new(0),
            settled: AtomicU64::new(0),
            body_left: AtomicBool::new(false),
            began: Instant::now(),
            asked: AtomicU64::new(0),
            bytes_awaited: AtomicBool::new(true),
            reader_awaited: AtomicBool::new(false),
            wanted: AtomicBool::new(false),
            told: Notify::new(),
        }
    }

    /// Since when the client keeps the service waiting, if it does: with its next request, the rest
    /// of one that has begun, or with reading the answer. None while it is the client who waits.
    pub fn waiting_since(&self) -> Option<Instant> {
        let waits = self.bytes_awaited.load(Ordering::Relaxed)
            || self.reader_awaited.load(Ordering::Relaxed);
        let asked = Duration::from_nanos(self.asked.load(Ordering::Relaxed));
        waits.then(|| self.began.checked_add(asked)).flatten()
    }

    /// Ends whatever this connection waits for from its client, now and later, as if the time for
    /// it was over. What it does for its client is done, and answered.
    pub fn give_way(&self) {
        self.wanted.store(true, Ordering::Relaxed);
        self.told.notify_one();
    }

    /// Whether it was told to give way.
    pub fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    /// Comes back once, when it is told to give way: the connection is to be polled then.
    pub async fn told(&self) {
        self.told.notified().await;
    }

    /// The service begins or ends to wait for bytes of the client.
    pub fn await_bytes(&self, waits: bool) {
        self.bytes_awaited.store(waits, Ordering::Relaxed);
    }

    /// The service begins or ends to wait for the client to read.
    pub fn await_reader(&self, waits: bool) {
        self.reader_awaited.store(waits, Ordering::Relaxed);
    }

    /// Some bytes arrived.
    pub fn received(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }

    /// The headers of a request are awaited.
    pub fn head_is_awaited(&self) {
        self.settle();
        self.ask();
        self.await_bytes(true);
    }

    /// The headers of a request were read.
    pub fn head_is_read(&self) {
        self.settle();
        self.ask();
        self.await_bytes(false);
    }

    /// Whether a request has begun that wasn't read to its end.
    pub fn is_within_request(&self) -> bool {
        self.body_left.load(Ordering::Relaxed)
            || self.received.load(Ordering::Relaxed) != self.settled.load(Ordering::Relaxed)
    }

    /// What the client has to send begins anew.
    fn ask(&self) {
        let after = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.asked.store(after, Ordering::Relaxed);
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
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        self.progress.await_bytes(frame.is_pending());
        if frame.is_pending() && self.progress.is_wanted() {
            return Poll::Ready(Some(Err(NoMoreTime.into())));
        }
        let frame = ready!(frame);
        self.ended |= frame.is_none();
        Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)))
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
        self.progress.await_bytes(false);
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
        self.progress.head_is_awaited();
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
        if self.progress.is_wanted() {
            return Poll::Ready(());
        }
        if !self.begun && self.progress.is_within_request() {
            self.begun = true;
            self.sleep = Box::pin(time::sleep(self.head));
        }
        self.sleep.as_mut().poll(context)
    }
}
