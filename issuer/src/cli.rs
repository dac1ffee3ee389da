//! Arguments in, text out.

mod admin;
mod audit;
mod backup;
mod database;
mod help;
mod inspect;
mod issue;
mod keygen;
mod namespace;
mod options;
mod policy;
mod quota;
mod revoke;
mod serve;
mod trust;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use lexopt::{Arg, Parser};
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_issuer::calendar::TimeError;
use namespace_jwt_issuer::inspect::display::{Escaped, excerpt};
use zeroize::Zeroizing;

use crate::cli::help::HELP;
use options::{Command, misread, unexpected, unknown_command};

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
        Ok(None) => return Ok(Done { status: ExitCode::from(2), ..Done::print(HELP)? }),
        Ok(Some(other)) => return Err(unexpected(&other, &Command::NONE)),
        Err(error) => return Err(misread(&error, &Command::NONE)),
    };
    match command.to_str() {
        Some("keygen") => keygen::run(parser),
        Some("issue") => issue::run(parser),
        Some("inspect") => inspect::run(parser),
        Some("serve") => serve::run(parser),
        Some("namespace") => namespace::run(parser),
        Some("trust") => trust::run(parser),
        Some("revoke") => revoke::run(parser),
        Some("policy") => policy::run(parser),
        Some("quota") => quota::run(parser),
        Some("audit") => audit::run(parser),
        Some("admin") => admin::run(parser),
        Some("backup") => backup::backup(parser),
        Some("restore") => backup::restore(parser),
        Some("help") => Done::print(HELP),
        _ => Err(unknown_command(&command)),
    }
}

/// What the commands on a database run on.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    Ok(tokio::runtime::Builder::new_multi_thread().enable_all().build()?)
}

/// The time, to the second.
fn now() -> Result<UnixTime, Failure> {
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since_epoch) => Ok(UnixTime::from_secs(since_epoch.as_secs())),
        Err(_) => failure("the system clock is before 1970; set it"),
    }
}

/// A time that an option can't take.
fn bad_time(option: &str, found: &str, error: TimeError) -> Failure {
    Failure(format!("{option}: {}: {error}", excerpt(found)))
}

/// So many of something: `1 token`, `3 tokens`.
fn counted(number: u64, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
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
