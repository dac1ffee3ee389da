//! `issuer audit`: the audit log as a signed file.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, StdoutLock, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use lexopt::{Arg, Parser};
use namespace_jwt_issuer::audit::{
    EarlierExport, Entries, Export, Fault, Removed, TrustedKeys, Verification, Verified,
};
use namespace_jwt_issuer::authority::Authority;
use namespace_jwt_issuer::calendar::rfc3339;
use namespace_jwt_issuer::inspect::display::Escaped;
use namespace_jwt_issuer::installation::Installation;
use namespace_jwt_issuer::store::sqlite::{FileTrouble, OpenError, create_private, sync_folder};
use tokio::runtime::Runtime;
use zeroize::Zeroizing;

use super::database::{Database, authority};
use super::options::{Command, Given, misread, unexpected};
use super::{Done, Failure, complain, failure};
use crate::cli::help::AUDIT_HELP;

const COMMAND: Command = Command { usage: "issuer audit --help", help: AUDIT_HELP };

/// How many entries are read at once.
const PAGE: u32 = 1000;

/// How many bytes of a file are read at once.
const PIECE: usize = 1 << 16;

/// One byte more than the largest file of public keys that is read.
const KEYS_LIMIT: u64 = 64 << 10;

/// How often it is told how far the work is.
const TELL_EVERY: Duration = Duration::from_secs(5);

pub fn run(parser: &mut Parser) -> Result<Done, Failure> {
    let mut words: Vec<OsString> = Vec::new();
    let mut database = Database::new();
    let mut out = Given::new("--out");
    let mut key = Given::new("--key");
    let mut continues = Given::new("--continues");
    while let Some(argument) = parser.next().map_err(|error| misread(&error, &COMMAND))? {
        match argument {
            Arg::Long("out") => out.path(parser)?,
            Arg::Long("key") => key.path(parser)?,
            Arg::Long("continues") => continues.path(parser)?,
            Arg::Long("help") | Arg::Short('h') => return Done::print(AUDIT_HELP),
            Arg::Value(value) if words.len() < 2 => words.push(value),
            Arg::Long("database") => database.url.text(parser)?,
            Arg::Long("secrets-key-file") => database.secrets_key_file.path(parser)?,
            other => return Err(unexpected(&other, &COMMAND)),
        }
    }
    let is_export = key.value.is_none() && continues.value.is_none();
    let word = words.first().and_then(|word| word.to_str());
    match (word, words.get(1), out.value) {
        (Some("export"), None, out) if is_export => export(&database.installation(None)?, out),
        (Some("verify"), Some(file), None) => {
            let keys = match &key.value {
                Some(path) => keys_in(path)?,
                None => keys_of(&database.installation(None)?)?,
            };
            verify(Path::new(file), continues.value.as_deref(), keys)
        }
        _ => failure(
            "expected `issuer audit export [--out FILE]` or `issuer audit verify FILE [--key FILE] \
             [--continues FILE]`; see `issuer audit --help`",
        ),
    }
}

/// Writes what is in the log now.
fn export(installation: &Installation, out: Option<PathBuf>) -> Result<Done, Failure> {
    let runtime = super::runtime()?;
    let authority = runtime.block_on(authority(installation))?;
    if runtime.block_on(authority.audit_keys())?.is_none() {
        return failure(NO_KEY);
    }
    let mut target = Target::open(out.as_deref())?;
    let written = write_log(&mut target, &runtime, &authority);
    let export = match written.and_then(|export| target.finish().map(|()| export)) {
        Ok(export) => export,
        // Whoever stops reading, as `head` does, has seen enough.
        Err(Stopped::Unread) => return Done::print(""),
        Err(Stopped::Failed(error)) => {
            let _ = out.map(fs::remove_file);
            return Err(error);
        }
    };
    let output = out.map_or_else(String::new, |path| {
        format!("{}  {}, signed\n", shown(&path), entries(export.entries()))
    });
    if let Some(what) = told(export.removed()) {
        complain(&what);
    }
    Ok(Done { output: Zeroizing::new(output), status: status(export.removed()) })
}

