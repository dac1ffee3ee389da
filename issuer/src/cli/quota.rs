//! `issuer quota`: how much there may be of something.

use std::fmt::Write as _;

use lexopt::{Arg, Parser};
use namespace_jwt_issuer::authority::Caller;
use namespace_jwt_issuer::inspect::display::excerpt;
use namespace_jwt_issuer::installation::Installation;
use namespace_jwt_issuer::model::quota::{Limit, Quota};

use super::database::{Database, authority};
use super::options::{Command, misread, unexpected};
use super::{Done, Failure, failure};
use crate::cli::help::QUOTA_HELP;

const COMMAND: Command = Command { usage: "issuer quota --help", help: QUOTA_HELP };

pub fn run(parser: &mut Parser) -> Result<Done, Failure> {
    let mut words = Vec::new();
    let mut database = Database::new();
    while let Some(argument) = parser.next().map_err(|error| misread(&error, &COMMAND))? {
        match argument {
            Arg::Long("help") | Arg::Short('h') => return Done::print(QUOTA_HELP),
            Arg::Value(word) if words.len() < 3 => {
                words.push(word.into_string().map_err(|_| {
                    Failure("expected a name in UTF-8, found other bytes".to_owned())
                })?);
            }
            Arg::Long("database") => database.url.text(parser)?,
            Arg::Long("secrets-key-file") => database.secrets_key_file.path(parser)?,
            other => return Err(unexpected(&other, &COMMAND)),
        }
    }
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["list"] => list(&database.installation(None)?),
        ["set", name, limit] => {
            let (quota, limit) = (named(name)?, parse(limit)?);
            set(&database.installation(None)?, quota, limit)
        }
        _ => failure(
            "expected `list`, or `set` with a name and a number: issuer quota set users 100; \
             `issuer quota --help` shows more",
        ),
    }
}

fn named(name: &str) -> Result<Quota, Failure> {
    Quota::from_name(name).ok_or_else(|| {
        let names = Quota::ALL.map(Quota::name).join(", ");
        Failure(format!("expected one of {names}, found {}", excerpt(name)))
    })
}

fn parse(limit: &str) -> Result<Limit, Failure> {
    match limit.parse() {
        _ if limit == "unlimited" => Ok(Limit::Unlimited),
        // The database's numbers have a sign.
        Ok(most) if i64::try_from(most).is_ok() => Ok(Limit::AtMost(most)),
        _ => failure(format!(
            "expected a whole number from 0, or `unlimited`, found {}",
            excerpt(limit)
        )),
    }
}

fn list(installation: &Installation) -> Result<Done, Failure> {
    super::runtime()?.block_on(async {
        let authority = authority(installation).await?;
        let mut output = String::new();
        for (quota, limit) in authority.quotas(&Caller::operator(), None).await? {
            // Writing to a text can't fail.
            let _ = writeln!(output, "{:<24}{}", quota.name(), shown(limit));
        }
        Done::print(output)
    })
}

fn set(installation: &Installation, quota: Quota, limit: Limit) -> Result<Done, Failure> {
    super::runtime()?.block_on(async {
        let authority = authority(installation).await?;
        authority.set_quota(&Caller::operator(), quota, limit).await?;
        Done::print(format!("{}: {}\n", quota.name(), shown(limit)))
    })
}

fn shown(limit: Limit) -> String {
    match limit {
        Limit::AtMost(most) => most.to_string(),
        Limit::Unlimited => "unlimited".to_owned(),
    }
}
