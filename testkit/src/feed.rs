//! An issuer's trust feed in a test's hands: what gateways are told changes at its word, and so
//! does how badly they are told. It is written after `docs/TRUST_FORMAT.md`, with nothing of the
//! product's own.

mod answers;
mod contents;
mod faults;
mod server;
mod signing;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

pub use contents::Contents;
pub use faults::{Fault, Forgery, Part};
pub use signing::public_pem;

use server::Server;
use signing::Signed;

/// The seed of the key that signs, and of one that no gateway is given.
const SEED: u8 = 7;
const OTHER_SEED: u8 = 8;

/// A feed of one scope, on a port of its own, until it is dropped.
pub struct Feed {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    server: Mutex<Option<Server>>,
}

/// A request as it came, and what became of it.
#[derive(Clone, Debug)]
pub struct Seen {
    pub part: Part,
    pub at: Instant,
    pub path: String,
    /// The seconds of `Prefer: wait=`.
    pub wait: Option<u64>,
    /// `If-None-Match`.
    pub etag: Option<String>,
    pub range: Option<String>,
    pub access_key: Option<String>,
    pub authority: String,
    /// None while it isn't over, or when nothing was answered.
    pub status: Option<u16>,
    pub over: Option<Instant>,
}

/// In hexadecimal.
pub fn sha256(text: &str) -> String {
    contents::hex(&hmac_sha256::Hash::hash(text.as_bytes()))
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    contents: Contents,
    index: String,
    /// Those of earlier contents as well: somebody may be reading.
    objects: BTreeMap<String, Vec<u8>>,
    logs: BTreeMap<u64, Vec<u8>>,
    signed: Option<(Instant, Signed)>,
    fault: Option<Fault>,
    /// What a frozen mirror has.
    frozen: Option<Signed>,
    /// Rises when what is answered does change.
    generation: u64,
    access_key: Option<String>,
    seen: Vec<Seen>,
    /// How many requests for the checkpoint are under way, and were at most.
    open: usize,
    most_open: usize,
    ended: bool,
}

impl Feed {
    /// A feed for this scope, a namespace's id or `all`, that says nothing yet.
    pub fn start(scope: &str) -> Self {
        Self::with(Contents::new(scope))
    }

    /// A feed that begins with these contents.
    pub fn with(contents: Contents) -> Self {
        let mut state = State {
            contents,
            index: String::new(),
            objects: BTreeMap::new(),
            logs: BTreeMap::new(),
            signed: None,
            fault: None,
            frozen: None,
            generation: 0,
            access_key: None,
            seen: Vec::new(),
            open: 0,
            most_open: 0,
            ended: false,
        };
        state.publish();
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let address = crate::service::free_address();
        let server = Mutex::new(Some(Server::start(address, Arc::clone(&shared))));
        Self { address, shared, server }
    }

    /// The key that proves it, in PEM.
    pub fn public_pem(&self) -> String {
        public_pem(SEED)
    }

    /// The name of that key in checkpoints.
    pub fn key_id(&self) -> String {
        signing::key_id(SEED)
    }

    /// Changes what it says, as one change, and tells those who wait.
    pub fn change<T>(&self, change: impl FnOnce(&mut Contents) -> T) -> T {
        let mut state = self.shared.lock();
        let result = change(&mut state.contents);
        state.contents.sequence += 1;
        state.publish();
        self.shared.changed.notify_all();
        result
    }

    /// Revokes a token.
    pub fn revoke(&self, token_id: &str) {
        self.change(|contents| contents.revoke(token_id));
    }

    pub fn contents(&self) -> Contents {
        self.shared.lock().contents.clone()
    }

    /// Another server that says the same from now on, whatever this one says later.
    pub fn replica(&self) -> Self {
        Self::with(self.contents())
    }

    /// Says what another one says now.
    pub fn catch_up_with(&self, other: &Self) {
        let contents = other.contents();
        let mut state = self.shared.lock();
        state.contents = contents;
        state.publish();
        self.shared.changed.notify_all();
    }

    /// Asks for this key in `X-Auth-Token`, and refuses requests without it.
    pub fn require(&self, access_key: &str) {
        self.shared.lock().access_key = Some(access_key.to_owned());
    }

    /// Fails its gateways in this way from now on.
    pub fn misbehave(&self, fault: Fault) {
        self.set(Some(fault));
    }

    /// Fails them no more.
    pub fn behave(&self) {
        self.set(None);
    }

    fn set(&self, fault: Option<Fault>) {
        let mut server = self.server.lock().unwrap();
        let refuses = fault == Some(Fault::Refuse);
        self.shared.lock().set(fault);
        self.shared.changed.notify_all();
        if refuses {
            *server = None;
        } else if server.is_none() {
            *server = Some(Server::start(self.address, Arc::clone(&self.shared)));
        }
    }

    /// Every request so far, in the order in which they came.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.lock().seen.clone()
    }

    /// How many requests for the checkpoint are under way.
    pub fn open(&self) -> usize {
        self.shared.lock().open
    }

    /// How many requests for the checkpoint were under way at once, at most, since this was
    /// last asked.
    pub fn most_open(&self) -> usize {
        let mut state = self.shared.lock();
        let open = state.open;
        std::mem::replace(&mut state.most_open, open)
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.shared.lock().ended = true;
        self.shared.changed.notify_all();
        *self.server.lock().unwrap() = None;
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A test that failed has said why.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl State {
    /// Takes over what the contents say now.
    fn publish(&mut self) {
        let (index, objects) = self.contents.objects();
        self.index = index;
        self.objects.extend(objects);
        self.logs.insert(self.contents.epoch, self.contents.log().to_vec());
        self.signed = None;
        self.generation += 1;
    }

    fn set(&mut self, fault: Option<Fault>) {
        self.frozen = (fault == Some(Fault::Frozen)).then(|| self.checkpoint());
        self.signed = None;
        self.fault = fault;
        self.generation += 1;
    }

    /// The checkpoint as it is signed now: once a second at most, as the service does.
    fn checkpoint(&mut self) -> Signed {
        if let Some(frozen) = &self.frozen {
            return frozen.clone();
        }
        if let Some((at, signed)) = &self.signed
            && at.elapsed() < Duration::from_secs(1)
        {
            return signed.clone();
        }
        let wrong_by = if let Some(Fault::Clock(seconds)) = self.fault { seconds } else { 0 };
        let mut payload = self.contents.payload(signing::micros(wrong_by), &self.index);
        let mut seed = SEED;
        if let Some(Fault::Forged(forgery)) = self.fault {
            let sequence = self.contents.sequence;
            match forgery {
                Forgery::Key => seed = OTHER_SEED,
                Forgery::Scope => payload["scope"] = "11111111-2222-4333-8444-555555555555".into(),
                Forgery::Issuer => {
                    payload["issuer"] = "22222222-3333-4444-8555-666666666666".into()
                }
                Forgery::Older => payload["sequence"] = (sequence - 1000).into(),
                Forgery::Conflict => payload["index"] = "0".repeat(64).into(),
                Forgery::Version => payload["version"] = 2.into(),
            }
        }
        let signed = signing::sign(&payload, seed);
        self.signed = Some((Instant::now(), signed.clone()));
        signed
    }
}
