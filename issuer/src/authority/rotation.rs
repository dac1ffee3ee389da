//! A namespace's next key: published first, then it signs, and the one before it ends.
//!
//! What is to happen stands in the database. Whoever serves carries out what is due, in one
//! transaction, so that several on one database agree.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::sync::PoisonError;
use std::time::Duration;

use namespace_jwt_core::time::UnixTime;
use uuid::Uuid;

use super::founding::operator_may;
use super::refusal::{FaultReason, Refusal, Resource};
use super::revocations::whole_second;
use super::{Authority, Caller, Work};
use crate::iam::action::{Access, Action};
use crate::iam::decision::{Authorized, Scope};
use crate::model::namespace::Namespace;
use crate::model::namespace_key::{KeyState, NamespaceKey};
use crate::signing::keys::{KeyType, RsaSize};
use crate::store::change::{Change, Origin};
use crate::store::feed::{TokenCount, TokenSet};
use crate::store::{self, StoreError, Transaction};

/// How long a key is published before it signs, unless somebody says otherwise: several times what a
/// gateway takes to hear of it.
pub const DEFAULT_AHEAD: Duration = Duration::from_secs(30);

/// The shortest time for that: twice `trust.refresh_seconds` of a gateway that doesn't say.
pub const LEAST_AHEAD: Duration = Duration::from_secs(10);

/// The longest time for that.
pub const MOST_AHEAD: Duration = Duration::from_secs(30 * 86_400);

/// How long a key that signs no more is good, unless somebody says otherwise.
pub const DEFAULT_GRACE: Duration = Duration::from_secs(86_400);

/// The longest time for that.
pub const MOST_GRACE: Duration = Duration::from_secs(3650 * 86_400);

/// How long after a key was retired a token that it signed may still be on its way to the database:
/// longer than a request takes.
const ON_THE_WAY: Duration = Duration::from_secs(30);

/// How far apart two looks at the schedule may be, for the keys to count as published in between.
const MOST_BETWEEN_LOOKS: Duration = Duration::from_secs(5);

/// The most keys of a namespace that a gateway takes.
pub const MAX_KEYS: usize = 16;

/// The greatest leeway that a gateway may give an expired token.
const LEEWAY: Duration = Duration::from_secs(3600);

/// How a key is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// No good request is refused.
    Graceful {
        /// How long the new key is published before it signs.
        ahead: Duration,
        /// How long after that what the old key signed is good, unless its last token expires
        /// earlier.
        grace: Duration,
    },
    /// The new key signs at once, and every key that the namespace has is revoked, with the tokens.
    Compromised,
}

/// What a rotation does, or would do.
#[derive(Clone, PartialEq, Eq)]
pub struct RotationPlan {
    /// The namespace.
    pub namespace: Namespace,
    /// The new key, if it was made.
    pub key: Option<NamespaceKey>,
    /// From when on it signs: later, where nobody has told gateways of it for so long by then.
    pub signs_at: UnixTime,
    /// When the key before it ends at the latest: nothing that it signed is good from then on.
    pub ends_at: UnixTime,
    /// The tokens of that key, or of all keys that are revoked.
    pub tokens: TokenCount,
}

/// Something that was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyStep {
    /// The next key of a namespace signs from now on.
    Signs {
        /// The namespace.
        namespace_id: Uuid,
        /// The key.
        key_id: Uuid,
    },
    /// A key of a namespace has ended: it is revoked, with what is left of its tokens.
    Ended {
        /// The namespace.
        namespace_id: Uuid,
        /// The key.
        key_id: Uuid,
    },
}

