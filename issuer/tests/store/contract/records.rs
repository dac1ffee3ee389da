//! Who did what: tokens by whoever made them, and the audit log.

use namespace_jwt_core::time::UnixTime;
use namespace_jwt_issuer::iam::action::{Access, Action};
use namespace_jwt_issuer::iam::decision::Authorized;
use namespace_jwt_issuer::iam::principal::Principal;
use namespace_jwt_issuer::model::Product::{self, Containers, Functions};
use namespace_jwt_issuer::model::api_key::ApiKey;
use namespace_jwt_issuer::model::audit::{AuditRecord, LogFilter, Verb};
use namespace_jwt_issuer::model::bearer::Bearer;
use namespace_jwt_issuer::model::namespace::Namespace;
use namespace_jwt_issuer::model::page::{Order, OrderBy, PageRequest};
use namespace_jwt_issuer::model::token::{Token, TokenRecord, TokenRecordFilter};
use namespace_jwt_issuer::request_context::RequestContext;
use namespace_jwt_issuer::store::change::Origin;
use namespace_jwt_issuer::store::{Store, StoreError, read, write};
use uuid::Uuid;

use super::kept::get;
use super::pages::all_pages;
use super::{Database, founded};
use crate::sample::{
    self, IamStep, Organization, Step, apply, ascending, descending, key, later, request, rule_in,
};

/// Makes a change as somebody with this key, or by a command of the program.
async fn makes(
    store: &dyn Store,
    by: Option<&ApiKey>,
    organization: Organization,
    step: &Step,
    at: UnixTime,
) -> Option<RequestContext> {
    let principal = match by {
        Some(key) => Principal::Bearer(key.clone()),
        None => Principal::Operator { organization_id: organization.0 },
    };
    let origin = Origin { at, request: by.map(|_| request()) };
    let request = origin.request.clone();
    let step = step.clone();
    let made = write(store, move |it| apply(it, &principal, &step, &origin)).await;
    assert_eq!(made, Ok(()));
    request
}

pub async fn a_tokens_record_tells_from_where_it_was_made(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let (_, signing) = organization.new_namespace(&*store, "one").await;
    let user = organization.new_user(&*store, "ada").await;
    let (api_key, _) = organization.new_api_key(&*store, Bearer::User(user.id)).await;
    let mut made = Vec::new();
    for by in [Some(&api_key), None, Some(&api_key)] {
        let bearer_id = by.map(|key| key.bearer.id());
        let token = Token { bearer_id, ..sample::token(&signing, None) };
        let step = Step::CreateToken(token.clone(), Functions);
        let request = makes(&*store, by, organization, &step, later(1)).await;
        let command = format!("issuer/{}", env!("CARGO_PKG_VERSION"));
        made.push(TokenRecord {
            token,
            address: request.as_ref().map(|it| it.address.to_string()),
            user_agent: Some(request.map_or(command, |it| it.user_agent)),
        });
    }
    for record in made.clone() {
        assert_eq!(get!(store, token_record, record.token.id), Some(record.clone()));
    }
    // Whoever made them may be gone.
    organization.does(&*store, IamStep::DeleteUser(user.clone())).await;
    let by = permissions(organization);
    let filter = TokenRecordFilter { bearer_id: user.id, is_expired: None };
    let found = all_pages(&*store, move |it, page| {
        it.token_records(&by, &filter, later(0), Order::default(), page)
    });
    let mut theirs = vec![made[0].clone(), made[2].clone()];
    theirs.sort_by_key(|it| it.token.id);
    assert_eq!(found.await, theirs);
    let gone = made.remove(0).token;
    organization.make(&*store, &Step::DeleteToken(gone.clone(), Functions)).await.unwrap();
    assert_eq!(get!(store, token_record, gone.id), None);
    assert_eq!(get!(store, token_record, user.id), None);
}

fn permissions(organization: Organization) -> Vec<Authorized> {
    Product::ALL.map(|it| organization.may(Action::Token(it, Access::List))).to_vec()
}

