//! Namespaces.

use uuid::Uuid;

use super::refusal::{FaultReason, Refusal, Resource};
use super::{Authority, Caller, Work};
use crate::iam::action::{Access, Action};
use crate::iam::decision::{Authorized, Scope};
use crate::model::Product;
use crate::model::name::{EXPECTED, is_name};
use crate::model::namespace::{Namespace, NamespaceChange, NamespaceFilter, NewNamespace};
use crate::model::namespace_key::NamespaceKey;
use crate::model::page::{Order, Page, PageRequest};
use crate::model::region::Region;
use crate::model::variables::{HashedChange, MAX_SECRETS, Variables};
use crate::signing::keys::KeyType;
use crate::store::change::Change;

impl Authority {
    /// Makes a namespace and its key pair.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn create_namespace(
        &self,
        caller: &Caller,
        product: Product,
        region: &Region,
        new: NewNamespace,
        key_type: KeyType,
    ) -> Result<Namespace, Refusal> {
        check_name(&new.name)?;
        let at = (self.clock)();
        let mut namespace = Namespace {
            id: Uuid::new_v4(),
            product,
            region: region.clone(),
            organization_id: Uuid::nil(),
            project_id: Uuid::nil(),
            name: new.name,
            description: new.change.description.unwrap_or_default(),
            variables: Variables::default(),
            tags: new.change.tags.unwrap_or_default(),
            vpc_integration: new.vpc_integration,
            created_at: at,
            updated_at: at,
        };
        // A key pair is a second's work, and hashes take long too: for those alone who may.
        let (asked, project_id) = (namespace.clone(), new.project_id);
        namespace = self
            .look(caller, move |work| {
                let placed = work.place_namespace(asked.clone(), project_id)?;
                work.permit_new_namespace(&placed)?;
                Ok(placed)
            })
            .await?;
        let secrets = self.hashing.hash(new.change.variables).await?;
        namespace.variables = changed(&namespace.variables, &secrets)?;
        let key = self.keys.make(key_type, namespace.id, at).await?;
        self.change(caller, move |work| {
            let by = work.permit_new_namespace(&namespace)?;
            work.apply(&by, &Change::CreateNamespace(&namespace, &key))?;
            Ok(namespace.clone())
        })
        .await
    }

    /// Reads a namespace.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn namespace(
        &self,
        caller: &Caller,
        product: Product,
        region: &Region,
        id: Uuid,
    ) -> Result<Namespace, Refusal> {
        let region = region.clone();
        self.look(caller, move |work| {
            Ok(work.permitted_namespace(product, &region, id, Access::Read)?.0)
        })
        .await
    }

    /// Lists namespaces.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn namespaces(
        &self,
        caller: &Caller,
        filter: NamespaceFilter,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<Namespace>, Refusal> {
        self.look(caller, move |work| {
            let action = Action::Namespace(filter.product, Access::List);
            let by = work.permit_list(action)?;
            Ok(work.transaction.namespaces(&by, &filter, order, page)?)
        })
        .await
    }

    /// The keys of a namespace, the newest first.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn namespace_keys(
        &self,
        caller: &Caller,
        namespace: &Namespace,
    ) -> Result<Vec<NamespaceKey>, Refusal> {
        let (product, region, id) = (namespace.product, namespace.region.clone(), namespace.id);
        self.look(caller, move |work| {
            work.permitted_namespace(product, &region, id, Access::Read)?;
            Ok(work.transaction.namespace_keys(id)?)
        })
        .await
    }

    /// Changes a namespace.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn update_namespace(
        &self,
        caller: &Caller,
        product: Product,
        region: &Region,
        id: Uuid,
        change: NamespaceChange,
    ) -> Result<Namespace, Refusal> {
        if change.variables.has_secrets() {
            let region = region.clone();
            self.look(caller, move |work| {
                work.permitted_namespace(product, &region, id, Access::Edit)
            })
            .await?;
        }
        let variables = self.hashing.hash(change.variables).await?;
        let (region, description, tags) = (region.clone(), change.description, change.tags);
        self.change(caller, move |work| {
            let (mut namespace, by) =
                work.permitted_namespace(product, &region, id, Access::Edit)?;
            namespace.variables = changed(&namespace.variables, &variables)?;
            namespace.description = description.clone().unwrap_or(namespace.description);
            namespace.tags = tags.clone().unwrap_or(namespace.tags);
            namespace.updated_at = work.origin.at;
            work.apply(&by, &Change::UpdateNamespace(&namespace))?;
            Ok(namespace)
        })
        .await
    }

    /// Deletes a namespace, with what is in it, and revokes its tokens.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn delete_namespace(
        &self,
        caller: &Caller,
        product: Product,
        region: &Region,
        id: Uuid,
    ) -> Result<Namespace, Refusal> {
        let region = region.clone();
        self.change(caller, move |work| {
            let (namespace, by) = work.permitted_namespace(product, &region, id, Access::Delete)?;
            work.apply(&by, &Change::DeleteNamespace(&namespace))?;
            Ok(namespace)
        })
        .await
    }
}

