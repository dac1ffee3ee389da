//! Who could do what, and by which rule: the same decision as for a request, without one.

use std::collections::BTreeSet;
use std::net::IpAddr;

use namespace_jwt_core::time::UnixTime;
use uuid::Uuid;

use super::{Authority, Work};
use crate::authority::Caller;
use crate::authority::refusal::{Refusal, Resource};
use crate::iam::action::{Access, Action, Subject};
use crate::iam::condition::{Facts, value};
use crate::iam::decision::{Asking, Authorized, Extent, Reason, Scope, decide, decide_list};
use crate::iam::permission_set::PermissionSet;
use crate::iam::principal::Principal;
use crate::iam::rights::{Lack, Rights, allows};
use crate::model::api_key::ApiKey;
use crate::model::bearer::{Bearer, BearerKind};
use crate::model::policy::{Policy, PolicyRule, Rule};
use crate::model::user::UserKind;

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// Who would ask: an access key, or the id of a user or an application.
    pub who: String,
    /// For what.
    pub action: Action,
    /// Of or in what, by its id: an organization, a project, or what is in one. Anything, where
    /// there is none.
    pub resource: Option<Uuid>,
    /// From where.
    pub address: Option<IpAddr>,
    /// With which program.
    pub user_agent: String,
    /// When.
    pub at: UnixTime,
}

/// What the answer would be.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The user or application.
    pub bearer: Bearer,
    /// Where.
    pub scope: Scope,
    /// What.
    pub outcome: Outcome,
}

/// Whether it would be done.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The owner may do everything.
    Owner,
    /// It would be done.
    Allowed {
        /// The policy.
        policy: Box<Policy>,
        /// Its rule.
        rule: Rule,
        /// In these projects alone, where nothing was named.
        only_in: Option<BTreeSet<Uuid>>,
        /// What is missing to give the rights that the resource has, or to act with them.
        lack: Option<Lack>,
    },
    /// The owner of the organization stays, whoever asks.
    OwnerStays,
    /// No rule allows it.
    Denied {
        /// Any of these would.
        needed: Vec<PermissionSet>,
        /// These would, if their condition held; and whether it can be evaluated at all.
        unmet: Vec<(Policy, Rule, bool)>,
    },
    /// The key has ended, so nothing is done.
    KeyExpired,
    /// The user is locked, so nothing is done.
    UserLocked,
}

impl Authority {
    /// Whether somebody could do something, and why. None if it is done to another kind of resource
    /// than the one that is named.
    ///
    /// # Errors
    ///
    /// [`Refusal`] if there is nobody or nothing of that id.
    pub async fn explain(
        &self,
        caller: &Caller,
        question: Question,
    ) -> Result<Option<Explanation>, Refusal> {
        self.look(caller, move |work| work.explain(&question)).await
    }
}