pub async fn token_records_are_of_one_maker_and_of_what_the_caller_sees(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let other = Organization(Uuid::new_v4());
    database.add_organization(other);
    let project = Uuid::new_v4();
    database.add_project(organization, project);
    let bearer = organization.new_user(&*store, "ada").await.id;
    let mut made = Vec::new();
    for (at, (owner, product, project_id, maker, end)) in (0..).zip([
        (organization, Functions, organization.0, bearer, None),
        (organization, Functions, project, bearer, Some(10)),
        (organization, Containers, organization.0, bearer, Some(11)),
        (organization, Containers, project, bearer, None),
        (organization, Functions, organization.0, organization.owner(), Some(10)),
        // Nobody of this organization makes what is another's, and if they did, it wouldn't show.
        (other, Functions, other.0, bearer, None),
    ]) {
        let name = format!("name-{at}");
        let namespace = Namespace { product, project_id, ..owner.namespace(&name) };
        let signing = key(&namespace);
        let step = Step::CreateNamespace(namespace, signing.clone());
        owner.make(&*store, &step).await.unwrap();
        let token = Token {
            bearer_id: Some(maker),
            expires_at: end.map(later),
            created_at: later(9 - at),
            ..sample::token(&signing, None)
        };
        owner.make(&*store, &Step::CreateToken(token.clone(), product)).await.unwrap();
        made.push(token.id);
    }
    let sees = |product, rules: &[_]| {
        organization.user_sees(Action::Token(product, Access::List), rules).unwrap()
    };
    let functions_there = sees(Functions, &[rule_in(&["FunctionsReadOnly"], &[project])]);
    let containers_here = sees(Containers, &[rule_in(&["ContainersReadOnly"], &[organization.0])]);
    let containers = organization.may(Action::Token(Containers, Access::List));
    let all = permissions(organization);
    let of = |bearer_id| TokenRecordFilter { bearer_id, is_expired: None };
    let expired = |it| TokenRecordFilter { is_expired: Some(it), ..of(bearer) };
    let (oldest, newest) = (Order::default(), descending(OrderBy::CreatedAt));
    for (by, filter, order, expected) in [
        (all.clone(), of(bearer), oldest, &[3, 2, 1, 0][..]),
        (all.clone(), of(bearer), newest, &[0, 1, 2, 3]),
        // They are never changed.
        (all.clone(), of(bearer), ascending(OrderBy::UpdatedAt), &[3, 2, 1, 0]),
        (all.clone(), of(bearer), descending(OrderBy::UpdatedAt), &[0, 1, 2, 3]),
        (all.clone(), of(organization.owner()), oldest, &[4]),
        (all.clone(), of(Uuid::new_v4()), oldest, &[]),
        // Asked at 10 seconds, when one has just ended.
        (all.clone(), expired(true), oldest, &[1]),
        (all.clone(), expired(false), oldest, &[3, 2, 0]),
        (vec![functions_there.clone()], of(bearer), oldest, &[1]),
        (vec![containers_here.clone()], of(bearer), oldest, &[2]),
        (vec![containers.clone()], of(bearer), oldest, &[3, 2]),
        (vec![functions_there.clone(), containers_here], of(bearer), oldest, &[2, 1]),
        (vec![containers, functions_there], of(bearer), newest, &[1, 2, 3]),
    ] {
        let (asking, asked) = (by.clone(), filter.clone());
        let found = all_pages(&*store, move |it, page| {
            it.token_records(&asking, &asked, later(10), order, page)
        });
        let found: Vec<_> = found.await.into_iter().map(|it| it.token.id).collect();
        let expected: Vec<_> = expected.iter().map(|at| made[*at]).collect();
        assert_eq!(found, expected, "{filter:?} {order:?} {by:?}");
    }
    for by in [vec![], vec![organization.may(Action::Namespace(Functions, Access::List))]] {
        let (filter, page) = (of(bearer), PageRequest { page: 1, size: 1 });
        let refused = read::<_, StoreError>(&*store, move |it| {
            it.token_records(&by, &filter, later(10), Order::default(), page)
        });
        assert_eq!(refused.await, Err(StoreError::NotPermitted));
    }
}

