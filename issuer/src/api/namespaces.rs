//! `/namespaces`, in each version of the API that has them.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::answer::{self, Answered, Json, Listed, Status};
use super::arguments::Arguments;
use super::call::{Call, Regional};
use super::reader::Reader;
use super::routes::Group;
use crate::authority::keys::DEFAULT_KEY_TYPE;
use crate::authority::refusal::Resource;
use crate::iam::action::Access::{Create, Delete, Edit, List, Read};
use crate::iam::action::Action;
use crate::model::namespace::{Namespace, NamespaceChange, NamespaceFilter, NewNamespace};
use crate::model::page::{Order, PageRequest};
use crate::model::variables::VariablesChange;

/// A namespace, as a version of the API writes it, and what that version reads otherwise than
/// another.
pub trait View: Serialize + JsonSchema + Listed + Send + 'static {
    /// The namespace in this state.
    fn of(it: Namespace, status: Status) -> Self;

    /// The environment variables that a request names.
    fn variables(body: &mut Arguments) -> VariablesChange;

    /// Whether the deprecated member asks for it, where there is one.
    fn vpc_integration(_: &mut Arguments) -> bool {
        false
    }
}

/// Adds the routes.
pub fn add_to<V: View>(at: &mut Group<'_, Regional>) {
    let product = at.place().product;
    let to = |access| Action::Namespace(product, access);
    let path = "/namespaces";
    at.get(path, ("ListNamespaces", "List namespaces"), to(List), filter, list::<V>);
    at.post(path, ("CreateNamespace", "Make a namespace"), to(Create), new::<V>, create::<V>);
    let path = "/namespaces/{id}";
    at.get(path, ("GetNamespace", "Read a namespace"), to(Read), id, read::<V>);
    at.patch(path, ("UpdateNamespace", "Change a namespace"), to(Edit), change::<V>, update::<V>);
    let words = ("DeleteNamespace", "Delete a namespace, with all that is in it");
    at.delete(path, words, to(Delete), id, delete::<V>);
}

fn new<V: View>(it: &mut Reader, _: &Regional) -> NewNamespace {
    let body = &mut it.body;
    NewNamespace {
        name: body.new_name(),
        project_id: body.id("project_id"),
        vpc_integration: V::vpc_integration(body),
        change: changed::<V>(body),
    }
}

async fn create<V: View>(call: Call<Regional>, new: NewNamespace) -> Answered<Json<V>> {
    let Call { api, caller, place: Regional { product, region } } = call;
    let key_type = DEFAULT_KEY_TYPE;
    let made = api.authority.create_namespace(&caller, product, &region, new, key_type).await?;
    Ok(Json(V::of(made, Status::Ready)))
}

fn id(it: &mut Reader, _: &Regional) -> Uuid {
    it.id(Resource::Namespace)
}

async fn read<V: View>(call: Call<Regional>, id: Uuid) -> Answered<Json<V>> {
    let Call { api, caller, place: Regional { product, region } } = call;
    let found = api.authority.namespace(&caller, product, &region, id).await?;
    Ok(Json(V::of(found, Status::Ready)))
}

type Asked = (NamespaceFilter, Order, PageRequest);

fn filter(it: &mut Reader, Regional { product, region }: &Regional) -> Asked {
    let query = &mut it.query;
    let filter = NamespaceFilter {
        product: *product,
        region: region.clone(),
        name: query.text("name"),
        project_id: query.id("project_id"),
        organization_id: query.id("organization_id"),
    };
    (filter, query.order(), query.page())
}

async fn list<V: View>(
    call: Call<Regional>,
    (filter, order, page): Asked,
) -> Answered<Json<answer::List<V>>> {
    let found = call.api.authority.namespaces(&call.caller, filter, order, page).await?;
    Ok(answer::List::of(found, |it| V::of(it, Status::Ready)))
}

fn change<V: View>(it: &mut Reader, place: &Regional) -> (Uuid, NamespaceChange) {
    (id(it, place), changed::<V>(&mut it.body))
}

async fn update<V: View>(
    call: Call<Regional>,
    (id, change): (Uuid, NamespaceChange),
) -> Answered<Json<V>> {
    let Call { api, caller, place: Regional { product, region } } = call;
    let changed = api.authority.update_namespace(&caller, product, &region, id, change).await?;
    Ok(Json(V::of(changed, Status::Ready)))
}

async fn delete<V: View>(call: Call<Regional>, id: Uuid) -> Answered<Json<V>> {
    let Call { api, caller, place: Regional { product, region } } = call;
    let gone = api.authority.delete_namespace(&caller, product, &region, id).await?;
    Ok(Json(V::of(gone, Status::Deleting)))
}

fn changed<V: View>(body: &mut Arguments) -> NamespaceChange {
    NamespaceChange {
        description: body.description_text(),
        variables: V::variables(body),
        tags: body.texts("tags"),
    }
}
