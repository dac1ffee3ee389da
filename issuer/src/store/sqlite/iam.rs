//! Who may do what, in SQL.

mod changing;
mod rows;

use std::collections::BTreeSet;

use namespace_jwt_core::time::UnixTime;
use rusqlite::{named_params, params};
use uuid::Uuid;

use super::rows::{api_key, micros, some_ids};
use super::transaction::{SqliteTransaction, visible, whole};
use crate::iam::action::{Access, Action};
use crate::iam::decision::{Authorized, Extent};
use crate::model::api_key::{ApiKey, ApiKeyFilter, SecretHash};
use crate::model::bearer::{Bearer, BearerKind};
use crate::model::group::{Group, GroupFilter};
use crate::model::iam_application::{IamApplication, IamApplicationFilter};
use crate::model::page::{Order, OrderBy, Page, PageRequest};
use crate::model::policy::{Policy, PolicyFilter, PolicyRule, Rule};
use crate::model::quota::{Limit, Quota};
use crate::model::ssh_key::{SshKey, SshKeyFilter};
use crate::model::token::{TokenRecord, TokenRecordFilter};
use crate::model::user::{User, UserFilter, UserKind};
use crate::store::StoreError;
use crate::store::iam::{Iam, KeyHolder};

/// Applications of IAM, with how many keys each has.
const APPLICATIONS: &str = "(SELECT *, (SELECT count(*) FROM api_keys
    WHERE api_keys.application_id = iam_applications.id) AS api_keys FROM iam_applications)";

/// Policies, with how much is in their rules.
const POLICIES: &str = "(SELECT *,
    (SELECT count(*) FROM rules WHERE policy_id = policies.id) AS rules,
    (SELECT count(DISTINCT scope) FROM (
        SELECT hex(organization_id) AS scope FROM rules
            WHERE policy_id = policies.id AND organization_id IS NOT NULL
        UNION ALL SELECT value FROM rules, json_each(rules.project_ids)
            WHERE policy_id = policies.id)) AS scopes,
    (SELECT coalesce(sum(json_array_length(permission_sets)), 0)
        FROM rules WHERE policy_id = policies.id) AS permission_sets
    FROM policies)";

/// What has labels is counted in hundreds, so that what a list is filtered by needs no index.
const HAS_TAG: &str = "(:tag IS NULL OR :tag IN (SELECT value FROM json_each(tags)))";
const HAS_ID: &str = "(:ids IS NULL OR lower(hex(id)) IN (SELECT value FROM json_each(:ids)))";
pub(super) const OF_ORGANIZATION: &str =
    "organization_id = :organization AND (:asked IS NULL OR organization_id = :asked)";

