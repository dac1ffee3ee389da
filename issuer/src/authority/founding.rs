//! What an empty database is filled with, once.

use namespace_jwt_core::time::UnixTime;
use uuid::Uuid;

use super::refusal::Refusal;
use crate::iam::action::{Access, Action};
use crate::iam::condition::Facts;
use crate::iam::decision::{Asking, Authorized, Scope, decide};
use crate::iam::principal::Principal;
use crate::iam::rights::Rights;
use crate::model::api_key::{ApiKey, SecretHash, SecretKey, new_access_key};
use crate::model::bearer::{Bearer, BearerKind};
use crate::model::quota::Quota;
use crate::sealing::{Place, SealingError, SecretsKey};
use crate::store::change::iam::IamChange;
use crate::store::change::{Change, Founding, Origin};
use crate::store::{self, Store};

/// What is encrypted so that a wrong secrets key is found out.
const CHECK: &[u8] = b"namespace-jwt secrets key";

/// An organization that is about to be made, with its owner's first API key.
pub struct NewOrganization {
    /// The organization, its default project and its owner.
    pub founding: Founding,
    /// The owner's API key.
    pub key: ApiKey,
    /// The secret of that key, of which nothing is kept.
    pub secret: SecretKey,
}

impl NewOrganization {
    /// New ids and a new key.
    ///
    /// # Errors
    ///
    /// [`SealingError`], if the system has no randomness.
    pub fn new(secrets: &SecretsKey, api_url: &str, at: UnixTime) -> Result<Self, SealingError> {
        let organization_id = Uuid::new_v4();
        let founding = Founding {
            organization_id,
            owner_id: Uuid::new_v4(),
            created_at: at,
            api_url: api_url.to_owned(),
            sealed_check: secrets.seal(Place::check(organization_id), CHECK)?,
        };
        let (key, secret) = owner_key(&founding, at, "made at the first start");
        Ok(Self { founding, key, secret })
    }

    /// Writes them to an empty database.
    ///
    /// # Errors
    ///
    /// That the database can't be written.
    pub async fn commit(&self, store: &dyn Store) -> Result<(), Refusal> {
        let (founding, key, secret) = (self.founding.clone(), self.key.clone(), self.secret.hash());
        store::write(store, move |transaction| {
            transaction.establish(&founding)?;
            insert_owner_key(transaction, &founding, &key, &secret, founding.created_at)
        })
        .await
    }
}

/// What the first start made, if there was one.
///
/// # Errors
///
/// That the database can't be read.
pub async fn find(store: &dyn Store) -> Result<Option<Founding>, Refusal> {
    store::read(store, |transaction| Ok(transaction.founding()?)).await
}

/// Notes how clients reach the service, for keys that are made later.
///
/// # Errors
///
/// That the database can't be written.
pub async fn note_api_url(store: &dyn Store, url: &str) -> Result<(), Refusal> {
    let url = url.to_owned();
    store::write(store, move |transaction| Ok(transaction.note_api_url(&url)?)).await
}

/// Whether a secrets key is the one of this database.
pub fn is_its_key(founding: &Founding, secrets: &SecretsKey) -> bool {
    let place = Place::check(founding.organization_id);
    secrets.open(place, &founding.sealed_check).is_ok_and(|check| *check == CHECK)
}

/// A further API key for the owner, by whoever has the database's file. It tells how many the
/// owner had already, which go on.
///
/// # Errors
///
/// That the database can't be written.
pub async fn add_owner_key(
    store: &dyn Store,
    founding: &Founding,
    key: &ApiKey,
    secret: &SecretKey,
    at: UnixTime,
) -> Result<u64, Refusal> {
    let (founding, key, secret) = (founding.clone(), key.clone(), secret.hash());
    store::write(store, move |transaction| {
        let others = transaction.usage(Quota::ApiKeysPerBearer, founding.owner_id)?;
        insert_owner_key(transaction, &founding, &key, &secret, at)?;
        Ok(others)
    })
    .await
}

/// A new API key of the owner's, which isn't in the database yet.
pub fn owner_key(founding: &Founding, at: UnixTime, description: &str) -> (ApiKey, SecretKey) {
    let key = ApiKey {
        access_key: new_access_key(),
        bearer: Bearer::User(founding.owner_id),
        organization_id: founding.organization_id,
        default_project_id: founding.organization_id,
        description: description.to_owned(),
        expires_at: None,
        creation_ip: None,
        created_at: at,
        updated_at: at,
    };
    (key, SecretKey::generate())
}

/// Whatever the quota: who has lost all keys would stay outside.
fn insert_owner_key(
    transaction: &mut dyn store::Transaction,
    founding: &Founding,
    key: &ApiKey,
    secret: &SecretHash,
    at: UnixTime,
) -> Result<(), Refusal> {
    let scope = Scope { organization_id: founding.organization_id, project_id: None };
    let by = operator_may(Action::ApiKey(BearerKind::User, Access::Create), scope, at)?;
    let origin = Origin { at, request: None };
    let change = Change::Iam(IamChange::CreateApiKey(key, secret));
    Ok(transaction.apply(&by, &change, &origin)?)
}

/// The permission of whoever runs a command of this program.
pub(super) fn operator_may(
    action: Action,
    scope: Scope,
    at: UnixTime,
) -> Result<Authorized, Refusal> {
    let asking = Asking {
        principal: &Principal::Operator { organization_id: scope.organization_id },
        rights: &Rights::All,
        facts: Facts { address: None, user_agent: "", time: at },
    };
    decide(&asking, action, scope).map_err(|_| Refusal::NotPermitted(action))
}
