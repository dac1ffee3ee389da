//! Attackers: what strangers do to use up a service. Each opens and sends no more than is said here,
//! goes to loopback alone, and ends with whoever runs it.

use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

use crate::http::status_of_whole;

/// How long a connection that is drawn out is silent between two bytes.
const DRIP: Duration = Duration::from_secs(5);

/// The time between the first connections of those who keep some open.
const AT_FIRST: Duration = Duration::from_micros(250);

/// How long headers are that don't end, in bytes: nearly what the service takes.
const LONG_HEAD: usize = 30_000;

/// How much is sent at once, in bytes: what the kernel does with it keeps others of this processor
/// waiting, as somebody elsewhere wouldn't.
const PART: usize = 64 << 10;

/// As long as a body may be, in bytes.
const LONG_BODY: usize = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attack {
    /// Connections on which nothing comes.
    Silent,
    /// Connections on which nothing comes after a first request.
    Idle,
    /// Headers that go on byte by byte.
    SlowHeaders,
    /// Bodies that do.
    SlowBodies,
    /// Bodies that take the most to read: of one long text, and of many small objects.
    HugeJson,
    /// Bodies of objects within objects.
    DeepJson,
    /// Keys that nobody has, another one each time.
    WrongKeys,
}

pub const ATTACKS: [Attack; 7] = [
    Attack::Silent,
    Attack::Idle,
    Attack::SlowHeaders,
    Attack::SlowBodies,
    Attack::HugeJson,
    Attack::DeepJson,
    Attack::WrongKeys,
];

impl Attack {
    pub fn name(self) -> &'static str {
        match self {
            Self::Silent => "silent connections",
            Self::Idle => "idle connections",
            Self::SlowHeaders => "slow headers",
            Self::SlowBodies => "slow bodies",
            Self::HugeJson => "huge JSON",
            Self::DeepJson => "deep JSON",
            Self::WrongKeys => "wrong keys",
        }
    }

    /// Whether its connections are kept open for as long as the service lets them be.
    pub fn holds(self) -> bool {
        matches!(self, Self::Silent | Self::Idle | Self::SlowHeaders | Self::SlowBodies)
    }
}

impl FromStr for Attack {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let named = ATTACKS.into_iter().find(|it| it.name() == name);
        named.ok_or_else(|| format!("{name} is no attack"))
    }
}

/// Those who attack.
#[derive(Clone, Debug)]
pub struct Attackers {
    pub attack: Attack,
    /// Where the service listens.
    pub target: SocketAddr,
    /// How many connections they have open.
    pub connections: usize,
    /// Of how many addresses they are, from 127.0.0.2 on.
    pub addresses: u8,
    /// How many requests they send in a second; of those who keep connections open, how many they
    /// open in a second for others that were closed.
    pub each_second: u32,
    /// Where bodies are posted.
    pub path: String,
    /// With which key, where it isn't the key that is wrong.
    pub key: String,
}

/// What became of it.
#[derive(Debug, Default)]
pub struct Seen {
    /// How many connections were opened.
    pub opened: AtomicUsize,
    /// How many requests were answered.
    pub answered: AtomicUsize,
    /// How many of them with 500 or more.
    pub failed: AtomicUsize,
}

impl Attackers {
    /// Attacks until it is dropped.
    ///
    /// # Panics
    ///
    /// When that isn't on this machine.
    pub async fn run(self, seen: Arc<Seen>) {
        assert!(self.target.ip().is_loopback(), "{} is somebody else's", self.target);
        let mut all = JoinSet::new();
        let connections = self.connections;
        let attack = Arc::new(Running { pace: Pace::of(&self), attackers: self, seen });
        for number in 0..connections {
            let attack = Arc::clone(&attack);
            all.spawn(async move {
                if attack.attackers.attack.holds() {
                    attack.hold(number).await;
                } else {
                    attack.send(number).await;
                }
            });
        }
        while let Some(ended) = all.join_next().await {
            ended.expect("no panic");
        }
    }
}

struct Running {
    attackers: Attackers,
    pace: Pace,
    seen: Arc<Seen>,
}

impl Running {
    async fn connect(&self, number: usize) -> Option<TcpStream> {
        let host = 2 + number % usize::from(self.attackers.addresses);
        let from = Ipv4Addr::new(127, 0, 0, u8::try_from(host).expect("an address"));
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((from, 0).into()).ok()?;
        let connecting = socket.connect(self.attackers.target);
        let stream = timeout(DRIP, connecting).await.ok()?.ok()?;
        stream.set_nodelay(true).ok()?;
        // No port stays taken after it.
        stream.set_zero_linger().ok()?;
        self.seen.opened.fetch_add(1, Ordering::Relaxed);
        Some(stream)
    }

