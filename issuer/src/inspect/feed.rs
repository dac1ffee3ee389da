//! The trust feed, read once, as a gateway reads it: from an issuer or a mirror, or from the files
//! that `issuer trust publish` wrote.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::{Request, Uri, header};
use hyper_util::rt::TokioIo;
use namespace_jwt_core::config::Trust;
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_core::trust::MAX_OBJECT_BYTES;
use namespace_jwt_core::trust::log::{MAX_RECORDS, RECORD_BYTES};
use namespace_jwt_core::trust::state::{LogPart, Now, Standing, State, Want};
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::calendar::rfc3339;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The most requests: a checkpoint, a log, an index, and all that it may name.
const MOST_REQUESTS: usize = 3 * namespace_jwt_core::trust::index::MAX_SHARDS + 16;

/// What a gateway that follows the feed would know now.
pub struct Followed {
    state: State,
    now: Now,
    source: String,
}

/// Where the feed is.
enum Source {
    Server { uri: Uri, base: String },
    Folder(PathBuf),
}

impl Followed {
    /// Reads all of it from a URL or a folder, as a gateway with this configuration would at this
    /// time of the clock.
    ///
    /// # Errors
    ///
    /// What is wrong with it, and what to do, in a sentence.
    pub fn read(trust: &Trust, from: &str, clock: UnixTime) -> Result<Self, String> {
        let source = Source::new(trust, from)?;
        let now = Now { clock, monotonic: Duration::ZERO };
        let mut state = State::new(trust.settings.clone(), now);
        for _ in 0..MOST_REQUESTS {
            let Some(want) = state.wants().into_iter().next() else { break };
            let bytes = source.get(want, trust)?;
            let taken = match want {
                Want::Checkpoint => state.checkpoint(&bytes, now),
                Want::Object(hash) => state.object(hash, &bytes, now),
                Want::Log { epoch, .. } => {
                    state.log(LogPart { epoch, from: 0, bytes: &bytes, last: true }, now)
                }
            };
            if let Err(refusal) = taken {
                let path = want.path(trust.settings.scope);
                let advice = "is it another issuer's, or an old copy?";
                return Err(format!("{from}: {path} is refused: {}; {advice}", refusal.name()));
            }
            if state.current().is_some() {
                return Ok(Self { state, now, source: from.to_owned() });
            }
        }
        Err(format!("{from}: it never comes to an end; is it written to at the same time?"))
    }

    /// What counts for a request.
    pub fn standing(&self) -> Standing<'_> {
        self.state.standing(self.now)
    }

    /// What was read, for a person.
    pub fn summary(&self) -> String {
        let Some(checkpoint) = self.state.current() else { return self.source.clone() };
        format!(
            "{}, sequence {}, issued {}, {} revocations",
            self.source,
            checkpoint.sequence,
            rfc3339(checkpoint.issued),
            self.state.revocations()
        )
    }

    /// The same for programs.
    pub fn to_json(&self) -> Value {
        let checkpoint = self.state.current();
        json!({
            "source": self.source,
            "sequence": checkpoint.map(|it| it.sequence),
            "issued": checkpoint.map(|it| rfc3339(it.issued)),
            "revocations": self.state.revocations(),
        })
    }
}

impl Source {
    fn new(trust: &Trust, from: &str) -> Result<Self, String> {
        let Some((scheme, _)) = from.split_once("://") else {
            return Ok(Self::Folder(PathBuf::from(from)));
        };
        if scheme != "http" {
            return Err(format!(
                "--trust: expected a folder or a URL with http://, found {scheme}://; \
                 `issuer trust publish` makes a folder"
            ));
        }
        let uri: Uri = from.parse().map_err(|error| format!("--trust: {from}: {error}"))?;
        if uri.host().is_none() {
            return Err(format!("--trust: {from}: there is no host in it"));
        }
        // An address alone is the issuer's.
        let base = match uri.path() {
            "" | "/" => trust.path.clone(),
            path => path.trim_end_matches('/').to_owned(),
        };
        Ok(Self::Server { uri, base })
    }

    fn get(&self, want: Want, trust: &Trust) -> Result<Vec<u8>, String> {
        let scope = trust.settings.scope;
        match self {
            Self::Folder(folder) => {
                let path = folder.join(want.path_of_file(scope).trim_start_matches('/'));
                fs::read(&path).map_err(|error| {
                    format!("--trust: {}: {error}; is it a published feed?", path.display())
                })
            }
            Self::Server { uri, base } => {
                let whole = |path: String| format!("{base}{path}");
                match fetch(uri, &whole(want.path(scope)), trust)? {
                    (404, _) if matches!(want, Want::Log { .. }) => {
                        good(uri, fetch(uri, &whole(want.path_of_file(scope)), trust)?)
                    }
                    answer => good(uri, answer),
                }
            }
        }
    }
}

fn good(uri: &Uri, (status, body): (u16, Vec<u8>)) -> Result<Vec<u8>, String> {
    match status {
        200 => Ok(body),
        401 | 403 => Err(format!(
            "--trust: {uri} answers {status}; the feed of all namespaces needs trust.access_key"
        )),
        404 => Err(format!("--trust: {uri} answers 404; does it know this namespace?")),
        other => Err(format!("--trust: {uri} answers {other}; is it an issuer's trust feed?")),
    }
}

/// Asks once. The answer's status and body.
fn fetch(uri: &Uri, path: &str, trust: &Trust) -> Result<(u16, Vec<u8>), String> {
    let failed = |error: &dyn std::fmt::Display| format!("--trust: {uri}: {error}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed(&error))?;
    let answer = async { tokio::time::timeout(PATIENCE, exchange(uri, path, trust)).await };
    match runtime.block_on(answer) {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(failed(&error)),
        Err(_) => Err(failed(&"no answer in 10 seconds")),
    }
}

async fn exchange(
    uri: &Uri,
    path: &str,
    trust: &Trust,
) -> Result<(u16, Vec<u8>), Box<dyn std::error::Error + Send + Sync>> {
    let host = uri.host().unwrap_or_default();
    let address =
        (host.trim_start_matches('[').trim_end_matches(']'), uri.port_u16().unwrap_or(80));
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let authority = uri.authority().map_or(host, |authority| authority.as_str());
    let mut request = Request::get(path).header(header::HOST, authority);
    if let Some(key) = &trust.access_key {
        request = request.header("x-auth-token", key.expose());
    }
    let request = request.body(Empty::<Bytes>::new())?;
    // It ends with the runtime.
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, most_bytes()).collect().await?.to_bytes();
    Ok((head.status.as_u16(), body.to_vec()))
}

/// The longest of what there is: a log, or an object.
fn most_bytes() -> usize {
    let log = u64::from(MAX_RECORDS).saturating_mul(RECORD_BYTES);
    MAX_OBJECT_BYTES.max(usize::try_from(log).unwrap_or(usize::MAX))
}
