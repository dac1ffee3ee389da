//! `issuer trust`: the keys that sign what gateways are told, and a copy of that as files.

use std::path::PathBuf;
use std::time::Duration;

use lexopt::{Arg, Parser};
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_issuer::authority::Caller;
use namespace_jwt_issuer::calendar::rfc3339;
use namespace_jwt_issuer::inspect::display::excerpt;
use namespace_jwt_issuer::installation::Installation;
use namespace_jwt_issuer::model::trust::TrustKey;
use namespace_jwt_issuer::publish::{self, Configuration, Event};

use super::database::{Database, authority};
use super::options::{Command, Given, misread, unexpected};
use super::{Done, Failure, complain, counted, failure};
use crate::cli::help::TRUST_HELP;

const COMMAND: Command = Command { usage: "issuer trust --help", help: TRUST_HELP };

/// What a gateway takes for stale, unless its configuration says otherwise.
const MAX_STALENESS: Duration = Duration::from_secs(300);

pub fn run(parser: &mut Parser) -> Result<Done, Failure> {
    let mut words = Vec::new();
    let mut database = Database::new();
    let mut every = Given::new("--every");
    let (mut drop_old, mut with_all) = (false, false);
    while let Some(argument) = parser.next().map_err(|error| misread(&error, &COMMAND))? {
        match argument {
            Arg::Long("drop-old") => drop_old = true,
            Arg::Long("all") => with_all = true,
            Arg::Long("every") => every.text(parser)?,
            Arg::Long("help") | Arg::Short('h') => return Done::print(TRUST_HELP),
            Arg::Value(value) if words.len() < 2 => words.push(value),
            Arg::Long("database") => database.url.text(parser)?,
            Arg::Long("secrets-key-file") => database.secrets_key_file.path(parser)?,
            other => return Err(unexpected(&other, &COMMAND)),
        }
    }
    let installation = database.installation(None)?;
    let every = every.value.map(|text| seconds(&text)).transpose()?;
    let is_publication = every.is_some() || with_all;
    let word = words.first().and_then(|word| word.to_str());
    match (word, words.get(1), drop_old, is_publication) {
        (Some("key"), None, false, false) => show(&installation),
        (Some("rotate"), None, false, false) => rotate(&installation),
        (Some("rotate"), None, true, false) => drop_old_key(&installation),
        (Some("publish"), Some(folder), false, _) => {
            let folder = PathBuf::from(folder);
            publish(&Configuration { installation, folder, with_all }, every)
        }
        _ => failure(
            "expected `issuer trust key`, `issuer trust rotate [--drop-old]` or `issuer trust \
             publish DIR [--every SECONDS] [--all]`; see `issuer trust --help`",
        ),
    }
}

fn show(installation: &Installation) -> Result<Done, Failure> {
    let keys = super::runtime()?.block_on(async {
        let authority = authority(installation).await?;
        Ok::<_, Failure>(authority.trust_keys(&Caller::operator()).await?)
    })?;
    print(&keys)
}

fn rotate(installation: &Installation) -> Result<Done, Failure> {
    let keys = super::runtime()?.block_on(async {
        let authority = authority(installation).await?;
        authority.add_trust_key(&Caller::operator()).await?;
        Ok::<_, Failure>(authority.trust_keys(&Caller::operator()).await?)
    })?;
    complain(
        "both keys sign now; give both to every gateway, then drop the older one with \
         `issuer trust rotate --drop-old`",
    );
    print(&keys)
}

fn drop_old_key(installation: &Installation) -> Result<Done, Failure> {
    let keys = super::runtime()?.block_on(async {
        let authority = authority(installation).await?;
        authority.drop_old_trust_key(&Caller::operator(), None).await?;
        Ok::<_, Failure>(authority.trust_keys(&Caller::operator()).await?)
    })?;
    complain("the older key signs no more; gateways that have it alone hear nothing");
    print(&keys)
}

/// Publishes once, or until it is told to end.
fn publish(configuration: &Configuration, every: Option<Duration>) -> Result<Done, Failure> {
    let runtime = super::runtime()?;
    let shown = configuration.folder.display().to_string();
    let Some(every) = every else {
        let (scopes, signed_at) = runtime.block_on(publish::once(configuration, tell))?;
        let stale_at = signed_at.saturating_add(MAX_STALENESS).since_epoch().as_secs();
        let stale_at = rfc3339(UnixTime::from_secs(stale_at));
        let checkpoints = counted(scopes, "checkpoint");
        complain(&format!(
            "{checkpoints} published to {shown}; gateways take them for stale from {stale_at} on, or as \
             their trust.max_staleness_seconds says: publish again before, or keep publishing with \
             --every"
        ));
        return Done::print("");
    };
    let seconds = every.as_secs();
    complain(&format!(
        "publishing to {shown}: each change at once, and everything afresh every {}; end it with \
         Ctrl-C or SIGTERM",
        counted(seconds, "second")
    ));
    if every.saturating_mul(3) > MAX_STALENESS {
        complain(
            "gateways take a checkpoint for stale after 300 seconds by default; give at most a \
             third of their trust.max_staleness_seconds as --every",
        );
    }
    runtime.block_on(publish::keep(configuration, every, tell))?;
    complain("ended; what is published goes stale from now on");
    Done::print("")
}

fn tell(event: Event) {
    match event {
        Event::Published(scopes) => {
            complain(&format!("{} published", counted(scopes, "checkpoint")))
        }
        Event::Removed(scope) => {
            complain(&format!(
                "the checkpoint of {scope} isn't published any more and was removed"
            ));
        }
        Event::Trouble(what) => complain(&format!("{what}; it is tried again")),
        Event::Recovered => complain("it goes on"),
    }
}

fn seconds(text: &str) -> Result<Duration, Failure> {
    match text.parse() {
        Ok(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => failure(format!(
            "`--every`: expected a number of seconds from 1 to 86400, found {}",
            excerpt(text)
        )),
    }
}

fn print(keys: &[TrustKey]) -> Result<Done, Failure> {
    if keys.is_empty() {
        return failure("there is no trust key yet; start `issuer serve` once, which makes it");
    }
    Done::print(keys.iter().map(|key| key.public_pem.as_str()).collect::<String>())
}
