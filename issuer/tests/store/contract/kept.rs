//! What is written is what is read.

use std::time::Duration;

use namespace_jwt_issuer::model::Product;
use namespace_jwt_issuer::model::api_key::SecretHash;
use namespace_jwt_issuer::model::application::{Check, Privacy, Probe, ScalingOption, Settings};
use namespace_jwt_issuer::model::namespace_key::{KeyState, NamespaceKey};
use namespace_jwt_issuer::model::token::Token;
use namespace_jwt_issuer::store::change::Founding;
use namespace_jwt_issuer::store::{StoreError, read, write};
use uuid::Uuid;

use super::{Database, founded};
use crate::sample::{self, Organization, Step, later, region};

/// Reads one thing in a transaction of its own.
macro_rules! get {
    ($store:expr, $method:ident $(, $argument:expr)*) => {
        read::<_, StoreError>(&*$store, move |transaction| transaction.$method($($argument),*))
            .await
            .unwrap()
    };
}
pub(super) use get;

pub async fn an_empty_database_holds_nothing(database: &impl Database) {
    let (store, id) = (database.store(), Uuid::new_v4());
    assert_eq!(get!(store, founding), None);
    assert_eq!(get!(store, key_holder, &SecretHash(vec![0; 32])), None);
    assert_eq!(get!(store, bearer, id), None);
    assert_eq!(get!(store, organization_of_project, id), None);
    assert_eq!(get!(store, namespace, id), None);
    assert!(get!(store, namespace_keys, id).is_empty());
    assert!(get!(store, newest_key).is_none());
    assert_eq!(get!(store, application, id), None);
    assert_eq!(get!(store, token, id), None);
    assert_eq!((database.audit(), database.revocations()), (vec![], vec![]));
}

pub async fn what_the_first_start_made_is_found_and_made_once(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let expected = Some(organization.founding());
    assert_eq!(get!(store, founding), expected);
    assert_eq!(get!(store, organization_of_project, organization.0), Some(organization.0));

    for again in [organization, Organization(Uuid::from_u128(1)), Organization(Uuid::max())] {
        assert_eq!(sample::found(&*store, again).await, Err(StoreError::AlreadyExists));
    }
    assert_eq!(get!(store, founding), expected);
}

pub async fn how_clients_reach_the_service_is_noted(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let url = "https://issuer.example.com";
    write::<_, StoreError>(&*store, move |transaction| {
        transaction.touch()?;
        transaction.note_api_url(url)
    })
    .await
    .unwrap();
    let expected = Founding { api_url: url.to_owned(), ..organization.founding() };
    assert_eq!(get!(store, founding), Some(expected));
}

pub async fn a_namespace_is_read_as_it_was_written(database: &impl Database) {
    let (store, organization) = founded(database).await;
    for product in Product::ALL {
        let mut namespace = organization.namespace("one");
        (namespace.product, namespace.region) = (product, region("nl-ams"));
        let step = Step::CreateNamespace(namespace.clone(), sample::key(&namespace));
        organization.make(&*store, &step).await.unwrap();
        assert_eq!(get!(store, namespace, namespace.id), Some(namespace.clone()));

        namespace.description = String::new();
        namespace.variables.plain.clear();
        namespace.variables.secret.remove("N1");
        namespace.tags.clear();
        namespace.updated_at = later(9);
        organization.make(&*store, &Step::UpdateNamespace(namespace.clone())).await.unwrap();
        assert_eq!(get!(store, namespace, namespace.id), Some(namespace.clone()));
    }
}

pub async fn an_application_is_read_as_it_was_written(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let (namespace, _) = organization.new_namespace(&*store, "one").await;
    let mut it = organization.new_application(&*store, &namespace, "app").await;
    let other = organization.new_application(&*store, &namespace, "other").await;
    assert_eq!(get!(store, application, it.id), Some(it.clone()));

    it.description = "ü".to_owned();
    it.privacy = Privacy::Public;
    it.variables.secret.clear();
    it.tags.clear();
    it.settings = Settings {
        startup_probe: Some(Probe {
            failure_threshold: 7,
            interval: Duration::new(1, 5),
            timeout: Duration::from_secs(2),
            check: Check::Http("/ü".to_owned()),
        }),
        scaling_option: ScalingOption::MemoryUsage(70),
        args: vec![String::new()],
        ..Settings::of(Product::Containers)
    };
    it.updated_at = later(9);
    organization.make(&*store, &Step::UpdateApplication(it.clone())).await.unwrap();
    assert_eq!(get!(store, application, it.id), Some(it.clone()));
    assert_eq!(get!(store, application, other.id), Some(other.clone()));
}

pub async fn a_token_is_read_as_it_was_written(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let (namespace, key) = organization.new_namespace(&*store, "one").await;
    let application = organization.new_application(&*store, &namespace, "app").await;
    for application in [None, Some(&application)] {
        for expires_at in [None, Some(later(1)), Some(later(300_000_000_000))] {
            let token = organization.new_token(&*store, &key, application, expires_at).await;
            assert_eq!(get!(store, token, token.id), Some(token.clone()));
            let nobodys = Token { id: Uuid::new_v4(), bearer_id: None, ..token.clone() };
            let step = Step::CreateToken(nobodys.clone(), Product::Containers);
            organization.make(&*store, &step).await.unwrap();
            assert_eq!(get!(store, token, nobodys.id), Some(nobodys.clone()));
            let again = organization.make(&*store, &step).await;
            assert_eq!(again, Err(StoreError::AlreadyExists));
        }
    }
}

pub async fn the_keys_of_a_namespace_come_newest_first(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let (first, first_key) = organization.new_namespace(&*store, "first").await;
    assert!(get!(store, newest_key) == Some(first_key.clone()));
    // A key comes with a namespace, whosever it is.
    let mut keys = vec![first_key];
    for (state, at) in [(KeyState::Retired, 3), (KeyState::Next, 1), (KeyState::Revoked, 9)] {
        let carrier = organization.namespace(state.name());
        let created_at = later(at);
        let key = NamespaceKey { state, created_at, ..sample::key(&first) };
        let step = Step::CreateNamespace(carrier, key.clone());
        organization.make(&*store, &step).await.unwrap();
        keys.push(key);
    }
    keys.sort_by_key(|key| std::cmp::Reverse(key.created_at));
    assert!(get!(store, namespace_keys, first.id) == keys);
    // The revoked one is newer, and can't be used.
    assert!(get!(store, newest_key).unwrap() == keys[1]);
}