    /// Opens a connection, and another one whenever that is closed, and sends what it may take long
    /// to send.
    async fn hold(&self, number: usize) {
        let (begun, more) = self.drawn_out();
        loop {
            self.pace.turn().await;
            let Some(mut stream) = self.connect(number).await else { continue };
            let mut came = [0; 512];
            let mut send = &begun[..];
            while stream.write_all(send).await.is_ok() {
                match timeout(DRIP, stream.read(&mut came)).await {
                    Ok(Ok(1..)) => {
                        self.seen.answered.fetch_add(1, Ordering::Relaxed);
                        send = more;
                    }
                    Ok(_) => break,
                    Err(_) => send = more,
                }
            }
        }
    }

    /// What a drawn-out request begins with, and goes on with.
    fn drawn_out(&self) -> (Vec<u8>, &'static [u8]) {
        let Attackers { attack, path, key, .. } = &self.attackers;
        match attack {
            Attack::Idle => (b"GET /health HTTP/1.1\r\nhost: h\r\n\r\n".to_vec(), b""),
            Attack::SlowHeaders => {
                let long = "x".repeat(LONG_HEAD);
                (format!("GET / HTTP/1.1\r\nhost: h\r\nx: {long}").into_bytes(), b"x")
            }
            Attack::SlowBodies => {
                let head = head(path, key, LONG_BODY);
                (format!("{head}{{\"a\": \"").into_bytes(), b"x")
            }
            _ => (Vec::new(), b""),
        }
    }

    /// Sends one request after the other.
    async fn send(&self, number: usize) {
        let mut connection = None;
        for request in 0_usize.. {
            self.pace.turn().await;
            let Some(mut stream) = (match connection.take() {
                Some(stream) => Some(stream),
                None => self.connect(number).await,
            }) else {
                continue;
            };
            let sent = self.request(number, request);
            if let Some(status) = exchange(&mut stream, &sent).await {
                self.seen.answered.fetch_add(1, Ordering::Relaxed);
                if status >= 500 {
                    self.seen.failed.fetch_add(1, Ordering::Relaxed);
                }
                connection = Some(stream);
            }
        }
    }

    fn request(&self, number: usize, request: usize) -> Vec<u8> {
        let Attackers { attack, path, key, .. } = &self.attackers;
        let body = match attack {
            Attack::WrongKeys => {
                let key = format!("{number:08x}-0000-4000-8000-{request:012x}");
                return format!("GET {path} HTTP/1.1\r\nhost: h\r\nx-auth-token: {key}\r\n\r\n")
                    .into_bytes();
            }
            Attack::DeepJson => "{\"a\":".repeat(LONG_BODY / 5),
            _ if request.is_multiple_of(2) => {
                format!("{{\"a\":\"{}\"}}", "x".repeat(LONG_BODY - 8))
            }
            _ => format!("{{\"a\":[{{\"\":0}}{}]}}", ",{\"\":0}".repeat((LONG_BODY - 14) / 7)),
        };
        [head(path, key, body.len()).as_bytes(), body.as_bytes()].concat()
    }
}

fn head(path: &str, key: &str, length: usize) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: h\r\nx-auth-token: {key}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    )
}

/// The status of the answer to a request, unless the connection ends before it.
async fn exchange(stream: &mut TcpStream, request: &[u8]) -> Option<u16> {
    for part in request.chunks(PART) {
        stream.write_all(part).await.ok()?;
    }
    let mut answer = Vec::new();
    loop {
        if stream.read_buf(&mut answer).await.ok()? == 0 {
            return None;
        }
        if let Some(status) = status_of_whole(&answer) {
            return Some(status);
        }
    }
}

/// Whose turn it is, and when.
struct Pace {
    /// The next turn, and how many there were.
    next: Mutex<(Instant, usize)>,
    /// How many are quick.
    quick: usize,
    gap: Duration,
}

impl Pace {
    fn of(attackers: &Attackers) -> Self {
        let quick = if attackers.attack.holds() { attackers.connections } else { 0 };
        let gap = Duration::from_secs(1) / attackers.each_second;
        Self { next: Mutex::new((Instant::now(), 0)), quick, gap }
    }

    async fn turn(&self) {
        let at = {
            let mut next = self.next.lock().unwrap();
            let gap = if next.1 < self.quick { AT_FIRST.min(self.gap) } else { self.gap };
            // Who was late doesn't catch up.
            *next = (next.0.max(Instant::now()) + gap, next.1 + 1);
            next.0
        };
        sleep_until(at.into()).await;
    }
}
