//! `/users` and `/grace-periods`.

use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::tags;
use crate::api::answer::{Answered, Json, List, Listed, NoContent, Time};
use crate::api::arguments::Arguments;
use crate::api::call::{Call, Everywhere};
use crate::api::reader::Reader;
use crate::authority::refusal::{FaultReason, Resource};
use crate::model::page::OrderBy::{CreatedAt, Email, LastLogin, UpdatedAt, Username};
use crate::model::page::{Order, PageRequest};
use crate::model::user::{
    NewPerson, NewUser, Password, Profile, User, UserChange, UserFilter, UserKind,
};

/// The most characters of an address (RFC 5321 §4.5.3.1: 64, `@` and 255).
const MAX_EMAIL: usize = 320;

/// The most characters of a password that are read: what is too long is told.
const MAX_PASSWORD: usize = 1024;

pub fn new(it: &mut Reader, _: &Everywhere) -> NewUser {
    let body = &mut it.body;
    let organization_id = body.id("organization_id");
    let tags = tags(body).unwrap_or_default();
    let guest = email(body);
    let member = body.object("member", member);
    let person = match (guest, member) {
        (Some(email), None) => NewPerson::Guest { email },
        (None, Some(member)) => member,
        (guest, _) => {
            let reason =
                if guest.is_some() { FaultReason::Constraint } else { FaultReason::Required };
            body.fault("email", reason, "expected one of email and member");
            NewPerson::Guest { email: String::new() }
        }
    };
    NewUser { organization_id, tags, person }
}

fn member(body: &mut Arguments) -> NewPerson {
    let email = email(body);
    if email.is_none() {
        body.fault("email", FaultReason::Required, "give an address");
    }
    let profile = Profile {
        first_name: body.text("first_name").unwrap_or_default(),
        last_name: body.text("last_name").unwrap_or_default(),
        phone_number: body.text("phone_number").unwrap_or_default(),
        locale: body.text("locale").unwrap_or_default(),
    };
    let password = body.text_of("password", MAX_PASSWORD);
    NewPerson::Member {
        email: email.unwrap_or_default(),
        username: body.username(),
        // Nobody signs in with an empty one: it is none.
        password: password.filter(|text| !text.is_empty()).map(Password::new),
        profile,
    }
}

/// An address: something before and after an `@`, and nothing that isn't seen.
fn email(body: &mut Arguments) -> Option<String> {
    let text = body.text_of("email", MAX_EMAIL)?;
    let is_address =
        text.split_once('@').is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
    if !is_address || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        body.fault("email", FaultReason::Format, "expected an address such as ada@example.com");
    }
    Some(text)
}

pub async fn create(call: Call<Everywhere>, new: NewUser) -> Answered<Json<UserView>> {
    Ok(Json(UserView::of(call.api.authority.create_user(&call.caller, new).await?)))
}

pub fn id(it: &mut Reader, _: &Everywhere) -> Uuid {
    it.id(Resource::User)
}

pub async fn read(call: Call<Everywhere>, id: Uuid) -> Answered<Json<UserView>> {
    Ok(Json(UserView::of(call.api.authority.user(&call.caller, id).await?)))
}

type Asked = (UserFilter, Order, PageRequest);

pub fn filter(it: &mut Reader, _: &Everywhere) -> Asked {
    let query = &mut it.query;
    let kinds = UserKind::ALL.map(|kind| (kind.name(), kind));
    let filter = UserFilter {
        organization_id: query.id("organization_id"),
        ids: query.ids("user_ids"),
        kind: query.choice("type", "unknown_type", &kinds),
        tag: query.text("tag"),
        mfa: query.boolean("mfa"),
    };
    let order = query.order_by(&[CreatedAt, UpdatedAt, Email, LastLogin, Username]);
    (filter, order, query.page())
}

pub async fn list(
    call: Call<Everywhere>,
    (filter, order, page): Asked,
) -> Answered<Json<List<UserView>>> {
    let found = call.api.authority.users(&call.caller, filter, order, page).await?;
    Ok(List::of(found, UserView::of))
}

