//! The ways in which a feed can fail its gateways.

use std::time::Duration;

/// What a gateway asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Checkpoint,
    Object,
    Log,
}

/// What is wrong with a feed's answers until it behaves again. Requests that are held end when
/// it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nobody listens.
    Refuse,
    /// Requests are taken, and none is answered.
    Hang,
    /// The connection ends in the middle of each answer.
    CutOff,
    /// Each answer comes in small pieces, over so much time.
    Slow(Duration),
    /// Each request gets this status, and no body.
    Status(u16),
    /// Each request gets 304, also one without a condition.
    NotModified,
    /// Each request gets 200 and bytes that mean nothing.
    Garbage,
    /// The body of this part has no end.
    Endless(Part),
    /// Of this part there is the first half, stated to be the whole.
    Truncated(Part),
    /// In this part one byte is another.
    Altered(Part),
    /// This part is whole, and then comes more than may be.
    Oversized(Part),
    /// This part isn't there.
    Missing(Part),
    /// Log and checkpoint are there, but the log by its hash alone, among the objects.
    LogByHash,
    /// The bytes of the checkpoint, its log and its objects as they were when this began.
    Frozen,
    /// A clock that is wrong by so many seconds.
    Clock(i64),
    /// The checkpoint isn't one that a gateway may take.
    Forged(Forgery),
}

/// What is wrong with a checkpoint, each of which is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forgery {
    /// By a key that no gateway knows.
    Key,
    /// It is about another namespace.
    Scope,
    /// It is another issuer's.
    Issuer,
    /// Its sequence number is lower by a thousand.
    Older,
    /// Its sequence number is the same, and its content isn't.
    Conflict,
    /// The format's version is one that doesn't exist yet.
    Version,
}