async fn log(
    store: &dyn Store,
    organization: Organization,
    filter: LogFilter,
    newest_first: bool,
) -> Vec<AuditRecord> {
    let by = organization.may(Action::Log(Access::List));
    all_pages(store, move |it, page| it.audit_page(&by, &filter, newest_first, page)).await
}

pub async fn the_audit_log_is_searched_by_time_verb_kind_bearer_and_resource(
    database: &impl Database,
) {
    let (store, organization) = founded(database).await;
    let other = Organization(Uuid::new_v4());
    database.add_organization(other);
    let app = organization.iam_application("app");
    let (of_app, secret) = organization.api_key_of(Bearer::Application(app.id));
    let (of_owner, _) = organization.api_key();
    let group = organization.group("one");
    // None of them in the table itself, which is no matter to the log.
    for (at, (by, step)) in (0..).zip([
        (None, IamStep::CreateApplication(app.clone())),
        (Some(&of_owner), IamStep::CreateApiKey(of_app.clone(), secret)),
        (Some(&of_app), IamStep::CreateGroup(group.clone())),
        (Some(&of_owner), IamStep::UpdateGroup(group.clone())),
        (Some(&of_app), IamStep::DeleteGroup(group.clone())),
        (None, IamStep::DeleteApplication(app.clone())),
    ]) {
        makes(&*store, by, organization, &Step::Iam(step), later(at)).await;
    }
    let theirs = Step::Iam(IamStep::CreateGroup(other.group("one")));
    makes(&*store, Some(&other.api_key().0), other, &theirs, later(3)).await;

    let all = LogFilter::default();
    let after = |at| LogFilter { created_after: Some(later(at)), ..all.clone() };
    let before = |at| LogFilter { created_before: Some(later(at)), ..all.clone() };
    let done = |verb| LogFilter { verb: Some(verb), ..all.clone() };
    let to = |kind: &str| LogFilter { resource_type: Some(kind.to_owned()), ..all.clone() };
    let search = |text: String| LogFilter { search: Some(text), ..all.clone() };
    let of = |it: Organization| LogFilter { organization_id: Some(it.0), ..all.clone() };
    for (filter, newest_first, expected) in [
        (all.clone(), false, &[0, 1, 2, 3, 4, 5][..]),
        (all.clone(), true, &[5, 4, 3, 2, 1, 0]),
        (of(organization), false, &[0, 1, 2, 3, 4, 5]),
        (of(other), false, &[]),
        (after(4), false, &[4, 5]),
        (before(2), true, &[1, 0]),
        (LogFilter { created_before: Some(later(4)), ..after(2) }, false, &[2, 3]),
        (LogFilter { created_before: Some(later(2)), ..after(2) }, false, &[]),
        (before(0), false, &[]),
        (after(6), false, &[]),
        (done(Verb::Created), false, &[0, 1, 2]),
        (done(Verb::Updated), false, &[3]),
        (done(Verb::Deleted), true, &[5, 4]),
        (to("group"), false, &[2, 3, 4]),
        (to("api_key"), false, &[1]),
        (to("Group"), false, &[]),
        (to("gro%"), false, &[]),
        (LogFilter { verb: Some(Verb::Deleted), ..to("group") }, false, &[4]),
        // By whom, or to what.
        (search(app.id.to_string()), false, &[0, 2, 4, 5]),
        (search(app.id.to_string().to_uppercase()), false, &[0, 2, 4, 5]),
        (search(organization.owner().to_string()), false, &[1, 3]),
        (search(group.id.to_string()), false, &[2, 3, 4]),
        (search(of_app.access_key.clone()), false, &[1]),
        (LogFilter { verb: Some(Verb::Updated), ..search(group.id.to_string()) }, false, &[3]),
        (search(other.owner().to_string()), false, &[]),
        (search("%".to_owned()), false, &[]),
        // What nobody did is no bearer without an id.
        (search(String::new()), false, &[]),
        (search("-".to_owned()), false, &[]),
    ] {
        let found = log(&*store, organization, filter.clone(), newest_first).await;
        let found: Vec<_> = found.iter().map(|it| it.created_at).collect();
        let expected: Vec<_> = expected.iter().copied().map(later).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
}