impl Authority {
    /// Gives a namespace a new key, of the same type unless one is named. As a trial it changes
    /// nothing.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn rotate_key(
        &self,
        caller: &Caller,
        namespace_id: Uuid,
        rotation: Rotation,
        key_type: Option<KeyType>,
        is_trial: bool,
    ) -> Result<RotationPlan, Refusal> {
        let (plan, active) = self
            .look(caller, move |work| {
                let (plan, active, _) = work.plan_rotation(namespace_id, rotation)?;
                Ok((plan, active))
            })
            .await?;
        if is_trial {
            return Ok(plan);
        }
        let key_type = match key_type {
            Some(key_type) => key_type,
            None => can_be_made(self.keys.open(&active).await?.key_type()),
        };
        let key = self.keys.make(key_type, namespace_id, (self.clock)()).await?;
        self.change(caller, move |work| {
            let (plan, _, by) = work.plan_rotation(namespace_id, rotation)?;
            let mut key = NamespaceKey { created_at: work.origin.at, ..key.clone() };
            let change = match rotation {
                Rotation::Graceful { .. } => {
                    (key.state, key.activates_at) = (KeyState::Next, Some(plan.signs_at));
                    Change::AddKey(&plan.namespace, &key, plan.ends_at)
                }
                Rotation::Compromised => Change::ReplaceKeys(&plan.namespace, &key),
            };
            work.apply(&by, &change)?;
            Ok(RotationPlan { key: Some(key), ..plan })
        })
        .await
    }

    /// Carries out what is due of all rotations: about once in a second, by whoever tells gateways
    /// of the keys, who says how long it has been running, by a clock that only goes on. A key signs
    /// only after it was there at each look, without a pause, for as long as it has to be published
    /// first: so a restart, a disk that takes long or a clock that is set make it later, never earlier.
    ///
    /// # Errors
    ///
    /// That the database can't be read or written.
    pub async fn advance_keys(&self, running: Duration) -> Result<Vec<KeyStep>, Refusal> {
        let now = (self.clock)();
        let scheduled = self.read(|work| Ok(work.scheduled_keys()?)).await?;
        let published = {
            let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
            looks.note(&scheduled, running)
        };
        if scheduled.is_empty() {
            return Ok(Vec::new());
        }
        let (in_read, in_write) = (published.clone(), published);
        let is_due = self.read(move |work| Ok(!due(work, now, &in_read)?.is_empty())).await?;
        if !is_due {
            return Ok(Vec::new());
        }
        let steps = store::write(&*self.store, move |work| {
            let due = due(work, now, &in_write)?;
            for step in &due {
                carry_out(work, step, now)?;
            }
            Ok::<_, Refusal>(due.iter().map(Due::step).collect::<Vec<_>>())
        });
        let steps = steps.await?;
        for step in &steps {
            match step {
                KeyStep::Signs { namespace_id, key_id } => {
                    tracing::info!(%namespace_id, %key_id, "the next key signs");
                }
                KeyStep::Ended { namespace_id, key_id } => {
                    tracing::info!(%namespace_id, %key_id, "a retired key has ended");
                }
            }
        }
        Ok(steps)
    }
}

impl Work<'_> {
    /// What a rotation would do now, the key that signs now, and the permission.
    fn plan_rotation(
        &mut self,
        id: Uuid,
        rotation: Rotation,
    ) -> Result<(RotationPlan, NamespaceKey, Authorized), Refusal> {
        let missing = || Resource::Namespace.not_found(id);
        let namespace = self.transaction.namespace(id)?.ok_or_else(missing)?;
        let action = Action::NamespaceKey(namespace.product, Access::Create);
        let by = self.permit(action, &namespace, missing())?;
        let keys = self.transaction.namespace_keys(id)?;
        let active = keys.iter().find(|key| key.state == KeyState::Active).cloned();
        let active = active.ok_or(Refusal::Internal("a namespace has no active key"))?;
        let now = self.origin.at;
        let (signs_at, ends_at, set) = match rotation {
            Rotation::Compromised => (now, now, TokenSet::OfNamespace(id)),
            Rotation::Graceful { ahead, grace } => {
                check_times(ahead, grace)?;
                let refused =
                    |help| Err(Refusal::argument("namespace_id", FaultReason::Constraint, help));
                if keys.iter().any(|key| key.state == KeyState::Next) {
                    return refused(
                        "its next key is there already and signs soon; wait for that, while \
                         the service runs",
                    );
                }
                let usable = keys.iter().filter(|key| key.state != KeyState::Revoked).count();
                if usable >= MAX_KEYS {
                    return refused("it has as many keys as gateways take; wait until one ends");
                }
                let signs_at = whole_second(now.saturating_add(ahead));
                (signs_at, signs_at.saturating_add(grace), TokenSet::OfKey(active.id))
            }
        };
        let tokens = self.transaction.count_tokens(set)?;
        Ok((RotationPlan { namespace, key: None, signs_at, ends_at, tokens }, active, by))
    }
}

fn check_times(ahead: Duration, grace: Duration) -> Result<(), Refusal> {
    let refused = |name, help: String| Err(Refusal::argument(name, FaultReason::Constraint, help));
    if !(LEAST_AHEAD..=MOST_AHEAD).contains(&ahead) {
        let (least, most) = (LEAST_AHEAD.as_secs(), MOST_AHEAD.as_secs() / 86_400);
        let help = format!(
            "expected {least} seconds to {most} days: gateways have to hear of a key before it signs"
        );
        return refused("ahead", help);
    }
    if grace > MOST_GRACE {
        let most = MOST_GRACE.as_secs() / 86_400;
        return refused("grace", format!("expected at most {most} days"));
    }
    Ok(())
}

