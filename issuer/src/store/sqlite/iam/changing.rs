//! Changes of who may do what, in SQL.

use namespace_jwt_core::time::UnixTime;
use rusqlite::params;
use uuid::Uuid;

use crate::model::api_key::{ApiKey, SecretHash};
use crate::model::group::Group;
use crate::model::iam_application::IamApplication;
use crate::model::policy::{Policy, Rule, RuleScope};
use crate::model::quota::{Limit, Quota};
use crate::model::ssh_key::SshKey;
use crate::model::user::{PasswordHash, User};
use crate::store::StoreError;
use crate::store::change::iam::IamChange;
use crate::store::sqlite::rows::{json, micros};
use crate::store::sqlite::transaction::SqliteTransaction;

impl SqliteTransaction<'_> {
    /// Makes a change.
    pub(in crate::store::sqlite) fn apply_iam(
        &self,
        change: &IamChange<'_>,
        at: UnixTime,
    ) -> Result<(), StoreError> {
        match *change {
            IamChange::CreateUser(user, password) => self.insert_user(user, password),
            IamChange::UpdateUser(user) => self.update_user(user),
            IamChange::SetPassword(user, password) => self.execute_one(
                "UPDATE users SET password = ?, updated_at = ? WHERE id = ?",
                params![password.0, micros(at), user.id],
            ),
            IamChange::DeleteUser(user) => self.delete_bearer("user_id", "users", user.id),
            IamChange::CreateApplication(it) => self.insert_iam_application(it),
            IamChange::UpdateApplication(it) => self.execute_one(
                "UPDATE iam_applications SET name = ?, description = ?, tags = ?, updated_at = ?
                 WHERE id = ?",
                params![it.name, it.description, json(&it.tags), micros(it.updated_at), it.id],
            ),
            IamChange::DeleteApplication(it) => {
                self.delete_bearer("application_id", "iam_applications", it.id)
            }
            IamChange::CreateGroup(group) => self.insert_group(group),
            IamChange::UpdateGroup(it) => self.execute_one(
                "UPDATE groups SET name = ?, description = ?, tags = ?, updated_at = ?
                 WHERE id = ?",
                params![it.name, it.description, json(&it.tags), micros(it.updated_at), it.id],
            ),
            IamChange::SetMembers(group) => self.set_members(group),
            IamChange::DeleteGroup(group) => {
                self.execute("DELETE FROM group_members WHERE group_id = ?", [group.id])?;
                let sql = "UPDATE policies SET group_id = NULL WHERE group_id = ?";
                self.execute(sql, [group.id])?;
                self.execute_one("DELETE FROM groups WHERE id = ?", [group.id])
            }
            IamChange::CreatePolicy(policy, rules) => {
                self.insert_policy(policy)?;
                self.insert_rules(policy.id, rules)
            }
            IamChange::UpdatePolicy(policy) => self.update_policy(policy),
            IamChange::SetRules(policy, rules) => {
                self.require("policies", policy.id)?;
                self.execute("DELETE FROM rules WHERE policy_id = ?", [policy.id])?;
                self.insert_rules(policy.id, rules)
            }
            IamChange::DeletePolicy(policy) => {
                self.execute("DELETE FROM rules WHERE policy_id = ?", [policy.id])?;
                self.execute_one("DELETE FROM policies WHERE id = ?", [policy.id])
            }
            IamChange::CreateApiKey(key, secret) => self.insert_api_key(key, secret),
            IamChange::UpdateApiKey(it) => self.execute_one(
                "UPDATE api_keys SET default_project_id = ?, description = ?, expires_at = ?,
                     updated_at = ? WHERE access_key = ?",
                params![
                    it.default_project_id,
                    it.description,
                    it.expires_at.map(micros),
                    micros(it.updated_at),
                    it.access_key,
                ],
            ),
            IamChange::DeleteApiKey(it) => {
                self.execute_one("DELETE FROM api_keys WHERE access_key = ?", [&it.access_key])
            }
            IamChange::CreateSshKey(key) => self.insert_ssh_key(key),
            IamChange::UpdateSshKey(it) => self.execute_one(
                "UPDATE ssh_keys SET name = ?, disabled = ?, updated_at = ? WHERE id = ?",
                params![it.name, it.is_disabled, micros(it.updated_at), it.id],
            ),
            IamChange::DeleteSshKey(it) => {
                self.execute_one("DELETE FROM ssh_keys WHERE id = ?", [it.id])
            }
            IamChange::SetQuota(organization_id, quota, limit) => {
                self.set_quota(organization_id, quota, limit)
            }
        }
    }

    fn insert_user(&self, it: &User, password: Option<&PasswordHash>) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO users (id, organization_id, type, email, username, first_name, last_name,
                 phone_number, locale, tags, locked, password, created_at, updated_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                it.id,
                it.organization_id,
                it.kind.name(),
                it.email,
                it.username,
                it.profile.first_name,
                it.profile.last_name,
                it.profile.phone_number,
                it.profile.locale,
                json(&it.tags),
                it.is_locked,
                password.map(|password| password.0.as_str()),
                micros(it.created_at),
                micros(it.updated_at),
            ],
        )
    }

    fn update_user(&self, it: &User) -> Result<(), StoreError> {
        self.execute_one(
            "UPDATE users SET email = ?, username = ?, first_name = ?, last_name = ?,
                 phone_number = ?, locale = ?, tags = ?, locked = ?, updated_at = ? WHERE id = ?",
            params![
                it.email,
                it.username,
                it.profile.first_name,
                it.profile.last_name,
                it.profile.phone_number,
                it.profile.locale,
                json(&it.tags),
                it.is_locked,
                micros(it.updated_at),
                it.id,
            ],
        )
    }

    /// Deletes a user or an application of IAM. Its keys go with it, groups lose it, and its
    /// policies are for nobody.
    fn delete_bearer(&self, column: &str, table: &str, id: Uuid) -> Result<(), StoreError> {
        // Gateways are told of a mark, and to be told of it no more is a change to them.
        let sql =
            format!("SELECT organization_id FROM {table} WHERE id = ? AND not_before IS NOT NULL");
        if let Some(of) = self.one(&sql, [id], |row| Ok(row.get(0)?))? {
            self.count_change_all_over(of)?;
        }
        self.execute(&format!("DELETE FROM api_keys WHERE {column} = ?"), [id])?;
        self.execute(&format!("DELETE FROM group_members WHERE {column} = ?"), [id])?;
        self.execute(&format!("UPDATE policies SET {column} = NULL WHERE {column} = ?"), [id])?;
        self.execute_one(&format!("DELETE FROM {table} WHERE id = ?"), [id])
    }

    fn insert_iam_application(&self, it: &IamApplication) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO iam_applications (id, organization_id, name, description, tags,
                 created_at, updated_at)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
            params![
                it.id,
                it.organization_id,
                it.name,
                it.description,
                json(&it.tags),
                micros(it.created_at),
                micros(it.updated_at),
            ],
        )
    }

    fn insert_group(&self, it: &Group) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO groups (id, organization_id, name, description, tags, created_at,
                 updated_at)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
            params![
                it.id,
                it.organization_id,
                it.name,
                it.description,
                json(&it.tags),
                micros(it.created_at),
                micros(it.updated_at),
            ],
        )
    }

    fn set_members(&self, group: &Group) -> Result<(), StoreError> {
        self.require("groups", group.id)?;
        self.execute("DELETE FROM group_members WHERE group_id = ?", [group.id])?;
        for (position, member) in (0_i64..).zip(group.members()) {
            self.execute(
                "INSERT INTO group_members (group_id, position, user_id, application_id)
                 VALUES (?, ?, ?, ?)",
                params![group.id, position, member.user_id(), member.application_id()],
            )?;
        }
        Ok(())
    }

    fn insert_policy(&self, it: &Policy) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO policies (id, organization_id, name, description, tags, user_id, group_id,
                 application_id, created_at, updated_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                it.id,
                it.organization_id,
                it.name,
                it.description,
                json(&it.tags),
                it.principal.and_then(|it| it.user_id()),
                it.principal.and_then(|it| it.group_id()),
                it.principal.and_then(|it| it.application_id()),
                micros(it.created_at),
                micros(it.updated_at),
            ],
        )
    }

    fn update_policy(&self, it: &Policy) -> Result<(), StoreError> {
        self.execute_one(
            "UPDATE policies SET name = ?, description = ?, tags = ?, user_id = ?, group_id = ?,
                 application_id = ?, updated_at = ? WHERE id = ?",
            params![
                it.name,
                it.description,
                json(&it.tags),
                it.principal.and_then(|it| it.user_id()),
                it.principal.and_then(|it| it.group_id()),
                it.principal.and_then(|it| it.application_id()),
                micros(it.updated_at),
                it.id,
            ],
        )
    }

    fn insert_rules(&self, policy_id: Uuid, rules: &[Rule]) -> Result<(), StoreError> {
        for (position, it) in (0_i64..).zip(rules) {
            let names: Vec<_> = it.sets.iter().map(|set| set.name()).collect();
            let (organization_id, project_ids) = match &it.scope {
                RuleScope::Organization(id) => (Some(id), None),
                RuleScope::Projects(ids) => (None, Some(json(ids))),
            };
            self.execute(
                "INSERT INTO rules (id, policy_id, position, permission_sets, organization_id,
                     project_ids, condition)
                 VALUES (?, ?, ?, ?, ?, ?, ?)",
                params![
                    it.id,
                    policy_id,
                    position,
                    json(&names),
                    organization_id,
                    project_ids,
                    it.condition,
                ],
            )?;
        }
        Ok(())
    }

    fn insert_api_key(&self, it: &ApiKey, secret: &SecretHash) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO api_keys (access_key, secret_hash, user_id, application_id,
                 organization_id, default_project_id, description, creation_ip, created_at,
                 updated_at, expires_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                it.access_key,
                secret.0,
                it.bearer.user_id(),
                it.bearer.application_id(),
                it.organization_id,
                it.default_project_id,
                it.description,
                it.creation_ip,
                micros(it.created_at),
                micros(it.updated_at),
                it.expires_at.map(micros),
            ],
        )
    }

    fn insert_ssh_key(&self, it: &SshKey) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO ssh_keys (id, organization_id, project_id, name, public_key, fingerprint,
                 disabled, created_at, updated_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                it.id,
                it.organization_id,
                it.project_id,
                it.name,
                it.public_key,
                it.fingerprint,
                it.is_disabled,
                micros(it.created_at),
                micros(it.updated_at),
            ],
        )
    }

    fn set_quota(
        &self,
        organization_id: Uuid,
        quota: Quota,
        limit: Limit,
    ) -> Result<(), StoreError> {
        let most = match limit {
            Limit::AtMost(most) => Some(i64::try_from(most).unwrap_or(i64::MAX)),
            Limit::Unlimited => None,
        };
        self.execute(
            "INSERT INTO quotas (organization_id, name, most) VALUES (?, ?, ?)
             ON CONFLICT DO UPDATE SET most = excluded.most",
            params![organization_id, quota.name(), most],
        )
    }
}
