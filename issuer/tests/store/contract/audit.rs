//! The audit log, as it is read.

use namespace_jwt_issuer::iam::principal::Principal;
use namespace_jwt_issuer::model::audit::AuditRecord;
use namespace_jwt_issuer::model::trust::TokenId;
use namespace_jwt_issuer::store::change::{Origin, RevokedId};
use namespace_jwt_issuer::store::{Store, StoreError, read, write};

use super::kept::get;
use super::{AuditRow, Database, founded};
use crate::sample::{Organization, Step, apply, later, make, origin, request};

async fn entries(store: &dyn Store, after: u64, limit: u32) -> Vec<AuditRecord> {
    read::<_, StoreError>(store, move |work| work.audit_entries(after, limit)).await.unwrap()
}

async fn last(store: &dyn Store) -> u64 {
    read::<_, StoreError>(store, |work| work.last_audit_number()).await.unwrap()
}

fn row(it: AuditRecord) -> AuditRow {
    AuditRow {
        at: u64::try_from(it.created_at.since_epoch().as_micros()).unwrap(),
        organization_id: it.organization_id,
        bearer_id: it.bearer_id,
        access_key: it.access_key,
        address: it.address.map(|address| address.to_string()),
        user_agent: it.user_agent,
        request_id: it.request_id,
        action: it.verb.name().to_owned(),
        resource_type: it.resource_type,
        resource_id: it.resource_id,
    }
}

pub async fn the_audit_log_is_read_as_it_was_written(database: &impl Database) {
    let (store, organization) = founded(database).await;
    assert_eq!((last(&*store).await, entries(&*store, 0, 9).await), (0, vec![]));
    let (user, _) = organization.api_key();
    let namespace = organization.namespace("one");
    let project = organization.project("one");
    let steps = [
        Step::CreateProject(project.clone()),
        Step::CreateNamespace(namespace.clone(), crate::sample::key(&namespace)),
        Step::UpdateNamespace(namespace),
        Step::DeleteProject(project),
        Step::RevokeId(organization.revoked_id(None)),
    ];
    for (at, step) in (0..).zip(&steps) {
        let action = step.change().action();
        let principal = match at % 2 {
            0 => Principal::Bearer(user.clone()),
            _ => Principal::Operator { organization_id: organization.0 },
        };
        let origin = Origin { at: later(at), request: (at % 2 == 0).then(request) };
        let (made, from) = (step.clone(), origin.clone());
        write(&*store, move |it| apply(it, &principal, &made, &from)).await.unwrap();
        // What is refused takes no number.
        let other = Organization(uuid::Uuid::new_v4()).may(action);
        assert!(make(&*store, &other, step, &origin).await.is_err());
    }
    let (step, by) = (steps[4].clone(), organization.may(steps[4].change().action()));
    let undone = write(&*store, move |work| {
        work.apply(&by, &step.change(), &origin(later(9)))?;
        Err::<(), _>(StoreError::Missing)
    });
    assert_eq!(undone.await, Err(StoreError::Missing));
    organization.make(&*store, &Step::RevokeId(organization.revoked_id(None))).await.unwrap();

    assert_eq!(last(&*store).await, 6);
    let all = entries(&*store, 0, 9).await;
    assert_eq!(all.iter().map(|it| it.number).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
    assert_eq!(entries(&*store, 2, 2).await, all[2..4]);
    assert_eq!(entries(&*store, 5, 2).await, all[5..]);
    assert_eq!(entries(&*store, 6, 2).await, []);
    for entry in all.clone() {
        let id = entry.id;
        assert_eq!(get!(store, audit_entry, id), Some(entry));
    }
    assert_eq!(get!(store, audit_entry, organization.0), None);
    assert_eq!(entries(&*store, u64::MAX, 2).await, []);
    assert_eq!(all.into_iter().map(row).collect::<Vec<_>>(), database.audit());
}

pub async fn long_entries_of_the_audit_log_come_few_at_once(database: &impl Database) {
    let (store, organization) = founded(database).await;
    for number in 0..4 {
        let id = TokenId::parse(&format!("{number}{}", "x".repeat(600_000))).unwrap();
        let revoked = RevokedId { id, ..organization.revoked_id(None) };
        let step = Step::RevokeId(revoked);
        let by = organization.may(step.change().action());
        make(&*store, &by, &step, &origin(later(0))).await.unwrap();
    }
    let numbers = async |after| {
        let found = entries(&*store, after, 1000).await;
        found.into_iter().map(|it| it.number).collect::<Vec<_>>()
    };
    assert_eq!((numbers(0).await, numbers(2).await), (vec![1, 2], vec![3, 4]));
}
