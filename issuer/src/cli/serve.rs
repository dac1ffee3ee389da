//! `issuer serve`.

use std::io::{self, IsTerminal as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use lexopt::{Arg, Parser};
use namespace_jwt_issuer::inspect::display::excerpt;
use namespace_jwt_issuer::serve::log::{self, Form};
use namespace_jwt_issuer::serve::{Configuration, serve};
use zeroize::Zeroizing;

use super::database::Database;
use super::options::{Command, Given, Said, misread, unexpected};
use super::{Done, Failure, failure};
use crate::cli::help::SERVE_HELP;

const COMMAND: Command = Command { usage: "issuer serve --help", help: SERVE_HELP };

/// Where the service listens unless it is told otherwise.
const DEFAULT_ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080);

/// How long the end waits for whoever reads the log.
const LAST_LINES: Duration = Duration::from_secs(1);

pub fn run(parser: &mut Parser) -> Result<Done, Failure> {
    let mut listen = Given::new("--listen");
    let mut database = Database::new();
    let mut init_file = Given::new("--init-file");
    let mut public_url = Given::new("--public-url");
    let mut trusted_proxies = Given::new("--trusted-proxies");
    let mut domain_suffix = Given::new("--domain-suffix");
    while let Some(argument) = parser.next().map_err(|error| misread(&error, &COMMAND))? {
        match argument {
            Arg::Long("listen") => listen.text(parser)?,
            Arg::Long("init-file") => init_file.path(parser)?,
            Arg::Long("public-url") => public_url.text(parser)?,
            Arg::Long("trusted-proxies") => trusted_proxies.text(parser)?,
            Arg::Long("domain-suffix") => domain_suffix.text(parser)?,
            Arg::Long("help") | Arg::Short('h') => return Done::print(SERVE_HELP),
            Arg::Long("database") => database.url.text(parser)?,
            Arg::Long("secrets-key-file") => database.secrets_key_file.path(parser)?,
            other => return Err(unexpected(&other, &COMMAND)),
        }
    }
    let listen = listen.or_variable("ISSUER_LISTEN")?;
    let proxies = trusted_proxies.or_variable("ISSUER_TRUSTED_PROXIES")?;
    let domain_suffix = domain_suffix.or_variable("ISSUER_DOMAIN_SUFFIX")?;
    let configuration = Configuration {
        listen: listen.map_or(Ok(DEFAULT_ADDRESS), |said| listen_address(&said))?,
        installation: database.installation(init_file.or_variable("ISSUER_INIT_FILE")?)?,
        public_url: public_url.or_variable("ISSUER_PUBLIC_URL")?.map(checked_url).transpose()?,
        trusted_proxies: proxies
            .map_or_else(|| "".parse(), |said| said.text.parse())
            .map_err(|error| Failure(format!("`--trusted-proxies`: {error}")))?,
        domain_suffix: domain_suffix
            .map_or_else(|| Ok("functions.localhost".to_owned()), checked_suffix)?,
    };
    let form = if io::stderr().is_terminal() { Form::Terminal } else { Form::Json };
    let level = Given::<String>::new(log::LEVEL_VARIABLE).or_variable(log::LEVEL_VARIABLE)?;
    let log = log::start(log::level(level.as_ref().map(|said| said.text.as_str()))?, form)?;
    log::report_panics();
    let served = super::runtime()?.block_on(serve(configuration));
    log.flush(LAST_LINES);
    served?;
    Ok(Done { output: Zeroizing::default(), status: ExitCode::SUCCESS })
}

fn listen_address(Said { text, by }: &Said) -> Result<SocketAddr, Failure> {
    text.parse().or_else(|_| {
        failure(format!(
            "`{by}`: expected an IP address and a port such as 127.0.0.1:8080, found {}",
            excerpt(text)
        ))
    })
}

/// Clients append a path to it as text.
pub fn checked_url(Said { text, by }: Said) -> Result<String, Failure> {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    // It goes into a file that shells read: no character means anything to one.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/[]%".contains(c);
    match host {
        Some(host) if !host.is_empty() && !host.ends_with('/') && host.chars().all(is_plain) => {
            Ok(text)
        }
        _ => failure(format!(
            "`{by}`: expected a URL such as https://issuer.example.com, without a `/` at its end, \
             found {}",
            excerpt(&text)
        )),
    }
}

fn checked_suffix(Said { text, by }: Said) -> Result<String, Failure> {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    match text.len() <= 180 && text.split('.').all(is_label) {
        true => Ok(text),
        false => failure(format!(
            "`{by}`: expected a domain such as functions.example.com, found {}",
            excerpt(&text)
        )),
    }
}