impl Iam for SqliteTransaction<'_> {
    fn key_holder(&mut self, secret: &SecretHash) -> Result<Option<KeyHolder>, StoreError> {
        self.one(
            "SELECT api_keys.*, users.type, users.locked FROM api_keys
             LEFT JOIN users ON users.id = api_keys.user_id WHERE secret_hash = ?",
            [&secret.0],
            |row| {
                let kind: Option<String> = row.get("type")?;
                Ok(KeyHolder {
                    key: api_key(row)?,
                    is_owner: kind.as_deref() == Some(UserKind::Owner.name()),
                    is_locked: row.get::<_, Option<bool>>("locked")?.unwrap_or(false),
                })
            },
        )
    }

    fn rules_of_bearer(&mut self, bearer: Bearer) -> Result<Vec<PolicyRule>, StoreError> {
        // A statement for each kind, so that each has its indices.
        let column = match bearer {
            Bearer::User(_) => "user_id",
            Bearer::Application(_) => "application_id",
        };
        self.all(
            &format!(
                "SELECT rules.* FROM policies JOIN rules ON rules.policy_id = policies.id
                     WHERE policies.{column} = ?1
                 UNION ALL
                 SELECT rules.* FROM group_members
                     JOIN policies ON policies.group_id = group_members.group_id
                     JOIN rules ON rules.policy_id = policies.id
                     WHERE group_members.{column} = ?1
                 ORDER BY policy_id, position"
            ),
            [bearer.id()],
            rows::policy_rule,
        )
    }

    fn rules_of_group(&mut self, group_id: Uuid) -> Result<Vec<PolicyRule>, StoreError> {
        self.all(
            "SELECT rules.* FROM policies JOIN rules ON rules.policy_id = policies.id
             WHERE policies.group_id = ? ORDER BY policy_id, position",
            [group_id],
            rows::policy_rule,
        )
    }

    fn rules_of_policy(&mut self, policy_id: Uuid) -> Result<Vec<Rule>, StoreError> {
        let sql = "SELECT * FROM rules WHERE policy_id = ? ORDER BY position";
        self.all(sql, [policy_id], rows::rule)
    }

    fn rules(&mut self, policy_id: Uuid, page: PageRequest) -> Result<Page<Rule>, StoreError> {
        let total = self.count("SELECT count(*) FROM rules WHERE policy_id = ?", [policy_id])?;
        let offset = i64::try_from(page.offset()).unwrap_or(i64::MAX);
        let items = self.all(
            "SELECT * FROM rules WHERE policy_id = ? ORDER BY position LIMIT ? OFFSET ?",
            params![policy_id, page.size, offset],
            rows::rule,
        )?;
        Ok(Page { items, total })
    }

    fn bearer(&mut self, id: Uuid) -> Result<Option<(Bearer, Uuid)>, StoreError> {
        self.one(
            "SELECT id AS user_id, NULL AS application_id, organization_id FROM users WHERE id = ?1
             UNION ALL SELECT NULL, id, organization_id FROM iam_applications WHERE id = ?1",
            [id],
            |row| {
                let bearer = super::rows::bearer(row)?.unwrap_or(Bearer::User(id));
                Ok((bearer, row.get("organization_id")?))
            },
        )
    }

    fn user(&mut self, id: Uuid) -> Result<Option<User>, StoreError> {
        self.one("SELECT * FROM users WHERE id = ?", [id], rows::user)
    }

    fn users(
        &mut self,
        by: &Authorized,
        filter: &UserFilter,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<User>, StoreError> {
        let conditions = format!(
            "FROM users WHERE {OF_ORGANIZATION} AND {HAS_TAG} AND {HAS_ID}
             AND (:kind IS NULL OR type = :kind)
             -- Nobody has a second factor.
             AND :mfa IS NOT 1"
        );
        let parameters = named_params! {
            ":organization": whole(by, Action::User(Access::List))?, ":asked": filter.organization_id,
            ":tag": filter.tag, ":ids": some_ids(&filter.ids),
            ":kind": filter.kind.map(UserKind::name), ":mfa": filter.mfa,
        };
        self.page(&conditions, parameters, order, page, rows::user)
    }

    fn user_like(&mut self, it: &User) -> Result<Option<Uuid>, StoreError> {
        self.one(
            "SELECT id FROM users
             WHERE organization_id = ?1 AND (username = ?2 OR email = ?3) AND id <> ?4 LIMIT 1",
            params![it.organization_id, it.username, it.email, it.id],
            |row| Ok(row.get(0)?),
        )
    }

    fn iam_application(&mut self, id: Uuid) -> Result<Option<IamApplication>, StoreError> {
        let sql = format!("SELECT * FROM {APPLICATIONS} WHERE id = ?");
        self.one(&sql, [id], rows::iam_application)
    }

    fn iam_applications(
        &mut self,
        by: &Authorized,
        filter: &IamApplicationFilter,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<IamApplication>, StoreError> {
        let conditions = format!(
            "FROM {APPLICATIONS} WHERE {OF_ORGANIZATION} AND {HAS_TAG} AND {HAS_ID}
             AND (:name IS NULL OR name = :name) AND :editable IS NOT 0"
        );
        let parameters = named_params! {
            ":organization": whole(by, Action::IamApplication(Access::List))?, ":asked": filter.organization_id,
            ":tag": filter.tag, ":ids": some_ids(&filter.ids), ":name": filter.name,
            ":editable": filter.is_editable,
        };
        self.page(&conditions, parameters, order, page, rows::iam_application)
    }

    fn group(&mut self, id: Uuid) -> Result<Option<Group>, StoreError> {
        let group = self.one("SELECT * FROM groups WHERE id = ?", [id], rows::group)?;
        group.map(|group| self.with_members(group)).transpose()
    }

    fn groups(
        &mut self,
        by: &Authorized,
        filter: &GroupFilter,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<Group>, StoreError> {
        let conditions = format!(
            "FROM groups WHERE {OF_ORGANIZATION} AND {HAS_TAG} AND {HAS_ID}
             AND (:name IS NULL OR name = :name)
             AND (:users IS NULL OR EXISTS (SELECT 1 FROM group_members
                 WHERE group_id = groups.id
                 AND lower(hex(user_id)) IN (SELECT value FROM json_each(:users))))
             AND (:applications IS NULL OR EXISTS (SELECT 1 FROM group_members
                 WHERE group_id = groups.id
                 AND lower(hex(application_id)) IN (SELECT value FROM json_each(:applications))))"
        );
        let parameters = named_params! {
            ":organization": whole(by, Action::Group(Access::List))?, ":asked": filter.organization_id,
            ":tag": filter.tag, ":ids": some_ids(&filter.ids), ":name": filter.name,
            ":users": some_ids(&filter.user_ids),
            ":applications": some_ids(&filter.application_ids),
        };
        let page = self.page(&conditions, parameters, order, page, rows::group)?;
        let items = page.items.into_iter().map(|group| self.with_members(group));
        Ok(Page { items: items.collect::<Result<_, _>>()?, total: page.total })
    }

    fn group_like(&mut self, it: &Group) -> Result<Option<Uuid>, StoreError> {
        let sql = "SELECT id FROM groups WHERE organization_id = ? AND name = ? AND id <> ?";
        self.one(sql, params![it.organization_id, it.name, it.id], |row| Ok(row.get(0)?))
    }

    fn policy(&mut self, id: Uuid) -> Result<Option<Policy>, StoreError> {
        self.one(&format!("SELECT * FROM {POLICIES} WHERE id = ?"), [id], rows::policy)
    }

    fn policies(
        &mut self,
        by: &Authorized,
        filter: &PolicyFilter,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<Policy>, StoreError> {
        let conditions = format!(
            "FROM {POLICIES} WHERE {OF_ORGANIZATION} AND {HAS_TAG} AND {HAS_ID}
             AND (:name IS NULL OR name = :name) AND :editable IS NOT 0
             AND (:users IS NULL
                 OR lower(hex(user_id)) IN (SELECT value FROM json_each(:users)))
             AND (:groups IS NULL
                 OR lower(hex(group_id)) IN (SELECT value FROM json_each(:groups)))
             AND (:applications IS NULL
                 OR lower(hex(application_id)) IN (SELECT value FROM json_each(:applications)))
             AND (:nobody IS NULL OR :nobody =
                 (coalesce(user_id, group_id, application_id) IS NULL))"
        );
        let parameters = named_params! {
            ":organization": whole(by, Action::Policy(Access::List))?, ":asked": filter.organization_id,
            ":tag": filter.tag, ":ids": some_ids(&filter.ids), ":name": filter.name,
            ":editable": filter.is_editable, ":users": some_ids(&filter.user_ids),
            ":groups": some_ids(&filter.group_ids),
            ":applications": some_ids(&filter.application_ids),
            ":nobody": filter.has_no_principal,
        };
        self.page(&conditions, parameters, order, page, rows::policy)
    }

    fn api_key(&mut self, access_key: &str) -> Result<Option<ApiKey>, StoreError> {
        self.one("SELECT * FROM api_keys WHERE access_key = ?", [access_key], api_key)
    }

    fn api_keys(
        &mut self,
        by: &[Authorized],
        filter: &ApiKeyFilter,
        now: UnixTime,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<ApiKey>, StoreError> {
        let first = by.first().ok_or(StoreError::NotPermitted)?;
        let (mut sees_users, mut sees_applications) = (false, false);
        for it in by {
            match (it.action(), it.extent()) {
                (Action::ApiKey(BearerKind::User, _), Extent::Organization) => sees_users = true,
                (Action::ApiKey(BearerKind::Application, _), Extent::Organization) => {
                    sees_applications = true;
                }
                _ => return Err(StoreError::NotPermitted),
            }
        }
        // Keys have no other id than their public half.
        let conditions = format!(
            "FROM (SELECT *, access_key AS id FROM api_keys) WHERE {OF_ORGANIZATION}
             AND (user_id IS NOT NULL AND :sees_users
                 OR application_id IS NOT NULL AND :sees_applications)
             AND (:kind IS NULL OR :kind = (application_id IS NOT NULL))
             AND (:user IS NULL OR user_id = :user)
             AND (:application IS NULL OR application_id = :application)
             AND (:bearer IS NULL OR coalesce(user_id, application_id) = :bearer)
             AND (:keys IS NULL OR access_key IN (SELECT value FROM json_each(:keys)))
             AND (:description IS NULL OR description = :description)
             AND (:expired IS NULL
                 OR :expired = (expires_at IS NOT NULL AND expires_at <= :now))
             AND :editable IS NOT 0"
        );
        let keys = (!filter.access_keys.is_empty()).then(|| super::rows::json(&filter.access_keys));
        let parameters = named_params! {
            ":organization": first.scope().organization_id, ":asked": filter.organization_id,
            ":sees_users": sees_users, ":sees_applications": sees_applications,
            ":kind": filter.bearer_kind.map(|kind| kind == BearerKind::Application),
            ":user": filter.user_id, ":application": filter.application_id,
            ":bearer": filter.bearer_id, ":keys": keys, ":description": filter.description,
            ":expired": filter.is_expired, ":now": micros(now), ":editable": filter.is_editable,
        };
        self.page(&conditions, parameters, order, page, api_key)
    }

    fn ssh_key(&mut self, id: Uuid) -> Result<Option<SshKey>, StoreError> {
        self.one("SELECT * FROM ssh_keys WHERE id = ?", [id], rows::ssh_key)
    }

    fn ssh_keys(
        &mut self,
        by: &Authorized,
        filter: &SshKeyFilter,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<SshKey>, StoreError> {
        let conditions = format!(
            "FROM ssh_keys WHERE {OF_ORGANIZATION}
             AND (:visible IS NULL
                 OR lower(hex(project_id)) IN (SELECT value FROM json_each(:visible)))
             AND (:project IS NULL OR project_id = :project)
             AND (:name IS NULL OR name = :name)
             AND (:disabled IS NULL OR disabled = :disabled)"
        );
        let parameters = named_params! {
            ":organization": by.scope().organization_id, ":asked": filter.organization_id,
            ":visible": visible(by), ":project": filter.project_id, ":name": filter.name,
            ":disabled": filter.is_disabled,
        };
        self.page(&conditions, parameters, order, page, rows::ssh_key)
    }

    fn token_record(&mut self, id: Uuid) -> Result<Option<TokenRecord>, StoreError> {
        self.find_token_record(id)
    }

    fn token_records(
        &mut self,
        by: &[Authorized],
        filter: &TokenRecordFilter,
        now: UnixTime,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<TokenRecord>, StoreError> {
        // Tokens are never changed.
        let order = Order { by: OrderBy::CreatedAt, ..order };
        self.token_record_page(by, filter, now, order, page)
    }

    fn number_of_rules(&mut self, organization_id: Uuid, beside: Uuid) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM policies JOIN rules ON rules.policy_id = policies.id
             WHERE policies.organization_id = ? AND policies.id <> ?";
        self.count(sql, [organization_id, beside])
    }

    fn is_a_default_project(&mut self, project_id: Uuid) -> Result<bool, StoreError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM api_keys WHERE default_project_id = ?)";
        Ok(self.count(sql, [project_id])? > 0)
    }

    fn lasting_keys(&mut self, user_id: Uuid) -> Result<u64, StoreError> {
        let sql = "SELECT count(*) FROM api_keys WHERE user_id = ? AND expires_at IS NULL";
        self.count(sql, [user_id])
    }

    fn conditions(
        &mut self,
        organization_id: Uuid,
        beside: Uuid,
    ) -> Result<BTreeSet<String>, StoreError> {
        let sql = "SELECT DISTINCT condition FROM rules
             JOIN policies ON policies.id = rules.policy_id
             WHERE condition <> '' AND policies.organization_id = ? AND policies.id <> ?";
        let found = self.all(sql, [organization_id, beside], |row| Ok(row.get("condition")?))?;
        Ok(found.into_iter().collect())
    }

    fn limit(&mut self, organization_id: Uuid, quota: Quota) -> Result<Option<Limit>, StoreError> {
        let sql = "SELECT most FROM quotas WHERE organization_id = ? AND name = ?";
        self.one(sql, params![organization_id, quota.name()], |row| {
            let most = row.get::<_, Option<i64>>("most")?;
            let most = most.map(u64::try_from).transpose();
            let most = most.map_err(|_| super::rows::Bad::Column("most"))?;
            Ok(most.map_or(Limit::Unlimited, Limit::AtMost))
        })
    }

    fn usage(&mut self, quota: Quota, of: Uuid) -> Result<u64, StoreError> {
        let sql = match quota {
            Quota::TokensPerApplication => return self.count_tokens_of(of),
            Quota::Namespaces => "SELECT count(*) FROM namespaces WHERE organization_id = ?",
            Quota::Functions => {
                "SELECT count(*) FROM applications JOIN namespaces ON namespaces.id = namespace_id
                 WHERE applications.product = 'functions' AND organization_id = ?"
            }
            Quota::Containers => {
                "SELECT count(*) FROM applications JOIN namespaces ON namespaces.id = namespace_id
                 WHERE applications.product = 'containers' AND organization_id = ?"
            }
            Quota::ApiKeysPerBearer => {
                "SELECT (SELECT count(*) FROM api_keys WHERE user_id = ?1)
                     + (SELECT count(*) FROM api_keys WHERE application_id = ?1)"
            }
            Quota::Applications => {
                "SELECT count(*) FROM iam_applications WHERE organization_id = ?"
            }
            Quota::Users => "SELECT count(*) FROM users WHERE organization_id = ?",
            Quota::Groups => "SELECT count(*) FROM groups WHERE organization_id = ?",
            Quota::Policies => "SELECT count(*) FROM policies WHERE organization_id = ?",
            // All of them are replaced at once.
            Quota::RulesPerPolicy => return Ok(0),
            Quota::SshKeys => "SELECT count(*) FROM ssh_keys WHERE organization_id = ?",
        };
        self.count(sql, [of])
    }
}

impl SqliteTransaction<'_> {
    fn with_members(&self, mut group: Group) -> Result<Group, StoreError> {
        let sql = "SELECT user_id, application_id FROM group_members WHERE group_id = ?
             ORDER BY position";
        for member in self.all(sql, [group.id], super::rows::bearer)?.into_iter().flatten() {
            group.add(member);
        }
        Ok(group)
    }
}
