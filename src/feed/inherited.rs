//! What other workers have fetched, and what was known before this one began. It is judged as if it
//! came now: other plugins may have written it.

use namespace_jwt_core::trust::checkpoint::Checkpoint;
use namespace_jwt_core::trust::log::RECORD_BYTES;
use namespace_jwt_core::trust::refusal::Refusal;
use namespace_jwt_core::trust::state::{LogPart, News, Want};

use super::Follower;
use super::proxy::{Counted, Proxy};
use super::shared::Shared;

impl Follower {
    /// Takes what others have whole, or had before another key was pinned, and then shares it here.
    /// It is judged as if it came now.
    pub(super) fn inherit(&mut self, proxy: &impl Proxy) {
        self.take_whole(proxy, self.shared.checkpoint(proxy), None);
        let before = Shared::before(proxy, self.trust.address());
        let Some(before) = before.filter(|_| self.state.current().is_none()) else { return };
        self.take_whole(proxy, before.checkpoint(proxy), Some(&before));
        if let Some(Checkpoint { epoch, log_length, .. }) = self.state.current() {
            let end = u64::from(*log_length).saturating_mul(RECORD_BYTES);
            self.shared.copy_log(proxy, &before, *epoch, end);
            self.share(proxy);
        }
    }

    fn take_whole(&mut self, proxy: &impl Proxy, whole: Option<Vec<u8>>, of: Option<&Shared>) {
        let Some(bytes) = whole else { return };
        if self.state.checkpoint(&bytes, self.now).is_ok() {
            self.newest = bytes.clone();
            self.seen = Some(bytes);
            self.take_parts(proxy, of);
        }
    }

    pub(super) fn take_shared(&mut self, proxy: &impl Proxy) {
        let Some(bytes) = self.shared.news(proxy) else { return };
        if self.seen.as_ref() != Some(&bytes) {
            let found = self.state.checkpoint(&bytes, self.now);
            self.seen = Some(bytes.clone());
            match found {
                Err(refusal) => return self.disturbed_by(proxy, refusal),
                Ok(News::Unchanged | News::Unneeded) => {}
                Ok(_) => self.newest = bytes,
            }
        }
        self.take_parts(proxy, None);
    }

    /// Takes what is missing, as far as it is there, or in another place.
    fn take_parts(&mut self, proxy: &impl Proxy, other: Option<&Shared>) {
        while self.state.is_incomplete() && self.take_part(proxy, other) {}
    }

    fn take_part(&mut self, proxy: &impl Proxy, other: Option<&Shared>) -> bool {
        let places = [Some(&self.shared), other];
        let places = || places.iter().flatten();
        for want in self.state.missing() {
            let found = match want {
                Want::Checkpoint => None,
                Want::Object(hash) => self.state.place(hash).and_then(|place| {
                    let bytes = places().find_map(|it| it.object(proxy, place, hash))?;
                    let taken = self.state.object(hash, &bytes, self.now);
                    if other.is_some() && taken.is_ok() {
                        self.fetched.push((hash, bytes));
                    }
                    Some(taken)
                }),
                Want::Log { epoch, from, .. } => {
                    let piece = places().find_map(|it| it.log(proxy, epoch, from));
                    piece.map(|(from, bytes)| {
                        let part = LogPart { epoch, from, bytes: &bytes, last: false };
                        self.state.log(part, self.now)
                    })
                }
            };
            match found {
                None => {}
                Some(Ok(_)) => return true,
                Some(Err(refusal)) => {
                    self.disturbed_by(proxy, refusal);
                    return false;
                }
            }
        }
        false
    }

    fn disturbed_by(&mut self, proxy: &impl Proxy, refusal: Refusal) {
        // What an issuer signed for these workers comes from one of them, though it is late, or the
        // clocks differ, or they have heard of different replicas.
        let signed = matches!(
            refusal,
            Refusal::WrongIssuer
                | Refusal::FromTheFuture
                | Refusal::Older
                | Refusal::Conflict
                | Refusal::Stale
        );
        if signed {
            return;
        }
        proxy.count(Counted::Refused(refusal));
        self.told.disturbed(proxy, refusal);
        self.reliance.wanting(self.now.monotonic);
    }
}
