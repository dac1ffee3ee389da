//! Arguments in, text out.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lexopt::{Arg, Parser};
use namespace_jwt::config::{Config, Environment};
use namespace_jwt::issuer::display::{
    Escaped, excerpt, parse_duration, parse_rfc3339, pretty_json, rfc3339,
};
use namespace_jwt::issuer::explain::{Explanation, Verdict};
use namespace_jwt::issuer::key_files::{self, KeyFiles};
use namespace_jwt::issuer::keys::{KeyType, RsaSize, SigningKey};
use namespace_jwt::issuer::mint::{Grant, TokenRequest, mint};
use namespace_jwt::time::UnixTime;
use namespace_jwt::token::MAX_TOKEN_BYTES;
use serde_json::json;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::help::{HELP, INSPECT_HELP, ISSUE_HELP, KEYGEN_HELP};

/// How long a token lives when nobody says.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(3600);

pub fn main() -> ExitCode {
    let outcome = run(&mut Parser::from_env()).and_then(|done| {
        write(&done.output)?;
        Ok(done.status)
    });
    outcome.unwrap_or_else(|Failure(message)| {
        complain(&message);
        ExitCode::from(2)
    })
}

/// What a command leaves for standard output, and its exit status.
struct Done {
    output: Zeroizing<String>,
    status: ExitCode,
}

impl Done {
    fn print(output: impl Into<String>) -> Result<Self, Failure> {
        Ok(Self { output: Zeroizing::new(output.into()), status: ExitCode::SUCCESS })
    }
}

/// What went wrong and what to do, in one line for a person.
struct Failure(String);

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

fn failure<T>(message: impl Into<String>) -> Result<T, Failure> {
    Err(Failure(message.into()))
}

fn run(parser: &mut Parser) -> Result<Done, Failure> {
    let command = match parser.next() {
        Ok(Some(Arg::Value(command))) => command,
        Ok(Some(Arg::Long("help") | Arg::Short('h'))) => return Done::print(HELP),
        Ok(Some(Arg::Long("version") | Arg::Short('V'))) => {
            return Done::print(concat!("issuer ", env!("CARGO_PKG_VERSION"), "\n"));
        }
        _ => OsString::new(),
    };
    match command.to_str() {
        Some("keygen") => keygen(parser),
        Some("issue") => issue(parser),
        Some("inspect") => inspect(parser),
        Some("help") => Done::print(HELP),
        // Whatever stands here instead may be a token, so it is not repeated.
        _ => failure("expected a command: keygen, issue or inspect; see `issuer --help`"),
    }
}

fn keygen(parser: &mut Parser) -> Result<Done, Failure> {
    let mut out = Given::new("--out");
    let mut algorithm = Given::new("--algorithm");
    let mut bits = Given::new("--bits");
    let mut json = false;
    while let Some(argument) = parser.next().map_err(|error| misread(&error, "keygen"))? {
        match argument {
            Arg::Long("out") => out.path(parser)?,
            Arg::Long("algorithm") => algorithm.text(parser)?,
            Arg::Long("bits") => bits.text(parser)?,
            Arg::Long("json") => json = true,
            Arg::Long("help") | Arg::Short('h') => return Done::print(KEYGEN_HELP),
            other => return Err(unexpected(&other, "keygen")),
        }
    }
    let out = out.required("a folder for private.pem and public.pem")?;
    let key_type = key_type(algorithm.value.as_deref(), bits.value.as_deref())?;
    let files = KeyFiles::in_folder(&out);
    files.check_absent()?;
    if key_type == KeyType::Rsa(RsaSize::Bits4096) {
        complain("making a 4096-bit RSA key; this takes a few seconds");
    }
    let key = SigningKey::generate(key_type)?;
    files.write(&key)?;
    let (private, public) = (files.private.display(), files.public.display());
    let algorithm = key.algorithm().name();
    if json {
        return Done::print(
            pretty_json(&json!({
                "algorithm": algorithm,
                "private_key": private.to_string(),
                "public_key": public.to_string(),
            }))? + "\n",
        );
    }
    Done::print(format!(
        "{}  signs tokens ({algorithm}): keep it to yourself\n\
         {}   checks them: give it to the filter, as public_key or SCW_PUBLIC_KEY\n",
        Escaped(&private.to_string()),
        Escaped(&public.to_string()),
    ))
}

