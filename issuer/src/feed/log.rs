//! A log's bytes, which all answers share that are being read.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

use crate::model::trust::Record;

/// The bytes of one piece: what a change of a log copies at most, and what an answer that isn't read
/// keeps at most of a log that is over.
const PIECE: usize = 1 << 16;

/// A log's bytes, in pieces that the log of the next change has as well. Clones share them all.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// All but the last have [`PIECE`] bytes.
    pieces: Arc<Vec<Bytes>>,
    length: usize,
}

impl Log {
    /// The log with more records. Nothing is copied but its last piece.
    pub fn and(&self, records: &[Record]) -> Self {
        if records.is_empty() {
            return self.clone();
        }
        let more = records.as_flattened();
        let mut pieces = Vec::clone(&self.pieces);
        let last = pieces.pop_if(|last| last.len() < PIECE).unwrap_or_default();
        let mut rest = last.to_vec();
        rest.extend_from_slice(more);
        pieces.extend(rest.chunks(PIECE).map(Bytes::copy_from_slice));
        Self { pieces: Arc::new(pieces), length: self.length.saturating_add(more.len()) }
    }

    /// How many bytes it has.
    pub fn length(&self) -> usize {
        self.length
    }

    /// The bytes from one place up to another, to be sent. It copies none.
    pub fn part(&self, from: usize, to: usize) -> Part {
        let end = to.min(self.length);
        Part { log: self.clone(), at: from.min(end), end }
    }

    /// All of its bytes, one after the other.
    pub fn whole(&self) -> Bytes {
        self.pieces.concat().into()
    }

    /// Its pieces, which all that have it share.
    pub fn pieces(&self) -> impl Iterator<Item = &Bytes> {
        self.pieces.iter()
    }

    /// What of it doesn't keep it in memory.
    pub fn downgrade(&self) -> WeakLog {
        WeakLog { pieces: Arc::downgrade(&self.pieces), length: self.length }
    }
}

/// A log as long as somebody else keeps it.
#[derive(Debug)]
pub struct WeakLog {
    pieces: std::sync::Weak<Vec<Bytes>>,
    length: usize,
}

impl WeakLog {
    /// The log, if somebody still has it.
    pub fn upgrade(&self) -> Option<Log> {
        Some(Log { pieces: self.pieces.upgrade()?, length: self.length })
    }

    /// Whether nobody has it any more.
    pub fn is_gone(&self) -> bool {
        self.pieces.strong_count() == 0
    }
}

/// The body of an answer that has a part of a log.
#[derive(Debug)]
pub struct Part {
    log: Log,
    at: usize,
    end: usize,
}

impl HttpBody for Part {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let (at, end) = (self.at, self.end);
        let Some(piece) = self.log.pieces.get(at / PIECE).filter(|_| at < end) else {
            return Poll::Ready(None);
        };
        let from = at % PIECE;
        let to = piece.len().min(from.saturating_add(end.saturating_sub(at)));
        let bytes = piece.slice(from.min(to)..to);
        self.at = at.saturating_add(bytes.len());
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.at >= self.end
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(u64::try_from(self.end.saturating_sub(self.at)).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that can't go on says so by panicking")]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    /// A log that is built in steps of some records.
    fn built(records: usize, step: usize) -> (Log, Vec<u8>) {
        let records: Vec<Record> = (0..records).map(|it| it.to_be_bytes()).collect();
        let log = records.chunks(step).fold(Log::default(), |log, more| log.and(more));
        (log, records.concat())
    }

    async fn frames(log: &Log, from: usize, to: usize) -> Vec<Bytes> {
        let mut part = log.part(from, to);
        let mut frames = Vec::new();
        while let Some(frame) = part.frame().await {
            frames.push(frame.unwrap().into_data().unwrap());
        }
        frames
    }

    #[tokio::test]
    async fn a_part_has_the_bytes_that_it_says() {
        let (log, bytes) = built(3 * PIECE / 8 + 5, 1000);
        assert_eq!((log.length(), &log.whole()[..]), (bytes.len(), &bytes[..]));
        let all = bytes.len();
        for (from, to) in [
            (0, all),
            (0, 1),
            (PIECE - 1, PIECE + 1),
            (PIECE, 2 * PIECE),
            (5, all - 5),
            (all - 1, all),
            (all, all),
            (7, 7),
            (0, usize::MAX),
            (usize::MAX, usize::MAX),
        ] {
            let expected = &bytes[from.min(all)..to.min(all)];
            assert_eq!(log.part(from, to).size_hint().exact(), u64::try_from(expected.len()).ok());
            assert_eq!(log.part(from, to).is_end_stream(), expected.is_empty(), "{from} to {to}");
            assert_eq!(frames(&log, from, to).await.concat(), expected, "{from} to {to}");
        }
    }

    #[tokio::test]
    async fn answers_and_the_logs_of_later_changes_share_their_bytes() {
        let (log, _) = built(3 * PIECE / 8 + 5, 1000);
        let later = log.and(&[[1; 8]]);
        let places = |frames: Vec<Bytes>| frames.iter().map(|it| it.as_ptr()).collect::<Vec<_>>();
        let own = places(log.pieces.to_vec());
        assert_eq!(own.len(), 4);
        assert_eq!(places(frames(&log, 0, usize::MAX).await), own);
        assert_eq!(places(frames(&log, 0, usize::MAX).await), own);
        // A part begins within a piece.
        assert_eq!(places(frames(&log, PIECE, usize::MAX).await), own[1..]);
        assert_eq!(places(frames(&later, 0, usize::MAX).await)[..3], own[..3]);
    }
}
