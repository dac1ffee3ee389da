//! What came in answer to this worker's own requests. Once all of a state is there, it is shared.

use std::time::Duration;

use namespace_jwt_core::trust::MAX_OBJECT_BYTES;
use namespace_jwt_core::trust::checkpoint::MAX_BYTES;
use namespace_jwt_core::trust::name::Digest;
use namespace_jwt_core::trust::pace::Ended;
use namespace_jwt_core::trust::refusal::Refusal;
use namespace_jwt_core::trust::state::{LogPart, News, State, Want};

use super::Follower;
use super::answer::Answer;
use super::proxy::{Failure, Proxy};
use super::shared::PIECE;

impl Follower {
    pub(super) fn take_checkpoint(&mut self, proxy: &impl Proxy, answer: &Answer, took: Duration) {
        if answer.body_size > MAX_BYTES {
            return self.refused(proxy, Want::Checkpoint, Refusal::Oversized);
        }
        let bytes = proxy.body(0, MAX_BYTES);
        let sequence = |state: &State| state.newest().map(|checkpoint| checkpoint.sequence);
        let before = sequence(&self.state);
        let no_news = self.trust.pace.without_news(took, answer.wait_applied);
        match self.state.checkpoint(&bytes, self.now) {
            Err(refusal) => return self.refused(proxy, Want::Checkpoint, refusal),
            Ok(News::Unchanged | News::Unneeded) => self.pause_in_vain(proxy, no_news),
            Ok(_) => {
                let is_news = sequence(&self.state) != before;
                self.pause(proxy, if is_news { Ended::News } else { no_news });
                self.shared.share_news(proxy, &bytes);
                self.newest = bytes.clone();
                self.seen = Some(bytes);
                let state = &self.state;
                self.fetched.retain(|(object, _)| state.place(*object).is_some());
                self.share(proxy);
            }
        }
        self.told.works(proxy);
    }

    pub(super) fn take_object(&mut self, proxy: &impl Proxy, hash: Digest, answer: &Answer) {
        let want = Want::Object(hash);
        if answer.body_size > MAX_OBJECT_BYTES {
            return self.refused(proxy, want, Refusal::Oversized);
        }
        let bytes = proxy.body(0, answer.body_size);
        match self.state.object(hash, &bytes, self.now) {
            Ok(news) => {
                self.fetched.push((hash, bytes));
                self.completed(proxy, news);
            }
            Err(refusal) => self.refused(proxy, want, refusal),
        }
    }

    /// In pieces, so that no more than one of them is held beside what is made of them.
    pub(super) fn take_log(&mut self, proxy: &impl Proxy, want: Want, answer: &Answer) {
        let Want::Log { epoch, from, until, .. } = want else { return };
        let begin = match (answer.status, answer.range_start) {
            (Some(206), Some(start)) if start != from => {
                return self.failed(proxy, want, Failure::Status(206));
            }
            (Some(206), _) => from,
            _ => 0,
        };
        for at in (0..answer.body_size.max(1)).step_by(PIECE) {
            let bytes = proxy.body(at, PIECE);
            let last = at.saturating_add(PIECE) >= answer.body_size;
            let part = LogPart { epoch, from: after(begin, at), bytes: &bytes, last };
            match self.state.log(part, self.now) {
                Err(refusal) => return self.refused(proxy, want, refusal),
                Ok(News::Incomplete) => {}
                Ok(News::Complete) => break,
                Ok(_) => return,
            }
        }
        // Nobody is to read what may still turn out to be wrong.
        if self.state.is_incomplete() {
            return;
        }
        // What a server sent beyond the end that was signed is nothing that was checked.
        let checked = usize::try_from(until.saturating_sub(begin)).unwrap_or(0);
        for at in (0..checked.min(answer.body_size)).step_by(PIECE) {
            let bytes = proxy.body(at, PIECE.min(checked.saturating_sub(at)));
            self.shared.share_log(proxy, epoch, after(begin, at), &bytes);
        }
        self.completed(proxy, News::Complete);
    }

    /// All is there: what comes next is news.
    fn completed(&mut self, proxy: &impl Proxy, news: News) {
        if news == News::Complete {
            self.pause(proxy, Ended::News);
            self.share(proxy);
        }
    }

    /// Shares a state that is whole: what it names, then the checkpoint.
    pub(super) fn share(&mut self, proxy: &impl Proxy) {
        let Some(checkpoint) = self.state.current().filter(|_| !self.state.is_incomplete()) else {
            return;
        };
        for (hash, object) in self.fetched.drain(..) {
            if let Some(place) = self.state.place(hash) {
                self.shared.share_object(proxy, place, &object);
            }
        }
        self.shared.share_checkpoint(proxy, &self.newest, checkpoint);
        self.shared.stay(proxy, self.trust.address());
    }
}

/// So many bytes later.
fn after(byte: u64, bytes: usize) -> u64 {
    byte.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX))
}
