//! Functions and containers, in each version of the API that has them: what is the same in all.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::answer::{Answered, Json, List, Listed, Status};
use super::call::{Call, Regional};
use super::reader::Reader;
use crate::authority::refusal::Resource;
use crate::model::application::{
    Application, ApplicationChange, ApplicationFilter, NewApplication,
};
use crate::model::page::{Order, PageRequest};

/// A function or a container, as a version of the API writes it.
pub trait View: Serialize + JsonSchema + Listed + Send + 'static {
    /// The application in this state.
    fn of(it: Application, status: Status) -> Self;
}

/// Which of them a list has, and how.
pub type Asked = (ApplicationFilter, Order, PageRequest);

pub fn id(it: &mut Reader, place: &Regional) -> Uuid {
    it.id(Resource::Application(place.product))
}

pub async fn create<V: View>(call: Call<Regional>, new: NewApplication) -> Answered<Json<V>> {
    let Call { api, caller, place: Regional { product, region } } = call;
    let made = api.authority.create_application(&caller, product, &region, new).await?;
    Ok(Json(V::of(made, Status::Ready)))
}

pub async fn read<V: View>(call: Call<Regional>, id: Uuid) -> Answered<Json<V>> {
    let Call { api, caller, place: Regional { product, region } } = call;
    let found = api.authority.application(&caller, product, &region, id).await?;
    Ok(Json(V::of(found, Status::Ready)))
}

pub async fn list<V: View>(
    call: Call<Regional>,
    (filter, order, page): Asked,
) -> Answered<Json<List<V>>> {
    let found = call.api.authority.applications(&call.caller, filter, order, page).await?;
    Ok(List::of(found, |it| V::of(it, Status::Ready)))
}

pub async fn update<V: View>(
    call: Call<Regional>,
    (id, change): (Uuid, ApplicationChange),
) -> Answered<Json<V>> {
    let Call { api, caller, place: Regional { product, region } } = call;
    let changed = api.authority.update_application(&caller, product, &region, id, change).await?;
    Ok(Json(V::of(changed, Status::Ready)))
}

pub async fn delete<V: View>(call: Call<Regional>, id: Uuid) -> Answered<Json<V>> {
    let Call { api, caller, place: Regional { product, region } } = call;
    let gone = api.authority.delete_application(&caller, product, &region, id).await?;
    Ok(Json(V::of(gone, Status::Deleting)))
}
