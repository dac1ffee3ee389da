//! `issuer revoke`: a token that the service may not know, or everything issued before a time.

use lexopt::{Arg, Parser};
use namespace_jwt_core::identifier::IdentifierError;
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_issuer::authority::Caller;
use namespace_jwt_issuer::authority::revocations::{IdRevocation, Marking};
use namespace_jwt_issuer::calendar::{parse_rfc3339, rfc3339};
use namespace_jwt_issuer::inspect::display::{Escaped, excerpt};
use namespace_jwt_issuer::installation::Installation;
use namespace_jwt_issuer::model::trust::{Marked, TokenId};
use namespace_jwt_issuer::serve::now;
use uuid::Uuid;

use super::database::{Database, authority};
use super::options::{Command, Given, misread, unexpected};
use super::{Done, Failure, bad_time, counted, failure};
use crate::cli::help::REVOKE_HELP;

const COMMAND: Command = Command { usage: "issuer revoke --help", help: REVOKE_HELP };

pub fn run(parser: &mut Parser) -> Result<Done, Failure> {
    let mut database = Database::new();
    let mut jti = Given::new("--jti");
    let mut issued_before = Given::new("--issued-before");
    let mut expires_at = Given::new("--expires-at");
    let mut namespace_id = Given::new("--namespace-id");
    let mut application_id = Given::new("--application-id");
    let mut bearer_id = Given::new("--bearer-id");
    let mut dry_run = false;
    while let Some(argument) = parser.next().map_err(|error| misread(&error, &COMMAND))? {
        match argument {
            Arg::Long("jti") => jti.text(parser)?,
            Arg::Long("issued-before") => issued_before.text(parser)?,
            Arg::Long("expires-at") => expires_at.text(parser)?,
            Arg::Long("namespace-id") => namespace_id.text(parser)?,
            Arg::Long("application-id") => application_id.text(parser)?,
            Arg::Long("bearer-id") => bearer_id.text(parser)?,
            Arg::Long("dry-run") => dry_run = true,
            Arg::Long("help") | Arg::Short('h') => return Done::print(REVOKE_HELP),
            Arg::Long("database") => database.url.text(parser)?,
            Arg::Long("secrets-key-file") => database.secrets_key_file.path(parser)?,
            other => return Err(unexpected(&other, &COMMAND)),
        }
    }
    let installation = database.installation(None)?;
    let namespace_id = namespace_id.value.map(|id| uuid("--namespace-id", &id)).transpose()?;
    let application_id =
        application_id.value.map(|id| uuid("--application-id", &id)).transpose()?;
    let bearer_id = bearer_id.value.map(|id| uuid("--bearer-id", &id)).transpose()?;
    match (jti.value, issued_before.value) {
        (Some(jti), None) if application_id.or(bearer_id).is_none() => {
            let id = token_id(&jti)?;
            let expires_at = expires_at.value.map(|text| {
                parse_rfc3339(&text).map_err(|error| bad_time("`--expires-at`", &text, error))
            });
            revoke_id(&installation, id, namespace_id, expires_at.transpose()?, dry_run)
        }
        (None, Some(time)) if expires_at.value.is_none() => {
            let of = match (namespace_id, application_id, bearer_id) {
                (Some(id), None, None) => Marked::Namespace(id),
                (None, Some(id), None) => Marked::Application(id),
                (None, None, Some(id)) => Marked::Bearer(id),
                _ => {
                    return failure(
                        "`--issued-before`: expected one of --namespace-id, --application-id and \
                         --bearer-id beside it; run the command for each",
                    );
                }
            };
            let time = issued_before_time("`--issued-before`", &time)?;
            revoke_issued_before(&installation, of, time, dry_run)
        }
        _ => failure(
            "expected `--jti ID [--namespace-id ID] [--expires-at TIME]`, or `--issued-before TIME` \
             with one of --namespace-id, --application-id and --bearer-id; see `issuer revoke --help`",
        ),
    }
}

/// A time before which everything is revoked.
pub fn issued_before_time(option: &str, text: &str) -> Result<UnixTime, Failure> {
    match text {
        "now" => Ok(now()),
        _ => parse_rfc3339(text).map_err(|error| bad_time(option, text, error)),
    }
}

fn revoke_id(
    installation: &Installation,
    id: TokenId,
    namespace_id: Option<Uuid>,
    expires_at: Option<UnixTime>,
    dry_run: bool,
) -> Result<Done, Failure> {
    let shown = Escaped(id.as_str()).to_string();
    let done = super::runtime()?.block_on(async {
        let authority = authority(installation).await?;
        let operator = Caller::operator();
        let done = authority.revoke_id(&operator, id, namespace_id, expires_at, dry_run).await?;
        Ok::<_, Failure>(done)
    })?;
    let is = if dry_run { "would be" } else { "is" };
    let told = match done {
        IdRevocation::Deleted(token) => {
            format!("{shown}  1 token {is} revoked, of namespace {}", token.namespace_id)
        }
        IdRevocation::Remembered => {
            let of = match namespace_id {
                Some(id) => format!("namespace {id}"),
                None => "all namespaces".to_owned(),
            };
            format!("{shown}  0 tokens here have this id; it {is} revoked for {of}")
        }
        IdRevocation::Already => format!("{shown}  it is revoked already"),
    };
    finish(told, dry_run)
}

fn revoke_issued_before(
    installation: &Installation,
    of: Marked,
    time: UnixTime,
    dry_run: bool,
) -> Result<Done, Failure> {
    let done = super::runtime()?.block_on(async {
        let authority = authority(installation).await?;
        let operator = Caller::operator();
        Ok::<_, Failure>(authority.revoke_issued_before(&operator, of, time, dry_run).await?)
    })?;
    let (Marked::Namespace(id) | Marked::Application(id) | Marked::Bearer(id)) = of;
    let Marking { not_before, is_moved, tokens } = done;
    let at = rfc3339(not_before);
    let told = match is_moved {
        false => format!("{id}  what was issued before {at} is revoked already"),
        true => {
            let is = if dry_run { "would be" } else { "is" };
            let known = counted(tokens.all, "token");
            format!("{id}  what was issued before {at} {is} revoked, {known} known here among it")
        }
    };
    finish(told, dry_run)
}

fn finish(told: String, dry_run: bool) -> Result<Done, Failure> {
    Done::print(match dry_run {
        true => format!("{told}\nnothing was changed\n"),
        false => format!("{told}\n"),
    })
}

/// The id of a token, or what makes it none.
fn token_id(text: &str) -> Result<TokenId, Failure> {
    TokenId::parse(text).map_err(|error| {
        let expected = match error {
            IdentifierError::Token => "its `jti`, which `issuer inspect` shows",
            IdentifierError::ClaimName => "the value of `jti` alone, without `jti` before it",
            _ => "the value of a token's `jti` alone, in visible ASCII",
        };
        Failure(format!("`--jti`: expected {expected}, found {error}"))
    })
}

/// An id of the service's own.
pub fn uuid(option: &str, text: &str) -> Result<Uuid, Failure> {
    let id = namespace_jwt_core::identifier::uuid(text).map(Uuid::from_bytes);
    id.ok_or_else(|| {
        Failure(format!(
            "`{option}`: expected a UUID such as {}, found {}",
            Uuid::nil(),
            excerpt(text)
        ))
    })
}