fn key_type(algorithm: Option<&str>, bits: Option<&str>) -> Result<KeyType, Failure> {
    let other = match algorithm.unwrap_or("RS256") {
        "RS256" => None,
        "ES256" => Some(KeyType::P256),
        "ES384" => Some(KeyType::P384),
        "EdDSA" => Some(KeyType::Ed25519),
        found => {
            return failure(format!(
                "--algorithm: expected RS256, ES256, ES384 or EdDSA, found {}; \
                 choose one of the four",
                excerpt(found)
            ));
        }
    };
    match (other, bits) {
        (Some(other), None) => Ok(other),
        (Some(_), Some(_)) => {
            failure("--bits is for RS256, other keys have one size; leave it out")
        }
        (None, bits) => {
            let bits = bits.unwrap_or("4096");
            let size = bits.parse().ok().and_then(RsaSize::from_bits);
            size.map(KeyType::Rsa).ok_or_else(|| {
                Failure(format!(
                    "--bits: expected 2048, 3072 or 4096, found {}; choose one of the three",
                    excerpt(bits)
                ))
            })
        }
    }
}

fn issue(parser: &mut Parser) -> Result<Done, Failure> {
    let mut key = Given::new("--key");
    let mut namespace_id = Given::new("--namespace-id");
    let mut function_id = Given::new("--function-id");
    let mut container_id = Given::new("--container-id");
    let mut expires_at = Given::new("--expires-at");
    let mut expires_in = Given::new("--expires-in");
    let mut no_expiration = false;
    let mut token_id = Given::new("--token-id");
    let mut issuer = Given::new("--issuer");
    let mut audience = Given::new("--audience");
    let mut json = false;
    while let Some(argument) = parser.next().map_err(|error| misread(&error, "issue"))? {
        match argument {
            Arg::Long("key") => key.path(parser)?,
            Arg::Long("namespace-id") => namespace_id.text(parser)?,
            Arg::Long("function-id") => function_id.text(parser)?,
            Arg::Long("container-id") => container_id.text(parser)?,
            Arg::Long("expires-at") => expires_at.text(parser)?,
            Arg::Long("expires-in") => expires_in.text(parser)?,
            Arg::Long("no-expiration") => no_expiration = true,
            Arg::Long("token-id") => token_id.text(parser)?,
            Arg::Long("issuer") => issuer.text(parser)?,
            Arg::Long("audience") => audience.text(parser)?,
            Arg::Long("json") => json = true,
            Arg::Long("help") | Arg::Short('h') => return Done::print(ISSUE_HELP),
            other => return Err(unexpected(&other, "issue")),
        }
    }
    let key = key.required("the file of a private key, as `issuer keygen` makes it")?;
    let grant = match (namespace_id.value, function_id.value, container_id.value) {
        (Some(id), None, None) => Grant::Namespace(id),
        (None, Some(id), None) | (None, None, Some(id)) => Grant::Application(id),
        (None, None, None) => {
            return failure(
                "expected what the token opens, found nothing; \
                 give --namespace-id, --function-id or --container-id",
            );
        }
        _ => {
            return failure(
                "expected one of --namespace-id, --function-id and --container-id, found several; \
                 mint a token for each",
            );
        }
    };
    let now = now()?;
    let expires_at = expiry(expires_at.value, expires_in.value, no_expiration, now)?;
    let expires_at = expires_at.map(|time| UnixTime::from_secs(time.since_epoch().as_secs()));
    let mut request = TokenRequest::new(grant, expires_at);
    if let Some(text) = token_id.value {
        // `try_parse` also reads forms that the platform doesn't write.
        let id =
            Uuid::try_parse(&text).ok().filter(|id| id.to_string().eq_ignore_ascii_case(&text));
        let Some(id) = id else {
            return failure(format!(
                "--token-id: expected a UUID such as {}, found {}; \
                 leave it out to get a new one",
                request.token_id,
                excerpt(&text)
            ));
        };
        request.token_id = id;
    }
    request.issuer = issuer.value.unwrap_or(request.issuer);
    request.audience = audience.value.unwrap_or(request.audience);

    let file = key_files::read_private(&key)?;
    if let Some(mode) = file.open_to_others {
        let path = key.display();
        complain(&format!("others can read {path} (mode {mode:04o}); run `chmod 600` on it"));
    }
    let mut output = mint(&file.key, &request, now)?;
    if json {
        let details = json!({
            "token": *output,
            "token_id": request.token_id.to_string(),
            "algorithm": file.key.algorithm().name(),
            "issued_at": rfc3339(now),
            "expires_at": request.expires_at.map(rfc3339),
        });
        output = Zeroizing::new(pretty_json(&details)?);
    }
    output.push('\n');
    Ok(Done { output, status: ExitCode::SUCCESS })
}

