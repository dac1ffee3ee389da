//! Rows that tell who may do what, as values.

use rusqlite::Row;

use crate::iam::permission_set::PermissionSet;
use crate::model::group::Group;
use crate::model::iam_application::IamApplication;
use crate::model::policy::{Policy, PolicyPrincipal, PolicyRule, Rule, RuleCounts, RuleScope};
use crate::model::ssh_key::SshKey;
use crate::model::user::{Profile, User, UserKind};
use crate::store::sqlite::rows::{Bad, bearer, from_json, named, number, optional_time, time};

pub fn user(row: &Row<'_>) -> Result<User, Bad> {
    Ok(User {
        id: row.get("id")?,
        organization_id: row.get("organization_id")?,
        kind: named(row, "type", UserKind::from_name)?,
        email: row.get("email")?,
        username: row.get("username")?,
        profile: Profile {
            first_name: row.get("first_name")?,
            last_name: row.get("last_name")?,
            phone_number: row.get("phone_number")?,
            locale: row.get("locale")?,
        },
        tags: from_json(row, "tags")?,
        is_locked: row.get("locked")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
        last_login_at: optional_time(row, "last_login_at")?,
    })
}

pub fn iam_application(row: &Row<'_>) -> Result<IamApplication, Bad> {
    Ok(IamApplication {
        id: row.get("id")?,
        organization_id: row.get("organization_id")?,
        name: row.get("name")?,
        description: row.get("description")?,
        tags: from_json(row, "tags")?,
        api_keys: number(row, "api_keys")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

/// A group, still without its members.
pub fn group(row: &Row<'_>) -> Result<Group, Bad> {
    Ok(Group {
        id: row.get("id")?,
        organization_id: row.get("organization_id")?,
        name: row.get("name")?,
        description: row.get("description")?,
        tags: from_json(row, "tags")?,
        user_ids: Vec::new(),
        application_ids: Vec::new(),
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

pub fn policy(row: &Row<'_>) -> Result<Policy, Bad> {
    let group = row.get::<_, Option<_>>("group_id")?.map(PolicyPrincipal::Group);
    Ok(Policy {
        id: row.get("id")?,
        organization_id: row.get("organization_id")?,
        name: row.get("name")?,
        description: row.get("description")?,
        tags: from_json(row, "tags")?,
        principal: group.or(bearer(row)?.map(PolicyPrincipal::Bearer)),
        counts: RuleCounts {
            rules: number(row, "rules")?,
            scopes: number(row, "scopes")?,
            permission_sets: number(row, "permission_sets")?,
        },
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

pub fn rule(row: &Row<'_>) -> Result<Rule, Bad> {
    let names: Vec<String> = from_json(row, "permission_sets")?;
    let sets: Option<Vec<_>> = names.iter().map(|name| PermissionSet::named(name)).collect();
    let organization_id = row.get::<_, Option<_>>("organization_id")?;
    Ok(Rule {
        id: row.get("id")?,
        sets: sets.ok_or(Bad::Column("permission_sets"))?,
        scope: match organization_id {
            Some(id) => RuleScope::Organization(id),
            None => RuleScope::Projects(from_json(row, "project_ids")?),
        },
        condition: row.get("condition")?,
    })
}

pub fn policy_rule(row: &Row<'_>) -> Result<PolicyRule, Bad> {
    Ok(PolicyRule { policy_id: row.get("policy_id")?, rule: rule(row)? })
}

pub fn ssh_key(row: &Row<'_>) -> Result<SshKey, Bad> {
    Ok(SshKey {
        id: row.get("id")?,
        organization_id: row.get("organization_id")?,
        project_id: row.get("project_id")?,
        name: row.get("name")?,
        public_key: row.get("public_key")?,
        fingerprint: row.get("fingerprint")?,
        is_disabled: row.get("disabled")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}
