//! The private keys of namespaces: made ahead, encrypted at rest, and used on threads of their own.

use std::num::NonZeroUsize;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use lru::LruCache;
use namespace_jwt_core::time::UnixTime;
use prometheus_client::metrics::gauge::Gauge;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::refusal::Refusal;
use super::trust_keys;
use crate::model::namespace_key::{KeyState, NamespaceKey};
use crate::model::trust::TrustKey;
use crate::sealing::{Place, SecretsKey};
use crate::signing::keys::{KeyType, RsaSize, SigningKey};
use crate::signing::mint::{TokenRequest, mint};

/// The key that a namespace gets unless it asks for another: the platform's.
pub const DEFAULT_KEY_TYPE: KeyType = KeyType::Rsa(RsaSize::Bits4096);

/// How many of them are kept ready. One takes about a second to make.
const READY: usize = 4;

/// How long a request waits for a key, or for its turn to sign.
const PATIENCE: Duration = Duration::from_secs(25);

/// How many private keys are kept open. What one takes is a few kilobytes.
const OPEN: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// What is said of a key that does nothing.
const UNUSABLE: Refusal = Refusal::Internal("a private key can't be used");

/// The private keys of all namespaces.
pub struct Keys {
    secrets: Arc<SecretsKey>,
    ahead: Option<MadeAhead>,
    open: Mutex<LruCache<Uuid, Arc<SigningKey>>>,
    turns: Arc<Semaphore>,
}

impl Keys {
    /// Keys that are made when they are asked for.
    pub fn new(secrets: Arc<SecretsKey>) -> Self {
        let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self {
            secrets,
            ahead: None,
            open: Mutex::new(LruCache::new(OPEN)),
            turns: Arc::new(Semaphore::new(cores)),
        }
    }

    /// Starts to make keys ahead, until this is dropped.
    pub fn made_ahead(secrets: Arc<SecretsKey>) -> Self {
        Self { ahead: Some(MadeAhead::start()), ..Self::new(secrets) }
    }

    /// How many keys are ready for namespaces to come, as it changes.
    pub fn ready(&self) -> Gauge<i64, AtomicI64> {
        self.ahead.as_ref().map(|ahead| ahead.ready.clone()).unwrap_or_default()
    }

    /// A key pair for a new namespace, with its private half encrypted.
    ///
    /// # Errors
    ///
    /// [`Refusal::Busy`] after 25 seconds without one.
    pub async fn make(
        &self,
        key_type: KeyType,
        namespace_id: Uuid,
        at: UnixTime,
    ) -> Result<NamespaceKey, Refusal> {
        let key = match &self.ahead {
            Some(ahead) if key_type == DEFAULT_KEY_TYPE => ahead.take().await?,
            _ => self.on_a_core(move || SigningKey::generate(key_type).ok()).await?,
        };
        let (algorithm, public_pem) = (key.algorithm().name().to_owned(), key.public_pem());
        let public_pem = public_pem.map_err(|_| Refusal::Internal("a new key has no PEM form"))?;
        let private = key.to_pkcs8_der();
        let private = private.map_err(|_| Refusal::Internal("a new key can't be written"))?;
        let id = Uuid::new_v4();
        let sealed_private_key = self.secrets.seal(Place::namespace_key(id), &private)?;
        self.remember(id, Arc::new(key));
        Ok(NamespaceKey {
            id,
            namespace_id,
            state: KeyState::Active,
            algorithm,
            public_pem,
            sealed_private_key,
            created_at: at,
            activates_at: None,
            retired_at: None,
            ends_at: None,
        })
    }

    /// A key that can sign.
    ///
    /// # Errors
    ///
    /// [`Refusal::Internal`] if the secrets key doesn't open it.
    pub async fn open(&self, key: &NamespaceKey) -> Result<Arc<SigningKey>, Refusal> {
        self.open_sealed(Place::namespace_key(key.id), &key.sealed_private_key).await
    }

    /// A trust key that can sign.
    ///
    /// # Errors
    ///
    /// [`Refusal::Internal`] if the secrets key doesn't open it.
    pub async fn open_trust_key(&self, key: &TrustKey) -> Result<Arc<SigningKey>, Refusal> {
        self.open_sealed(Place::trust_key(key.id), &key.sealed_private_key).await
    }

    /// A new trust key.
    ///
    /// # Errors
    ///
    /// [`Refusal::Internal`] if the system gives no new keys.
    pub fn make_trust_key(&self, at: UnixTime) -> Result<TrustKey, Refusal> {
        trust_keys::make(&self.secrets, at)
    }

    async fn open_sealed(&self, place: Place, sealed: &[u8]) -> Result<Arc<SigningKey>, Refusal> {
        let id = place.id;
        let known = self.open.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let private = self.secrets.open(place, sealed)?;
        let opened = self.on_a_core(move || SigningKey::from_pkcs8_der(&private).ok()).await?;
        let opened = Arc::new(opened);
        self.remember(id, Arc::clone(&opened));
        Ok(opened)
    }

    /// Mints a token.
    ///
    /// # Errors
    ///
    /// [`Refusal::Busy`] after 25 seconds without a turn.
    pub async fn mint(
        &self,
        key: Arc<SigningKey>,
        request: TokenRequest,
        now: UnixTime,
    ) -> Result<Zeroizing<String>, Refusal> {
        if key.signs_at_once() {
            return mint(&key, &request, now).map_err(|_| UNUSABLE);
        }
        self.on_a_core(move || mint(&key, &request, now).ok()).await
    }