/// The lines of all entries up to the last one that there is now, and the head.
fn write_log(
    target: &mut Target<'_>,
    runtime: &Runtime,
    authority: &Authority,
) -> Result<Export, Stopped> {
    // What is added meanwhile has higher numbers, and is left for another time. Nothing comes in
    // between, so no transaction has to be held open for as long as somebody reads.
    let last = runtime.block_on(authority.last_audit_number()).map_err(Failure::from)?;
    let (mut export, mut progress, mut after) = (Export::default(), Progress::start(), 0);
    while after < last {
        let page = runtime.block_on(authority.audit_entries(after, PAGE)).map_err(Failure::from)?;
        for record in page.iter().filter(|record| record.number <= last) {
            target.write(&export.entry(record).map_err(Failure::from)?)?;
        }
        after = page.last().map_or(last, |record| record.number);
        progress.tell(|| format!("{} written, up to {after} of {last}", entries(export.entries())));
    }
    target.write(&runtime.block_on(authority.sign_audit(&export)).map_err(Failure::from)?)?;
    Ok(export)
}

/// Reads a file, and says whether it is a whole log that one of the keys signed.
fn verify(file: &Path, continues: Option<&Path>, keys: TrustedKeys) -> Result<Done, Failure> {
    let earlier = continues.map(|path| {
        let mut earlier = EarlierExport::default();
        let read = read_pieces(path, |piece| earlier.push(piece))?;
        // It is a fault of what was given, and tells nothing of the log.
        read.and_then(|()| earlier.finish(&keys)).map_err(|fault| {
            Failure(format!("--continues: {}: {fault}; give another export", path.display()))
        })
    });
    let earlier = earlier.transpose()?;
    let continued = earlier.as_ref().map(|earlier| entries(earlier.entries()));
    let mut log = Verification::new(keys, earlier);
    let mut progress = Progress::start();
    let read = read_pieces(file, |piece| {
        progress.tell(|| format!("{} read", entries(log.entries())));
        log.push(piece)
    })?;
    let name = if is_stdin(file) { "standard input".into() } else { shown(file) };
    match read.and_then(|()| log.finish()) {
        Ok(verified) => {
            let removed = verified.removed();
            let mut output = format!("{name}  {}\n", summary(&verified));
            if let (Some(continued), Some(path)) = (continued, continues) {
                let line = format!("{name}  begins with the {continued} of {}\n", shown(path));
                output.push_str(&line);
            }
            if let Some(what) = told(removed) {
                output += &format!("{name}  {what}\n");
            }
            Ok(Done { output: Zeroizing::new(output), status: status(removed) })
        }
        Err(fault) => {
            let output = format!("{name}  {}\n", Escaped(&fault.to_string()));
            Ok(Done { output: Zeroizing::new(output), status: ExitCode::FAILURE })
        }
    }
}

/// The keys of the installation whose database is there.
fn keys_of(installation: &Installation) -> Result<TrustedKeys, Failure> {
    let keys = super::runtime()?.block_on(async {
        let authority = authority(installation).await?;
        Ok::<_, Failure>(authority.audit_keys().await?)
    });
    keys?.ok_or_else(|| Failure(NO_KEY.to_owned()))
}

/// The keys in a file.
fn keys_in(path: &Path) -> Result<TrustedKeys, Failure> {
    let trouble = |error| Failure(format!("--key: {}", FileTrouble(path, &error)));
    let mut text = String::new();
    let file = File::open(path).map_err(trouble)?;
    file.take(KEYS_LIMIT).read_to_string(&mut text).map_err(trouble)?;
    TrustedKeys::from_pem(&text).map_err(|error| {
        Failure(format!(
            "--key: {}: expected public keys as `issuer trust key` prints them, found {error}",
            path.display()
        ))
    })
}

const NO_KEY: &str = "there is no trust key yet; start `issuer serve` once, which makes it";

