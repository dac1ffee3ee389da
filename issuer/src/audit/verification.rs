//! Bytes in, and whether they are a whole log that a known key signed.

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use namespace_jwt_core::key::{Material, pem};
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::trust::checkpoint::{KeyId, TrustKeyError};
use namespace_jwt_core::trust::name::Digest;

use super::export::signed_bytes;
use super::fault::{Fault, Malformation, Wrong};
use super::line::{self, Head, MAX_KEYS, PublicKey, SignedHead};
use super::lines::Lines;
use super::{Removed, gap, next, start};
use crate::model::audit::AuditRecord;

/// The keys by one of which a log has to be signed.
#[derive(Clone, Debug)]
pub struct TrustedKeys(Vec<PublicKey>);

impl TrustedKeys {
    /// The public keys in a text, each in PEM, as `issuer trust key` prints them.
    ///
    /// # Errors
    ///
    /// When there is none or there are more than 8, or one isn't an Ed25519 key.
    pub fn from_pem(text: &str) -> Result<Self, TrustKeyError> {
        let read = |block: String| match pem::public_key(&block).map_err(TrustKeyError::Key)? {
            Material::Ed25519(key) => Ok(*key),
            other => Err(TrustKeyError::Type(other.describe())),
        };
        let keys: Vec<_> = pem::blocks(text).into_iter().map(read).collect::<Result<_, _>>()?;
        match keys.len() {
            1..=MAX_KEYS => Ok(Self(keys)),
            count => Err(TrustKeyError::Count(count)),
        }
    }

    /// What a head says, if each of its keys signed it and one of them is trusted. It tells which
    /// of them are.
    fn verify(&self, signed: SignedHead) -> Result<(Head, Vec<KeyId>), Wrong> {
        let SignedHead { head, text, signatures } = signed;
        let bytes = signed_bytes(&text);
        // All of them: what nobody checks could be changed unnoticed.
        for (key, signature) in head.keys.iter().zip(&signatures) {
            let public = UnparsedPublicKey::new(&ED25519, key);
            if public.verify(&bytes, signature).is_err() {
                return Err(Wrong::BadSignature(KeyId::of(key)));
            }
        }
        let known = head.keys.iter().filter(|key| self.0.contains(key));
        let known: Vec<_> = known.map(KeyId::of).collect();
        match known.is_empty() {
            true => Err(Wrong::OtherKeys(head.keys.iter().map(KeyId::of).collect())),
            false => Ok((head, known)),
        }
    }
}

/// A log that is being read.
#[derive(Debug)]
pub struct Verification {
    lines: Lines,
    chain: Chain,
}

impl Verification {
    /// Nothing is read yet. With an earlier export, the log has to begin with all that was in it.
    pub fn new(keys: TrustedKeys, earlier: Option<Earlier>) -> Self {
        let chain = Chain {
            keys,
            earlier,
            hash: start(),
            entries: 0,
            number: 0,
            removed: Removed::default(),
            first: None,
            last: None,
            head: None,
        };
        Self { lines: Lines::default(), chain }
    }

    /// Takes the next bytes of the file, in pieces of any size.
    ///
    /// # Errors
    ///
    /// The first [`Fault`].
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let Self { lines, chain } = self;
        lines.push(bytes, |line, text| chain.line(text).map_err(|wrong| Fault { line, wrong }))
    }

    /// How many entries were read.
    pub fn entries(&self) -> u64 {
        self.chain.entries
    }

    /// Takes the end of the file.
    ///
    /// # Errors
    ///
    /// The [`Fault`] that there isn't more.
    pub fn finish(self) -> Result<Verified, Fault> {
        let Self { lines, chain } = self;
        lines.finish()?;
        let entries = chain.entries;
        let Some((head, signed_by)) = chain.head else {
            return Err(Fault { line: lines.number(), wrong: Wrong::NoHead(entries) });
        };
        let Chain { first, last, removed, .. } = chain;
        Ok(Verified { entries, first, last, signed_at: head.signed_at, signed_by, removed })
    }
}

/// What the lines so far come to.
#[derive(Debug)]
struct Chain {
    keys: TrustedKeys,
    earlier: Option<Earlier>,
    hash: Digest,
    entries: u64,
    number: u64,
    removed: Removed,
    first: Option<UnixTime>,
    last: Option<UnixTime>,
    head: Option<(Head, Vec<KeyId>)>,
}

