//! Reads and changes in SQL.

use rusqlite::{Connection, OptionalExtension as _, Params, Row, named_params, params};
use uuid::Uuid;

use super::rows::{self, Bad, micros};
use crate::iam::action::Action;
use crate::iam::decision::{Authorized, Extent, Scope};
use crate::model::application::{Application, ApplicationFilter};
use crate::model::namespace::{Namespace, NamespaceFilter};
use crate::model::namespace_key::NamespaceKey;
use crate::model::page::{Order, OrderBy, Page, PageRequest};
use crate::model::project::{Project, ProjectFilter};
use crate::model::token::{Token, TokenFilter};
use crate::model::trust::{Mark, Marked};
use crate::store::change::{Change, Founding, Origin, Owner, audit_entry};
use crate::store::{StoreError, Transaction};

/// A connection inside a transaction.
pub struct SqliteTransaction<'c>(pub &'c Connection);

impl Transaction for SqliteTransaction<'_> {
    fn founding(&mut self) -> Result<Option<Founding>, StoreError> {
        self.one("SELECT * FROM organizations", [], rows::founding)
    }

    fn establish(&mut self, founding: &Founding) -> Result<(), StoreError> {
        if self.founding()?.is_some() {
            return Err(StoreError::AlreadyExists);
        }
        let Founding { organization_id, owner_id, created_at, api_url, sealed_check } = founding;
        let at = micros(*created_at);
        self.execute(
            "INSERT INTO organizations (id, owner_id, created_at, api_url, sealed_check)
             VALUES (?, ?, ?, ?, ?)",
            params![organization_id, owner_id, at, api_url, sealed_check],
        )?;
        self.execute(
            "INSERT INTO projects (id, organization_id, name, description, created_at, updated_at)
             VALUES (?1, ?1, 'default', '', ?2, ?2)",
            params![organization_id, at],
        )?;
        self.execute(
            "INSERT INTO users (id, organization_id, type, email, username, first_name, last_name,
                 phone_number, locale, tags, locked, created_at, updated_at)
             VALUES (?1, ?2, 'owner', '', 'owner', '', '', '', 'en_US', '[]', 0, ?3, ?3)",
            params![owner_id, organization_id, at],
        )
    }

    fn note_api_url(&mut self, url: &str) -> Result<(), StoreError> {
        self.execute("UPDATE organizations SET api_url = ?", [url])
    }

    fn organization_of_project(&mut self, project_id: Uuid) -> Result<Option<Uuid>, StoreError> {
        self.one("SELECT organization_id FROM projects WHERE id = ?", [project_id], |row| {
            Ok(row.get(0)?)
        })
    }

    fn project(&mut self, id: Uuid) -> Result<Option<Project>, StoreError> {
        self.one("SELECT * FROM projects WHERE id = ?", [id], rows::project)
    }

    fn projects(
        &mut self,
        by: &Authorized,
        filter: &ProjectFilter,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<Project>, StoreError> {
        let conditions = "FROM projects WHERE organization_id = :organization
            AND (:visible IS NULL OR lower(hex(id)) IN (SELECT value FROM json_each(:visible)))
            AND (:asked IS NULL OR organization_id = :asked)
            AND (:name IS NULL OR name = :name)
            AND (:ids IS NULL OR lower(hex(id)) IN (SELECT value FROM json_each(:ids)))";
        let parameters = named_params! {
            ":organization": by.scope().organization_id, ":asked": filter.organization_id,
            ":name": filter.name, ":ids": rows::some_ids(&filter.ids), ":visible": visible(by),
        };
        self.page(conditions, parameters, order, page, rows::project)
    }

    fn project_is_used(&mut self, id: Uuid) -> Result<bool, StoreError> {
        let sql = "SELECT count(*) FROM namespaces WHERE project_id = ? LIMIT 1";
        Ok(self.count(sql, [id])? > 0)
    }

    fn namespace(&mut self, id: Uuid) -> Result<Option<Namespace>, StoreError> {
        self.one("SELECT * FROM namespaces WHERE id = ?", [id], rows::namespace)
    }

    fn namespaces(
        &mut self,
        by: &Authorized,
        filter: &NamespaceFilter,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<Namespace>, StoreError> {
        let conditions = "FROM namespaces WHERE organization_id = :organization
            AND (:visible IS NULL
                OR lower(hex(project_id)) IN (SELECT value FROM json_each(:visible)))
            AND product = :product AND region = :region
            AND (:name IS NULL OR name = :name)
            AND (:project IS NULL OR project_id = :project)
            AND (:asked IS NULL OR organization_id = :asked)";
        let parameters = named_params! {
            ":organization": by.scope().organization_id, ":product": filter.product.name(),
            ":region": filter.region.as_str(), ":name": filter.name,
            ":project": filter.project_id, ":asked": filter.organization_id,
            ":visible": visible(by),
        };
        self.page(conditions, parameters, order, page, rows::namespace)
    }

    fn namespace_keys(&mut self, namespace_id: Uuid) -> Result<Vec<NamespaceKey>, StoreError> {
        self.all(
            "SELECT * FROM namespace_keys WHERE namespace_id = ? ORDER BY created_at DESC, id",
            [namespace_id],
            rows::namespace_key,
        )
    }

    fn newest_key(&mut self) -> Result<Option<NamespaceKey>, StoreError> {
        self.one(
            "SELECT * FROM namespace_keys WHERE state <> 'revoked' ORDER BY created_at DESC LIMIT 1",
            [],
            rows::namespace_key,
        )
    }

    fn touch(&mut self) -> Result<(), StoreError> {
        // SQLite doesn't write a row that stays as it is.
        self.execute(
            "INSERT INTO readiness (id, number) VALUES (1, 1)
             ON CONFLICT (id) DO UPDATE SET number = number + 1",
            [],
        )
    }

    fn application(&mut self, id: Uuid) -> Result<Option<Application>, StoreError> {
        self.one("SELECT * FROM applications WHERE id = ?", [id], rows::application)
    }

    fn applications(
        &mut self,
        by: &Authorized,
        filter: &ApplicationFilter,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<Application>, StoreError> {
        // A condition for each case, so that each has its index.
        let which = match filter.namespace_id {
            Some(_) => "namespace_id = :namespace AND",
            None => ":namespace IS NULL AND",
        };
        let conditions = format!(
            "FROM applications WHERE {which} product = :product AND region = :region
            AND (:name IS NULL OR name = :name)
            AND EXISTS (SELECT 1 FROM namespaces WHERE namespaces.id = applications.namespace_id
                AND organization_id = :organization
                AND (:visible IS NULL
                    OR lower(hex(project_id)) IN (SELECT value FROM json_each(:visible)))
                AND (:project IS NULL OR project_id = :project)
                AND (:asked IS NULL OR organization_id = :asked))"
        );
        let parameters = named_params! {
            ":namespace": filter.namespace_id, ":product": filter.product.name(),
            ":region": filter.region.as_str(), ":name": filter.name,
            ":organization": by.scope().organization_id,
            ":project": filter.project_id, ":asked": filter.organization_id,
            ":visible": visible(by),
        };
        self.page(&conditions, parameters, order, page, rows::application)
    }

    fn token(&mut self, id: Uuid) -> Result<Option<Token>, StoreError> {
        self.one("SELECT * FROM tokens WHERE id = ?", [id], rows::token)
    }

    fn tokens(
        &mut self,
        by: &[Authorized],
        filter: &TokenFilter,
        page: PageRequest,
    ) -> Result<Page<Token>, StoreError> {
        self.token_page(by, filter, page)
    }

    fn apply(
        &mut self,
        by: &Authorized,
        change: &Change<'_>,
        origin: &Origin,
    ) -> Result<(), StoreError> {
        let scope = match change.owner() {
            Owner::Scope(scope) => scope,
            Owner::Namespace(id) => {
                let sql = "SELECT organization_id, project_id FROM namespaces WHERE id = ?";
                let scope = self.one(sql, [id], |row| {
                    Ok(Scope { organization_id: row.get(0)?, project_id: Some(row.get(1)?) })
                })?;
                scope.ok_or(StoreError::Missing)?
            }
            Owner::Project(id) => {
                let organization_id = self.organization_of_project(id)?;
                let organization_id = organization_id.ok_or(StoreError::Missing)?;
                Scope { organization_id, project_id: Some(id) }
            }
        };
        let audit_number = self.insert_audit_entry(&audit_entry(by, change, scope, origin)?)?;
        match *change {
            Change::CreateNamespace(namespace, key) => {
                self.insert_namespace(namespace)?;
                self.insert_key(key)?;
                self.insert_scope(namespace.id)?;
            }
            Change::UpdateNamespace(namespace) => self.update_namespace(namespace)?,
            Change::DeleteNamespace(namespace) => self.delete_namespace(namespace.id)?,
            Change::CreateApplication(application) => {
                self.insert_application(application)?;
                self.count_change([application.namespace_id])?;
            }
            Change::UpdateApplication(application) => self.update_application(application)?,
            Change::DeleteApplication(application) => {
                self.revoke_tokens("application_id", application.id, i64::MAX, origin.at)?;
                self.execute_one("DELETE FROM applications WHERE id = ?", [application.id])?;
                self.count_change([application.namespace_id])?;
            }
            Change::CreateToken(token, _) => self.insert_token(token, audit_number)?,
            Change::DeleteToken(token, _) => {
                if self.revoke_tokens("id", token.id, i64::MAX, origin.at)? == 0 {
                    return Err(StoreError::Missing);
                }
            }
            Change::CreateProject(project) => self.insert_project(project)?,
            Change::UpdateProject(project) => self.update_project(project)?,
            Change::DeleteProject(project) => self.delete_project(project)?,
            Change::Iam(ref change) => self.apply_iam(change, origin.at)?,
            Change::AddKey(_, key, ends_at) => self.add_next_key(key, ends_at)?,
            Change::ActivateKey(_, key, ends_at) => self.activate_key(key, ends_at, origin.at)?,
            Change::EndKey(_, key) => self.end_key(key)?,
            Change::ReplaceKeys(_, key) => self.replace_keys(key)?,
            Change::RevokeId(id) => self.revoke_id(id, origin.at)?,
            Change::MarkNamespace(namespace, not_before) => {
                let mark = Mark { of: Marked::Namespace(namespace.id), not_before };
                self.mark(mark, Some(namespace.id))?;
            }
            Change::MarkApplication(application, not_before) => {
                let mark = Mark { of: Marked::Application(application.id), not_before };
                self.mark(mark, Some(application.namespace_id))?;
            }
            Change::MarkBearer(bearer, organization_id, not_before) => {
                self.mark_bearer(bearer, organization_id, not_before, origin.at)?;
            }
            Change::AddTrustKey(key, _) => self.insert_trust_key(key)?,
            Change::DropTrustKey(key, _) => {
                self.execute_one("DELETE FROM trust_keys WHERE id = ?", [key.id])?;
            }
        }
        Ok(())
    }
}

/// The organization whose things of one kind a permission lets one list, all of them.
pub(super) fn whole(by: &Authorized, action: Action) -> Result<Uuid, StoreError> {
    match by.action() == action && *by.extent() == Extent::Organization {
        true => Ok(by.scope().organization_id),
        false => Err(StoreError::NotPermitted),
    }
}

/// The projects that a permission to list is restricted to.
pub(super) fn visible(by: &Authorized) -> Option<String> {
    match by.extent() {
        Extent::Organization => None,
        Extent::Projects(ids) => Some(rows::ids_json(ids)),
    }
}

impl SqliteTransaction<'_> {
    pub(super) fn execute(&self, sql: &str, parameters: impl Params) -> Result<(), StoreError> {
        self.changed(sql, parameters).map(drop)
    }

    /// Changes or deletes a row that has to be there.
    pub(super) fn execute_one(&self, sql: &str, parameters: impl Params) -> Result<(), StoreError> {
        match self.changed(sql, parameters)? {
            0 => Err(StoreError::Missing),
            _ => Ok(()),
        }
    }

    /// How many rows a statement made, changed or deleted.
    pub(super) fn changed(&self, sql: &str, parameters: impl Params) -> Result<usize, StoreError> {
        let mut statement = self.0.prepare_cached(sql).map_err(super::store_error)?;
        statement.execute(parameters).map_err(super::store_error)
    }

    pub(super) fn one<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl Fn(&Row<'_>) -> Result<T, Bad>,
    ) -> Result<Option<T>, StoreError> {
        let mut statement = self.0.prepare_cached(sql).map_err(super::store_error)?;
        let row = statement.query_row(parameters, |row| Ok(read(row)));
        row.optional().map_err(super::store_error)?.transpose().map_err(Bad::into)
    }

    pub(super) fn all<T>(
        &self,
        sql: &str,
        parameters: impl Params,
        read: impl Fn(&Row<'_>) -> Result<T, Bad>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.0.prepare_cached(sql).map_err(super::store_error)?;
        let rows = statement.query_map(parameters, |row| Ok(read(row)));
        rows.map_err(super::store_error)?
            .map(|row| row.map_err(super::store_error)?.map_err(Bad::into))
            .collect()
    }

    pub(super) fn count(&self, sql: &str, parameters: impl Params) -> Result<u64, StoreError> {
        let mut statement = self.0.prepare_cached(sql).map_err(super::store_error)?;
        let count: i64 =
            statement.query_row(parameters, |row| row.get(0)).map_err(super::store_error)?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// A page of the rows that `conditions`, from the word FROM on, let through.
    pub(super) fn page<T>(
        &self,
        conditions: &str,
        parameters: &[(&str, &dyn rusqlite::ToSql)],
        order: Order,
        page: PageRequest,
        read: impl Fn(&Row<'_>) -> Result<T, Bad>,
    ) -> Result<Page<T>, StoreError> {
        let total = self.count(&format!("SELECT count(*) {conditions}"), parameters)?;
        let column = match order.by {
            OrderBy::CreatedAt => "created_at",
            OrderBy::UpdatedAt => "updated_at",
            OrderBy::ExpiresAt => "expires_at",
            OrderBy::Name | OrderBy::PolicyName => "name",
            OrderBy::AccessKey => "access_key",
            OrderBy::Email => "email",
            OrderBy::Username => "username",
            OrderBy::LastLogin => "last_login_at",
        };
        let order = match order.is_descending {
            false => format!("{column}, id"),
            true => format!("{column} DESC, id DESC"),
        };
        let (size, offset) = (page.size, i64::try_from(page.offset()).unwrap_or(i64::MAX));
        let mut parameters = parameters.to_vec();
        parameters.extend([
            (":size", &size as &dyn rusqlite::ToSql),
            (":offset", &offset as &dyn rusqlite::ToSql),
        ]);
        let items = self.all(
            &format!("SELECT * {conditions} ORDER BY {order} LIMIT :size OFFSET :offset"),
            parameters.as_slice(),
            read,
        )?;
        Ok(Page { items, total })
    }
}