impl Work<'_> {
    /// A namespace of a product and region, which the caller may or may not know of.
    pub(super) fn namespace(
        &mut self,
        product: Product,
        region: &Region,
        id: Uuid,
    ) -> Result<Namespace, Refusal> {
        let namespace = self.transaction.namespace(id)?;
        let namespace = namespace.filter(|it| it.product == product && it.region == *region);
        namespace.ok_or_else(|| Resource::Namespace.not_found(id))
    }

    /// A namespace that the caller may do something to.
    fn permitted_namespace(
        &mut self,
        product: Product,
        region: &Region,
        id: Uuid,
        access: Access,
    ) -> Result<(Namespace, Authorized), Refusal> {
        let namespace = self.namespace(product, region, id)?;
        let action = Action::Namespace(product, access);
        let by = self.permit(action, &namespace, Resource::Namespace.not_found(id))?;
        Ok((namespace, by))
    }

    /// Puts a new namespace into a project, the caller's default one if none is named.
    fn place_namespace(
        &mut self,
        namespace: Namespace,
        project_id: Option<Uuid>,
    ) -> Result<Namespace, Refusal> {
        let project_id = project_id.unwrap_or_else(|| self.principal.default_project_id());
        let organization = self.transaction.organization_of_project(project_id)?;
        let organization_id =
            organization.ok_or_else(|| Resource::Project.not_found(project_id))?;
        Ok(Namespace { organization_id, project_id, ..namespace })
    }

    /// Decides whether a new namespace may be made, and whether its name is free.
    fn permit_new_namespace(&mut self, namespace: &Namespace) -> Result<Authorized, Refusal> {
        let scope = Scope {
            organization_id: namespace.organization_id,
            project_id: Some(namespace.project_id),
        };
        let action = Action::Namespace(namespace.product, Access::Create);
        let missing = Resource::Project.not_found(namespace.project_id);
        let by = self.permit_in(action, scope, missing)?;
        let same_name = NamespaceFilter {
            product: namespace.product,
            region: namespace.region.clone(),
            name: Some(namespace.name.clone()),
            project_id: Some(namespace.project_id),
            organization_id: None,
        };
        let page = PageRequest { page: 1, size: 1 };
        let taken = self.transaction.namespaces(&by, &same_name, Order::default(), page)?;
        match taken.items.first() {
            None => Ok(by),
            Some(taken) => Err(Resource::Namespace.already_exists(taken.id)),
        }
    }
}

/// Refuses what can't be a name.
pub(super) fn check_name(name: &str) -> Result<(), Refusal> {
    match is_name(name) {
        true => Ok(()),
        false => Err(Refusal::argument("name", FaultReason::Constraint, EXPECTED)),
    }
}

/// Environment variables after a change.
pub(super) fn changed(before: &Variables, change: &HashedChange) -> Result<Variables, Refusal> {
    before.changed(change).map_err(|_| {
        Refusal::argument(
            "secret_environment_variables",
            FaultReason::Constraint,
            format!("expected at most {MAX_SECRETS} secret variables in all; remove some first"),
        )
    })
}
