//! `issuer policy test`: who could do what, and by which rule.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::process::ExitCode;

use lexopt::{Arg, Parser};
use namespace_jwt_issuer::authority::Caller;
use namespace_jwt_issuer::authority::iam::explain::{Explanation, Outcome, Question};
use namespace_jwt_issuer::calendar::parse_rfc3339;
use namespace_jwt_issuer::http::request::kept_user_agent;
use namespace_jwt_issuer::iam::action::{Access, Action, Subject};
use namespace_jwt_issuer::iam::decision::Scope;
use namespace_jwt_issuer::inspect::display::{Escaped, excerpt};
use namespace_jwt_issuer::model::Product;
use namespace_jwt_issuer::model::bearer::{Bearer, BearerKind};
use namespace_jwt_issuer::model::policy::{Policy, Rule, RuleScope};
use uuid::Uuid;
use zeroize::Zeroizing;

use super::database::{Database, authority};
use super::options::{Command, Given, misread, unexpected};
use super::revoke::uuid;
use super::{Done, Failure, bad_time, failure};
use crate::cli::help::POLICY_HELP;

const COMMAND: Command = Command { usage: "issuer policy --help", help: POLICY_HELP };

pub fn run(parser: &mut Parser) -> Result<Done, Failure> {
    let mut words = Vec::new();
    let mut database = Database::new();
    let mut who = Given::new("--as");
    let mut address = Given::new("--ip");
    let mut user_agent = Given::new("--user-agent");
    let mut at = Given::new("--at");
    while let Some(argument) = parser.next().map_err(|error| misread(&error, &COMMAND))? {
        match argument {
            Arg::Long("as") => who.text(parser)?,
            Arg::Long("ip") => address.text(parser)?,
            Arg::Long("user-agent") => user_agent.text(parser)?,
            Arg::Long("at") => at.text(parser)?,
            Arg::Long("help") | Arg::Short('h') => return Done::print(POLICY_HELP),
            Arg::Value(word) if words.len() < 3 => {
                words.push(word.into_string().map_err(|_| {
                    Failure("expected an action in UTF-8, found other bytes".to_owned())
                })?);
            }
            Arg::Long("database") => database.url.text(parser)?,
            Arg::Long("secrets-key-file") => database.secrets_key_file.path(parser)?,
            other => return Err(unexpected(&other, &COMMAND)),
        }
    }
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let (action, resource) = match words.as_slice() {
        ["test", action] => (*action, None),
        ["test", action, resource] => (*action, Some(uuid("RESOURCE", resource)?)),
        _ => {
            return failure(
                "expected `test`, an action and perhaps an id: issuer policy test --as ID \
                 create:function_token; `issuer policy --help` shows more",
            );
        }
    };
    let actions = named_actions(action)?;
    let who = who.required("an access key, or the id of a user or an application")?;
    let address = match address.value {
        Some(text) => Some(text.parse::<IpAddr>().map_err(|_| {
            Failure(format!("`--ip`: expected an IP address, found {}", excerpt(&text)))
        })?),
        None => None,
    };
    // As a request's would be kept.
    let user_agent = kept_user_agent(user_agent.value.unwrap_or_default().as_bytes());
    let at = match at.value {
        Some(text) => parse_rfc3339(&text).map_err(|error| bad_time("`--at`", &text, error))?,
        None => super::now()?,
    };
    let installation = database.installation(None)?;
    super::runtime()?.block_on(async {
        let authority = authority(&installation).await?;
        let (mut output, mut answers) = (String::new(), Vec::new());
        // Who may list some of it gets a list.
        let some_are_enough = actions.iter().all(|action| action.access() == Access::List);
        for action in actions {
            let (who, user_agent) = (who.clone(), user_agent.clone());
            let question = Question { who, action, resource, address, user_agent, at };
            let explanation = authority.explain(&Caller::operator(), question).await?;
            let Some(explanation) = explanation else { continue };
            answers.push(show(&mut output, action, &explanation));
        }
        let is_allowed = match some_are_enough {
            true => answers.contains(&true),
            false => !answers.contains(&false),
        };
        let status = if is_allowed { ExitCode::SUCCESS } else { ExitCode::from(1) };
        Ok(Done { output: Zeroizing::new(output), status })
    })
}