impl Chain {
    fn line(&mut self, line: &[u8]) -> Result<(), Wrong> {
        if self.head.is_some() {
            return Err(Wrong::BehindHead);
        }
        if line::is_head(line) {
            return self.end(line::read_head(line).map_err(Wrong::Malformed)?);
        }
        let (record, content, hash) = line::read_entry(line).map_err(Wrong::Malformed)?;
        self.follow(&record, &content, hash)?;
        self.compare()
    }

    fn follow(&mut self, record: &AuditRecord, content: &str, hash: Digest) -> Result<(), Wrong> {
        let (number, after) = (record.number, self.number);
        if number <= after {
            return Err(Wrong::OutOfOrder { number, after });
        }
        if next(self.hash, content) != hash {
            return Err(gap(after, number).map_or(Wrong::Changed, Wrong::Missing));
        }
        self.removed.note(after, number);
        (self.hash, self.number) = (hash, number);
        self.entries = self.entries.saturating_add(1);
        self.first.get_or_insert(record.created_at);
        self.last = Some(record.created_at);
        Ok(())
    }

    /// Where the earlier export ended, what is hashed so far has to be what was then.
    fn compare(&self) -> Result<(), Wrong> {
        match self.earlier {
            Some(Earlier { entries, hash }) if entries == self.entries && hash != self.hash => {
                Err(Wrong::Rewritten(entries))
            }
            _ => Ok(()),
        }
    }

    fn end(&mut self, signed: SignedHead) -> Result<(), Wrong> {
        let (head, known) = self.keys.verify(signed)?;
        if head.entries != self.entries {
            return Err(Wrong::OtherCount { head: head.entries, found: self.entries });
        }
        if head.hash != self.hash {
            return Err(Wrong::OtherHash);
        }
        if let Some(Earlier { entries: earlier, .. }) = self.earlier
            && earlier > self.entries
        {
            return Err(Wrong::Shorter { earlier, found: self.entries });
        }
        self.head = Some((head, known));
        Ok(())
    }
}

/// A log that is whole, as a trusted key signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    entries: u64,
    first: Option<UnixTime>,
    last: Option<UnixTime>,
    signed_at: UnixTime,
    signed_by: Vec<KeyId>,
    removed: Removed,
}

impl Verified {
    /// How many entries it has.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// When its first and its last entry were made, if it has any.
    pub fn times(&self) -> Option<(UnixTime, UnixTime)> {
        self.first.zip(self.last)
    }

    /// When it was signed.
    pub fn signed_at(&self) -> UnixTime {
        self.signed_at
    }

    /// Those of the trusted keys that signed it: one at least.
    pub fn signed_by(&self) -> &[KeyId] {
        &self.signed_by
    }

    /// What somebody had removed from the database when it was exported.
    pub fn removed(&self) -> &Removed {
        &self.removed
    }
}

/// Where an earlier export ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earlier {
    entries: u64,
    hash: Digest,
}

impl Earlier {
    /// How many entries it has.
    pub fn entries(&self) -> u64 {
        self.entries
    }
}

/// An earlier export that is being read for its last line, which may be all that was kept. The hash
/// there stands for the lines before, so those aren't looked at.
#[derive(Debug, Default)]
pub struct EarlierExport {
    lines: Lines,
    last: Vec<u8>,
}

impl EarlierExport {
    /// Takes the next bytes of the file, in pieces of any size.
    ///
    /// # Errors
    ///
    /// [`Fault`], where a line is too long.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let Self { lines, last } = self;
        lines.push(bytes, |_, text| {
            last.clear();
            last.extend_from_slice(text);
            Ok(())
        })
    }

    /// Takes the end of the file.
    ///
    /// # Errors
    ///
    /// [`Fault`], if the last line isn't a head that one of these keys signed.
    pub fn finish(self, keys: &TrustedKeys) -> Result<Earlier, Fault> {
        self.lines.finish()?;
        let line = self.lines.number().saturating_sub(1).max(1);
        let read = || match line::is_head(&self.last) {
            true => keys.verify(line::read_head(&self.last).map_err(Wrong::Malformed)?),
            false => Err(Wrong::Malformed(Malformation::Lacks("head"))),
        };
        let (Head { entries, hash, .. }, _) = read().map_err(|wrong| Fault { line, wrong })?;
        Ok(Earlier { entries, hash })
    }
}
