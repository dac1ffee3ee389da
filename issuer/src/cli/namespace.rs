//! `issuer namespace`: namespaces and their keys, without the API.

use std::fmt::Write as _;

use lexopt::{Arg, Parser};
use namespace_jwt_issuer::authority::keys::{DEFAULT_KEY_TYPE, Keys};
use namespace_jwt_issuer::authority::refusal::Refusal;
use namespace_jwt_issuer::authority::{Authority, Caller};
use namespace_jwt_issuer::calendar::rfc3339;
use namespace_jwt_issuer::inspect::display::{Escaped, excerpt, pretty_json};
use namespace_jwt_issuer::installation::Installation;
use namespace_jwt_issuer::model::Product;
use namespace_jwt_issuer::model::namespace::{
    Namespace, NamespaceChange, NamespaceFilter, NewNamespace,
};
use namespace_jwt_issuer::model::namespace_key::NamespaceKey;
use namespace_jwt_issuer::model::page::{MAX_PAGE_SIZE, Order, PageRequest};
use namespace_jwt_issuer::model::region::Region;
use namespace_jwt_issuer::serve::now;
use namespace_jwt_issuer::signing::keys::KeyType;
use serde_json::{Value, json};

use super::database::Database;
use super::keygen::key_type;
use super::options::{Command, Given, misread, unexpected};
use super::{Done, Failure, failure};
use crate::cli::help::NAMESPACE_HELP;

const COMMAND: Command = Command { usage: "issuer namespace --help", help: NAMESPACE_HELP };

pub fn run(parser: &mut Parser) -> Result<Done, Failure> {
    let mut words = Vec::new();
    let mut database = Database::new();
    let mut product = Given::new("--product");
    let mut region = Given::new("--region");
    let mut algorithm = Given::new("--algorithm");
    let mut bits = Given::new("--bits");
    let mut json = false;
    while let Some(argument) = parser.next().map_err(|error| misread(&error, &COMMAND))? {
        match argument {
            Arg::Long("product") => product.text(parser)?,
            Arg::Long("region") => region.text(parser)?,
            Arg::Long("algorithm") => algorithm.text(parser)?,
            Arg::Long("bits") => bits.text(parser)?,
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
    let region = region.value.unwrap_or_else(|| Region::default_region().to_string());
    let region = Region::parse(&region).ok_or_else(|| {
        Failure(format!("`--region`: expected a region such as fr-par, found {}", excerpt(&region)))
    })?;
    let product = product.value.map(|name| named_product(&name)).transpose()?;
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    match (words.as_slice(), algorithm.value.is_some() || bits.value.is_some()) {
        (["list"], false) => list(&installation, product, &region, json),
        (["create", name], _) => {
            let key_type = match (algorithm.value.as_deref(), bits.value.as_deref()) {
                (None, None) => DEFAULT_KEY_TYPE,
                (algorithm, bits) => key_type(algorithm, bits)?,
            };
            create(
                &installation,
                product.unwrap_or(Product::Functions),
                &region,
                name,
                key_type,
                json,
            )
        }
        _ => failure(
            "expected `issuer namespace list` or `issuer namespace create NAME`; \
             see `issuer namespace --help`",
        ),
    }
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
            Refusal::AlreadyExists(_) => Failure(format!(
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
                let order = Order::CreatedAtAscending;
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
            let _ = writeln!(output, "    {state:<8} {:<6} made {made}", key.algorithm);
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

async fn authority(installation: &Installation) -> Result<Authority, Failure> {
    let opened = installation.open().await?;
    // Nothing is made here that has a host name.
    Ok(Authority::new(opened.store, Keys::new(opened.secrets), now, String::new()))
}
