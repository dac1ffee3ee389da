//! What the feed says to a request, as the service does or as a fault has it.

use std::net::TcpStream;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::server::is_gone;
use super::{Fault, Part, Seen, Shared, State};

/// How often it is looked whether somebody who waits is still there.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The most bytes of a checkpoint, and of an object.
const MAX_CHECKPOINT: usize = 4096;
const MAX_OBJECT: usize = 1 << 20;

/// A request.
pub struct Asked {
    /// Its place in the list of all.
    pub number: Option<usize>,
    seen: Seen,
}

impl Asked {
    pub fn new(path: &str, header: impl Fn(&str) -> Option<String>) -> Self {
        let prefer = header("prefer").unwrap_or_default();
        let wait = prefer.split(',').find_map(|it| it.trim().strip_prefix("wait="));
        let part = match path {
            path if path.contains("/objects/") => Part::Object,
            path if path.contains("/log/") => Part::Log,
            _ => Part::Checkpoint,
        };
        let seen = Seen {
            part,
            at: Instant::now(),
            path: path.to_owned(),
            wait: wait.and_then(|seconds| seconds.parse().ok()),
            etag: header("if-none-match"),
            range: header("range"),
            access_key: header("x-auth-token"),
            authority: header("host").unwrap_or_default(),
            status: None,
            over: None,
        };
        Self { number: None, seen }
    }
}

/// A response.
pub struct Said {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Said {
    fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} -\r\n", self.status);
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        if self.status != 304 {
            head += &format!("content-length: {}\r\n", self.body.len());
        }
        [head.as_bytes(), b"\r\n", &self.body].concat()
    }
}

/// How a response is sent.
pub enum Answer {
    /// Not at all.
    None,
    Whole(Said),
    CutOff(Said),
    Slow(Said, Duration),
    Endless,
}

impl Answer {
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::None => None,
            Self::Whole(said) | Self::CutOff(said) | Self::Slow(said, _) => Some(said.status),
            Self::Endless => Some(200),
        }
    }
}

/// Answers a request, after as long a wait as it asks for.
pub fn answer(asked: &mut Asked, shared: &Shared, stream: &TcpStream) -> Answer {
    let mut state = shared.lock();
    asked.number = Some(state.seen.len());
    let seen = asked.seen.clone();
    state.seen.push(seen.clone());
    if seen.part == Part::Checkpoint {
        state.open += 1;
        state.most_open = state.most_open.max(state.open);
    }
    let (began, generation) = (Instant::now(), state.generation);
    let held_for = state.held_for(&seen);
    let mut hangs = false;
    loop {
        let hung = std::mem::replace(&mut hangs, state.fault == Some(Fault::Hang));
        if hung && !hangs || state.ended || state.fault == Some(Fault::Refuse) {
            return Answer::None;
        }
        let waits = state.generation == generation && began.elapsed() < held_for;
        if !hangs && !waits {
            break;
        }
        let waited = shared.changed.wait_timeout(state, LOOK_EVERY);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
        if is_gone(stream) {
            return Answer::None;
        }
    }
    state.answer(&seen, !held_for.is_zero())
}

impl State {
    /// How long a request waits for news.
    fn held_for(&self, asked: &Seen) -> Duration {
        let answers_at_once = !matches!(
            self.fault,
            None | Some(Fault::Clock(_) | Fault::LogByHash | Fault::Slow(_) | Fault::CutOff)
        ) && !matches!(
            self.fault,
            Some(Fault::Altered(part) | Fault::Truncated(part) | Fault::Missing(part)
                | Fault::Oversized(part) | Fault::Endless(part)) if part != Part::Checkpoint
        );
        let sequence = || {
            let etag = asked.etag.as_deref()?.strip_prefix('"')?;
            etag.split_once('-')?.0.parse::<u64>().ok()
        };
        let is_known = sequence().is_some_and(|known| known >= self.contents.sequence);
        match asked.wait {
            Some(seconds) if is_known && asked.part == Part::Checkpoint && !answers_at_once => {
                Duration::from_secs(seconds)
            }
            _ => Duration::ZERO,
        }
    }

