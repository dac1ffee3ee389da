//! `issuer admin`: for whoever has the machine, and has lost the owner's key.

use lexopt::{Arg, Parser};
use namespace_jwt_issuer::authority::founding::{add_owner_key, owner_key};
use namespace_jwt_issuer::inspect::display::Escaped;
use namespace_jwt_issuer::installation::write_credentials;
use namespace_jwt_issuer::serve::now;

use super::database::Database;
use super::options::{Command, Given, misread, unexpected};
use super::serve::checked_url;
use super::{Done, Failure, complain, failure};
use crate::cli::help::ADMIN_HELP;

const COMMAND: Command = Command { usage: "issuer admin --help", help: ADMIN_HELP };

pub fn run(parser: &mut Parser) -> Result<Done, Failure> {
    let mut word = None;
    let mut database = Database::new();
    let mut out = Given::new("--out");
    let mut api_url = Given::new("--public-url");
    while let Some(argument) = parser.next().map_err(|error| misread(&error, &COMMAND))? {
        match argument {
            Arg::Long("out") => out.path(parser)?,
            Arg::Long("public-url") => api_url.text(parser)?,
            Arg::Long("help") | Arg::Short('h') => return Done::print(ADMIN_HELP),
            Arg::Value(value) if word.is_none() => word = Some(value),
            Arg::Long("database") => database.url.text(parser)?,
            Arg::Long("secrets-key-file") => database.secrets_key_file.path(parser)?,
            other => return Err(unexpected(&other, &COMMAND)),
        }
    }
    if word.as_deref().is_none_or(|word| word != "reset") {
        return failure("expected `issuer admin reset --out FILE`; see `issuer admin --help`");
    }
    let out = out.required("a file for the new API key, which isn't there yet")?;
    let installation = database.installation(None)?;
    let api_url = api_url.or_variable("ISSUER_PUBLIC_URL")?.map(checked_url).transpose()?;
    let others = super::runtime()?.block_on(async {
        let opened = installation.open().await?;
        let at = now();
        let (key, secret) = owner_key(&opened.founding, at, "made by `issuer admin reset`");
        // On disk before it works, as at the first start.
        let api_url = api_url.as_deref().unwrap_or(&opened.founding.api_url);
        write_credentials(&out, &key, &secret, api_url)?;
        let added = add_owner_key(&*opened.store, &opened.founding, &key, &secret, at).await;
        if added.is_err() {
            let _ = std::fs::remove_file(&out);
        }
        Ok::<_, Failure>(added?)
    })?;
    if others > 0 {
        complain(&format!("the owner's earlier API keys, {others} of them, go on working"));
    }
    Done::print(format!(
        "{}  a new API key of the owner: a secret\n",
        Escaped(&out.display().to_string())
    ))
}
