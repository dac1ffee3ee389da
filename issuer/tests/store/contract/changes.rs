//! What a change does besides what it says: uniqueness, cascades, permissions, the audit log.

use namespace_jwt_issuer::iam::action::Action;
use namespace_jwt_issuer::iam::principal::Principal;
use namespace_jwt_issuer::model::Product;
use namespace_jwt_issuer::model::bearer::Bearer;
use namespace_jwt_issuer::model::namespace::Namespace;
use namespace_jwt_issuer::model::namespace_key::{KeyState, NamespaceKey};
use namespace_jwt_issuer::model::token::TokenSubject;
use namespace_jwt_issuer::store::change::{Origin, RevokedId};
use namespace_jwt_issuer::store::{StoreError, read, write};
use uuid::Uuid;

use super::iam_changes::{absent_iam_steps, iam_entry, iam_steps};
use super::kept::get;
use super::{AuditRow, Database, Revocation, founded};
use crate::sample::{
    self, IamStep, Organization, Step, apply, earlier, later, make, origin, project_of, region,
    request,
};

const FUNCTIONS: Product = Product::Functions;
const DAY: u64 = 86_400;

pub async fn a_name_is_taken_once(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let project = Uuid::new_v4();
    database.add_project(organization, project);
    let (namespace, _) = organization.new_namespace(&*store, "name").await;
    let application = organization.new_application(&*store, &namespace, "name").await;

    let again = organization.namespace("name");
    let step = Step::CreateNamespace(again.clone(), sample::key(&again));
    let app = Step::CreateApplication(sample::application(&namespace, "name"));
    for step in [&step, &app] {
        let refused = organization.make(&*store, step).await;
        assert_eq!(refused, Err(StoreError::AlreadyExists));
    }
    assert_eq!(get!(store, namespace, again.id), None);
    assert!(get!(store, namespace_keys, again.id).is_empty());

    // Elsewhere, and written otherwise, it is free.
    for other in [
        Namespace { product: Product::Containers, ..organization.namespace("name") },
        Namespace { region: region("nl-ams"), ..organization.namespace("name") },
        Namespace { project_id: project, ..organization.namespace("name") },
        organization.namespace("Name"),
    ] {
        let step = Step::CreateNamespace(other.clone(), sample::key(&other));
        organization.make(&*store, &step).await.unwrap();
        organization.new_application(&*store, &other, "name").await;
    }
    // And once it was given up.
    organization.make(&*store, &Step::DeleteApplication(application)).await.unwrap();
    organization.make(&*store, &app).await.unwrap();
    organization.make(&*store, &Step::DeleteNamespace(namespace)).await.unwrap();
    organization.make(&*store, &step).await.unwrap();
}

pub async fn a_namespace_has_one_active_key(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let (namespace, key) = organization.new_namespace(&*store, "one").await;
    let carrier = organization.namespace("two");
    let second = Step::CreateNamespace(carrier.clone(), sample::key(&namespace));
    assert_eq!(organization.make(&*store, &second).await, Err(StoreError::AlreadyExists));
    assert_eq!(get!(store, namespace, carrier.id), None);
    let next = NamespaceKey { state: KeyState::Next, ..sample::key(&namespace) };
    organization.make(&*store, &Step::CreateNamespace(carrier, next)).await.unwrap();
    let keys = get!(store, namespace_keys, namespace.id);
    let active: Vec<_> = keys.iter().filter(|key| key.state == KeyState::Active).collect();
    assert!(active == [&key]);
}

pub async fn a_deleted_token_is_remembered(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let (namespace, key) = organization.new_namespace(&*store, "one").await;
    let kept = organization.new_token(&*store, &key, None, None).await;
    for expires_at in [None, Some(later(60)), Some(earlier(60))] {
        let gone = organization.new_token(&*store, &key, None, expires_at).await;
        let step = Step::DeleteToken(gone.clone(), FUNCTIONS);
        organization.make(&*store, &step).await.unwrap();
        assert_eq!(get!(store, token, gone.id), None);
        let (token_id, namespace_id, key_id) = (gone.id, Some(namespace.id), Some(key.id));
        let revocation = Revocation { token_id, namespace_id, key_id };
        assert!(database.revocations().contains(&revocation));
        assert_eq!(organization.make(&*store, &step).await, Err(StoreError::Missing));
    }
    assert_eq!(database.revocations().len(), 3);
    assert_eq!(get!(store, token, kept.id), Some(kept.clone()));
}

