//! Containers v1: the same namespaces and containers as in v1beta1, in other words, and no tokens.

pub mod containers;
pub mod namespaces;

use super::call::Regional;
use super::error::Errors;
use super::routes::Routes;
use crate::model::Product;
use crate::model::region::Region;

/// Adds the routes.
pub fn add_to(routes: &mut Routes) {
    let prefix = "/containers/v1/regions/{region}";
    let place = Regional { product: Product::Containers, region: Region::default_region() };
    let mut at = routes.group(prefix, "Containers v1", Errors::Typed, place);

    let path = "/namespaces";
    at.get(path, ("ListNamespaces", "List namespaces"), namespaces::filter, namespaces::list);
    at.post(path, ("CreateNamespace", "Make a namespace"), namespaces::new, namespaces::create);
    let path = "/namespaces/{id}";
    at.get(path, ("GetNamespace", "Read a namespace"), namespaces::id, namespaces::read);
    at.patch(
        path,
        ("UpdateNamespace", "Change a namespace"),
        namespaces::change,
        namespaces::update,
    );
    at.delete(
        path,
        ("DeleteNamespace", "Delete a namespace, with all that is in it"),
        namespaces::id,
        namespaces::delete,
    );

    let path = "/containers";
    at.get(path, ("ListContainers", "List containers"), containers::filter, containers::list);
    at.post(path, ("CreateContainer", "Make a container"), containers::new, containers::create);
    let path = "/containers/{id}";
    at.get(path, ("GetContainer", "Read a container"), containers::id, containers::read);
    at.patch(
        path,
        ("UpdateContainer", "Change a container"),
        containers::change,
        containers::update,
    );
    at.delete(
        path,
        ("DeleteContainer", "Delete a container, and revoke its tokens"),
        containers::id,
        containers::delete,
    );
    // Nothing here runs code, so a deployment is done at once.
    at.post(
        "/containers/{id}/redeploy",
        ("RedeployContainer", "Answer as if it were deployed: nothing here runs code"),
        containers::id,
        containers::read,
    );
}
