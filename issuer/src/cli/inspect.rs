//! `issuer inspect`.

use std::ffi::OsString;
use std::fmt::Write;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;
use std::process::ExitCode;

use lexopt::{Arg, Parser};
use namespace_jwt_core::config::{Config, Notice, NoticeLevel};
use namespace_jwt_core::token::MAX_TOKEN_BYTES;
use namespace_jwt_issuer::calendar::parse_rfc3339;
use namespace_jwt_issuer::inspect::display::{Escaped, pretty_json};
use namespace_jwt_issuer::inspect::explain::{Explanation, Verdict};
use namespace_jwt_issuer::inspect::feed::Followed;
use namespace_jwt_issuer::inspect::pasted::{self, Pasted, Place};
use namespace_jwt_issuer::inspect::plugin_file::{self, Plugin, Source, Syntax};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::options::{Command, Given, misread, unexpected};
use super::{Done, Failure, bad_time, complain, failure, now};
use crate::cli::help::INSPECT_HELP;

/// One byte more than the largest configuration that is read.
const CONFIGURATION_LIMIT: u64 = 16 << 20;

const COMMAND: Command = Command { usage: "issuer inspect --help", help: INSPECT_HELP };

pub fn run(parser: &mut Parser) -> Result<Done, Failure> {
    let mut token = None;
    let mut config = Given::new("--config");
    let mut plugin = Given::new("--plugin");
    let mut trust = Given::new("--trust");
    let mut at = Given::new("--at");
    let mut json = false;
    while let Some(argument) = parser.next().map_err(|error| misread(&error, &COMMAND))? {
        match argument {
            Arg::Value(value) if token.is_none() => token = Some(value),
            Arg::Value(_) => {
                return failure("there is more than one token; give one at a time");
            }
            Arg::Long("config") => config.path(parser)?,
            Arg::Long("plugin") => plugin.text(parser)?,
            Arg::Long("trust") => trust.text(parser)?,
            Arg::Long("at") => at.text(parser)?,
            Arg::Long("json") => json = true,
            Arg::Long("help") | Arg::Short('h') => return Done::print(INSPECT_HELP),
            other => return Err(unexpected(&other, &COMMAND)),
        }
    }
    let at = match at.value {
        None => now()?,
        Some(text) => parse_rfc3339(&text).map_err(|error| bad_time("`--at`", &text, error))?,
    };
    let configured = match (config.value, plugin.value) {
        (Some(path), plugin) => Some(Configured::read(path, plugin.as_deref())?),
        (None, None) => None,
        (None, Some(_)) => {
            return failure("`--plugin` chooses a plugin in a file; give the file with --config");
        }
    };
    let config = configured.as_ref().map(|configured| &configured.config);
    let feed = trust.value.map(|from| followed(&from, config)).transpose()?;
    let given = match token {
        Some(token) if token != "-" => Zeroizing::new(token.into_encoded_bytes()),
        _ => token_from_input()?,
    };
    // What is no text is no token either, which is for the filter's own code to say.
    let pasted = std::str::from_utf8(&given).ok().map(pasted::find).transpose()?;
    let (token, place) = match &pasted {
        None => (given.trim_ascii(), None),
        Some(Pasted { token, place }) => (token.as_bytes(), place.as_ref()),
    };
    if token.is_empty() {
        return failure("there is no token; give one on standard input");
    }
    let unread = config.and_then(|config| unread(place?, config));
    let explanation = Explanation::new(token, config, feed.as_ref(), unread, at);
    if let (Verdict::Unreadable, false, Some(why)) =
        (explanation.verdict(), json, explanation.unreadable())
    {
        let advice = if why.contains("; ") { "" } else { "; give one compact JWT" };
        return failure(why + advice);
    }
    let output = match json {
        true => {
            let mut members = explanation.to_json();
            if let Some(members) = members.as_object_mut() {
                let configuration = configured.as_ref().map(Configured::to_json);
                members.insert("configuration".to_owned(), configuration.into());
                members.insert("trust".to_owned(), feed.as_ref().map(Followed::to_json).into());
                members.insert("read_from".to_owned(), place.map(Place::to_string).into());
            }
            pretty_json(&members)? + "\n"
        }
        false => {
            let mut text = String::new();
            if let Some(place) = place {
                writeln!(text, "Token, from {}\n", Escaped(&place.to_string()))?;
            }
            write!(text, "{explanation}")?;
            if let Some(configured) = &configured {
                configured.write(&mut text)?;
            }
            if let Some(feed) = &feed {
                writeln!(text, "\nTrust feed\n  {}", Escaped(&feed.summary()))?;
            }
            text
        }
    };
    let status = match explanation.verdict() {
        Verdict::Readable | Verdict::Admitted => ExitCode::SUCCESS,
        Verdict::Refused => ExitCode::FAILURE,
        Verdict::Unreadable | Verdict::Unjudged => ExitCode::from(2),
    };
    Ok(Done { output: Zeroizing::new(output), status })
}

