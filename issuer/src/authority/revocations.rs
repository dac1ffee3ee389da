//! What is revoked other than by deleting it: the id of a token that nobody here knows, and
//! everything that was issued before some time.

use namespace_jwt_core::time::UnixTime;
use uuid::Uuid;

use super::refusal::{FaultReason, Refusal, Resource};
use super::{Authority, Caller, Work};
use crate::iam::action::{Access, Action, Subject};
use crate::iam::decision::{Authorized, Scope, decide_list};
use crate::iam::principal::Principal;
use crate::iam::rights::Rights;
use crate::model::Product;
use crate::model::application::Application;
use crate::model::bearer::Bearer;
use crate::model::namespace::Namespace;
use crate::model::token::Token;
use crate::model::trust::{Mark, Marked, TokenId};
use crate::store::change::{Change, RevokedId};
use crate::store::feed::{TokenCount, TokenSet};

/// What became of an id that was to be revoked, or would become of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdRevocation {
    /// The service knew the token, which is deleted.
    Deleted(Token),
    /// The service didn't know it. Its gateways, or those of one namespace, refuse it.
    Remembered,
    /// It was revoked before.
    Already,
}

/// What a mark does, or would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marking {
    /// What was issued before this second is revoked. It may be later than what was asked for: a
    /// mark never moves back.
    pub not_before: UnixTime,
    /// Whether the mark moves.
    pub is_moved: bool,
    /// The tokens that the service knows, and that are revoked by it.
    pub tokens: TokenCount,
}

impl Authority {
    /// Revokes a token by its id, whether the service knows it or not. Without a namespace it is
    /// revoked for all of them, if the service doesn't know it. As a trial it changes nothing.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn revoke_id(
        &self,
        caller: &Caller,
        id: TokenId,
        namespace_id: Option<Uuid>,
        expires_at: Option<UnixTime>,
        is_trial: bool,
    ) -> Result<IdRevocation, Refusal> {
        self.change_unless(is_trial, caller, move |work| {
            work.check_revokes_somewhere()?;
            let namespace = namespace_id.map(|id| work.namespace_for_revocation(id)).transpose()?;
            if let Some((token, of)) = work.own_token(&id)? {
                return work.delete_known(token, &of, namespace_id, is_trial);
            }
            if work.is_revoked(&id, namespace_id)? {
                return Ok(IdRevocation::Already);
            }
            let organization_id = work.principal.organization_id();
            // In the logs of all tenants nobody writes but who has the machine.
            if namespace.is_none() && !matches!(work.principal, Principal::Operator { .. }) {
                return Err(Refusal::argument(
                    "namespace_id",
                    FaultReason::Required,
                    "expected the namespace of a token that isn't known here",
                ));
            }
            let project_id = namespace.as_ref().map(|it| it.project_id);
            let scope = Scope { organization_id, project_id };
            let action = Action::Revocation(namespace.as_ref().map(|it| it.product));
            let by = work.permit_in(action, scope, Resource::Token.not_found(id.as_str()))?;
            if !is_trial {
                let id = id.clone();
                let namespace = namespace.map(|it| (it.id, it.product));
                let revoked = RevokedId { id, namespace, expires_at, organization_id };
                work.apply(&by, &Change::RevokeId(&revoked))?;
            }
            Ok(IdRevocation::Remembered)
        })
        .await
    }

    /// Revokes everything that was issued before a time, which is rounded up to a second and isn't
    /// in the future. As a trial it changes nothing.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn revoke_issued_before(
        &self,
        caller: &Caller,
        of: Marked,
        time: UnixTime,
        is_trial: bool,
    ) -> Result<Marking, Refusal> {
        let not_before = whole_second(time);
        self.change_unless(is_trial, caller, move |work| {
            work.check_not_future(not_before)?;
            work.mark(Mark { of, not_before }, is_trial)
        })
        .await
    }

    /// Moves every scope past the numbers that gateways may have seen before the database was put
    /// back to an earlier state, and revokes what was issued for any namespace before a time.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn continue_after_restore(
        &self,
        caller: &Caller,
        issued_before: Option<UnixTime>,
    ) -> Result<(), Refusal> {
        let not_before = issued_before.map(whole_second);
        self.change(caller, move |work| {
            work.transaction.continue_after_restore(work.origin.at)?;
            let Some(not_before) = not_before else { return Ok(()) };
            work.check_not_future(not_before)?;
            for id in work.transaction.namespace_ids()? {
                work.mark(Mark { of: Marked::Namespace(id), not_before }, false)?;
            }
            Ok(())
        })
        .await
    }
}

/// What a mark is of, as far as it is in the database.
enum Found {
    Namespace(Namespace),
    Application(Box<Application>),
    Bearer(Bearer, Uuid),
}