    fn remember(&self, id: Uuid, key: Arc<SigningKey>) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).put(id, key);
    }

    /// Does what takes a core for milliseconds away from the threads that answer, no more of it
    /// at once than there are cores.
    async fn on_a_core<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Option<T> + Send + 'static,
    ) -> Result<T, Refusal> {
        let turn = timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| Refusal::Busy)?.map_err(|_| Refusal::Busy)?;
        let done = spawn_blocking(move || {
            let _turn = turn;
            work()
        });
        done.await.ok().flatten().ok_or(UNUSABLE)
    }
}

/// Keys of the default type that a thread makes before anyone asks.
struct MadeAhead {
    keys: tokio::sync::Mutex<mpsc::Receiver<SigningKey>>,
    ready: Gauge<i64, AtomicI64>,
}

impl MadeAhead {
    fn start() -> Self {
        // One more is in the hands of the thread, which waits for room.
        let (sender, receiver) = mpsc::channel(READY.saturating_sub(1));
        let ready = Gauge::<i64, AtomicI64>::default();
        let count = ready.clone();
        thread::spawn(move || {
            while let Ok(key) = SigningKey::generate(DEFAULT_KEY_TYPE) {
                count.inc();
                if sender.blocking_send(key).is_err() {
                    return;
                }
            }
            tracing::error!("the system gives no new keys; no namespace can be created");
        });
        Self { keys: tokio::sync::Mutex::new(receiver), ready }
    }

    async fn take(&self) -> Result<SigningKey, Refusal> {
        // The lock is fair: whoever came first waits first.
        let key = timeout(PATIENCE, async { self.keys.lock().await.recv().await }).await;
        let key = key.map_err(|_| Refusal::Busy)?;
        let key = key.ok_or(Refusal::Internal("the system gives no new keys"))?;
        self.ready.dec();
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    /// Keys of which none is ready, and the end where they are made.
    fn empty() -> (Arc<Keys>, mpsc::Sender<SigningKey>) {
        let (sender, receiver) = mpsc::channel(READY);
        let ready = Gauge::default();
        let ahead = MadeAhead { keys: tokio::sync::Mutex::new(receiver), ready };
        let secrets = Arc::new(SecretsKey::new(&[7; 32]).unwrap());
        (Arc::new(Keys { ahead: Some(ahead), ..Keys::new(secrets) }), sender)
    }

    async fn default_key(keys: &Keys) -> Result<NamespaceKey, Refusal> {
        keys.make(DEFAULT_KEY_TYPE, Uuid::new_v4(), UnixTime::from_secs(1)).await
    }

    /// A key that takes no time. What is in the pool isn't looked at.
    fn quick() -> SigningKey {
        SigningKey::generate(KeyType::Ed25519).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_for_a_key_gets_one_in_turn() {
        let (keys, sender) = empty();
        let (ended, mut ends) = mpsc::unbounded_channel();
        for number in 0..5 {
            let (keys, ended) = (Arc::clone(&keys), ended.clone());
            tokio::spawn(async move {
                let made = default_key(&keys).await.map(|key| key.public_pem);
                ended.send((number, made)).unwrap();
            });
            // It stands in the line before the next one comes.
            tokio::task::yield_now().await;
        }
        for number in 0..5 {
            assert!(ends.try_recv().is_err(), "a key out of nothing");
            let key = quick();
            let pem = key.public_pem().unwrap();
            sender.send(key).await.unwrap();
            assert_eq!(ends.recv().await.unwrap(), (number, Ok(pem)));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_is_sent_away_and_no_key_is_lost() {
        let (keys, sender) = empty();
        let begin = Instant::now();
        assert_eq!(default_key(&keys).await.err(), Some(Refusal::Busy));
        assert_eq!(begin.elapsed(), PATIENCE);
        sender.send(quick()).await.unwrap();
        assert!(default_key(&keys).await.is_ok());
        // Other types are made when they are asked for, whoever waits for the default.
        assert!(keys.make(KeyType::P256, Uuid::new_v4(), UnixTime::from_secs(1)).await.is_ok());
        drop(sender);
        assert!(matches!(default_key(&keys).await.err(), Some(Refusal::Internal(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_on_a_core_is_waited_for_and_not_for_ever() {
        let (keys, _sender) = empty();
        let turns = u32::try_from(keys.turns.available_permits()).unwrap();
        let taken = Arc::clone(&keys.turns).acquire_many_owned(turns).await.unwrap();
        let begin = Instant::now();
        let made = keys.make(KeyType::P256, Uuid::new_v4(), UnixTime::from_secs(1)).await;
        assert_eq!((made.err(), begin.elapsed()), (Some(Refusal::Busy), PATIENCE));
        drop(taken);
        assert!(keys.make(KeyType::P256, Uuid::new_v4(), UnixTime::from_secs(1)).await.is_ok());
    }

    #[tokio::test]
    async fn as_many_keys_are_made_ahead_as_the_figure_says() {
        let secrets = Arc::new(SecretsKey::new(&[7; 32]).unwrap());
        let keys = Keys::made_ahead(secrets);
        let key = default_key(&keys).await.unwrap();
        assert_eq!(key.algorithm, "RS256");
        assert!((0..=i64::try_from(READY).unwrap()).contains(&keys.ready().get()));
    }
}