/// Gives a file piece by piece to whoever finds faults in it, up to the first one.
fn read_pieces(
    path: &Path,
    mut take: impl FnMut(&[u8]) -> Result<(), Fault>,
) -> Result<Result<(), Fault>, Failure> {
    let trouble = |error| Failure(FileTrouble(path, &error).to_string());
    let mut input: Box<dyn Read> = match is_stdin(path) {
        true => Box::new(io::stdin().lock()),
        false => Box::new(File::open(path).map_err(trouble)?),
    };
    let mut buffer = vec![0; PIECE];
    loop {
        let length = match input.read(&mut buffer) {
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(trouble(error)),
        };
        let piece = buffer.get(..length).unwrap_or_default();
        if piece.is_empty() {
            return Ok(Ok(()));
        }
        if let Err(fault) = take(piece) {
            return Ok(Err(fault));
        }
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn shown(path: &Path) -> String {
    Escaped(&path.display().to_string()).to_string()
}

/// `1 entry`, `3 entries`.
fn entries(number: u64) -> String {
    match number {
        1 => "1 entry".to_owned(),
        _ => format!("{number} entries"),
    }
}

fn summary(log: &Verified) -> String {
    let times = log.times().map_or_else(String::new, |(first, last)| {
        format!(" from {} to {}", rfc3339(first), rfc3339(last))
    });
    let keys: Vec<_> = log.signed_by().iter().map(ToString::to_string).collect();
    let (signed_at, keys) = (rfc3339(log.signed_at()), keys.join(" and "));
    format!("{}{times}, signed {signed_at} by the key {keys}", entries(log.entries()))
}

/// What is said of entries that aren't in the database any more.
fn told(removed: &Removed) -> Option<String> {
    let first = removed.first.as_ref()?;
    let all = entries(removed.count);
    Some(format!(
        "{} missing, {all} in all: somebody removed them from the database; find out who can write \
         its file",
        Entries(first)
    ))
}

fn status(removed: &Removed) -> ExitCode {
    if removed.count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Where the log goes.
enum Target<'a> {
    Stdout(BufWriter<StdoutLock<'static>>),
    File(BufWriter<File>, &'a Path),
}

/// Why it doesn't go there.
enum Stopped {
    /// Nobody reads it any more.
    Unread,
    Failed(Failure),
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl<'a> Target<'a> {
    fn open(out: Option<&'a Path>) -> Result<Self, Failure> {
        let Some(path) = out else {
            return Ok(Self::Stdout(BufWriter::with_capacity(PIECE, io::stdout().lock())));
        };
        let file = create_private(path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => OpenError::Exists(path.to_owned()),
            _ => OpenError::Io(path.to_owned(), error),
        })?;
        Ok(Self::File(BufWriter::with_capacity(PIECE, file), path))
    }

    fn write(&mut self, line: &str) -> Result<(), Stopped> {
        let written = match self {
            Self::Stdout(stdout) => stdout.write_all(line.as_bytes()),
            Self::File(file, _) => file.write_all(line.as_bytes()),
        };
        self.check(written)
    }

    /// Waits until all of it is there, of a file on disk.
    fn finish(&mut self) -> Result<(), Stopped> {
        let finished = match self {
            Self::Stdout(stdout) => stdout.flush(),
            Self::File(file, path) => file
                .flush()
                .and_then(|()| file.get_ref().sync_all())
                .and_then(|()| sync_folder(path)),
        };
        self.check(finished)
    }

    fn check(&self, written: io::Result<()>) -> Result<(), Stopped> {
        written.map_err(|error| match self {
            Self::Stdout(_) if error.kind() == io::ErrorKind::BrokenPipe => Stopped::Unread,
            Self::Stdout(_) => {
                Failure(format!("standard output: {error}; check where it goes")).into()
            }
            Self::File(_, path) => Failure(FileTrouble(path, &error).to_string()).into(),
        })
    }
}

/// What is said while work takes long.
struct Progress {
    told_at: Instant,
}

impl Progress {
    fn start() -> Self {
        Self { told_at: Instant::now() }
    }

    fn tell(&mut self, what: impl FnOnce() -> String) {
        if self.told_at.elapsed() >= TELL_EVERY {
            complain(&what());
            self.told_at = Instant::now();
        }
    }
}
