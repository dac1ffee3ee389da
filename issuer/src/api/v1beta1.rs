//! Functions and containers v1beta1, and the tokens that exist there alone.

pub mod applications;
pub mod namespaces;
pub mod tokens;

use schemars::JsonSchema;
use serde::Serialize;

use super::applications as shared;
use super::call::Regional;
use super::error::Errors;
use super::routes::Routes;
use crate::iam::action::Access::{Create, Delete, Edit, List, Read};
use crate::iam::action::Action;
use crate::model::Product;
use crate::model::region::Region;
use crate::model::variables::Variables;
use applications::ApplicationView;
use namespaces::NamespaceView;

/// Adds the routes of a product, whose applications are read as `V`.
pub fn add_to<V: ApplicationView>(routes: &mut Routes, product: Product, tag: &'static str) {
    // Each product's applications have its own name: `/functions/…/functions`.
    let name = product.name();
    let prefix = format!("/{name}/v1beta1/regions/{{region}}");
    let place = Regional { product, region: Region::default_region() };
    let mut at = routes.group(prefix, tag, Errors::Brief, place);

    super::namespaces::add_to::<NamespaceView>(&mut at);

    let to = |access| Action::Application(product, access);
    let path = &format!("/{name}");
    at.get(path, V::LIST, to(List), applications::filter, shared::list::<V>);
    at.post(path, V::CREATE, to(Create), applications::new, shared::create::<V>);
    let path = &format!("/{name}/{{id}}");
    at.get(path, V::GET, to(Read), shared::id, shared::read::<V>);
    at.patch(path, V::UPDATE, to(Edit), applications::change, shared::update::<V>);
    at.delete(path, V::DELETE, to(Delete), shared::id, shared::delete::<V>);
    // Nothing here runs code, so a deployment is done at once.
    let path = &format!("/{name}/{{id}}/deploy");
    at.post(path, V::DEPLOY, to(Read), shared::id, shared::read::<V>);

    let to = |access| Action::Token(product, access);
    let path = "/tokens";
    at.get(path, ("ListTokens", "List tokens"), to(List), tokens::filter, tokens::list);
    at.post(path, ("CreateToken", "Make a token"), to(Create), tokens::new, tokens::create);
    let path = "/tokens/{id}";
    let words = ("GetToken", "Read a token, but for its text");
    at.get(path, words, to(Read), tokens::id, tokens::read);
    let words = ("DeleteToken", "Revoke a token for good");
    at.delete(path, words, to(Delete), tokens::id, tokens::delete);
    at.refuse_head("/issue-jwt");
    at.get(
        "/issue-jwt",
        ("IssueJWT", "Make a token, as older clients ask for it"),
        to(Create),
        tokens::asked_jwt,
        tokens::create,
    );
}

/// A secret variable.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct SecretView {
    hashed_value: String,
    key: String,
}

/// The hashes of secret variables.
fn secrets(variables: &mut Variables) -> Vec<SecretView> {
    let secret = std::mem::take(&mut variables.secret).into_iter();
    secret.map(|(key, hashed_value)| SecretView { hashed_value, key }).collect()
}
