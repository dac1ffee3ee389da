//! Rows of the database that are made and changed, one kind of thing at a time.

use rusqlite::params;

use super::rows::{self, micros};
use super::transaction::SqliteTransaction;
use crate::model::application::Application;
use crate::model::audit::AuditEntry;
use crate::model::namespace::Namespace;
use crate::model::project::Project;
use crate::store::StoreError;

impl SqliteTransaction<'_> {
    pub(super) fn insert_project(&self, it: &Project) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO projects (id, organization_id, name, description, created_at, updated_at)
             VALUES (?, ?, ?, ?, ?, ?)",
            params![
                it.id,
                it.organization_id,
                it.name,
                it.description,
                micros(it.created_at),
                micros(it.updated_at),
            ],
        )
    }

    pub(super) fn update_project(&self, it: &Project) -> Result<(), StoreError> {
        self.execute_one(
            "UPDATE projects SET name = ?, description = ?, updated_at = ? WHERE id = ?",
            params![it.name, it.description, micros(it.updated_at), it.id],
        )
    }

    pub(super) fn delete_project(&self, it: &Project) -> Result<(), StoreError> {
        self.execute(
            "UPDATE api_keys SET default_project_id = organization_id WHERE default_project_id = ?",
            [it.id],
        )?;
        self.execute("DELETE FROM ssh_keys WHERE project_id = ?", [it.id])?;
        self.execute(
            "UPDATE rules SET project_ids = (SELECT json_group_array(value)
                 FROM json_each(project_ids) WHERE value <> ?1)
             WHERE project_ids IS NOT NULL AND instr(project_ids, ?1)",
            [it.id.to_string()],
        )?;
        self.execute_one("DELETE FROM projects WHERE id = ?", [it.id])
    }

    pub(super) fn insert_namespace(&self, it: &Namespace) -> Result<(), StoreError> {
        let (plain, secret) = rows::variables_json(&it.variables);
        self.execute(
            "INSERT INTO namespaces (id, product, region, organization_id, project_id, name,
                 description, environment_variables, secret_environment_variables, tags,
                 vpc_integration, created_at, updated_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                it.id,
                it.product.name(),
                it.region.as_str(),
                it.organization_id,
                it.project_id,
                it.name,
                it.description,
                plain,
                secret,
                rows::json(&it.tags),
                it.vpc_integration,
                micros(it.created_at),
                micros(it.updated_at),
            ],
        )
    }

    pub(super) fn update_namespace(&self, it: &Namespace) -> Result<(), StoreError> {
        let (plain, secret) = rows::variables_json(&it.variables);
        self.execute_one(
            "UPDATE namespaces SET description = ?, environment_variables = ?,
                 secret_environment_variables = ?, tags = ?, updated_at = ? WHERE id = ?",
            params![
                it.description,
                plain,
                secret,
                rows::json(&it.tags),
                micros(it.updated_at),
                it.id
            ],
        )
    }

    pub(super) fn insert_application(&self, it: &Application) -> Result<(), StoreError> {
        let (plain, secret) = rows::variables_json(&it.variables);
        self.execute(
            "INSERT INTO applications (id, namespace_id, product, region, name, description,
                 privacy, domain_name, environment_variables, secret_environment_variables, tags,
                 settings, created_at, updated_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                it.id,
                it.namespace_id,
                it.product.name(),
                it.region.as_str(),
                it.name,
                it.description,
                it.privacy.name(),
                it.domain_name,
                plain,
                secret,
                rows::json(&it.tags),
                rows::json(&it.settings),
                micros(it.created_at),
                micros(it.updated_at),
            ],
        )
    }

    pub(super) fn update_application(&self, it: &Application) -> Result<(), StoreError> {
        // Gateways are told its privacy and nothing else that can be changed.
        let sql = "SELECT privacy FROM applications WHERE id = ?";
        let before = self.one(sql, [it.id], rows::privacy)?;
        let (plain, secret) = rows::variables_json(&it.variables);
        self.execute_one(
            "UPDATE applications SET description = ?, privacy = ?, environment_variables = ?,
                 secret_environment_variables = ?, tags = ?, settings = ?, updated_at = ?
             WHERE id = ?",
            params![
                it.description,
                it.privacy.name(),
                plain,
                secret,
                rows::json(&it.tags),
                rows::json(&it.settings),
                micros(it.updated_at),
                it.id,
            ],
        )?;
        match before == Some(it.privacy) {
            true => Ok(()),
            false => self.count_change([it.namespace_id]),
        }
    }

    /// Adds an entry to the audit log, and tells its number.
    pub(super) fn insert_audit_entry(&self, it: &AuditEntry) -> Result<i64, StoreError> {
        self.execute(
            "INSERT INTO audit (id, created_at, organization_id, bearer_id, access_key, ip,
                 user_agent, request_id, action, resource_type, resource_id)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                it.id,
                micros(it.created_at),
                it.organization_id,
                it.bearer_id,
                it.access_key,
                it.address.map(|address| address.to_string()),
                it.user_agent,
                it.request_id,
                it.verb.name(),
                it.resource_type,
                it.resource_id,
            ],
        )?;
        Ok(self.0.last_insert_rowid())
    }
}
