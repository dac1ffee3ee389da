//! `/tokens`, and `/issue-jwt`, by which older clients ask for the same.

use namespace_jwt_core::time::UnixTime;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::api::answer::{Answered, Json, List, Listed, Status, Time};
use crate::api::call::{Call, Regional};
use crate::api::reader::{Reader, exactly_one};
use crate::authority::refusal::Resource;
use crate::model::Product;
use crate::model::page::PageRequest;
use crate::model::token::{NewToken, Token, TokenFilter, TokenSubject};

/// What stands for the text of a token that isn't kept.
const HIDDEN: &str = "<hidden>";

pub fn new(it: &mut Reader, place: &Regional) -> NewToken {
    let body = &mut it.body;
    let (name, of) = (place.product.application_id(), "namespace_id");
    let read = exactly_one((name, body.id(name)), (of, body.id(of)));
    let description = body.description_text().unwrap_or_default();
    let expires_at = body.time("expires_at").map(whole);
    NewToken { subject: subject(body.checked(read)), description, expires_at }
}

pub fn asked_jwt(it: &mut Reader, place: &Regional) -> NewToken {
    let query = &mut it.query;
    let (name, of) = (place.product.application_id(), "namespace_id");
    let read = exactly_one((name, query.id(name)), (of, query.id(of)));
    let expires_at = query.time("expires_at").map(whole);
    NewToken { subject: subject(query.checked(read)), description: String::new(), expires_at }
}

pub async fn create(call: Call<Regional>, new: NewToken) -> Answered<Json<TokenView>> {
    let Call { api, caller, place: Regional { product, region } } = call;
    let issued = api.authority.create_token(&caller, product, &region, new).await?;
    api.metrics.minted_tokens.inc();
    let shown = TokenText::Shown(issued.text.to_string(), issued.public_pem);
    Ok(Json(TokenView::of(issued.token, product, shown)))
}

pub fn id(it: &mut Reader, _: &Regional) -> Uuid {
    it.id(Resource::Token)
}

pub async fn read(call: Call<Regional>, id: Uuid) -> Answered<Json<TokenView>> {
    let Call { api, caller, place: Regional { product, region } } = call;
    let found = api.authority.token(&caller, &region, id).await?;
    Ok(Json(TokenView::of(found, product, TokenText::Hidden)))
}

pub fn filter(it: &mut Reader, place: &Regional) -> (TokenFilter, PageRequest) {
    let query = &mut it.query;
    let filter = TokenFilter {
        namespace_id: query.id("namespace_id"),
        application_id: query.id(place.product.application_id()),
        region: place.region.clone(),
        newest_first: query.newest_first(),
    };
    (filter, query.page())
}

pub async fn list(
    call: Call<Regional>,
    (filter, page): (TokenFilter, PageRequest),
) -> Answered<Json<List<TokenView>>> {
    let Call { api, caller, place: Regional { product, .. } } = call;
    let found = api.authority.tokens(&caller, product, filter, page).await?;
    Ok(List::of(found, |it| TokenView::of(it, product, TokenText::Hidden)))
}

pub async fn delete(call: Call<Regional>, id: Uuid) -> Answered<Json<TokenView>> {
    let Call { api, caller, place: Regional { product, region } } = call;
    let gone = api.authority.delete_token(&caller, &region, id).await?;
    Ok(Json(TokenView::of(gone, product, TokenText::Gone)))
}

/// What a token is for: an application or a namespace, or nothing that will be asked for.
fn subject(read: Option<(bool, Uuid)>) -> TokenSubject {
    match read.unwrap_or_default() {
        (true, id) => TokenSubject::Application(id),
        (false, id) => TokenSubject::Namespace(id),
    }
}

/// A token's times are whole seconds.
fn whole(time: UnixTime) -> UnixTime {
    UnixTime::from_secs(time.since_epoch().as_secs())
}

/// What an answer shows of a token.
enum TokenText {
    /// The token and its namespace's public key in PEM: the answer to its creation, and no other.
    Shown(String, String),
    /// That it can't be seen again.
    Hidden,
    /// Nothing, since there is no such token any more.
    Gone,
}

/// A token, as the API of a product shows it. Only the id that it was made for is a member; that
/// of an application has the name that an application of this product would have.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "v1beta1.Token")]
pub struct TokenView {
    #[serde(skip_serializing_if = "Option::is_none")]
    container_id: Option<Uuid>,
    description: String,
    expires_at: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_id: Option<Uuid>,
    id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace_id: Option<Uuid>,
    public_key: String,
    status: Status,
    token: String,
}

impl TokenView {
    fn of(it: Token, product: Product, text: TokenText) -> Self {
        let (namespace_id, function_id, container_id) = match (it.subject, product) {
            (TokenSubject::Namespace(id), _) => (Some(id), None, None),
            (TokenSubject::Application(id), Product::Functions) => (None, Some(id), None),
            (TokenSubject::Application(id), Product::Containers) => (None, None, Some(id)),
        };
        let (token, public_key, status) = match text {
            TokenText::Shown(text, public_pem) => (text, public_pem, Status::Ready),
            TokenText::Hidden => (HIDDEN.to_owned(), String::new(), Status::Ready),
            TokenText::Gone => (String::new(), String::new(), Status::Deleting),
        };
        Self {
            container_id,
            description: it.description,
            expires_at: it.expires_at.map(Time::plain),
            function_id,
            id: it.id,
            namespace_id,
            public_key,
            status,
            token,
        }
    }
}

impl Listed for TokenView {
    const NAME: &'static str = "tokens";
}