/// The time at which a token asked for at `now` is to expire, if ever.
fn expiry(
    at: Option<String>,
    within: Option<String>,
    never: bool,
    now: UnixTime,
) -> Result<Option<UnixTime>, Failure> {
    match (at, within, never) {
        (None, None, true) => Ok(None),
        (None, None, false) => Ok(Some(now.saturating_add(DEFAULT_LIFETIME))),
        (Some(at), None, false) => match parse_rfc3339(&at) {
            Some(at) => Ok(Some(at)),
            None => Err(no_time("--expires-at", &at)),
        },
        (None, Some(within), false) => match parse_duration(&within) {
            Some(within) => Ok(Some(now.saturating_add(within))),
            None => failure(format!(
                "--expires-in: expected a length of time such as 90s, 30m, 1h or 7d, found {}; \
                 for months or years give days",
                excerpt(&within)
            )),
        },
        _ => failure(
            "expected one of --expires-in, --expires-at and --no-expiration, found several; \
             choose one",
        ),
    }
}

fn inspect(parser: &mut Parser) -> Result<Done, Failure> {
    let mut token = None;
    let mut config = Given::new("--config");
    let mut at = Given::new("--at");
    let mut json = false;
    while let Some(argument) = parser.next().map_err(|error| misread(&error, "inspect"))? {
        match argument {
            Arg::Value(value) if token.is_none() => token = Some(value),
            Arg::Value(_) => return failure("expected one token, found more; inspect them singly"),
            Arg::Long("config") => config.path(parser)?,
            Arg::Long("at") => at.text(parser)?,
            Arg::Long("json") => json = true,
            Arg::Long("help") | Arg::Short('h') => return Done::print(INSPECT_HELP),
            other => return Err(unexpected(&other, "inspect")),
        }
    }
    let at = match at.value {
        None => now()?,
        Some(text) => parse_rfc3339(&text).ok_or_else(|| no_time("--at", &text))?,
    };
    let config = config.value.map(|path| read_config(&path)).transpose()?;
    let token = match token {
        Some(token) if token != "-" => Zeroizing::new(token.into_encoded_bytes()),
        _ => token_from_input()?,
    };
    let explanation = match token.trim_ascii() {
        [] => return failure("expected a token, found nothing; give one, or pipe it in"),
        token => Explanation::new(token, config.as_ref(), at),
    };
    if let (Verdict::Unreadable, false, Some(why)) =
        (explanation.verdict(), json, explanation.unreadable())
    {
        return failure(format!("{why}; give one compact JWT"));
    }
    let output = match json {
        true => pretty_json(&explanation.to_json())? + "\n",
        false => explanation.to_string(),
    };
    let status = match explanation.verdict() {
        Verdict::Readable | Verdict::Admitted => ExitCode::SUCCESS,
        Verdict::Refused => ExitCode::FAILURE,
        Verdict::Unreadable => ExitCode::from(2),
    };
    Ok(Done { output: Zeroizing::new(output), status })
}

/// Reads the filter's configuration as the filter does.
fn read_config(path: &Path) -> Result<Config, Failure> {
    let name = path.display();
    let json = std::fs::read(path)
        .map_err(|error| Failure(format!("--config: {name}: {error}; check the name")))?;
    let environment = Environment::read(|name| std::env::var_os(name));
    environment
        .and_then(|environment| Config::from_json(&json, &environment))
        .map_err(|error| Failure(format!("{name}: {error}; correct it and try again")))
}

fn token_from_input() -> Result<Zeroizing<Vec<u8>>, Failure> {
    // White space around a token is no fault of it, but there is an end to everything.
    const MOST: usize = 2 * MAX_TOKEN_BYTES;
    let input = io::stdin();
    if input.is_terminal() {
        complain("reading a token from the terminal; paste it and press Enter, then Ctrl-D");
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(MOST));
    input.lock().take(MOST as u64).read_to_end(&mut bytes).map_err(|error| {
        Failure(format!("standard input: {error}; give the token as an argument"))
    })?;
    Ok(bytes)
}