/// What the trust feed says that the configuration follows.
fn followed(from: &str, config: Option<&Config>) -> Result<Followed, Failure> {
    let Some(config) = config else {
        return failure(
            "`--trust` needs the keys of the feed; give the configuration with --config",
        );
    };
    let Some(trust) = &config.trust else {
        return failure(
            "the configuration has no `trust`, so it follows no feed; leave --trust out",
        );
    };
    Followed::read(trust, from, now()?).map_err(Failure)
}

/// Why a request with the token in that place alone has none for this configuration.
fn unread(place: &Place<'_>, config: &Config) -> Option<String> {
    let (what, name, member) = match place {
        Place::Header(name) => ("header", *name, "token_headers"),
        Place::Bearer => ("header", "Authorization", "token_headers"),
        Place::Cookie(name) => ("cookie", *name, "token_cookies"),
        Place::Quotes | Place::Member(_) => return None,
    };
    let is_read = match place {
        Place::Cookie(_) => config.token_cookies.iter().any(|cookie| cookie.name() == name),
        _ => config.token_headers.iter().any(|header| header.is(name.as_bytes())),
    };
    let found =
        format!("this configuration reads no token in the {what} {name}; see its `{member}`");
    (!is_read).then_some(found)
}

/// The filter's configuration, and where it came from.
struct Configured {
    path: PathBuf,
    plugin: Plugin,
    config: Config,
}

impl Configured {
    fn read(path: PathBuf, plugin: Option<&str>) -> Result<Self, Failure> {
        let name = path.display();
        let cant = |error: io::Error| Failure(format!("--config: {name}: {error}; check the name"));
        let mut bytes = Vec::new();
        let file = File::open(&path).map_err(cant)?;
        file.take(CONFIGURATION_LIMIT).read_to_end(&mut bytes).map_err(cant)?;
        if bytes.len() as u64 == CONFIGURATION_LIMIT {
            return failure(format!("{name}: the file is too large; give the configuration alone"));
        }
        let is_yaml = path.extension().is_some_and(|end| end == "yaml" || end == "yml");
        let syntax = if is_yaml { Syntax::Yaml } else { Syntax::ByContent };
        let plugin = plugin_file::read(&bytes, syntax, plugin)
            .map_err(|error| Failure(format!("{name}: {error}")))?;
        match plugin.config(variable) {
            Ok(config) => Ok(Self { path, plugin, config }),
            Err(error) => {
                let mut message = format!("{name}: ");
                if plugin.is_part() {
                    write!(message, "{}: ", plugin.names)?;
                }
                write!(message, "{error}")?;
                let variables = plugin.variables(variable).into_iter();
                let unset: Vec<_> = variables
                    .filter_map(|(name, source)| (source == Source::Unset).then_some(name))
                    .collect();
                if !unset.is_empty() {
                    write!(
                        message,
                        "; the file takes variables from the proxy's environment that are not set \
                         here: set {} for this command too",
                        unset.join(", ")
                    )?;
                }
                failure(message)
            }
        }
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "\nConfiguration")?;
        let path = self.path.display().to_string();
        match self.plugin.is_part() {
            true => {
                let names = self.plugin.names.to_string();
                writeln!(text, "  {}, in {}", Escaped(&names), Escaped(&path))?;
            }
            false => writeln!(text, "  {}", Escaped(&path))?,
        }
        for (name, source) in self.plugin.variables(variable) {
            let source = match source {
                Source::File => "from the file",
                Source::Environment => "from this command's environment",
                Source::Unset => "not set in this command's environment",
            };
            writeln!(text, "  {name:18}  {source}")?;
        }
        for notice in &self.config.notices {
            let word = notice_word(notice);
            writeln!(text, "  {word}: {}", Escaped(&notice.text))?;
        }
        Ok(())
    }

    fn to_json(&self) -> Value {
        let variables = self.plugin.variables(variable).into_iter();
        let variables: Map<_, _> =
            variables.map(|(name, source)| (name.to_owned(), source.name().into())).collect();
        json!({
            "file": self.path.display().to_string(),
            "plugin": self.plugin.is_part().then(|| self.plugin.names.to_json()),
            "variables": variables,
            "notices": self.config.notices.iter().map(|notice| json!({
                "level": notice_word(notice),
                "text": notice.text,
            })).collect::<Vec<_>>(),
        })
    }
}

fn notice_word(notice: &Notice) -> &'static str {
    match notice.level {
        NoticeLevel::Info => "note",
        NoticeLevel::Warning => "warning",
    }
}

fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

fn token_from_input() -> Result<Zeroizing<Vec<u8>>, Failure> {
    // White space around a token is no fault of it, but there is an end to everything.
    const MOST: usize = 2 * MAX_TOKEN_BYTES;
    let input = io::stdin();
    if input.is_terminal() {
        complain("reading a token from the terminal; paste it and press Enter, then Ctrl-D");
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(MOST));
    input
        .lock()
        .take(MOST as u64)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure(format!("standard input: {error}; check where it comes from")))?;
    Ok(bytes)
}
