//! Gateways that wait for news: what each takes, and when the last of them is told.

use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use testkit::envoy::wait_for;
use testkit::http::text;
use testkit::measure::Series;
use testkit::measure::process::{cpu_time, resident_bytes};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::{JoinSet, spawn_blocking};

use crate::bare::Bare;
use crate::goals::{Bound, Goals};
use crate::issuer::Issuer;

/// How many wait.
const GATEWAYS: usize = 5000;

/// What this program needs besides the connections to the two servers.
const OTHER_FILES: u64 = 200;

/// Raises the limit to what the connections need.
///
/// # Errors
///
/// That it can't be raised so far, and what to do.
pub fn raise_open_files_limit() -> Result<(), String> {
    let needed = 2 * GATEWAYS as u64 + OTHER_FILES;
    let raised = rlimit::increase_nofile_limit(u64::MAX).unwrap_or(0);
    if raised >= needed {
        return Ok(());
    }
    Err(format!(
        "expected that {needed} files may be open, found a hard limit of {raised}: raise it \
         (`ulimit -Hn {needed}` as root, or `LimitNOFILE` of the unit), then run this again"
    ))
}

/// A server that holds requests.
trait Holds: Send + Sync {
    fn address(&self) -> SocketAddr;
    fn process(&self) -> u32;
    fn path(&self) -> String;
    fn etag(&self) -> String;
    /// How many requests it holds.
    fn holds(&self) -> usize;
    /// Makes news, and comes back when that was answered.
    fn tell(&self);
}

struct Service {
    issuer: Issuer,
    /// Tokens to revoke, one for each time.
    tokens: Vec<String>,
    revoked: AtomicUsize,
}

impl Holds for Service {
    fn address(&self) -> SocketAddr {
        self.issuer.service.address
    }

    fn process(&self) -> u32 {
        self.issuer.service.process_id()
    }

    fn path(&self) -> String {
        self.issuer.path()
    }

    fn etag(&self) -> String {
        self.issuer.etag()
    }

    fn holds(&self) -> usize {
        self.issuer.figure("issuer_waiting_gateways") as usize
    }

    fn tell(&self) {
        self.issuer.delete(&self.tokens[self.revoked.fetch_add(1, Ordering::SeqCst)]);
    }
}

impl Holds for Bare {
    fn address(&self) -> SocketAddr {
        self.address
    }

    fn process(&self) -> u32 {
        self.process()
    }

    fn path(&self) -> String {
        "/wait".to_owned()
    }

    fn etag(&self) -> String {
        self.client.get("/unchanged").header("etag").expect("it has one")
    }

    fn holds(&self) -> usize {
        text(&self.client.get("/waiting").body).parse().expect("a number")
    }

    fn tell(&self) {
        assert_eq!(self.client.send("POST", "/tell", Some(b"")).status, 200);
    }
}

/// One of those who wait.
struct Gateway {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Gateway {
    async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("a connection");
        stream.set_nodelay(true).expect("a socket");
        Self { stream, buffer: Vec::with_capacity(4096) }
    }

    /// Asks, and waits for a whole answer; gives its `ETag` and when it was there.
    async fn ask(mut self, request: &[u8]) -> io::Result<(Self, String, Instant)> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        loop {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text(&self.buffer)));
            }
            let at = Instant::now();
            if let Some(etag) = etag_of_whole(&self.buffer) {
                return Ok((self, etag, at));
            }
        }
    }
}

/// The `ETag` of an answer, once all of the answer is there.
fn etag_of_whole(answer: &[u8]) -> Option<String> {
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).expect("a head");
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(it, _)| it.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    let length: usize = header("content-length").expect("a length").parse().expect("a number");
    (answer.len() == end + 4 + length).then(|| header("etag").expect("an ETag").to_owned())
}

/// A server and those who wait for its news.
struct Crowd {
    server: Arc<dyn Holds>,
    gateways: Vec<Gateway>,
    etag: String,
    measured: Measured,
}

/// Memory in bytes, times in milliseconds.
#[derive(Default)]
struct Measured {
    before: f64,
    each: f64,
    each_later: f64,
    /// From the news to the answer, of all in all rounds.
    answers: Series,
    /// And to the last answer of each round.
    last: Series,
    /// What that took of the server's processor, and of the clients'.
    server: Series,
    client: Series,
}

impl Crowd {
    /// Nobody yet.
    fn of(server: Arc<dyn Holds>) -> Self {
        let etag = server.etag();
        let before = resident_bytes(server.process()) as f64;
        let measured = Measured { before, ..Measured::default() };
        Self { server, gateways: Vec::new(), etag, measured }
    }

