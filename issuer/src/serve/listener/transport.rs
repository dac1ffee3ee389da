//! A connection's bytes, with an end to what a client may draw out.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use crate::serve::listener::Limits;
use crate::serve::listener::progress::Progress;

/// A TCP connection that counts what arrives, doesn't wait for ever to write, and is closed
/// such that the client reads the last answer.
pub struct Transport {
    stream: TcpStream,
    progress: Arc<Progress>,
    limits: Limits,
    /// Runs while the client doesn't read.
    unread: Option<Pin<Box<Sleep>>>,
    /// Runs once nothing more is written.
    linger: Option<Pin<Box<Sleep>>>,
    /// How many bytes may still be dropped after that.
    linger_bytes: u64,
}

impl Transport {
    /// The connection `stream`, whose reading `progress` has.
    pub fn new(stream: TcpStream, progress: Arc<Progress>, limits: Limits) -> Self {
        let linger_bytes = limits.linger_bytes;
        Self { stream, progress, limits, unread: None, linger: None, linger_bytes }
    }

    /// What a write came to, or that the client has left too much unread for too long.
    fn in_time<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            if self.unread.take().is_some() {
                self.progress.await_reader(false);
            }
            return written;
        }
        self.progress.await_reader(true);
        let limit = self.limits.unread;
        let unread = self.unread.get_or_insert_with(|| Box::pin(sleep(limit)));
        if !self.progress.is_wanted() {
            ready!(unread.as_mut().poll(context));
        }
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// Reads and drops what still arrives: a connection that is closed with unread bytes is
    /// reset, and the reset takes the answer away from a client that hasn't read it yet.
    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.progress.await_bytes(true);
        let limit = self.limits.linger;
        let linger = self.linger.get_or_insert_with(|| Box::pin(sleep(limit)));
        if linger.as_mut().poll(context).is_ready() || self.progress.is_wanted() {
            return Poll::Ready(());
        }
        let mut dropped = [0; 16 << 10];
        while self.linger_bytes > 0 {
            let mut buffer = ReadBuf::new(&mut dropped);
            let read = ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer));
            let bytes = u64::try_from(buffer.filled().len()).unwrap_or(u64::MAX);
            if read.is_err() || bytes == 0 {
                break;
            }
            self.linger_bytes = self.linger_bytes.saturating_sub(bytes);
        }
        Poll::Ready(())
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = ready!(Pin::new(&mut self.stream).poll_read(context, buffer));
        self.progress.received(buffer.filled().len().saturating_sub(before));
        Poll::Ready(read)
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.in_time(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.in_time(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.in_time(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            if !self.progress.is_within_request() {
                return Poll::Ready(Ok(()));
            }
        }
        self.poll_linger(context).map(Ok)
    }
}
