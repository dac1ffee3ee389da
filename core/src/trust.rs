//! What an issuer tells gateways to trust: its format, and what a gateway makes of it.
//!
//! A small signed [`checkpoint`] names everything else: an append-only [`log`] of revoked tokens,
//! and by its hash one [`index`], which names [`shards`] of keys, applications and marks by
//! theirs. A [`state`] asks for what it lacks and is told what came; at each request it gives
//! the [`view`] that decides, or says that there is none. `docs/TRUST_FORMAT.md` has the bytes.
//!
//! ```text
//!  bytes, time ──▶ state ──▶ wants
//!                    │
//!                    ▼
//!                  view ◀── the token's id, iat and key, and where the request goes
//! ```

pub mod checkpoint;
#[cfg(test)]
mod fixtures;
pub mod index;
pub mod log;
pub mod name;
pub mod pace;
pub mod refusal;
pub mod shards;
pub mod state;
mod text;
pub mod view;

/// The most bytes that an index or a shard may have.
pub const MAX_OBJECT_BYTES: usize = 1 << 20;

/// The version of the format that is read and written here.
pub const VERSION: u64 = 1;