/// The actions of a name: two where users and applications are told apart.
fn named_actions(text: &str) -> Result<Vec<Action>, Failure> {
    let named: Vec<_> = match text.split_once(':') {
        Some((action, resource)) => Action::named(action, resource).collect(),
        None => Vec::new(),
    };
    if !named.is_empty() {
        return Ok(named);
    }
    let mut names: Vec<_> = Action::all().map(name).collect();
    names.sort_unstable();
    names.dedup();
    let likeness = |name: &String| strsim::normalized_damerau_levenshtein(name, text);
    let closest = names.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
    let hint = match closest.filter(|name| likeness(name) > 0.7) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("there are {}", names.join(", ")),
    };
    failure(format!(
        "expected an action such as create:function_token, found {}; {hint}",
        excerpt(text)
    ))
}

fn name(action: Action) -> String {
    format!("{}:{}", action.name(), action.resource())
}

/// Writes what the answer would be, and tells whether it would be yes.
fn show(output: &mut String, action: Action, explanation: &Explanation) -> bool {
    let Explanation { bearer, scope, outcome } = explanation;
    let who = match bearer {
        Bearer::User(id) => format!("user {id}"),
        Bearer::Application(id) => format!("application {id}"),
    };
    let whose = match action {
        Action::ApiKey(kind, _) | Action::Mark(Subject::Bearer(kind)) => match kind {
            BearerKind::User => " of users",
            BearerKind::Application => " of applications",
        },
        Action::Revocation(Some(Product::Functions)) => " of functions' tokens",
        Action::Revocation(Some(Product::Containers)) => " of containers' tokens",
        Action::Revocation(None) => " for all namespaces at once",
        _ => "",
    };
    let place = place(*scope);
    let is_allowed = match outcome {
        Outcome::Owner => true,
        // Nothing else is done by it.
        Outcome::Allowed { lack: Some(_), .. } => action.access() != Access::Create,
        Outcome::Allowed { .. } => true,
        _ => false,
    };
    let verdict = if is_allowed { "allowed" } else { "denied" };
    // Writing to a text can't fail.
    let mut line = |text: String| {
        let _ = writeln!(output, "{text}");
    };
    match outcome {
        Outcome::Allowed { only_in: Some(ids), .. } => {
            line(format!("{verdict}: {}{whose}, in {}", name(action), projects(ids)));
        }
        _ => line(format!("{verdict}: {}{whose}, in {place}", name(action))),
    }
    line(format!("  who     {who}"));
    match outcome {
        Outcome::Owner => line("  because the owner may do everything".to_owned()),
        Outcome::OwnerStays => line("  because the owner of an organization stays".to_owned()),
        Outcome::KeyExpired => line("  because the API key has expired".to_owned()),
        Outcome::UserLocked => line("  because the user is locked".to_owned()),
        Outcome::Allowed { policy, rule, lack, .. } => {
            line(format!("  by      {}", of_rule(policy, rule)));
            if let Some(lack) = lack {
                let but = match is_allowed {
                    true => "except  where somebody would gain rights by it",
                    false => "but     somebody would gain rights by it",
                };
                line(format!("  {but}: this caller may not {lack}"));
            }
        }
        Outcome::Denied { needed, unmet } => {
            for (policy, rule, has_value) in unmet {
                let why = if *has_value { "isn't true" } else { "can't be evaluated" };
                line(format!("  not by  {}, which {why}", of_rule(policy, rule)));
            }
            let names: Vec<_> = needed.iter().map(|set| set.name()).collect();
            match names.as_slice() {
                [] => line("  needs   the operator of this machine".to_owned()),
                [name] => line(format!("  needs   {name}, in {place}")),
                names => line(format!("  needs   one of {}, in {place}", names.join(", "))),
            }
        }
    }
    is_allowed
}

fn place(scope: Scope) -> String {
    match scope.project_id {
        Some(id) => format!("project {id}"),
        None => format!("organization {}", scope.organization_id),
    }
}

fn projects<'i>(ids: impl IntoIterator<Item = &'i Uuid>) -> String {
    let ids: Vec<_> = ids.into_iter().map(Uuid::to_string).collect();
    match ids.as_slice() {
        [id] => format!("project {id}"),
        ids => format!("projects {}", ids.join(", ")),
    }
}

fn of_rule(policy: &Policy, rule: &Rule) -> String {
    let sets: Vec<_> = rule.sets.iter().map(|set| set.name()).collect();
    let scope = match &rule.scope {
        RuleScope::Organization(id) => format!("organization {id}"),
        RuleScope::Projects(ids) => projects(ids),
    };
    let condition = match rule.condition.as_str() {
        "" => String::new(),
        text => format!(", if {}", Escaped(text)),
    };
    format!(
        "rule {} of policy {} \"{}\": {} in {scope}{condition}",
        rule.id,
        policy.id,
        Escaped(&policy.name),
        sets.join(", "),
    )
}
