//! The keys that sign what gateways are told. There is one, or while it is replaced two, and each
//! of them signs.

use namespace_jwt_core::time::UnixTime;
use uuid::Uuid;

use super::founding::operator_may;
use super::refusal::{FaultReason, Refusal, Resource};
use super::{Authority, Caller, Work};
use crate::iam::action::{Access, Action};
use crate::iam::decision::{Authorized, Scope};
use crate::model::trust::TrustKey;
use crate::sealing::{Place, SecretsKey};
use crate::signing::keys::{KeyType, SigningKey};
use crate::store::change::{Change, Founding, Origin};
use crate::store::{self, Store};

/// A signature of what gateways are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustSignature {
    /// The id of the key.
    pub key_id: Uuid,
    /// The public key in PEM.
    pub public_pem: String,
    /// The signature: Ed25519 (RFC 8032), 64 bytes.
    pub signature: Vec<u8>,
}

/// Makes the first key, if there is none yet.
///
/// # Errors
///
/// That the database can't be read or written, or that the system gives no new keys.
pub async fn make_first(
    store: &dyn Store,
    secrets: &SecretsKey,
    founding: &Founding,
    at: UnixTime,
) -> Result<(), Refusal> {
    if store::read(store, |work| Ok::<_, Refusal>(!work.trust_keys()?.is_empty())).await? {
        return Ok(());
    }
    let (key, organization_id) = (make(secrets, at)?, founding.organization_id);
    let action = Action::TrustKey(Access::Create);
    let by = operator_may(action, Scope { organization_id, project_id: None }, at)?;
    store::write(store, move |work| {
        // Another program may have been faster.
        if work.trust_keys()?.is_empty() {
            let origin = Origin { at, request: None };
            work.apply(&by, &Change::AddTrustKey(&key, organization_id), &origin)?;
        }
        Ok(())
    })
    .await
}

/// A new key, which isn't in the database yet.
///
/// # Errors
///
/// [`Refusal::Internal`] if the system gives none.
pub fn make(secrets: &SecretsKey, at: UnixTime) -> Result<TrustKey, Refusal> {
    let none = |_| Refusal::Internal("the system gives no new keys");
    let key = SigningKey::generate(KeyType::Ed25519).map_err(none)?;
    let (public_pem, private) = (key.public_pem(), key.to_pkcs8_der().map_err(none)?);
    let id = Uuid::new_v4();
    let sealed_private_key = secrets.seal(Place::trust_key(id), &private)?;
    Ok(TrustKey { id, public_pem: public_pem.map_err(none)?, sealed_private_key, created_at: at })
}

impl Authority {
    /// The keys, the oldest first.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn trust_keys(&self, caller: &Caller) -> Result<Vec<TrustKey>, Refusal> {
        self.look(caller, |work| {
            work.permit_founded(Action::TrustKey(Access::List))?;
            Ok(work.transaction.trust_keys()?)
        })
        .await
    }

    /// Makes a second key. Both sign until the older one is dropped.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn add_trust_key(&self, caller: &Caller) -> Result<TrustKey, Refusal> {
        let key = self.keys.make_trust_key((self.clock)())?;
        self.change(caller, move |work| {
            let action = Action::TrustKey(Access::Create);
            let by = work.permit_founded(action)?;
            if work.transaction.trust_keys()?.len() > 1 {
                return Err(Refusal::argument(
                    "trust_key",
                    FaultReason::Constraint,
                    "there are two trust keys already; give the newer one to every gateway, then \
                     drop the older one",
                ));
            }
            let organization_id = work.principal.organization_id();
            work.apply(&by, &Change::AddTrustKey(&key, organization_id))?;
            Ok(key.clone())
        })
        .await
    }

    /// Drops the older one of two keys, where it is the one that is meant, if one is. It tells which.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn drop_old_trust_key(
        &self,
        caller: &Caller,
        meant: Option<Uuid>,
    ) -> Result<TrustKey, Refusal> {
        self.change(caller, move |work| {
            let action = Action::TrustKey(Access::Delete);
            let by = work.permit_founded(action)?;
            let keys = work.transaction.trust_keys()?;
            if let Some(id) = meant.filter(|id| keys.iter().all(|key| key.id != *id)) {
                return Err(Resource::TrustKey.not_found(id));
            }
            let refused = |help| Err(Refusal::argument("trust_key", FaultReason::Constraint, help));
            let [old, _, ..] = keys.as_slice() else {
                return refused("expected two trust keys, found fewer; make a new one first");
            };
            if meant.is_some_and(|id| id != old.id) {
                return refused("only the older of two keys is dropped, and this is the newer one");
            }
            let organization_id = work.principal.organization_id();
            work.apply(&by, &Change::DropTrustKey(old, organization_id))?;
            Ok(old.clone())
        })
        .await
    }

    /// Signs what gateways are told, by each key that there is now, the oldest first.
    ///
    /// # Errors
    ///
    /// That the database can't be read, or that a key can't be used.
    pub async fn sign_for_gateways(&self, message: &[u8]) -> Result<Vec<TrustSignature>, Refusal> {
        let keys = self.read(|work| Ok(work.trust_keys()?)).await?;
        let mut signatures = Vec::new();
        for key in keys {
            // It takes microseconds, unlike RSA.
            let signature = self.keys.open_trust_key(&key).await?.sign(message);
            let signature = signature.map_err(|_| Refusal::Internal("a trust key can't sign"))?;
            signatures.push(TrustSignature {
                key_id: key.id,
                public_pem: key.public_pem,
                signature: signature.to_vec(),
            });
        }
        match signatures.is_empty() {
            false => Ok(signatures),
            true => Err(Refusal::Internal("there is no trust key")),
        }
    }
}

impl Work<'_> {
    /// Decides whether the caller may do something to the keys of this service, which are of the
    /// organization that was there first.
    fn permit_founded(&mut self, action: Action) -> Result<Authorized, Refusal> {
        let founding = self.transaction.founding()?;
        let founding = founding.ok_or(Refusal::Internal("the database is empty"))?;
        self.permit_all_over(action, founding.organization_id, Resource::TrustKey.not_found(""))
    }
}
