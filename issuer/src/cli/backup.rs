//! `issuer backup` and `issuer restore`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lexopt::{Arg, Parser};
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_issuer::authority::keys::Keys;
use namespace_jwt_issuer::authority::{Authority, Caller, founding, trust_keys};
use namespace_jwt_issuer::inspect::display::Escaped;
use namespace_jwt_issuer::installation::Installation;
use namespace_jwt_issuer::serve::now;
use namespace_jwt_issuer::store::sqlite::{OpenError, Opening, Sqlite, copy_to, restore_from};

use super::database::Database;
use super::options::{Command, Given, misread, unexpected};
use super::revoke::issued_before_time;
use super::{Done, Failure, complain};
use crate::cli::help::{BACKUP_HELP, RESTORE_HELP};

pub fn backup(parser: &mut Parser) -> Result<Done, Failure> {
    let command = Command { usage: "issuer backup --help", help: BACKUP_HELP };
    let Some((installation, copy)) = read(parser, &command, None)? else {
        return Done::print(BACKUP_HELP);
    };
    copy_to(&installation.database, &copy)?;
    complain("the secrets key isn't in the backup; keep a copy of it apart");
    Done::print(format!("{}  the database as it is now\n", Escaped(&copy.display().to_string())))
}

pub fn restore(parser: &mut Parser) -> Result<Done, Failure> {
    let command = Command { usage: "issuer restore --help", help: RESTORE_HELP };
    let mut issued_before = Given::new("--revoke-issued-before");
    let Some((installation, copy)) = read(parser, &command, Some(&mut issued_before))? else {
        return Done::print(RESTORE_HELP);
    };
    let issued_before =
        issued_before.value.map(|text| issued_before_time("`--revoke-issued-before`", &text));
    let issued_before = issued_before.transpose()?;
    let runtime = super::runtime()?;
    let kept = restore_from(&copy, &installation.database, |fresh| {
        runtime.block_on(prepare(&installation, fresh, &copy, issued_before))
    })?;
    complain(
        "what was made since the backup is unknown now: API keys, namespaces and their keys, \
         tokens",
    );
    if issued_before.is_none() {
        complain(
            "tokens that were deleted since the backup are good again, at gateways that follow the \
             feed too; delete them once more, or restore with --revoke-issued-before",
        );
    }
    let database = Escaped(&installation.database.display().to_string()).to_string();
    Done::print(match kept {
        Some(kept) => {
            let kept = kept.display().to_string();
            format!("{database}  restored; what was there before is {}\n", Escaped(&kept))
        }
        None => format!("{database}  restored\n"),
    })
}

/// Makes of a copy, which is at `fresh` now, what is to be served, if the secrets key opens it.
async fn prepare(
    installation: &Installation,
    fresh: &Path,
    copy: &Path,
    issued_before: Option<UnixTime>,
) -> Result<(), Failure> {
    // Brought to the newest version where it is, before it replaces anything.
    let store = Sqlite::open(fresh, Opening::CreateOrMigrate)?;
    let founding = founding::find(&store).await?;
    let founding = founding.ok_or_else(|| OpenError::Empty(copy.to_owned()))?;
    let secrets = installation.proven_key(&founding)?;
    trust_keys::make_first(&store, &secrets, &founding, now()).await?;
    let keys = Keys::new(Arc::new(secrets));
    let authority = Authority::new(Arc::new(store), keys, now, String::new());
    Ok(authority.continue_after_restore(&Caller::operator(), issued_before).await?)
}

/// The installation and the one file that both commands take, or nothing where help was asked for.
fn read(
    parser: &mut Parser,
    command: &Command,
    mut issued_before: Option<&mut Given<String>>,
) -> Result<Option<(Installation, PathBuf)>, Failure> {
    let mut file = None;
    let mut database = Database::new();
    while let Some(argument) = parser.next().map_err(|error| misread(&error, command))? {
        match argument {
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            Arg::Value(value) if file.is_none() => file = Some(PathBuf::from(value)),
            Arg::Long("revoke-issued-before") if issued_before.is_some() => {
                issued_before.as_deref_mut().map(|time| time.text(parser)).transpose()?;
            }
            Arg::Long("database") => database.url.text(parser)?,
            Arg::Long("secrets-key-file") => database.secrets_key_file.path(parser)?,
            other => return Err(unexpected(&other, command)),
        }
    }
    let file = file.ok_or_else(|| {
        Failure(format!("the name of the backup's file is required; see `{}`", command.usage))
    })?;
    Ok(Some((database.installation(None)?, file)))
}
