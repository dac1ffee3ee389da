//! `/functions` and `/containers`.

use axum::extract::State;
use serde_json::{Value, json};

use super::Api;
use super::answer::{Answer, Answered};
use super::arguments::Arguments;
use super::call::Call;
use super::render::{self, DELETING, READY, seconds};
use crate::authority::refusal::{FaultReason, Refusal};
use crate::model::Product;
use crate::model::application::{
    ApplicationChange, ApplicationFilter, NewApplication, Privacy, SettingsChange,
};

pub async fn create(State(api): State<Api>, mut call: Call) -> Answered {
    let (product, arguments) = (call.product, &mut call.arguments);
    let new = NewApplication {
        name: arguments.new_name(),
        namespace_id: arguments.required_id("namespace_id"),
        change: change(arguments, product),
    };
    call.arguments.finish()?;
    let made = api.authority.create_application(&call.caller, product, &call.region, new).await?;
    Ok(Answer(render::application(&made, READY)))
}

pub async fn read(State(api): State<Api>, call: Call) -> Answered {
    let id = call.id(call.application())?;
    let found = api.authority.application(&call.caller, call.product, &call.region, id).await?;
    Ok(Answer(render::application(&found, READY)))
}

pub async fn list(State(api): State<Api>, call: Call) -> Answered {
    let namespace_id = call.query.id("namespace_id")?.ok_or_else(|| {
        Refusal::argument("namespace_id", FaultReason::Required, "give the id of a namespace")
    })?;
    let filter = ApplicationFilter {
        product: call.product,
        region: call.region,
        namespace_id,
        name: call.query.text("name").map(str::to_owned),
        project_id: call.query.id("project_id")?,
        organization_id: call.query.id("organization_id")?,
    };
    let (order, page) = (call.query.order()?, call.query.page()?);
    let found = api.authority.applications(&call.caller, filter, order, page).await?;
    let name = call.product.name();
    let body = render::page(name, &found, |it| render::application(it, READY));
    Ok(Answer(body))
}

pub async fn update(State(api): State<Api>, mut call: Call) -> Answered {
    let id = call.id(call.application())?;
    let change = change(&mut call.arguments, call.product);
    call.arguments.finish()?;
    let changed = api
        .authority
        .update_application(&call.caller, call.product, &call.region, id, change)
        .await?;
    Ok(Answer(render::application(&changed, READY)))
}

/// Nothing here runs code, so a deployment is done at once.
pub async fn deploy(State(api): State<Api>, call: Call) -> Answered {
    read(State(api), call).await
}

pub async fn delete(State(api): State<Api>, call: Call) -> Answered {
    let id = call.id(call.application())?;
    let gone =
        api.authority.delete_application(&call.caller, call.product, &call.region, id).await?;
    Ok(Answer(render::application(&gone, DELETING)))
}

fn change(it: &mut Arguments, product: Product) -> ApplicationChange {
    let privacy = it.choice("privacy", "unknown_privacy", &["public", "private"]);
    let mut settings = SettingsChange {
        min_scale: it.number("min_scale"),
        max_scale: it.number("max_scale"),
        memory_limit: it.number("memory_limit"),
        cpu_limit: it.number("cpu_limit"),
        timeout: it.duration("timeout"),
        http_option: it.choice("http_option", "unknown_http_option", &["enabled", "redirected"]),
        sandbox: it.choice("sandbox", "unknown_sandbox", &["v1", "v2"]),
        private_network_id: it.id_or_empty("private_network_id"),
        ..SettingsChange::default()
    };
    match product {
        Product::Functions => {
            settings.runtime = it.text("runtime").filter(|text| text != "unknown_runtime");
            settings.handler = it.text("handler");
        }
        Product::Containers => {
            settings.registry_image = it.text("registry_image");
            settings.port = it.number("port");
            settings.protocol = it.choice("protocol", "unknown_protocol", &["http1", "h2c"]);
            settings.max_concurrency = it.number("max_concurrency");
            settings.local_storage_limit = it.number("local_storage_limit");
            settings.command = it.texts("command");
            settings.args = it.texts("args");
            // The older name of one of them; the newer one wins.
            let concurrency = settings.max_concurrency;
            let concurrency = concurrency.map(|n| json!({"concurrent_requests_threshold": n}));
            settings.scaling_option = scaling_option(it).or(concurrency);
            settings.health_check = health_check(it);
        }
    }
    ApplicationChange {
        description: it.description(),
        privacy: privacy.as_deref().and_then(Privacy::from_name),
        variables: it.variables(),
        tags: it.texts("tags"),
        settings,
    }
}

/// What starts another instance: one number.
fn scaling_option(it: &mut Arguments) -> Option<Value> {
    let name = "scaling_option";
    let mut object = it.object(name)?;
    let found = ["concurrent_requests_threshold", "cpu_usage_threshold", "memory_usage_threshold"]
        .into_iter()
        .find_map(|member| Some(json!({member: object.number(member)?})));
    it.finish_object(name, object);
    found
}

/// How a container's health is asked for, with what is left out filled in.
fn health_check(it: &mut Arguments) -> Option<Value> {
    let name = "health_check";
    let mut object = it.object(name)?;
    let failures = object.number("failure_threshold").unwrap_or(30);
    let interval = object.duration("interval").map_or_else(|| "10s".to_owned(), seconds);
    let http = object.object("http").map(|mut http| {
        let path = http.text("path").unwrap_or_else(|| "/".to_owned());
        object.finish_object("http", http);
        json!({ "path": path })
    });
    it.finish_object(name, object);
    Some(match http {
        Some(http) => json!({"failure_threshold": failures, "interval": interval, "http": http}),
        None => json!({"failure_threshold": failures, "interval": interval, "tcp": {}}),
    })
}
