//! `/namespaces`.

use axum::extract::State;

use super::Api;
use super::answer::{Answer, Answered};
use super::arguments::Arguments;
use super::call::Call;
use super::render::{self, DELETING, READY};
use crate::authority::keys::DEFAULT_KEY_TYPE;
use crate::authority::refusal::Resource;
use crate::model::namespace::{NamespaceChange, NamespaceFilter, NewNamespace};

pub async fn create(State(api): State<Api>, mut call: Call) -> Answered {
    let arguments = &mut call.arguments;
    let new = NewNamespace {
        name: arguments.new_name(),
        project_id: arguments.id("project_id"),
        vpc_integration: arguments.boolean("activate_vpc_integration").unwrap_or(false),
        change: change(arguments),
    };
    call.arguments.finish()?;
    let made = api
        .authority
        .create_namespace(&call.caller, call.product, &call.region, new, DEFAULT_KEY_TYPE)
        .await?;
    Ok(Answer(render::namespace(&made, READY)))
}

pub async fn read(State(api): State<Api>, call: Call) -> Answered {
    let id = call.id(Resource::Namespace)?;
    let found = api.authority.namespace(&call.caller, call.product, &call.region, id).await?;
    Ok(Answer(render::namespace(&found, READY)))
}

pub async fn list(State(api): State<Api>, call: Call) -> Answered {
    let filter = NamespaceFilter {
        product: call.product,
        region: call.region,
        name: call.query.text("name").map(str::to_owned),
        project_id: call.query.id("project_id")?,
        organization_id: call.query.id("organization_id")?,
    };
    let (order, page) = (call.query.order()?, call.query.page()?);
    let found = api.authority.namespaces(&call.caller, filter, order, page).await?;
    let body = render::page("namespaces", &found, |it| render::namespace(it, READY));
    Ok(Answer(body))
}

pub async fn update(State(api): State<Api>, mut call: Call) -> Answered {
    let id = call.id(Resource::Namespace)?;
    let change = change(&mut call.arguments);
    call.arguments.finish()?;
    let changed = api
        .authority
        .update_namespace(&call.caller, call.product, &call.region, id, change)
        .await?;
    Ok(Answer(render::namespace(&changed, READY)))
}

pub async fn delete(State(api): State<Api>, call: Call) -> Answered {
    let id = call.id(Resource::Namespace)?;
    let gone = api.authority.delete_namespace(&call.caller, call.product, &call.region, id).await?;
    Ok(Answer(render::namespace(&gone, DELETING)))
}

fn change(arguments: &mut Arguments) -> NamespaceChange {
    NamespaceChange {
        description: arguments.description(),
        variables: arguments.variables(),
        tags: arguments.texts("tags"),
    }
}