pub async fn an_application_goes_with_its_tokens(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let (namespace, key) = organization.new_namespace(&*store, "one").await;
    let gone = organization.new_application(&*store, &namespace, "gone").await;
    let stays = organization.new_application(&*store, &namespace, "stays").await;
    let mut revoked = Vec::new();
    for _ in 0..3 {
        revoked.push(organization.new_token(&*store, &key, Some(&gone), None).await.id);
    }
    let others = [
        organization.new_token(&*store, &key, Some(&stays), None).await,
        organization.new_token(&*store, &key, None, None).await,
    ];
    organization.make(&*store, &Step::DeleteApplication(gone.clone())).await.unwrap();

    assert_eq!(get!(store, application, gone.id), None);
    assert_eq!(get!(store, application, stays.id), Some(stays.clone()));
    for id in &revoked {
        let id = *id;
        assert_eq!(get!(store, token, id), None);
    }
    for token in others {
        assert_eq!(get!(store, token, token.id), Some(token));
    }
    assert_eq!(remembered(database), sorted(revoked));
    assert!(get!(store, namespace_keys, namespace.id) == [key]);
}

pub async fn a_namespace_goes_with_all_that_is_in_it(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let (gone, key) = organization.new_namespace(&*store, "gone").await;
    let application = organization.new_application(&*store, &gone, "app").await;
    let revoked = vec![
        organization.new_token(&*store, &key, None, None).await.id,
        organization.new_token(&*store, &key, Some(&application), None).await.id,
    ];
    let (stays, other_key) = organization.new_namespace(&*store, "stays").await;
    let other = organization.new_application(&*store, &stays, "app").await;
    let token = organization.new_token(&*store, &other_key, Some(&other), None).await;
    organization.make(&*store, &Step::DeleteNamespace(gone.clone())).await.unwrap();

    assert_eq!(get!(store, namespace, gone.id), None);
    assert_eq!(get!(store, application, application.id), None);
    for id in &revoked {
        let id = *id;
        assert_eq!(get!(store, token, id), None);
    }
    // Gateways are told of the key, and needn't be of each token that it signed. The private key is
    // gone.
    assert!(database.revocations().is_empty());
    let expected =
        NamespaceKey { state: KeyState::Revoked, sealed_private_key: vec![], ..key.clone() };
    assert!(get!(store, namespace_keys, gone.id) == [expected]);
    assert!(get!(store, newest_key) == Some(other_key.clone()));

    assert_eq!(get!(store, namespace, stays.id), Some(stays.clone()));
    assert_eq!(get!(store, application, other.id), Some(other.clone()));
    assert_eq!(get!(store, token, token.id), Some(token.clone()));
    assert!(get!(store, namespace_keys, stays.id) == [other_key]);
}

pub async fn tokens_that_expired_long_ago_are_not_remembered(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let (namespace, key) = organization.new_namespace(&*store, "one").await;
    let application = organization.new_application(&*store, &namespace, "app").await;
    let (mut expected, mut tokens) = (Vec::new(), Vec::new());
    // A gateway's clock and leeway may be off, by less than a day.
    for (expires_at, is_remembered) in [
        (None, true),
        (Some(later(1)), true),
        (Some(earlier(DAY - 1)), true),
        (Some(earlier(DAY)), false),
        (Some(earlier(2 * DAY)), false),
    ] {
        for application in [None, Some(&application)] {
            let token = organization.new_token(&*store, &key, application, expires_at).await;
            expected.extend(is_remembered.then_some(token.id));
            tokens.push(token);
        }
    }
    organization.make(&*store, &Step::DeleteApplication(application)).await.unwrap();
    for token in tokens.into_iter().filter(|it| it.subject == TokenSubject::Namespace(namespace.id))
    {
        organization.make(&*store, &Step::DeleteToken(token, FUNCTIONS)).await.unwrap();
    }
    assert_eq!(remembered(database), sorted(expected));
}