impl Work<'_> {
    fn explain(&mut self, question: &Question) -> Result<Option<Explanation>, Refusal> {
        let (bearer, key) = self.find_bearer(&question.who)?;
        let scope = self.scope_of(question.resource)?;
        if self.is_of_others(question)? {
            return Ok(None);
        }
        let outcome = self.outcome(question, bearer, key, scope)?;
        Ok(Some(Explanation { bearer, scope, outcome }))
    }

    /// Whether it is users for whom an action is, and the resource an application; or the other way
    /// round.
    fn is_of_others(&mut self, question: &Question) -> Result<bool, Refusal> {
        let (Action::ApiKey(kind, _) | Action::Mark(Subject::Bearer(kind))) = question.action
        else {
            return Ok(false);
        };
        let Some(id) = question.resource else { return Ok(false) };
        let named = self.transaction.bearer(id)?;
        Ok(named.is_some_and(|(bearer, _)| bearer.kind() != kind))
    }

    fn outcome(
        &mut self,
        question: &Question,
        bearer: Bearer,
        key: Option<ApiKey>,
        scope: Scope,
    ) -> Result<Outcome, Refusal> {
        let Question { action, address, ref user_agent, at, .. } = *question;
        if key.as_ref().is_some_and(|key| key.has_expired(at)) {
            return Ok(Outcome::KeyExpired);
        }
        if let Bearer::User(id) = bearer
            && self.transaction.user(id)?.is_some_and(|user| user.is_locked)
        {
            return Ok(Outcome::UserLocked);
        }
        let rights = self.rights_of(bearer)?;
        // The decision asks for nothing of a principal but the organization.
        let principal = Principal::Operator { organization_id: scope.organization_id };
        let facts = Facts { address, user_agent, time: at };
        let asking = Asking { principal: &principal, rights: &rights, facts };
        let decided = match question.resource {
            Some(_) => decide(&asking, action, scope),
            None => decide_list(&asking, action),
        };
        if decided.is_ok() && self.is_deletion_of_owner(question)? {
            return Ok(Outcome::OwnerStays);
        }
        match decided.as_ref().map(Authorized::reason) {
            Ok(Reason::Everything) => Ok(Outcome::Owner),
            Ok(Reason::Rule { policy_id, rule_id }) => {
                let policy = self.known_policy(policy_id)?;
                let rules = self.transaction.rules_of_policy(policy_id)?;
                let rule = rules.into_iter().find(|rule| rule.id == rule_id);
                let rule = rule.ok_or(Refusal::Internal("a rule that allows isn't there"))?;
                let only_in = match decided.as_ref().map(Authorized::extent) {
                    Ok(Extent::Projects(ids)) if question.resource.is_none() => Some(ids.clone()),
                    _ => None,
                };
                let lack = self.rights_given(question)?.and_then(|given| rights.lack_of(&given));
                Ok(Outcome::Allowed { policy: Box::new(policy), rule, only_in, lack })
            }
            Err(_) => {
                let Rights::By(rules) = &rights else { return Ok(Outcome::Owner) };
                let mut unmet = Vec::new();
                for it in rules.iter().filter(|it| allows(&it.rule, action, scope)) {
                    let has_value = value(&it.rule.condition, &asking.facts).is_some();
                    unmet.push((self.known_policy(it.policy_id)?, it.rule.clone(), has_value));
                }
                let needed = PermissionSet::all().filter(|set| set.allows(action)).collect();
                Ok(Outcome::Denied { needed, unmet })
            }
        }
    }

    /// What whoever changes a resource may give to others by that, or do as somebody else: the
    /// rights of a user or an application, of the members of a group, or by a policy.
    fn rights_given(&mut self, question: &Question) -> Result<Option<Rights>, Refusal> {
        let Some(id) = question.resource else { return Ok(None) };
        Ok(match question.action {
            Action::User(Access::Edit) => Some(self.rights_of(Bearer::User(id))?),
            Action::ApiKey(kind, Access::Create) => Some(self.rights_of(match kind {
                BearerKind::User => Bearer::User(id),
                BearerKind::Application => Bearer::Application(id),
            })?),
            Action::Group(Access::Edit) => Some(Rights::By(self.transaction.rules_of_group(id)?)),
            Action::Policy(access @ (Access::Edit | Access::Create)) => {
                // The copy of one that is for nobody gives nobody anything.
                let policy = self.transaction.policy(id)?;
                if access == Access::Create && policy.is_some_and(|it| it.principal.is_none()) {
                    return Ok(None);
                }
                let rules = self.transaction.rules_of_policy(id)?.into_iter();
                Some(Rights::By(rules.map(|rule| PolicyRule { policy_id: id, rule }).collect()))
            }
            _ => None,
        })
    }

    fn is_deletion_of_owner(&mut self, question: &Question) -> Result<bool, Refusal> {
        let (Action::User(Access::Delete), Some(id)) = (question.action, question.resource) else {
            return Ok(false);
        };
        Ok(self.transaction.user(id)?.is_some_and(|user| user.kind == UserKind::Owner))
    }

    fn known_policy(&mut self, id: Uuid) -> Result<Policy, Refusal> {
        self.transaction.policy(id)?.ok_or(Refusal::Internal("a rule has no policy"))
    }

    fn find_bearer(&mut self, who: &str) -> Result<(Bearer, Option<ApiKey>), Refusal> {
        if let Some(key) = self.transaction.api_key(who)? {
            return Ok((key.bearer, Some(key)));
        }
        let missing = || Resource::Bearer.not_found(who);
        let id = crate::model::id::parse(who).ok_or_else(missing)?;
        let (bearer, _) = self.transaction.bearer(id)?.ok_or_else(missing)?;
        Ok((bearer, None))
    }

    /// Where something is: in its project, or in the organization as a whole.
    fn scope_of(&mut self, resource: Option<Uuid>) -> Result<Scope, Refusal> {
        let organization_id = self.principal.organization_id();
        let Some(id) = resource.filter(|id| *id != organization_id) else {
            // The default project has the organization's id.
            return Ok(Scope { organization_id, project_id: resource });
        };
        let transaction = &mut *self.transaction;
        if transaction.project(id)?.is_some() {
            return Ok(Scope { organization_id, project_id: Some(id) });
        }
        if let Some(key) = transaction.ssh_key(id)? {
            return Ok(Scope { organization_id, project_id: Some(key.project_id) });
        }
        let is_of_organization = transaction.bearer(id)?.is_some()
            || transaction.group(id)?.is_some()
            || transaction.policy(id)?.is_some();
        if is_of_organization {
            return Ok(Scope { organization_id, project_id: None });
        }
        let application = transaction.application(id)?.map(|it| it.namespace_id);
        let token = transaction.token(id)?.map(|it| it.namespace_id);
        let namespace = transaction.namespace(application.or(token).unwrap_or(id))?;
        let namespace = namespace.ok_or_else(|| Resource::Anything.not_found(id))?;
        Ok(Scope { organization_id, project_id: Some(namespace.project_id) })
    }
}