/// What one process has seen of the keys that are to sign.
#[derive(Default)]
pub(super) struct Looks {
    /// When it last looked.
    at: Option<Duration>,
    /// Since when each of the keys was there, without a pause.
    since: HashMap<Uuid, Duration>,
}

impl Looks {
    /// Notes what is there at a time, and gives the keys that were published for long enough.
    fn note(&mut self, scheduled: &[NamespaceKey], running: Duration) -> HashSet<Uuid> {
        let pause = self.at.replace(running).map(|last| running.saturating_sub(last));
        // In a pause nobody could hear of a key.
        let before = match pause.is_none_or(|pause| pause > MOST_BETWEEN_LOOKS) {
            true => HashMap::new(),
            false => mem::take(&mut self.since),
        };
        let next = scheduled.iter().filter(|key| key.state == KeyState::Next);
        let mut published = HashSet::new();
        self.since = next
            .map(|key| {
                let since = before.get(&key.id).copied().unwrap_or(running);
                let ahead = key.activates_at.unwrap_or(key.created_at);
                if running.saturating_sub(since) >= ahead.saturating_since(key.created_at) {
                    published.insert(key.id);
                }
                (key.id, since)
            })
            .collect();
        published
    }
}

/// Something that is due now.
#[derive(PartialEq, Eq)]
enum Due {
    /// The next key is to sign, and the one before it to end at this time.
    Activate(NamespaceKey, UnixTime),
    /// A retired key is to end.
    End(NamespaceKey),
}

impl Due {
    fn step(&self) -> KeyStep {
        match self {
            Self::Activate(key, _) => {
                KeyStep::Signs { namespace_id: key.namespace_id, key_id: key.id }
            }
            Self::End(key) => KeyStep::Ended { namespace_id: key.namespace_id, key_id: key.id },
        }
    }
}

/// What is due at a time, when these keys have been published for long enough.
fn due(
    transaction: &mut dyn Transaction,
    now: UnixTime,
    published: &HashSet<Uuid>,
) -> Result<Vec<Due>, StoreError> {
    let has_passed = |time: UnixTime, more| time.saturating_add(more) <= now;
    let keys = transaction.scheduled_keys()?;
    let mut due = Vec::new();
    for key in &keys {
        match (key.state, key.activates_at, key.ends_at) {
            (KeyState::Next, Some(at), _) if at <= now && published.contains(&key.id) => {
                let old = keys.iter().find(|old| {
                    old.namespace_id == key.namespace_id && old.state == KeyState::Active
                });
                // Who started late gives the old key the whole of its grace all the same.
                let end = old.and_then(|old| old.ends_at).unwrap_or(at);
                let end = now.saturating_add(end.saturating_since(at));
                due.push(Due::Activate(key.clone(), end));
            }
            (KeyState::Retired, _, Some(end)) => {
                let is_over = end <= now;
                // Not at once: what was signed a moment ago may not be in the database yet.
                let is_old = key.retired_at.is_none_or(|at| has_passed(at, ON_THE_WAY));
                let expired = UnixTime::new(now.since_epoch().saturating_sub(LEEWAY));
                if is_over || is_old && !transaction.has_tokens_after(key.id, expired)? {
                    due.push(Due::End(key.clone()));
                }
            }
            _ => {}
        }
    }
    Ok(due)
}

fn carry_out(transaction: &mut dyn Transaction, due: &Due, now: UnixTime) -> Result<(), Refusal> {
    let (Due::Activate(key, _) | Due::End(key)) = due;
    let namespace = transaction.namespace(key.namespace_id)?;
    let namespace = namespace.ok_or_else(|| Resource::Namespace.not_found(key.namespace_id))?;
    let change = match due {
        Due::Activate(key, ends_at) => Change::ActivateKey(&namespace, key, *ends_at),
        Due::End(key) => Change::EndKey(&namespace, key),
    };
    let organization_id = namespace.organization_id;
    let scope = Scope { organization_id, project_id: Some(namespace.project_id) };
    // What was permitted when it was put into the schedule.
    let by = operator_may(change.action(), scope, now)?;
    Ok(transaction.apply(&by, &change, &Origin { at: now, request: None })?)
}

/// Which type of key is made in place of one.
fn can_be_made(key_type: KeyType) -> KeyType {
    match key_type {
        KeyType::Rsa(RsaSize::Other(_)) => KeyType::Rsa(RsaSize::Bits4096),
        other => other,
    }
}
