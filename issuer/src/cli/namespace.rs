//! `issuer namespace`: namespaces and their keys, without the API.

use std::fmt::Write as _;

use lexopt::{Arg, Parser};
use namespace_jwt_issuer::authority::Caller;
use namespace_jwt_issuer::authority::keys::DEFAULT_KEY_TYPE;
use namespace_jwt_issuer::authority::refusal::Refusal;
use namespace_jwt_issuer::authority::rotation::{
    DEFAULT_AHEAD, DEFAULT_GRACE, Rotation, RotationPlan,
};
use namespace_jwt_issuer::calendar::{parse_duration, rfc3339};
use namespace_jwt_issuer::inspect::display::{Escaped, excerpt, pretty_json};
use namespace_jwt_issuer::installation::Installation;
use namespace_jwt_issuer::model::Product;
use namespace_jwt_issuer::model::namespace::{
    Namespace, NamespaceChange, NamespaceFilter, NewNamespace,
};
use namespace_jwt_issuer::model::namespace_key::NamespaceKey;
use namespace_jwt_issuer::model::page::{MAX_PAGE_SIZE, Order, PageRequest};
use namespace_jwt_issuer::model::region::Region;
use namespace_jwt_issuer::signing::keys::KeyType;
use serde_json::{Value, json};
use uuid::Uuid;

use super::database::{Database, authority};
use super::keygen::key_type;
use super::options::{Command, Given, misread, unexpected};
use super::revoke::uuid;
use super::{Done, Failure, counted, failure};
use crate::cli::help::NAMESPACE_HELP;

const COMMAND: Command = Command { usage: "issuer namespace --help", help: NAMESPACE_HELP };

pub fn run(parser: &mut Parser) -> Result<Done, Failure> {
    let mut words = Vec::new();
    let mut database = Database::new();
    let mut product = Given::new("--product");
    let mut region = Given::new("--region");
    let mut algorithm = Given::new("--algorithm");
    let mut bits = Given::new("--bits");
    let mut ahead = Given::new("--ahead");
    let mut grace = Given::new("--grace");
    let (mut compromised, mut dry_run, mut json) = (false, false, false);
    while let Some(argument) = parser.next().map_err(|error| misread(&error, &COMMAND))? {
        match argument {
            Arg::Long("product") => product.text(parser)?,
            Arg::Long("region") => region.text(parser)?,
            Arg::Long("algorithm") => algorithm.text(parser)?,
            Arg::Long("bits") => bits.text(parser)?,
            Arg::Long("ahead") => ahead.text(parser)?,
            Arg::Long("grace") => grace.text(parser)?,
            Arg::Long("compromised") => compromised = true,
            Arg::Long("dry-run") => dry_run = true,
            Arg::Long("json") => json = true,
            Arg::Long("help") | Arg::Short('h') => return Done::print(NAMESPACE_HELP),
            Arg::Value(word) if words.len() < 2 => {
                words.push(word.into_string().map_err(|_| {
                    Failure("expected a name in UTF-8, found other bytes".to_owned())
                })?);
            }
            Arg::Long("database") => database.url.text(parser)?,
            Arg::Long("secrets-key-file") => database.secrets_key_file.path(parser)?,
            other => return Err(unexpected(&other, &COMMAND)),
        }
    }
    let installation = database.installation(None)?;
    let is_placed = product.value.is_some() || region.value.is_some();
    let region = region.value.unwrap_or_else(|| Region::default_region().to_string());
    let region = Region::parse(&region).ok_or_else(|| {
        Failure(format!("`--region`: expected a region such as fr-par, found {}", excerpt(&region)))
    })?;
    let product = product.value.map(|name| named_product(&name)).transpose()?;
    let key_type = match (algorithm.value.as_deref(), bits.value.as_deref()) {
        (None, None) => None,
        (algorithm, bits) => Some(key_type(algorithm, bits)?),
    };
    let is_rotation = ahead.value.is_some() || grace.value.is_some() || compromised || dry_run;
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match (words.as_slice(), is_rotation) {
        (["list"], false) if key_type.is_none() => list(&installation, product, &region, json),
        (["create", name], false) => {
            let product = product.unwrap_or(Product::Functions);
            let key_type = key_type.unwrap_or(DEFAULT_KEY_TYPE);
            create(&installation, product, &region, name, key_type, json)
        }
        (["rotate", id], _) if !is_placed && !json => {
            let id = uuid("issuer namespace rotate", id)?;
            let rotation = rotation(ahead.value, grace.value, compromised)?;
            rotate(&installation, id, rotation, key_type, dry_run)
        }
        _ => failure(
            "expected `issuer namespace list`, `issuer namespace create NAME` or \
             `issuer namespace rotate ID`; see `issuer namespace --help`",
        ),
    }
}

fn rotation(
    ahead: Option<String>,
    grace: Option<String>,
    compromised: bool,
) -> Result<Rotation, Failure> {
    let length = |option, given: Option<String>, default| {
        let Some(text) = given else { return Ok(default) };
        parse_duration(&text).ok_or_else(|| {
            Failure(format!(
                "`{option}`: expected a length of time such as 30m, 24h or 7d, found {}",
                excerpt(&text)
            ))
        })
    };
    match compromised {
        false => Ok(Rotation::Graceful {
            ahead: length("--ahead", ahead, DEFAULT_AHEAD)?,
            grace: length("--grace", grace, DEFAULT_GRACE)?,
        }),
        true if ahead.or(grace).is_none() => Ok(Rotation::Compromised),
        true => failure(
            "a compromised key is replaced at once and has no grace; leave out --ahead and \
             --grace, or --compromised",
        ),
    }
}

