//! Functions and containers.

use uuid::Uuid;

use super::namespaces::{changed, check_name};
use super::refusal::{Refusal, Resource};
use super::{Authority, Caller, Work};
use crate::iam::action::{Access, Action};
use crate::iam::decision::Authorized;
use crate::model::Product;
use crate::model::application::{
    Application, ApplicationChange, ApplicationFilter, NewApplication, Privacy, Settings,
    domain_name,
};
use crate::model::namespace::Namespace;
use crate::model::page::{Order, Page, PageRequest};
use crate::model::region::Region;
use crate::model::variables::Variables;
use crate::store::change::Change;

impl Authority {
    /// Makes a function or a container.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn create_application(
        &self,
        caller: &Caller,
        product: Product,
        region: &Region,
        new: NewApplication,
    ) -> Result<Application, Refusal> {
        let NewApplication { name, namespace_id, change } = new;
        check_name(&name)?;
        let (there, wanted) = (region.clone(), name.clone());
        let namespace = self
            .look(caller, move |work| {
                let namespace = work.namespace(product, &there, namespace_id)?;
                work.permit_new_application(&namespace, &wanted)?;
                Ok(namespace)
            })
            .await?;
        let variables = self.hashing.hash(change.variables).await?;
        let at = (self.clock)();
        let application = Application {
            id: Uuid::new_v4(),
            namespace_id,
            product,
            region: region.clone(),
            domain_name: domain_name(&namespace.name, namespace_id, &name, &self.domain_suffix),
            name,
            description: change.description.unwrap_or_default(),
            // As on the platform: what isn't asked to be private is public.
            privacy: change.privacy.unwrap_or(Privacy::Public),
            variables: changed(&Variables::default(), &variables)?,
            tags: change.tags.unwrap_or_default(),
            settings: Settings::of(product).changed(&change.settings),
            created_at: at,
            updated_at: at,
        };
        self.change(caller, move |work| {
            let namespace = work.namespace(product, &application.region, namespace_id)?;
            let by = work.permit_new_application(&namespace, &application.name)?;
            work.apply(&by, &Change::CreateApplication(&application))?;
            Ok(application.clone())
        })
        .await
    }

    /// Reads a function or a container.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn application(
        &self,
        caller: &Caller,
        product: Product,
        region: &Region,
        id: Uuid,
    ) -> Result<Application, Refusal> {
        let region = region.clone();
        self.look(caller, move |work| {
            let access = Access::Read;
            Ok(work.permitted_application(product, &region, id, access)?.0)
        })
        .await
    }

    /// Lists functions or containers of a namespace.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn applications(
        &self,
        caller: &Caller,
        filter: ApplicationFilter,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<Application>, Refusal> {
        self.look(caller, move |work| {
            let action = Action::Application(filter.product, Access::List);
            let by = work.permit_list(action)?;
            Ok(work.transaction.applications(&by, &filter, order, page)?)
        })
        .await
    }

    /// Changes a function or a container.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn update_application(
        &self,
        caller: &Caller,
        product: Product,
        region: &Region,
        id: Uuid,
        change: ApplicationChange,
    ) -> Result<Application, Refusal> {
        if change.variables.has_secrets() {
            let region = region.clone();
            self.look(caller, move |work| {
                work.permitted_application(product, &region, id, Access::Edit)
            })
            .await?;
        }
        let ApplicationChange { description, privacy, variables, tags, settings } = change;
        let variables = self.hashing.hash(variables).await?;
        let region = region.clone();
        self.change(caller, move |work| {
            let (mut application, by) =
                work.permitted_application(product, &region, id, Access::Edit)?;
            application.variables = changed(&application.variables, &variables)?;
            application.description = description.clone().unwrap_or(application.description);
            application.privacy = privacy.unwrap_or(application.privacy);
            application.tags = tags.clone().unwrap_or(application.tags);
            application.settings = application.settings.changed(&settings);
            application.updated_at = work.origin.at;
            work.apply(&by, &Change::UpdateApplication(&application))?;
            Ok(application)
        })
        .await
    }

    /// Deletes a function or a container, and revokes its tokens.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    pub async fn delete_application(
        &self,
        caller: &Caller,
        product: Product,
        region: &Region,
        id: Uuid,
    ) -> Result<Application, Refusal> {
        let region = region.clone();
        self.change(caller, move |work| {
            let (application, by) =
                work.permitted_application(product, &region, id, Access::Delete)?;
            work.apply(&by, &Change::DeleteApplication(&application))?;
            Ok(application)
        })
        .await
    }
}

impl Work<'_> {
    /// An application that the caller may do something to.
    fn permitted_application(
        &mut self,
        product: Product,
        region: &Region,
        id: Uuid,
        access: Access,
    ) -> Result<(Application, Authorized), Refusal> {
        let missing = || Resource::Application(product).not_found(id);
        let application = self.transaction.application(id)?;
        let application = application.filter(|it| it.product == product && it.region == *region);
        let application = application.ok_or_else(missing)?;
        let namespace = self.namespace(product, region, application.namespace_id)?;
        let by = self.permit(Action::Application(product, access), &namespace, missing())?;
        Ok((application, by))
    }

    /// Decides whether a new application may be made, and whether its name is free.
    fn permit_new_application(
        &mut self,
        namespace: &Namespace,
        name: &str,
    ) -> Result<Authorized, Refusal> {
        let product = namespace.product;
        let action = Action::Application(product, Access::Create);
        let by = self.permit(action, namespace, Resource::Namespace.not_found(namespace.id))?;
        let same_name = ApplicationFilter {
            product,
            region: namespace.region.clone(),
            namespace_id: Some(namespace.id),
            name: Some(name.to_owned()),
            project_id: None,
            organization_id: None,
        };
        let page = PageRequest { page: 1, size: 1 };
        let taken = self.transaction.applications(&by, &same_name, Order::default(), page)?;
        match taken.items.first() {
            None => Ok(by),
            Some(taken) => Err(Resource::Application(product).already_exists(taken.id)),
        }
    }
}
