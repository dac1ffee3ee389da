//! Argon2id for secret values and passwords: slow on purpose, so never many at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD as STANDARD_NO_PAD;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::refusal::Refusal;
use crate::model::user::{Password, PasswordHash};
use crate::model::variables::{HashedChange, SecretChange, VariablesChange};

/// How many values are hashed at once. Each takes [`MEMORY`].
const AT_ONCE: usize = 2;

/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(25);

/// KiB for one hash. This and what follows is the least that OWASP's page on storing passwords
/// recommends.
const MEMORY: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The only way to a slow hash.
pub struct Hashing {
    turns: Arc<Semaphore>,
    /// What was used already, at most one for each turn. Freed, it would stay with the allocator
    /// of whichever thread it was, and there are hundreds of those.
    memory: Arc<Mutex<Vec<Vec<Block>>>>,
}

impl Hashing {
    /// Nobody is waiting yet.
    pub fn new() -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), memory: Arc::default() }
    }

    /// Hashes the secret values of a change.
    ///
    /// # Errors
    ///
    /// [`Refusal::Busy`] after 25 seconds without a turn.
    pub async fn hash(&self, change: VariablesChange) -> Result<HashedChange, Refusal> {
        let mut secret = BTreeMap::new();
        for (key, change) in change.secret {
            let hashed = match change {
                SecretChange::Set(value) => SecretChange::Set(self.hash_one(value).await?),
                SecretChange::Keep(value) => SecretChange::Keep(self.hash_one(value).await?),
                SecretChange::Remove => SecretChange::Remove,
            };
            secret.insert(key, hashed);
        }
        let removes_other_secrets = change.removes_other_secrets;
        Ok(HashedChange { plain: change.plain, secret, removes_other_secrets })
    }

    /// Hashes a password.
    ///
    /// # Errors
    ///
    /// [`Refusal::Busy`] after 25 seconds without a turn.
    pub async fn hash_password(&self, password: Password) -> Result<PasswordHash, Refusal> {
        Ok(PasswordHash(self.hash_one(password.into_text()).await?))
    }

    async fn hash_one(&self, value: Zeroizing<String>) -> Result<String, Refusal> {
        let turn = timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| Refusal::Busy)?.map_err(|_| Refusal::Busy)?;
        let memory = Arc::clone(&self.memory);
        let hash = spawn_blocking(move || {
            // A request that is given up doesn't stop its thread, so the thread has the turn.
            let _turn = turn;
            let free = memory.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut blocks = free.unwrap_or_else(|| vec![Block::default(); MEMORY as usize]);
            let hash = hash(value.as_bytes(), &mut blocks);
            // What was computed of the secret is in there.
            blocks.fill(Block::default());
            memory.lock().unwrap_or_else(PoisonError::into_inner).push(blocks);
            hash
        });
        hash.await.ok().flatten().ok_or(Refusal::Internal("a secret value could not be hashed"))
    }
}

/// The Argon2id hash of a secret under a new salt, as a PHC string.
fn hash(secret: &[u8], memory: &mut [Block]) -> Option<String> {
    let (mut salt, mut output) = ([0; 16], [0; 32]);
    rand::fill(&mut salt).ok()?;
    let parameters = Params::new(MEMORY, PASSES, LANES, Some(output.len())).ok()?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
    argon2.hash_password_into_with_memory(secret, &salt, &mut output, memory).ok()?;
    let (salt, output) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(output));
    Some(format!("$argon2id$v=19$m={MEMORY},t={PASSES},p={LANES}${salt}${output}"))
}

impl Default for Hashing {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use argon2::PasswordHash;
    use argon2::password_hash::PasswordVerifier as _;

    use super::*;

    #[tokio::test]
    async fn a_secret_becomes_a_salted_hash_of_the_platforms_form() {
        let value = || Zeroizing::new("hunter2".to_owned());
        let secret = [
            ("A", SecretChange::Set(value())),
            ("B", SecretChange::Keep(value())),
            ("C", SecretChange::Remove),
        ];
        let secret = secret.map(|(key, change)| (key.to_owned(), change)).into();
        let change = VariablesChange { secret, ..VariablesChange::default() };
        let hashed = Hashing::new().hash(change).await.unwrap();
        let (SecretChange::Set(a), SecretChange::Keep(b)) =
            (&hashed.secret["A"], &hashed.secret["B"])
        else {
            panic!("{:?}", hashed.secret)
        };
        assert!(a.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{a}");
        assert_ne!(a, b, "one salt twice");
        assert_eq!(hashed.secret["C"], SecretChange::Remove);
        let parsed = PasswordHash::new(a).unwrap();
        assert!(Argon2::default().verify_password(b"hunter2", &parsed).is_ok());
        assert!(Argon2::default().verify_password(b"hunter3", &parsed).is_err());
    }

    fn secrets(count: usize) -> VariablesChange {
        let value = || SecretChange::Set(Zeroizing::new("value".to_owned()));
        let secret = (0..count).map(|number| (number.to_string(), value())).collect();
        VariablesChange { secret, ..VariablesChange::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn two_at_once_are_all_and_the_next_waits_but_not_for_ever() {
        let hashing = Hashing::new();
        let turns = Arc::clone(&hashing.turns);
        let first = Arc::clone(&turns).acquire_owned().await.unwrap();
        let second = Arc::clone(&turns).acquire_owned().await.unwrap();
        assert!(turns.try_acquire().is_err(), "a third one at once");
        let begin = tokio::time::Instant::now();
        assert_eq!(hashing.hash(secrets(1)).await.err(), Some(Refusal::Busy));
        assert_eq!(begin.elapsed(), PATIENCE);
        // What hashes nothing waits for nobody.
        assert!(hashing.hash(VariablesChange::default()).await.is_ok());
        drop(first);
        assert!(hashing.hash(secrets(2)).await.is_ok());
        drop(second);
    }

    #[tokio::test]
    async fn a_request_that_is_given_up_keeps_its_turn_until_its_hash_is_done() {
        let hashing = Arc::new(Hashing::new());
        let turns = Arc::clone(&hashing.turns);
        let _other = Arc::clone(&turns).acquire_owned().await.unwrap();
        let request = tokio::spawn({
            let hashing = Arc::clone(&hashing);
            async move { hashing.hash(secrets(50)).await.map(drop) }
        });
        while turns.available_permits() > 0 {
            assert!(!request.is_finished(), "it never had a turn");
            tokio::task::yield_now().await;
        }
        request.abort();
        assert!(request.await.unwrap_err().is_cancelled());
        // On its thread it goes on: a hash takes far longer than to come here.
        assert_eq!(turns.available_permits(), 0);
        drop(turns.acquire().await.unwrap());
    }
}