impl Work<'_> {
    /// Whoever can revoke nothing anywhere is told nothing of any token.
    fn check_revokes_somewhere(&self) -> Result<(), Refusal> {
        let asking = self.asking();
        let may = |product| decide_list(&asking, Action::Revocation(Some(product))).is_ok();
        match Product::ALL.into_iter().any(may) {
            true => Ok(()),
            false => Err(Refusal::NotPermitted(Action::Revocation(None))),
        }
    }

    /// A namespace that the caller names to revoke something of it.
    fn namespace_for_revocation(&mut self, id: Uuid) -> Result<Namespace, Refusal> {
        let missing = || Resource::Namespace.not_found(id);
        let namespace = self.transaction.namespace(id)?.ok_or_else(missing)?;
        self.permit(Action::Revocation(Some(namespace.product)), &namespace, missing())?;
        Ok(namespace)
    }

    /// The token with an id, and its namespace. What another organization has is as unknown as what
    /// nobody has.
    fn own_token(&mut self, id: &TokenId) -> Result<Option<(Token, Namespace)>, Refusal> {
        let Some(id) = id.uuid() else { return Ok(None) };
        let Some(token) = self.transaction.token(id)? else { return Ok(None) };
        let own = self.principal.organization_id();
        let namespace = self.transaction.namespace(token.namespace_id)?;
        let namespace = namespace.filter(|it| it.organization_id == own);
        Ok(namespace.map(|namespace| (token, namespace)))
    }

    /// Whether an id stands in the log of a namespace; or, without one, in that of each which it may
    /// be for.
    fn is_revoked(&mut self, id: &TokenId, namespace_id: Option<Uuid>) -> Result<bool, Refusal> {
        let is_operator = matches!(self.principal, Principal::Operator { .. });
        for log in self.transaction.logs_of(id)? {
            let is_meant = match (log.namespace_id, namespace_id) {
                (None, _) => true,
                (Some(there), Some(asked)) => there == asked,
                (Some(there), None) if log.is_of_token => {
                    let namespace = self.transaction.namespace(there)?;
                    // One that was deleted is nobody's, whom the operator alone may ask for.
                    is_operator
                        || namespace.is_some_and(|it| {
                            let action = Action::Revocation(Some(it.product));
                            self.permit(action, &it, Resource::Namespace.not_found(it.id)).is_ok()
                        })
                }
                (Some(_), None) => false,
            };
            if is_meant {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn delete_known(
        &mut self,
        token: Token,
        of: &Namespace,
        namespace_id: Option<Uuid>,
        is_trial: bool,
    ) -> Result<IdRevocation, Refusal> {
        let product = of.product;
        let missing = Resource::Token.not_found(token.id);
        let by = self.permit(Action::Token(product, Access::Delete), of, missing)?;
        if namespace_id.is_some_and(|id| id != token.namespace_id) {
            return Err(Refusal::argument(
                "namespace_id",
                FaultReason::Constraint,
                "the token is of another namespace; leave the namespace out",
            ));
        }
        if !is_trial {
            self.apply(&by, &Change::DeleteToken(&token, product))?;
        }
        Ok(IdRevocation::Deleted(token))
    }

    fn check_not_future(&self, not_before: UnixTime) -> Result<(), Refusal> {
        match not_before > whole_second(self.origin.at) {
            false => Ok(()),
            true => Err(Refusal::argument(
                "issued_before",
                FaultReason::Constraint,
                "expected a time that isn't in the future: what is issued until then would be \
                 revoked as well",
            )),
        }
    }

    fn mark(&mut self, mark: Mark, is_trial: bool) -> Result<Marking, Refusal> {
        let (found, by) = self.find_marked(mark.of)?;
        let (namespace_id, application_id, bearer_id) = match mark.of {
            Marked::Namespace(id) => (id, None, None),
            Marked::Application(id) => (Uuid::nil(), Some(id), None),
            Marked::Bearer(id) => (Uuid::nil(), None, Some(id)),
        };
        let before = self.transaction.latest_mark(namespace_id, application_id, bearer_id)?;
        let tokens = self.transaction.count_tokens(TokenSet::Before(mark))?;
        if let Some(not_before) = before.filter(|before| *before >= mark.not_before) {
            return Ok(Marking { not_before, is_moved: false, tokens });
        }
        if !is_trial {
            let change = match &found {
                Found::Namespace(it) => Change::MarkNamespace(it, mark.not_before),
                Found::Application(it) => Change::MarkApplication(it, mark.not_before),
                Found::Bearer(bearer, organization_id) => {
                    Change::MarkBearer(*bearer, *organization_id, mark.not_before)
                }
            };
            self.apply(&by, &change)?;
        }
        Ok(Marking { not_before: mark.not_before, is_moved: true, tokens })
    }

    fn find_marked(&mut self, of: Marked) -> Result<(Found, Authorized), Refusal> {
        match of {
            Marked::Namespace(id) => {
                let missing = || Resource::Namespace.not_found(id);
                let it = self.transaction.namespace(id)?.ok_or_else(missing)?;
                let action = Action::Mark(Subject::Namespace(it.product));
                let by = self.permit(action, &it, missing())?;
                Ok((Found::Namespace(it), by))
            }
            Marked::Application(id) => {
                let missing = || Resource::AnyApplication.not_found(id);
                let it = self.transaction.application(id)?.ok_or_else(missing)?;
                let namespace = self.transaction.namespace(it.namespace_id)?;
                let namespace = namespace.ok_or_else(missing)?;
                let action = Action::Mark(Subject::Application(it.product));
                let by = self.permit(action, &namespace, missing())?;
                Ok((Found::Application(Box::new(it)), by))
            }
            Marked::Bearer(id) => {
                let missing = || Resource::User.not_found(id);
                let (bearer, organization_id) = self.transaction.bearer(id)?.ok_or_else(missing)?;
                let action = Action::Mark(Subject::Bearer(bearer.kind()));
                let by = self.permit_all_over(action, organization_id, missing())?;
                // It deletes what they made, of either product and in any project.
                if !self.rights.cover(&Rights::All) {
                    for product in Product::ALL {
                        let action = Action::Token(product, Access::Delete);
                        self.permit_all_over(action, organization_id, missing())?;
                    }
                }
                Ok((Found::Bearer(bearer, organization_id), by))
            }
        }
    }
}

/// A time rounded up: what was issued in a second that has begun is revoked with it.
pub(super) fn whole_second(time: UnixTime) -> UnixTime {
    let since = time.since_epoch();
    let more = u64::from(since.subsec_nanos() > 0);
    UnixTime::from_secs(since.as_secs().saturating_add(more))
}