pub async fn what_is_not_there_is_not_changed(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let (namespace, key) = organization.new_namespace(&*store, "one").await;
    let absent = organization.namespace("absent");
    let (app, lost) =
        (sample::application(&namespace, "absent"), sample::application(&absent, "lost"));
    let unsigned = NamespaceKey { id: Uuid::new_v4(), ..key.clone() };
    let nowhere = Namespace { project_id: Uuid::new_v4(), ..absent.clone() };
    let mut steps = absent_iam_steps(&*store, organization).await;
    let before = database.audit();
    steps.extend([
        Step::CreateNamespace(nowhere.clone(), sample::key(&nowhere)),
        Step::UpdateNamespace(absent.clone()),
        Step::DeleteNamespace(absent.clone()),
        Step::CreateApplication(lost.clone()),
        Step::UpdateApplication(app.clone()),
        Step::UpdateApplication(lost),
        Step::DeleteApplication(app.clone()),
        Step::CreateToken(sample::token(&key, Some(&app)), FUNCTIONS),
        Step::CreateToken(sample::token(&sample::key(&absent), None), FUNCTIONS),
        Step::CreateToken(sample::token(&unsigned, None), FUNCTIONS),
        Step::DeleteToken(sample::token(&key, None), FUNCTIONS),
        Step::UpdateProject(organization.project("absent")),
        Step::DeleteProject(organization.project("absent")),
        Step::AddKey(absent.clone(), sample::key(&absent), later(1)),
        Step::ActivateKey(namespace.clone(), sample::key(&namespace), later(1)),
        Step::EndKey(namespace.clone(), key.clone()),
        Step::ReplaceKeys(absent.clone(), sample::key(&absent)),
        Step::RevokeId(organization.revoked_id(Some(absent.id))),
        Step::MarkNamespace(absent.clone(), later(1)),
        Step::MarkApplication(app.clone(), later(1)),
        Step::MarkBearer(Bearer::User(Uuid::new_v4()), organization.0, later(1)),
        Step::MarkBearer(Bearer::Application(organization.owner()), organization.0, later(1)),
        Step::DropTrustKey(sample::trust_key(), organization.0),
    ]);
    for (number, step) in steps.iter().enumerate() {
        let action = step.change().action();
        let refused = organization.make(&*store, step).await;
        assert_eq!(refused, Err(StoreError::Missing), "{number} {action:?}");
    }
    assert_eq!(database.audit(), before);
    assert_eq!(get!(store, namespace, absent.id), None);
    assert_eq!(database.revocations(), []);
}

/// One change of each kind, in an order in which they can be made.
pub(super) fn steps(organization: Organization) -> Vec<Step> {
    let namespace = organization.namespace("every");
    let key = sample::key(&namespace);
    let application = sample::application(&namespace, "app");
    let token = sample::token(&key, Some(&application));
    let next = NamespaceKey { state: KeyState::Next, ..sample::key(&namespace) };
    let trust_key = sample::trust_key();
    let project = organization.project("every");
    let mut steps = vec![
        Step::CreateProject(project.clone()),
        Step::UpdateProject(project.clone()),
        Step::DeleteProject(project),
        Step::CreateNamespace(namespace.clone(), key.clone()),
        Step::UpdateNamespace(namespace.clone()),
        Step::AddKey(namespace.clone(), next.clone(), later(9)),
        Step::ActivateKey(namespace.clone(), next, later(9)),
        Step::CreateApplication(application.clone()),
        Step::UpdateApplication(application.clone()),
        Step::CreateToken(token.clone(), Product::Containers),
        Step::DeleteToken(token, FUNCTIONS),
        Step::EndKey(namespace.clone(), key),
        Step::ReplaceKeys(namespace.clone(), sample::key(&namespace)),
        Step::RevokeId(organization.revoked_id(None)),
        Step::RevokeId(organization.revoked_id(Some(namespace.id))),
        Step::MarkNamespace(namespace.clone(), later(1)),
        Step::MarkApplication(application.clone(), later(1)),
        Step::MarkBearer(organization.bearer(), organization.0, later(1)),
        Step::AddTrustKey(trust_key.clone(), organization.0),
        Step::DropTrustKey(trust_key, organization.0),
        Step::DeleteApplication(application),
        Step::DeleteNamespace(namespace),
    ];
    steps.extend(iam_steps(organization).into_iter().map(Step::Iam));
    steps
}

pub async fn a_permission_is_for_one_action_one_organization_and_one_project(
    database: &impl Database,
) {
    let (store, organization) = founded(database).await;
    let other = Organization(Uuid::new_v4());
    database.add_organization(other);
    for step in steps(organization) {
        let needed = step.change().action();
        let before = database.audit();
        let asked = step.clone();
        let project_id = read::<_, StoreError>(&*store, move |it| project_of(it, &asked.change()))
            .await
            .unwrap();
        assert_eq!(project_id, expected_project(organization, &step), "{needed:?}");
        let elsewhere = match project_id {
            Some(_) => [Some(Uuid::new_v4()), None],
            None => [Some(Uuid::new_v4()), Some(organization.0)],
        };
        let wrong = Action::all().filter(|action| *action != needed);
        let wrong = wrong.map(|action| organization.may_in(action, project_id));
        let wrong = wrong.chain([other.may_in(needed, project_id)]);
        let wrong = wrong.chain(elsewhere.map(|project| organization.may_in(needed, project)));
        for by in wrong {
            let refused = make(&*store, &by, &step, &origin(later(0))).await;
            assert_eq!(refused, Err(StoreError::NotPermitted), "{needed:?} by {by:?}");
        }
        assert_eq!(database.audit(), before);
        organization.make(&*store, &step).await.unwrap();
        assert_eq!(database.audit().len(), before.len() + 1);
    }
}