fn rotate(
    installation: &Installation,
    id: Uuid,
    rotation: Rotation,
    key_type: Option<KeyType>,
    dry_run: bool,
) -> Result<Done, Failure> {
    let plan = super::runtime()?.block_on(async {
        let authority = authority(installation).await?;
        let operator = Caller::operator();
        let plan = authority.rotate_key(&operator, id, rotation, key_type, dry_run).await?;
        Ok::<_, Failure>(plan)
    })?;
    let RotationPlan { key, signs_at, ends_at, tokens, .. } = plan;
    let mut output = String::new();
    let (signs_at, ends_at) = (rfc3339(signs_at), rfc3339(ends_at));
    let all = counted(tokens.all, "token");
    match rotation {
        Rotation::Graceful { ahead, .. } => {
            let ahead = counted(ahead.as_secs(), "second");
            let _ = writeln!(output, "now                   the new key is published");
            let _ = writeln!(
                output,
                "{signs_at}  it signs; later, if the service hasn't told of it for {ahead} by then"
            );
            let _ = writeln!(
                output,
                "{ends_at}  the old key is revoked, with what is left of its tokens; earlier if \
                 the last of them has expired an hour before"
            );
            let last =
                tokens.last_expiry.map(|time| format!("; the last expires {}", rfc3339(time)));
            let _ = writeln!(
                output,
                "the old key signed {all} so far: {} without expiry{}",
                tokens.endless,
                last.unwrap_or_default()
            );
        }
        Rotation::Compromised => {
            let when = if dry_run { "would be" } else { "are" };
            let _ =
                writeln!(output, "every key so far and {all} {when} revoked; the new key signs");
        }
    }
    match key {
        Some(key) => output.push_str(&key.public_pem),
        None => output.push_str("nothing was changed\n"),
    }
    Done::print(output)
}

fn named_product(name: &str) -> Result<Product, Failure> {
    Product::from_name(name).ok_or_else(|| {
        Failure(format!("`--product`: expected functions or containers, found {}", excerpt(name)))
    })
}

fn create(
    installation: &Installation,
    product: Product,
    region: &Region,
    name: &str,
    key_type: KeyType,
    as_json: bool,
) -> Result<Done, Failure> {
    let (namespace, keys) = super::runtime()?.block_on(async {
        let authority = authority(installation).await?;
        let operator = Caller::operator();
        let new = NewNamespace {
            name: name.to_owned(),
            project_id: None,
            vpc_integration: false,
            change: NamespaceChange::default(),
        };
        let made = authority.create_namespace(&operator, product, region, new, key_type).await;
        let made = made.map_err(|refusal| match refusal {
            Refusal::AlreadyExists(..) => Failure(format!(
                "there is a namespace {} in this project already; choose another name",
                excerpt(name)
            )),
            other => other.into(),
        })?;
        let keys = authority.namespace_keys(&operator, &made).await?;
        Ok::<_, Failure>((made, keys))
    })?;
    if as_json {
        return Done::print(pretty_json(&as_value(&namespace, &keys))? + "\n");
    }
    let mut output = format!("{}\n", namespace.id);
    for key in keys {
        output.push_str(&key.public_pem);
    }
    Done::print(output)
}

fn list(
    installation: &Installation,
    product: Option<Product>,
    region: &Region,
    as_json: bool,
) -> Result<Done, Failure> {
    let found = super::runtime()?.block_on(async {
        let authority = authority(installation).await?;
        let operator = Caller::operator();
        let mut found = Vec::new();
        for product in product.map_or(Product::ALL.to_vec(), |product| vec![product]) {
            let filter = NamespaceFilter {
                product,
                region: region.clone(),
                name: None,
                project_id: None,
                organization_id: None,
            };
            for page in 1.. {
                let page = PageRequest { page, size: MAX_PAGE_SIZE };
                let order = Order::default();
                let page = authority.namespaces(&operator, filter.clone(), order, page).await?;
                if page.items.is_empty() {
                    break;
                }
                for namespace in page.items {
                    let keys = authority.namespace_keys(&operator, &namespace).await?;
                    found.push((namespace, keys));
                }
            }
        }
        Ok::<_, Failure>(found)
    })?;
    if as_json {
        let values = found.iter().map(|(namespace, keys)| as_value(namespace, keys));
        return Done::print(pretty_json(&values.collect::<Value>())? + "\n");
    }
    let mut output = String::new();
    for (namespace, keys) in &found {
        let (product, name) = (namespace.product.name(), Escaped(&namespace.name));
        let _ = writeln!(output, "{}  {product:<10}  {name}", namespace.id);
        for key in keys {
            let (state, made) = (key.state.name(), rfc3339(key.created_at));
            let when = match (key.activates_at, key.ends_at) {
                (Some(at), _) => format!(", signs {}", rfc3339(at)),
                (None, Some(at)) => format!(", ends {}", rfc3339(at)),
                (None, None) => String::new(),
            };
            let _ = writeln!(output, "    {state:<8} {:<6} made {made}{when}", key.algorithm);
        }
    }
    Done::print(output)
}

fn as_value(namespace: &Namespace, keys: &[NamespaceKey]) -> Value {
    let keys = keys.iter().map(|key| {
        json!({
            "id": key.id,
            "state": key.state.name(),
            "algorithm": key.algorithm,
            "public_key": key.public_pem,
            "created_at": rfc3339(key.created_at),
            "activates_at": key.activates_at.map(rfc3339),
            "ends_at": key.ends_at.map(rfc3339),
        })
    });
    json!({
        "id": namespace.id,
        "product": namespace.product.name(),
        "region": namespace.region.as_str(),
        "project_id": namespace.project_id,
        "name": namespace.name,
        "keys": keys.collect::<Value>(),
    })
}
