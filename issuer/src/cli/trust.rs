//! `issuer trust`: the keys that sign what gateways are told.

use lexopt::{Arg, Parser};
use namespace_jwt_issuer::authority::Caller;
use namespace_jwt_issuer::model::trust::TrustKey;

use super::database::{Database, authority};
use super::options::{Command, misread, unexpected};
use super::{Done, Failure, complain, failure};
use crate::cli::help::TRUST_HELP;

const COMMAND: Command = Command { usage: "issuer trust --help", help: TRUST_HELP };

pub fn run(parser: &mut Parser) -> Result<Done, Failure> {
    let mut word = None;
    let mut database = Database::new();
    let mut drop_old = false;
    while let Some(argument) = parser.next().map_err(|error| misread(&error, &COMMAND))? {
        match argument {
            Arg::Long("drop-old") => drop_old = true,
            Arg::Long("help") | Arg::Short('h') => return Done::print(TRUST_HELP),
            Arg::Value(value) if word.is_none() => word = Some(value),
            Arg::Long("database") => database.url.text(parser)?,
            Arg::Long("secrets-key-file") => database.secrets_key_file.path(parser)?,
            other => return Err(unexpected(&other, &COMMAND)),
        }
    }
    let installation = database.installation(None)?;
    let word = word.as_deref().and_then(|word| word.to_str());
    let keys = super::runtime()?.block_on(async {
        let operator = Caller::operator();
        let authority = authority(&installation).await?;
        match (word, drop_old) {
            (Some("key"), false) => {}
            (Some("rotate"), false) => {
                authority.add_trust_key(&operator).await?;
                complain(
                    "both keys sign now; give both to every gateway, then drop the older one with \
                     `issuer trust rotate --drop-old`",
                );
            }
            (Some("rotate"), true) => {
                authority.drop_old_trust_key(&operator).await?;
                complain("the older key signs no more; gateways that have it alone hear nothing");
            }
            _ => {
                return failure(
                    "expected `issuer trust key` or `issuer trust rotate [--drop-old]`; see \
                     `issuer trust --help`",
                );
            }
        }
        Ok::<_, Failure>(authority.trust_keys(&operator).await?)
    })?;
    print(&keys)
}

fn print(keys: &[TrustKey]) -> Result<Done, Failure> {
    if keys.is_empty() {
        return failure("there is no trust key yet; start `issuer serve` once, which makes it");
    }
    Done::print(keys.iter().map(|key| key.public_pem.as_str()).collect::<String>())
}