    fn answer(&mut self, asked: &Seen, waited: bool) -> Answer {
        let part = asked.part;
        if self.access_key.is_some() && self.access_key != asked.access_key {
            return Answer::Whole(Said::new(401, "{}"));
        }
        let mut said = match part {
            Part::Checkpoint => self.say_checkpoint(asked, waited),
            Part::Object => self.say_object(&asked.path),
            Part::Log => self.say_log(asked),
        };
        match self.fault.clone() {
            Some(Fault::CutOff) => return Answer::CutOff(said),
            Some(Fault::Slow(time)) => return Answer::Slow(said, time),
            Some(Fault::Status(status)) => said = Said::new(status, ""),
            Some(Fault::NotModified) => said = not_modified(said),
            Some(Fault::Garbage) => {
                let bytes = crate::random::Random(7).bytes(1000);
                said = Said { status: 200, body: bytes, ..said };
            }
            Some(Fault::Endless(of)) if of == part => return Answer::Endless,
            Some(Fault::Truncated(of)) if of == part => {
                said.body.truncate(said.body.len() / 2);
            }
            Some(Fault::Altered(of)) if of == part && !said.body.is_empty() => {
                let middle = said.body.len() / 2;
                said.body[middle] ^= 1;
            }
            Some(Fault::Oversized(of)) if of == part => {
                let most = if of == Part::Object { MAX_OBJECT } else { MAX_CHECKPOINT };
                said.body.resize(most + 1, b' ');
            }
            Some(Fault::Missing(of)) if of == part => said = Said::new(404, "{}"),
            _ => {}
        }
        Answer::Whole(said)
    }

    fn say_checkpoint(&mut self, asked: &Seen, waited: bool) -> Said {
        let scope = match self.contents.scope.as_str() {
            "all" => "/all".to_owned(),
            id => format!("/namespaces/{id}"),
        };
        // Under whatever path a mirror has it.
        if !asked.path.ends_with(&scope) {
            return Said::new(404, "{}");
        }
        let signed = self.checkpoint();
        let said = match asked.wait {
            None if asked.etag.as_ref() == Some(&signed.etag) => Said::new(304, ""),
            _ => Said::new(200, signed.body).header("content-type", "application/json"),
        };
        // A mirror of files knows no waiting.
        let said = match asked.wait {
            Some(seconds) if waited => said.header("preference-applied", format!("wait={seconds}")),
            _ => said,
        };
        said.header("etag", signed.etag).header("cache-control", "max-age=1")
    }

    fn say_object(&self, path: &str) -> Said {
        let name = path.rsplit('/').next().unwrap_or_default();
        let is_log = self.fault == Some(Fault::LogByHash) && name == self.contents.log_hash();
        match self.objects.get(name) {
            _ if is_log => Said::new(200, self.contents.log()),
            Some(bytes) => Said::new(200, bytes.as_slice()),
            None => Said::new(404, "{}"),
        }
    }

    fn say_log(&self, asked: &Seen) -> Said {
        let epoch = asked.path.rsplit('/').next().and_then(|it| it.parse().ok());
        let log = epoch.and_then(|epoch: u64| self.logs.get(&epoch));
        let Some(log) = log.filter(|_| self.fault != Some(Fault::LogByHash)) else {
            return Said::new(404, "{}");
        };
        let range = asked.range.as_deref().and_then(|range| {
            let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
            let last = last.parse().unwrap_or(usize::MAX).min(log.len().saturating_sub(1));
            Some((first.parse::<usize>().ok()?, last))
        });
        match range {
            None => Said::new(200, log.as_slice()),
            Some((first, last)) if first <= last && first < log.len() => {
                let range = format!("bytes {first}-{last}/{}", log.len());
                Said::new(206, &log[first..=last]).header("content-range", range)
            }
            Some(_) => Said::new(416, "").header("content-range", format!("bytes */{}", log.len())),
        }
    }
}

/// 304 with the headers that 200 would have.
fn not_modified(said: Said) -> Said {
    let kept = ["etag", "cache-control"];
    let headers = said.headers.into_iter().filter(|(name, _)| kept.contains(name)).collect();
    Said { status: 304, headers, body: Vec::new() }
}
