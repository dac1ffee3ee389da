//! `issuer backup` and `issuer restore`.

use std::path::{Path, PathBuf};

use lexopt::{Arg, Parser};
use namespace_jwt_issuer::authority::founding;
use namespace_jwt_issuer::inspect::display::Escaped;
use namespace_jwt_issuer::installation::Installation;
use namespace_jwt_issuer::store::sqlite::{OpenError, Opening, Sqlite, copy_to, restore_from};

use super::database::Database;
use super::options::{Command, misread, unexpected};
use super::{Done, Failure, complain};
use crate::cli::help::{BACKUP_HELP, RESTORE_HELP};

pub fn backup(parser: &mut Parser) -> Result<Done, Failure> {
    let command = Command { usage: "issuer backup --help", help: BACKUP_HELP };
    let Some((installation, copy)) = read(parser, &command)? else {
        return Done::print(BACKUP_HELP);
    };
    copy_to(&installation.database, &copy)?;
    complain("the secrets key isn't in the backup; keep a copy of it apart");
    Done::print(format!("{}  the database as it is now\n", Escaped(&copy.display().to_string())))
}

pub fn restore(parser: &mut Parser) -> Result<Done, Failure> {
    let command = Command { usage: "issuer restore --help", help: RESTORE_HELP };
    let Some((installation, copy)) = read(parser, &command)? else {
        return Done::print(RESTORE_HELP);
    };
    let runtime = super::runtime()?;
    let kept = restore_from(&copy, &installation.database, |fresh| {
        runtime.block_on(verify(&installation, fresh, &copy))
    })?;
    complain(
        "what was made since the backup is unknown now: API keys, namespaces and their keys, \
         tokens; tokens that were deleted since then are listed again: delete them once more",
    );
    let database = Escaped(&installation.database.display().to_string()).to_string();
    Done::print(match kept {
        Some(kept) => {
            let kept = kept.display().to_string();
            format!("{database}  restored; what was there before is {}\n", Escaped(&kept))
        }
        None => format!("{database}  restored\n"),
    })
}

/// Whether a copy, which is at `fresh` now, is one that the secrets key opens.
async fn verify(installation: &Installation, fresh: &Path, copy: &Path) -> Result<(), Failure> {
    // Brought to the newest version where it is, before it replaces anything.
    let store = Sqlite::open(fresh, Opening::CreateOrMigrate)?;
    let founding = founding::find(&store).await?;
    let founding = founding.ok_or_else(|| OpenError::Empty(copy.to_owned()))?;
    installation.proven_key(&founding)?;
    Ok(())
}

/// The installation and the one file that both commands take, or nothing where help was asked for.
fn read(
    parser: &mut Parser,
    command: &Command,
) -> Result<Option<(Installation, PathBuf)>, Failure> {
    let mut file = None;
    let mut database = Database::new();
    while let Some(argument) = parser.next().map_err(|error| misread(&error, command))? {
        match argument {
            Arg::Long("help") | Arg::Short('h') => return Ok(None),
            Arg::Value(value) if file.is_none() => file = Some(PathBuf::from(value)),
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
