//! `issuer issue`.

use std::process::ExitCode;
use std::time::Duration;

use lexopt::{Arg, Parser};
use namespace_jwt_core::time::UnixTime;
use namespace_jwt_issuer::calendar::{parse_duration, parse_rfc3339, rfc3339};
use namespace_jwt_issuer::inspect::display::{excerpt, pretty_json};
use namespace_jwt_issuer::signing::key_files;
use namespace_jwt_issuer::signing::mint::{Resource, TokenRequest, mint};
use serde_json::json;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::options::{Command, Given, misread, unexpected};
use super::{Done, Failure, bad_time, complain, failure, now};
use crate::cli::help::ISSUE_HELP;

/// How long a token lives when nobody says.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(3600);

const COMMAND: Command = Command { usage: "issuer issue --help", help: ISSUE_HELP };

pub fn run(parser: &mut Parser) -> Result<Done, Failure> {
    let mut key = Given::new("--key");
    let mut namespace_id = Given::new("--namespace-id");
    let mut application_id = Given::new("--application-id");
    let mut function_id = Given::new("--function-id");
    let mut container_id = Given::new("--container-id");
    let mut expires_at = Given::new("--expires-at");
    let mut expires_in = Given::new("--expires-in");
    let mut no_expiration = false;
    let mut token_id = Given::new("--token-id");
    let mut issuer = Given::new("--issuer");
    let mut audience = Given::new("--audience");
    let mut json = false;
    while let Some(argument) = parser.next().map_err(|error| misread(&error, &COMMAND))? {
        match argument {
            Arg::Long("key") => key.path(parser)?,
            Arg::Long("namespace-id") => namespace_id.text(parser)?,
            Arg::Long("application-id") => application_id.text(parser)?,
            Arg::Long("function-id") => function_id.text(parser)?,
            Arg::Long("container-id") => container_id.text(parser)?,
            Arg::Long("expires-at") => expires_at.text(parser)?,
            Arg::Long("expires-in") => expires_in.text(parser)?,
            Arg::Long("no-expiration") => no_expiration = true,
            Arg::Long("token-id") => token_id.text(parser)?,
            Arg::Long("issuer") => issuer.text(parser)?,
            Arg::Long("audience") => audience.text(parser)?,
            Arg::Long("json") => json = true,
            Arg::Long("help") | Arg::Short('h') => return Done::print(ISSUE_HELP),
            other => return Err(unexpected(&other, &COMMAND)),
        }
    }
    let key = key.required("the file of a private key, as `issuer keygen` makes it")?;
    let applications = [application_id.value, function_id.value, container_id.value];
    let resources: Vec<_> = applications
        .into_iter()
        .flatten()
        .map(Resource::Application)
        .chain(namespace_id.value.map(Resource::Namespace))
        .collect();
    let resource = match <[Resource; 1]>::try_from(resources) {
        Ok([resource]) => resource,
        Err(none) if none.is_empty() => {
            return failure(
                "an id is required; give what the token is to grant access to: --namespace-id, \
                 --application-id, --function-id or --container-id",
            );
        }
        Err(_) => {
            return failure(
                "there is more than one of --namespace-id, --application-id, --function-id and \
                 --container-id; mint a token for each",
            );
        }
    };
    let now = now()?;
    let expires_at = expiry(expires_at.value, expires_in.value, no_expiration, now)?;
    let expires_at = expires_at.map(|time| UnixTime::from_secs(time.since_epoch().as_secs()));
    let mut request = TokenRequest::new(resource, expires_at);
    if let Some(text) = token_id.value {
        // `try_parse` also reads forms that the platform doesn't write.
        let id =
            Uuid::try_parse(&text).ok().filter(|id| id.to_string().eq_ignore_ascii_case(&text));
        let Some(id) = id else {
            return failure(format!(
                "`--token-id`: expected a UUID such as {}, found {}; \
                 leave it out to get a new one",
                request.token_id,
                excerpt(&text)
            ));
        };
        request.token_id = id;
    }
    request.issuer = issuer.value.unwrap_or(request.issuer);
    request.audience = audience.value.unwrap_or(request.audience);

    let file = key_files::read_private(&key)?;
    for exposure in &file.exposures {
        complain(&exposure.to_string());
    }
    let mut output = mint(&file.key, &request, now)?;
    if json {
        let details = json!({
            "token": *output,
            "token_id": request.token_id.to_string(),
            "algorithm": file.key.algorithm().name(),
            "issued_at": rfc3339(now),
            "expires_at": request.expires_at.map(rfc3339),
        });
        output = Zeroizing::new(pretty_json(&details)?);
    }
    output.push('\n');
    Ok(Done { output, status: ExitCode::SUCCESS })
}

/// The time at which a token asked for at `now` is to expire, if ever.
fn expiry(
    at: Option<String>,
    within: Option<String>,
    never: bool,
    now: UnixTime,
) -> Result<Option<UnixTime>, Failure> {
    match (at, within, never) {
        (None, None, true) => Ok(None),
        (None, None, false) => Ok(Some(now.saturating_add(DEFAULT_LIFETIME))),
        (Some(at), None, false) => {
            parse_rfc3339(&at).map(Some).map_err(|error| bad_time("`--expires-at`", &at, error))
        }
        (None, Some(within), false) => match parse_duration(&within) {
            Some(within) => Ok(Some(now.saturating_add(within))),
            None => failure(format!(
                "`--expires-in`: expected a length of time such as 90s, 30m, 1h or 7d, found {}; \
                 for months or years give days",
                excerpt(&within)
            )),
        },
        _ => failure(
            "there is more than one of --expires-in, --expires-at and --no-expiration; \
             choose one",
        ),
    }
}
