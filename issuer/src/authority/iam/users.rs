//! Users.

use uuid::Uuid;

use super::{Authority, Work};
use crate::authority::Caller;
use crate::authority::refusal::{FaultReason, Refusal, Resource};
use crate::iam::action::{Access, Action};
use crate::iam::decision::Authorized;
use crate::model::bearer::Bearer;
use crate::model::page::{Order, Page, PageRequest};
use crate::model::user::{
    DEFAULT_LOCALE, NewPerson, NewUser, Password, PasswordHash, Profile, User, UserChange,
    UserFilter, UserKind,
};
use crate::store::change::Change;
use crate::store::change::iam::IamChange;

impl Authority {
    /// Makes a user, who may do nothing yet: a guest by their address, or a member.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn create_user(&self, caller: &Caller, new: NewUser) -> Result<User, Refusal> {
        let NewUser { organization_id, tags, person } = new;
        let action = Action::User(Access::Create);
        let (kind, email, username, profile, password) = match person {
            NewPerson::Guest { email } => {
                (UserKind::Guest, email.clone(), email, Profile::default(), None)
            }
            NewPerson::Member { email, username, password, mut profile } => {
                if profile.locale.is_empty() {
                    DEFAULT_LOCALE.clone_into(&mut profile.locale);
                }
                (UserKind::Member, email, username, profile, password)
            }
        };
        // Who may not even ask costs no hash.
        self.look(caller, move |work| Ok(work.permit_new(action, organization_id)?.0)).await?;
        let password = match password {
            Some(password) => {
                Some(self.hash_password("member.password", &username, password).await?)
            }
            None => None,
        };
        let id = Uuid::new_v4();
        self.change(caller, move |work| {
            let (organization_id, by) = work.permit_new(action, organization_id)?;
            let user = User {
                id,
                organization_id,
                kind,
                email: email.clone(),
                username: username.clone(),
                profile: profile.clone(),
                tags: tags.clone(),
                is_locked: false,
                created_at: work.origin.at,
                updated_at: work.origin.at,
                last_login_at: None,
            };
            work.check_unique(&user)?;
            work.apply(&by, &Change::Iam(IamChange::CreateUser(&user, password.as_ref())))?;
            Ok(user)
        })
        .await
    }

    /// Reads a user.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn user(&self, caller: &Caller, id: Uuid) -> Result<User, Refusal> {
        self.look(caller, move |work| Ok(work.permitted_user(id, Access::Read)?.0)).await
    }

    /// Lists users.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn users(
        &self,
        caller: &Caller,
        filter: UserFilter,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<User>, Refusal> {
        self.look(caller, move |work| {
            let by = work.permit_list(Action::User(Access::List))?;
            Ok(work.transaction.users(&by, &filter, order, page)?)
        })
        .await
    }

    /// Changes a user. Whoever sets what they sign in with, or lets them in again, could act as
    /// them, so they must be able to do all that the user can.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn update_user(
        &self,
        caller: &Caller,
        id: Uuid,
        change: UserChange,
    ) -> Result<User, Refusal> {
        self.change(caller, move |work| {
            let (before, by) = work.permitted_user(id, Access::Edit)?;
            let user = change.made_of(&before, work.origin.at);
            if user.is_locked && user.kind == UserKind::Owner {
                return Err(Refusal::IsOwner("the owner of an organization can't be locked"));
            }
            let is_let_in = before.is_locked && !user.is_locked;
            if is_let_in || user.email != before.email || user.username != before.username {
                work.check_cover_of(Bearer::User(id), by.action())?;
            }
            work.check_unique(&user)?;
            work.apply(&by, &Change::Iam(IamChange::UpdateUser(&user)))?;
            Ok(user)
        })
        .await
    }

    /// Sets the password of a user.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn set_password(
        &self,
        caller: &Caller,
        id: Uuid,
        password: Password,
    ) -> Result<User, Refusal> {
        let user = self.look(caller, move |work| Ok(work.user_to_act_as(id)?.0)).await?;
        let hash = self.hash_password("password", &user.username, password).await?;
        self.change(caller, move |work| {
            let (user, by) = work.user_to_act_as(id)?;
            work.apply(&by, &Change::Iam(IamChange::SetPassword(&user, &hash)))?;
            Ok(User { updated_at: work.origin.at, ..user })
        })
        .await
    }

    /// Deletes a user, but not the owner. Their API keys go with them, groups lose them, and their
    /// policies are for nobody.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn delete_user(&self, caller: &Caller, id: Uuid) -> Result<(), Refusal> {
        self.change(caller, move |work| {
            let (user, by) = work.permitted_user(id, Access::Delete)?;
            if user.kind == UserKind::Owner {
                return Err(Refusal::IsOwner("the owner of an organization can't be deleted"));
            }
            work.apply(&by, &Change::Iam(IamChange::DeleteUser(&user)))
        })
        .await
    }

    /// Until when a user has to set a password or a second factor: neither has a time here, so
    /// there is only the question whether the caller may know.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn check_grace_periods(
        &self,
        caller: &Caller,
        user_id: Option<Uuid>,
    ) -> Result<(), Refusal> {
        self.look(caller, move |work| {
            let own = work.principal.bearer().and_then(Bearer::user_id);
            match user_id.or(own) {
                Some(id) => work.permitted_user(id, Access::Read).map(drop),
                None => work.permit_own(Action::User(Access::Read)).map(drop),
            }
        })
        .await
    }

    async fn hash_password(
        &self,
        argument: &str,
        username: &str,
        password: Password,
    ) -> Result<PasswordHash, Refusal> {
        let fault = |help| Refusal::argument(argument, FaultReason::Constraint, help);
        password.check(username).map_err(fault)?;
        self.hashing.hash_password(password).await
    }
}

impl Work<'_> {
    fn permitted_user(&mut self, id: Uuid, access: Access) -> Result<(User, Authorized), Refusal> {
        let missing = || Resource::User.not_found(id);
        let user = self.transaction.user(id)?.ok_or_else(missing)?;
        let by = self.permit_all_over(Action::User(access), user.organization_id, missing())?;
        Ok((user, by))
    }

    fn user_to_act_as(&mut self, id: Uuid) -> Result<(User, Authorized), Refusal> {
        let (user, by) = self.permitted_user(id, Access::Edit)?;
        self.check_cover_of(Bearer::User(id), by.action())?;
        Ok((user, by))
    }

    /// Whether nobody else in the organization has a user's name or address.
    fn check_unique(&mut self, user: &User) -> Result<(), Refusal> {
        match self.transaction.user_like(user)? {
            Some(id) => Err(Resource::User.already_exists(id)),
            None => Ok(()),
        }
    }
}