pub fn change(it: &mut Reader, place: &Everywhere) -> (Uuid, UserChange) {
    let id = id(it, place);
    let body = &mut it.body;
    let change = UserChange {
        email: email(body),
        first_name: body.text("first_name"),
        last_name: body.text("last_name"),
        phone_number: body.text("phone_number"),
        locale: body.text("locale"),
        tags: tags(body),
        ..UserChange::default()
    };
    (id, change)
}

pub fn lock(it: &mut Reader, place: &Everywhere) -> (Uuid, UserChange) {
    (id(it, place), UserChange { is_locked: Some(true), ..UserChange::default() })
}

pub fn unlock(it: &mut Reader, place: &Everywhere) -> (Uuid, UserChange) {
    (id(it, place), UserChange { is_locked: Some(false), ..UserChange::default() })
}

pub fn rename(it: &mut Reader, place: &Everywhere) -> (Uuid, UserChange) {
    let id = id(it, place);
    let username = Some(it.body.username());
    (id, UserChange { username, ..UserChange::default() })
}

pub async fn update(
    call: Call<Everywhere>,
    (id, change): (Uuid, UserChange),
) -> Answered<Json<UserView>> {
    Ok(Json(UserView::of(call.api.authority.update_user(&call.caller, id, change).await?)))
}

pub fn password(it: &mut Reader, place: &Everywhere) -> (Uuid, Password) {
    let id = id(it, place);
    (id, Password::new(it.body.required_text("password", MAX_PASSWORD)))
}

pub async fn set_password(
    call: Call<Everywhere>,
    (id, password): (Uuid, Password),
) -> Answered<Json<UserView>> {
    Ok(Json(UserView::of(call.api.authority.set_password(&call.caller, id, password).await?)))
}

pub async fn delete(call: Call<Everywhere>, id: Uuid) -> Answered<NoContent> {
    call.api.authority.delete_user(&call.caller, id).await?;
    Ok(NoContent)
}

pub fn of_user(it: &mut Reader, _: &Everywhere) -> Option<Uuid> {
    it.query.id("user_id")
}

pub async fn grace_periods(
    call: Call<Everywhere>,
    user_id: Option<Uuid>,
) -> Answered<Json<GracePeriods>> {
    call.api.authority.check_grace_periods(&call.caller, user_id).await?;
    Ok(Json(GracePeriods { grace_periods: [] }))
}

/// Until when a user has to set something: there is nothing.
#[derive(Serialize, JsonSchema)]
#[schemars(inline)]
pub struct GracePeriods {
    grace_periods: [String; 0],
}

/// A user, as clients read it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "iam.User")]
pub struct UserView {
    /// Of the platform's accounts, which aren't here.
    account_root_user_id: &'static str,
    created_at: Time,
    deletable: bool,
    email: String,
    first_name: String,
    id: Uuid,
    last_login_at: Option<Time>,
    last_name: String,
    locale: String,
    locked: bool,
    mfa: bool,
    organization_id: Uuid,
    phone_number: String,
    status: &'static str,
    tags: Vec<String>,
    two_factor_enabled: bool,
    r#type: &'static str,
    updated_at: Time,
    username: String,
}

impl UserView {
    fn of(it: User) -> Self {
        Self {
            account_root_user_id: "",
            created_at: Time::micros(it.created_at),
            deletable: it.kind != UserKind::Owner,
            email: it.email,
            first_name: it.profile.first_name,
            id: it.id,
            last_login_at: it.last_login_at.map(Time::micros),
            last_name: it.profile.last_name,
            locale: it.profile.locale,
            locked: it.is_locked,
            mfa: false,
            organization_id: it.organization_id,
            phone_number: it.profile.phone_number,
            status: match it.kind {
                // Nothing here sends the mail that a guest would answer.
                UserKind::Guest => "invitation_pending",
                UserKind::Owner | UserKind::Member => "activated",
            },
            tags: it.tags,
            two_factor_enabled: false,
            r#type: it.kind.name(),
            updated_at: Time::micros(it.updated_at),
            username: it.username,
        }
    }
}

impl Listed for UserView {
    const NAME: &'static str = "users";
}