/// The project that a permission for one of the steps has to be for, or none: then it has to be for
/// the organization as a whole.
fn expected_project(organization: Organization, step: &Step) -> Option<Uuid> {
    match step {
        Step::UpdateProject(it) | Step::DeleteProject(it) => Some(it.id),
        Step::CreateProject(_)
        | Step::RevokeId(RevokedId { namespace: None, .. })
        | Step::MarkBearer(..)
        | Step::AddTrustKey(..)
        | Step::DropTrustKey(..) => None,
        Step::Iam(
            IamStep::CreateSshKey(it) | IamStep::UpdateSshKey(it) | IamStep::DeleteSshKey(it),
        ) => Some(it.project_id),
        Step::Iam(_) => None,
        // All of them are about one namespace, in the default project.
        _ => Some(organization.0),
    }
}

pub async fn each_change_has_one_entry_of_the_audit_log(database: &impl Database) {
    let (store, organization) = founded(database).await;
    assert_eq!(database.audit(), [], "nobody was there to make the first organization");
    let (user, _) = organization.api_key();
    let mut expected = Vec::new();
    for (at, step) in (0..).zip(steps(organization)) {
        // Every other by a command on the machine.
        let request = (at % 2 == 0).then(request);
        let principal = match request {
            Some(_) => Principal::Bearer(user.clone()),
            None => Principal::Operator { organization_id: organization.0 },
        };
        let origin = Origin { at: later(at), request: request.clone() };
        let made = step.clone();
        let made = write(&*store, move |it| apply(it, &principal, &made, &origin)).await;
        assert_eq!(made, Ok(()), "{at}");

        let (action, resource_type, resource_id) = match &step {
            Step::CreateNamespace(it, _) => ("created", "function_namespace", it.id.to_string()),
            Step::UpdateNamespace(it) => ("updated", "function_namespace", it.id.to_string()),
            Step::DeleteNamespace(it) => ("deleted", "function_namespace", it.id.to_string()),
            Step::CreateApplication(it) => ("created", "function", it.id.to_string()),
            Step::UpdateApplication(it) => ("updated", "function", it.id.to_string()),
            Step::DeleteApplication(it) => ("deleted", "function", it.id.to_string()),
            Step::CreateToken(it, _) => ("created", "container_token", it.id.to_string()),
            Step::DeleteToken(it, _) => ("deleted", "function_token", it.id.to_string()),
            Step::CreateProject(it) => ("created", "project", it.id.to_string()),
            Step::UpdateProject(it) => ("updated", "project", it.id.to_string()),
            Step::DeleteProject(it) => ("deleted", "project", it.id.to_string()),
            Step::Iam(it) => iam_entry(it),
            Step::AddKey(_, it, _) => ("created", "function_namespace_key", it.id.to_string()),
            Step::ActivateKey(_, it, _) => ("updated", "function_namespace_key", it.id.to_string()),
            Step::EndKey(_, it) => ("deleted", "function_namespace_key", it.id.to_string()),
            Step::ReplaceKeys(_, it) => ("created", "function_namespace_key", it.id.to_string()),
            Step::RevokeId(it) => ("created", "revocation", it.id.as_str().to_owned()),
            Step::MarkNamespace(it, _) => ("updated", "function_namespace_mark", it.id.to_string()),
            Step::MarkApplication(it, _) => ("updated", "function_mark", it.id.to_string()),
            Step::MarkBearer(it, ..) => ("updated", "bearer_mark", it.id().to_string()),
            Step::AddTrustKey(it, _) => ("created", "trust_key", it.id.to_string()),
            Step::DropTrustKey(it, _) => ("deleted", "trust_key", it.id.to_string()),
        };
        let here = format!("issuer/{}", env!("CARGO_PKG_VERSION"));
        expected.push(AuditRow {
            at: u64::try_from(later(at).since_epoch().as_micros()).unwrap(),
            organization_id: organization.0,
            bearer_id: request.as_ref().map(|_| organization.owner()),
            access_key: request.as_ref().map(|_| user.access_key.clone()),
            address: request.as_ref().map(|request| request.address.to_string()),
            user_agent: request.as_ref().map_or(here, |request| request.user_agent.clone()),
            request_id: request.as_ref().map(|request| request.id),
            action: action.to_owned(),
            resource_type: resource_type.to_owned(),
            resource_id,
        });
    }
    assert_eq!(database.audit(), expected);
}

fn remembered(database: &impl Database) -> Vec<Uuid> {
    sorted(database.revocations().iter().map(|it| it.token_id).collect())
}

fn sorted(mut ids: Vec<Uuid>) -> Vec<Uuid> {
    ids.sort();
    ids
}
