//! What the service keeps, as the platform's clients read it.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::calendar::{rfc3339, rfc3339_micros};
use crate::model::Product;
use crate::model::application::{Application, Settings};
use crate::model::namespace::Namespace;
use crate::model::page::Page;
use crate::model::token::{Token, TokenSubject};
use crate::model::variables::Variables;
use crate::store::feed::TokenCount;

/// What stands for the text of a token that isn't kept.
const HIDDEN: &str = "<hidden>";

/// The state of what there is. What runs code isn't here, so all of it is ready at once.
pub const READY: &str = "ready";

/// The state of what was just deleted.
pub const DELETING: &str = "deleting";

/// A page of a list, under the name of its items.
pub fn page<T>(name: &str, page: &Page<T>, item: impl Fn(&T) -> Value) -> Value {
    let items = page.items.iter().map(item).collect::<Value>();
    object([(name, items), ("total_count", json!(page.total))])
}

/// A namespace.
pub fn namespace(it: &Namespace, status: &str) -> Value {
    json!({
        "created_at": rfc3339_micros(it.created_at),
        "description": it.description,
        "environment_variables": it.variables.plain,
        "error_message": null,
        "id": it.id,
        "name": it.name,
        "organization_id": it.organization_id,
        "project_id": it.project_id,
        "region": it.region.as_str(),
        "registry_endpoint": "",
        "registry_namespace_id": "",
        "secret_environment_variables": secrets(&it.variables),
        "status": status,
        "tags": it.tags,
        "updated_at": rfc3339_micros(it.updated_at),
        "vpc_integration_activated": it.vpc_integration,
    })
}

/// A function or a container.
pub fn application(it: &Application, status: &str) -> Value {
    let settings = &it.settings;
    let private_network_id = &settings.private_network_id;
    let mut members = members(json!({
        "cpu_limit": settings.cpu_limit,
        "created_at": rfc3339_micros(it.created_at),
        "description": it.description,
        "domain_name": it.domain_name,
        "environment_variables": it.variables.plain,
        "error_message": null,
        "http_option": settings.http_option,
        "id": it.id,
        "max_scale": settings.max_scale,
        "memory_limit": settings.memory_limit,
        "min_scale": settings.min_scale,
        "name": it.name,
        "namespace_id": it.namespace_id,
        "privacy": it.privacy.name(),
        "private_network_id": Some(private_network_id).filter(|id| !id.is_empty()),
        "ready_at": rfc3339_micros(it.created_at),
        "region": it.region.as_str(),
        "sandbox": settings.sandbox,
        "secret_environment_variables": secrets(&it.variables),
        "status": status,
        "tags": it.tags,
        "timeout": seconds(settings.timeout),
        "updated_at": rfc3339_micros(it.updated_at),
    }));
    members.append(&mut match it.product {
        Product::Functions => function(settings),
        Product::Containers => container(settings),
    });
    Value::Object(members)
}

fn function(settings: &Settings) -> Map<String, Value> {
    members(json!({
        "build_message": null,
        "handler": settings.handler,
        "runtime": settings.runtime,
        "runtime_message": "",
    }))
}

fn container(settings: &Settings) -> Map<String, Value> {
    members(json!({
        "args": settings.args,
        "command": settings.command,
        "health_check": settings.health_check,
        "local_storage_limit": settings.local_storage_limit,
        "max_concurrency": settings.max_concurrency,
        "port": settings.port,
        "protocol": settings.protocol,
        "registry_image": settings.registry_image,
        "scaling_option": settings.scaling_option,
    }))
}

/// What an answer shows of a token.
pub enum TokenText<'a> {
    /// The token and its namespace's public key in PEM: the answer to its creation, and no other.
    Shown(&'a str, &'a str),
    /// That it can't be seen again.
    Hidden,
    /// Nothing, since there is no such token any more.
    Gone,
}

/// A token, as the API of a product shows it. Only the id that it was made for is a member; that
/// of an application has the name that an application of this product would have.
pub fn token(it: &Token, product: Product, shown: &TokenText<'_>) -> Value {
    let (subject_name, subject_id) = match it.subject {
        TokenSubject::Namespace(id) => ("namespace_id", id),
        TokenSubject::Application(id) => (product.application_id(), id),
    };
    let (text, public_key, status) = match *shown {
        TokenText::Shown(text, public_pem) => (text, public_pem, READY),
        TokenText::Hidden => (HIDDEN, "", READY),
        TokenText::Gone => ("", "", DELETING),
    };
    object([
        ("description", json!(it.description)),
        ("expires_at", json!(it.expires_at.map(rfc3339))),
        ("id", json!(it.id)),
        (subject_name, json!(subject_id)),
        ("public_key", json!(public_key)),
        ("status", json!(status)),
        ("token", json!(text)),
    ])
}

/// How many tokens something is about.
pub fn token_count(it: &TokenCount) -> Value {
    json!({
        "count": it.all,
        "endless": it.endless,
        "last_expires_at": it.last_expiry.map(rfc3339),
    })
}

/// The hashes of secret variables.
fn secrets(variables: &Variables) -> Value {
    let secret = variables.secret.iter();
    secret.map(|(key, hash)| json!({"hashed_value": hash, "key": key})).collect()
}

/// A length of time as answers have it: `300s`, `1.5s`.
pub fn seconds(duration: Duration) -> String {
    let fraction = format!("{:09}", duration.subsec_nanos());
    match fraction.trim_end_matches('0') {
        "" => format!("{}s", duration.as_secs()),
        fraction => format!("{}.{fraction}s", duration.as_secs()),
    }
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_have_no_digits_that_say_nothing() {
        for (millis, expected) in [(300_000, "300s"), (1_500, "1.5s"), (1, "0.001s"), (0, "0s")] {
            assert_eq!(seconds(Duration::from_millis(millis)), expected);
        }
    }
}
