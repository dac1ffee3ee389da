//! Containers v1: the same namespaces and containers as in v1beta1, in other words, and no tokens.

pub mod containers;
pub mod namespaces;

use super::applications;
use super::call::Regional;
use super::error::Errors;
use super::routes::Routes;
use crate::iam::action::{Access, Action};
use crate::model::Product;
use crate::model::region::Region;
use containers::ContainerView;
use namespaces::NamespaceView;

/// Adds the routes.
pub fn add_to(routes: &mut Routes) {
    let prefix = "/containers/v1/regions/{region}";
    let place = Regional { product: Product::Containers, region: Region::default_region() };
    let mut at = routes.group(prefix, "Containers v1", Errors::Typed, place);

    super::namespaces::add_to::<NamespaceView>(&mut at);

    let to = |access| Action::Application(Product::Containers, access);
    let path = "/containers";
    at.get(
        path,
        ("ListContainers", "List containers"),
        to(Access::List),
        containers::filter,
        applications::list::<ContainerView>,
    );
    at.post(
        path,
        ("CreateContainer", "Make a container"),
        to(Access::Create),
        containers::new,
        applications::create::<ContainerView>,
    );
    let path = "/containers/{id}";
    at.get(
        path,
        ("GetContainer", "Read a container"),
        to(Access::Read),
        applications::id,
        applications::read::<ContainerView>,
    );
    at.patch(
        path,
        ("UpdateContainer", "Change a container"),
        to(Access::Edit),
        containers::change,
        applications::update::<ContainerView>,
    );
    at.delete(
        path,
        ("DeleteContainer", "Delete a container, and revoke its tokens"),
        to(Access::Delete),
        applications::id,
        applications::delete::<ContainerView>,
    );
    // Nothing here runs code, so a deployment is done at once.
    at.post(
        "/containers/{id}/redeploy",
        ("RedeployContainer", "Answer as if it were deployed: nothing here runs code"),
        to(Access::Read),
        applications::id,
        applications::read::<ContainerView>,
    );
}