    /// All of them wait, something is told, and all of them hear of it.
    async fn round(&mut self) {
        let request = format!(
            "GET {} HTTP/1.1\r\nhost: issuer\r\nif-none-match: {}\r\nprefer: wait=25\r\n\r\n",
            self.server.path(),
            self.etag,
        );
        let request: Arc<[u8]> = request.into_bytes().into();
        let mut asking = JoinSet::new();
        for _ in 0..GATEWAYS {
            // A server doesn't wait long for the request of a new connection.
            let gateway = match self.gateways.pop() {
                Some(gateway) => gateway,
                None => Gateway::connect(self.server.address()).await,
            };
            let request = Arc::clone(&request);
            asking.spawn(async move { gateway.ask(&request).await });
        }
        let server = Arc::clone(&self.server);
        let (each, told, cpu) = spawn_blocking(move || {
            wait_for("all to wait", || (server.holds() >= GATEWAYS).then_some(()));
            // What is still to be done for the last of them isn't part of what is measured.
            std::thread::sleep(Duration::from_millis(200));
            let resident = resident_bytes(server.process()) as f64;
            server.tell();
            (resident, Instant::now(), cpu_times(&*server))
        })
        .await
        .expect("news");
        let mut last = Duration::ZERO;
        let mut etags = Vec::new();
        let mut told_ones = Vec::with_capacity(GATEWAYS);
        while let Some(told_one) = asking.join_next().await {
            told_ones.push(told_one.expect("no panic").expect("an answer"));
        }
        let (server, client) = cpu_times(&*self.server);
        for (gateway, etag, at) in told_ones {
            // One that was there before whoever told was answered took no time.
            let after = at.saturating_duration_since(told);
            self.measured.answers.push(after.as_secs_f64() * 1e3);
            last = last.max(after);
            self.gateways.push(gateway);
            etags.push(etag);
        }
        self.measured.last.push(last.as_secs_f64() * 1e3);
        self.measured.server.push((server - cpu.0).as_secs_f64() * 1e3);
        self.measured.client.push((client - cpu.1).as_secs_f64() * 1e3);
        let each = (each - self.measured.before) / GATEWAYS as f64;
        self.measured.each_later = each;
        if self.measured.each == 0.0 {
            self.measured.each = each;
        }
        assert!(etags.iter().all(|etag| *etag != self.etag), "somebody was told no news");
        self.etag = self.server.etag();
    }
}

/// The time that the server spent so far, and this program.
fn cpu_times(server: &dyn Holds) -> (Duration, Duration) {
    (cpu_time(server.process()), cpu_time(std::process::id()))
}

/// Measures, and gives this part of the report.
pub fn run(rounds: usize, goals: &mut Goals) -> String {
    eprintln!("==> waiting: two servers, {GATEWAYS} connections to each");
    let issuer = Issuer::start(&[]);
    let tokens = (0..rounds).map(|_| issuer.token()).collect();
    let service = Service { issuer, tokens, revoked: AtomicUsize::new(0) };
    let servers: [Arc<dyn Holds>; 2] = [Arc::new(service), Arc::new(Bare::start())];
    // One thread: this program has one processor.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime: Runtime = runtime.expect("a runtime");
    let [issuer, bare] = runtime.block_on(async {
        let mut crowds = servers.map(Crowd::of);
        for round in 1..=rounds {
            eprintln!("    waiting: round {round} of {rounds}");
            for crowd in &mut crowds {
                crowd.round().await;
            }
        }
        crowds.map(|crowd| crowd.measured)
    });
    goals.add(
        "a waiting gateway: memory of the issuer",
        Bound::AtMost(32.0),
        " KiB",
        issuer.each.max(issuer.each_later) / 1024.0,
    );
    goals.add(
        "5,000 waiting gateways: the last one is told after",
        Bound::AtMost(500.0),
        " ms",
        issuer.last.most(),
    );
    report(rounds, &issuer, &bare)
}

fn report(rounds: usize, issuer: &Measured, bare: &Measured) -> String {
    let mut text = format!(
        "\n## Gateways that wait\n\n{GATEWAYS} connections to each server, each with a held \
         request; {rounds} times a token is deleted (the bare server is told something) while all \
         wait. Times count from the answer to the deletion to the whole answer at the gateway.\n\n\
         | | issuer | bare server |\n| --- | ---: | ---: |\n"
    );
    let mut row = |what: &str, unit: &str, value: &dyn Fn(&Measured) -> f64| {
        let _ =
            writeln!(text, "| {what} | {:.1} {unit} | {:.1} {unit} |", value(issuer), value(bare));
    };
    const KIBIBYTE: f64 = 1024.0;
    row("memory before anybody comes", "MiB", &|it| it.before / KIBIBYTE / KIBIBYTE);
    row("memory for each that waits, the first time", "KiB", &|it| it.each / KIBIBYTE);
    row("… the last time", "KiB", &|it| it.each_later / KIBIBYTE);
    row("told: p50", "ms", &|it| it.answers.median());
    row("… p99", "ms", &|it| it.answers.quantile(0.99));
    row("… the last one, median of the rounds", "ms", &|it| it.last.median());
    row("… the last one, slowest round", "ms", &|it| it.last.most());
    row("CPU of the server for telling all of them", "ms", &|it| it.server.median());
    row("CPU of the clients for hearing it", "ms", &|it| it.client.median());
    text
}