/// The time, to the second.
fn now() -> Result<UnixTime, Failure> {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since_epoch) => Ok(UnixTime::from_secs(since_epoch.as_secs())),
        Err(_) => failure("the clock stands before 1970; set it"),
    }
}

/// An option that may be given once.
struct Given<T> {
    name: &'static str,
    value: Option<T>,
}

impl<T> Given<T> {
    fn new(name: &'static str) -> Self {
        Self { name, value: None }
    }

    fn set(&mut self, value: T) -> Result<(), Failure> {
        match self.value.replace(value) {
            None => Ok(()),
            Some(_) => failure(format!("{} is given twice; give it once", self.name)),
        }
    }

    fn required(self, what: &str) -> Result<T, Failure> {
        let Self { name, value } = self;
        value.ok_or_else(|| Failure(format!("expected {name}: {what}, found none; give it")))
    }

    fn argument(&self, parser: &mut Parser) -> Result<OsString, Failure> {
        match parser.value() {
            // The parser takes whatever follows. A forgotten value would swallow an option.
            Ok(value) if !value.is_empty() && !is_option(&value) => Ok(value),
            _ => failure(format!("expected a value after {}, found none; give one", self.name)),
        }
    }
}

impl Given<PathBuf> {
    fn path(&mut self, parser: &mut Parser) -> Result<(), Failure> {
        let value = PathBuf::from(self.argument(parser)?);
        // A key or a token that was given instead would be repeated in a message. Neither
        // can be the name of a file: systems allow 255 bytes in each part of one.
        let is_key = value.to_string_lossy().contains("-----BEGIN");
        if is_key || value.iter().any(|part| part.len() > 255) {
            return failure(format!(
                "{}: expected the name of a file or folder, found a longer text; \
                 put the text into a file and give the file's name",
                self.name
            ));
        }
        self.set(value)
    }
}

impl Given<String> {
    fn text(&mut self, parser: &mut Parser) -> Result<(), Failure> {
        match self.argument(parser)?.into_string() {
            Ok(value) => self.set(value),
            Err(_) => {
                failure(format!("{}: expected UTF-8, found other bytes; correct it", self.name))
            }
        }
    }
}

/// Whether a value looks like an option: `--key`, and not the `-----BEGIN` of a key.
fn is_option(value: &OsStr) -> bool {
    let name = value.as_encoded_bytes().strip_prefix(b"--");
    name.and_then(|name| name.first()).is_some_and(u8::is_ascii_alphabetic)
}

fn no_time(option: &str, found: &str) -> Failure {
    Failure(format!(
        "{option}: expected a time in RFC 3339 such as 2030-01-31T12:00:00Z, found {}; \
         mind the T and the Z or offset",
        excerpt(found)
    ))
}

/// An argument that a command has no use for. A value isn't repeated: it may be a token.
fn unexpected(argument: &Arg<'_>, command: &str) -> Failure {
    let what = match argument {
        Arg::Long(name) => format!("{} is no option", excerpt(&format!("--{name}"))),
        Arg::Short(name) => format!("`-{name}` is no option"),
        Arg::Value(_) => "expected options only, found something else".to_owned(),
    };
    Failure(format!("{what}; see `issuer {command} --help`"))
}

/// The parser's own errors, without the values that they would repeat.
fn misread(error: &lexopt::Error, command: &str) -> Failure {
    let what = match error {
        lexopt::Error::UnexpectedValue { option, .. } => {
            format!("{} takes no value", excerpt(option))
        }
        _ => "the arguments can't be read".to_owned(),
    };
    Failure(format!("{what}; see `issuer {command} --help`"))
}

/// One line on standard error, whatever is in the message.
fn complain(message: &str) {
    // There is nowhere left to report that standard error is gone.
    let _ = writeln!(io::stderr(), "issuer: {}", Escaped(message));
}

fn write(output: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(output.as_bytes()).and_then(|()| stdout.flush()) {
        // Whoever stops reading, as `head` does, has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            failure(format!("standard output: {error}; check where it goes"))
        }
        _ => Ok(()),
    }
}
