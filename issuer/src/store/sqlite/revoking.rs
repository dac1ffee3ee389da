//! Changes that gateways are told of, in SQL: keys, marks, revoked tokens, and the numbers that
//! count them.

use std::collections::BTreeSet;

use namespace_jwt_core::time::UnixTime;
use rusqlite::params;
use uuid::Uuid;

use super::rows::{micros, seconds};
use super::transaction::SqliteTransaction;
use crate::model::bearer::Bearer;
use crate::model::namespace_key::NamespaceKey;
use crate::model::trust::{MAX_RECORDS, Mark, Marked, REMEMBERED, TokenId, TrustKey};
use crate::store::StoreError;
use crate::store::change::RevokedId;
use crate::store::feed::TokenSet;

/// The column, its value, and the time before which tokens of a set were made.
pub fn condition(set: TokenSet) -> (&'static str, Uuid, i64) {
    match set {
        TokenSet::Before(Mark { of, not_before }) => {
            let (column, id) = match of {
                Marked::Namespace(id) => ("namespace_id", id),
                Marked::Application(id) => ("application_id", id),
                Marked::Bearer(id) => ("bearer_id", id),
            };
            (column, id, micros(not_before))
        }
        TokenSet::OfNamespace(id) => ("namespace_id", id, i64::MAX),
        TokenSet::OfKey(id) => ("key_id", id, i64::MAX),
    }
}

/// A record that is appended to the logs.
struct Revocation {
    token_id: TokenId,
    namespace_id: Option<Uuid>,
    key_id: Option<Uuid>,
    expires_at: Option<i64>,
}

impl SqliteTransaction<'_> {
    /// Begins the scope of a new namespace.
    pub fn insert_scope(&self, namespace_id: Uuid) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO scopes (id, sequence, changed, epoch, records) VALUES (?, 0, 0, 1,
                 (SELECT count(*) FROM revocations WHERE namespace_id IS NULL))",
            [namespace_id],
        )?;
        self.count_change([namespace_id])
    }

    /// Counts a change that shows in the scopes of some namespaces, and in that of all.
    pub fn count_change(
        &self,
        namespaces: impl IntoIterator<Item = Uuid>,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE scopes SET sequence = sequence + 1, changed = sequence + 1 WHERE id = x''",
            [],
        )?;
        for id in namespaces {
            self.execute_one(
                "UPDATE scopes SET sequence = sequence + 1,
                     changed = (SELECT sequence FROM scopes WHERE id = x'') WHERE id = ?",
                [id],
            )?;
        }
        Ok(())
    }

    /// The same in the scopes of all namespaces of an organization.
    pub fn count_change_all_over(&self, organization_id: Uuid) -> Result<(), StoreError> {
        let sql = "SELECT id FROM namespaces WHERE organization_id = ?";
        let namespaces = self.all(sql, [organization_id], |row| Ok(row.get::<_, Uuid>(0)?))?;
        self.count_change(namespaces)
    }

    /// Deletes tokens, and appends those to the logs that a gateway might still let in. It tells
    /// how many there were.
    pub fn revoke_tokens(
        &self,
        column: &str,
        id: Uuid,
        end: i64,
        at: UnixTime,
    ) -> Result<usize, StoreError> {
        let tokens = format!("tokens WHERE {column} = ?1 AND created_at < ?2");
        let forgotten = UnixTime::new(at.since_epoch().saturating_sub(REMEMBERED));
        let revocations = self.all(
            &format!(
                "SELECT id, namespace_id, key_id, expires_at FROM {tokens}
                 AND (expires_at IS NULL OR expires_at > ?3) ORDER BY created_at, id"
            ),
            params![id, end, micros(forgotten)],
            |row| {
                Ok(Revocation {
                    token_id: row.get::<_, Uuid>("id")?.into(),
                    namespace_id: row.get("namespace_id")?,
                    key_id: row.get("key_id")?,
                    expires_at: row.get("expires_at")?,
                })
            },
        )?;
        self.append(&revocations, at)?;
        self.delete_tokens(column, id, end)
    }

    /// Deletes tokens that are no good any more by what gateways are told of a key or a mark.
    fn drop_tokens(&self, set: TokenSet) -> Result<(), StoreError> {
        let (column, id, end) = condition(set);
        self.delete_tokens(column, id, end).map(drop)
    }

    /// Revokes the id of a token that the database doesn't have.
    pub fn revoke_id(&self, it: &RevokedId, at: UnixTime) -> Result<(), StoreError> {
        let revocation = Revocation {
            token_id: it.id.clone(),
            namespace_id: it.namespace.map(|(id, _)| id),
            key_id: None,
            expires_at: it.expires_at.map(micros),
        };
        self.append(&[revocation], at)
    }

    /// Appends to the logs, and counts the change.
    fn append(&self, revocations: &[Revocation], at: UnixTime) -> Result<(), StoreError> {
        if revocations.is_empty() {
            return Ok(());
        }
        let more = u64::try_from(revocations.len()).unwrap_or(u64::MAX);
        let records = self.count("SELECT records FROM scopes WHERE id = x''", [])?;
        if records.saturating_add(more) > MAX_RECORDS {
            // Nothing is compacted to make room: each change would then end an epoch, whose log every
            // gateway reads anew. What can go goes once in an hour.
            return Err(StoreError::LogFull { records });
        }
        let mut namespaces = BTreeSet::new();
        let mut is_everywhere = false;
        for it in revocations {
            self.execute(
                "INSERT INTO revocations (record, token_id, namespace_id, key_id, expires_at,
                     revoked_at) VALUES (?, ?, ?, ?, ?, ?)",
                params![
                    it.token_id.record(),
                    it.token_id.as_str(),
                    it.namespace_id,
                    it.key_id,
                    it.expires_at,
                    micros(at),
                ],
            )?;
            let count = "UPDATE scopes SET records = records + 1";
            match it.namespace_id {
                Some(id) => {
                    self.execute(&format!("{count} WHERE id IN (?, x'')"), [id])?;
                    namespaces.insert(id);
                }
                None => {
                    self.execute(count, [])?;
                    is_everywhere = true;
                }
            }
        }
        if is_everywhere {
            let sql = "SELECT id FROM scopes WHERE id <> x''";
            namespaces.extend(self.all(sql, [], |row| Ok(row.get::<_, Uuid>(0)?))?);
        }
        self.count_change(namespaces)
    }

    /// Sets a mark, which never moves back, and deletes the tokens that it hits.
    pub fn mark(&self, mark: Mark, namespace_id: Option<Uuid>) -> Result<(), StoreError> {
        let (table, id) = match mark.of {
            Marked::Namespace(id) => ("namespaces", id),
            Marked::Application(id) => ("applications", id),
            Marked::Bearer(id) if self.is_there("users", id)? => ("users", id),
            Marked::Bearer(id) => ("iam_applications", id),
        };
        self.require(table, id)?;
        let moved = self.changed(
            &format!(
                "UPDATE {table} SET not_before = ?2
                 WHERE id = ?1 AND (not_before IS NULL OR not_before < ?2)"
            ),
            params![id, seconds(mark.not_before)],
        )?;
        if let Some(namespace_id) = namespace_id {
            self.drop_tokens(TokenSet::Before(mark))?;
            if moved > 0 {
                self.count_change([namespace_id])?;
            }
        }
        Ok(())
    }

    /// Refuses what is about something that isn't there, where no row of a change says so.
    pub fn require(&self, table: &str, id: Uuid) -> Result<(), StoreError> {
        match self.is_there(table, id)? {
            true => Ok(()),
            false => Err(StoreError::Missing),
        }
    }

    fn is_there(&self, table: &str, id: Uuid) -> Result<bool, StoreError> {
        Ok(self.count(&format!("SELECT count(*) FROM {table} WHERE id = ?"), [id])? > 0)
    }

    /// Sets the mark of a user or an application of IAM, and revokes the tokens that it hits by
    /// their ids: no token names who made it.
    pub fn mark_bearer(
        &self,
        bearer: Bearer,
        organization_id: Uuid,
        not_before: UnixTime,
        at: UnixTime,
    ) -> Result<(), StoreError> {
        let (table, id) = match bearer {
            Bearer::User(id) => ("users", id),
            Bearer::Application(id) => ("iam_applications", id),
        };
        let sql = format!("SELECT count(*) FROM {table} WHERE id = ? AND organization_id = ?");
        if self.count(&sql, params![id, organization_id])? == 0 {
            return Err(StoreError::Missing);
        }
        let mark = Mark { of: Marked::Bearer(id), not_before };
        self.mark(mark, None)?;
        self.count_change_all_over(organization_id)?;
        let (column, id, end) = condition(TokenSet::Before(mark));
        self.revoke_tokens(column, id, end, at).map(drop)
    }

    /// Deletes a namespace. Its keys become revoked ones, and its tokens are no good with them.
    pub fn delete_namespace(&self, id: Uuid) -> Result<(), StoreError> {
        self.drop_tokens(TokenSet::OfNamespace(id))?;
        self.execute("DELETE FROM applications WHERE namespace_id = ?", [id])?;
        self.end_keys("namespace_id", id)?;
        self.execute_one("DELETE FROM namespaces WHERE id = ?", [id])?;
        self.count_change([id])
    }

    /// Adds a key.
    pub fn insert_key(&self, it: &NamespaceKey) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO namespace_keys (id, namespace_id, state, algorithm, public_pem,
                 sealed_private_key, created_at, activates_at, retired_at, ends_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                it.id,
                it.namespace_id,
                it.state.name(),
                it.algorithm,
                it.public_pem,
                it.sealed_private_key,
                micros(it.created_at),
                it.activates_at.map(micros),
                it.retired_at.map(micros),
                it.ends_at.map(micros),
            ],
        )
    }

    /// Adds a namespace's next key, and says when the active one ends.
    pub fn add_next_key(&self, next: &NamespaceKey, ends_at: UnixTime) -> Result<(), StoreError> {
        self.insert_key(next)?;
        self.execute_one(
            "UPDATE namespace_keys SET ends_at = ? WHERE namespace_id = ? AND state = 'active'",
            params![micros(ends_at), next.namespace_id],
        )?;
        self.count_change([next.namespace_id])
    }

    /// Retires the active key of a namespace, and lets the next one sign.
    pub fn activate_key(
        &self,
        key: &NamespaceKey,
        ends_at: UnixTime,
        at: UnixTime,
    ) -> Result<(), StoreError> {
        self.execute_one(
            "UPDATE namespace_keys SET state = 'retired', retired_at = ?, ends_at = ?
             WHERE namespace_id = ? AND state = 'active'",
            params![micros(at), micros(ends_at), key.namespace_id],
        )?;
        self.execute_one(
            "UPDATE namespace_keys SET state = 'active', activates_at = NULL
             WHERE id = ? AND namespace_id = ? AND state = 'next'",
            [key.id, key.namespace_id],
        )?;
        self.count_change([key.namespace_id])
    }

    /// Revokes a retired key, with its tokens.
    pub fn end_key(&self, key: &NamespaceKey) -> Result<(), StoreError> {
        if self.end_keys("state = 'retired' AND id", key.id)? == 0 {
            return Err(StoreError::Missing);
        }
        self.drop_tokens(TokenSet::OfKey(key.id))?;
        self.count_change([key.namespace_id])
    }

    /// Revokes all keys of a namespace, with its tokens, and adds one that signs.
    pub fn replace_keys(&self, key: &NamespaceKey) -> Result<(), StoreError> {
        self.end_keys("namespace_id", key.namespace_id)?;
        self.drop_tokens(TokenSet::OfNamespace(key.namespace_id))?;
        self.insert_key(key)?;
        self.count_change([key.namespace_id])
    }

    fn end_keys(&self, condition: &str, id: Uuid) -> Result<usize, StoreError> {
        self.changed(
            &format!(
                "UPDATE namespace_keys SET state = 'revoked', sealed_private_key = x'',
                     activates_at = NULL, ends_at = NULL WHERE {condition} = ?"
            ),
            [id],
        )
    }

    /// Adds a key that signs what gateways are told.
    pub fn insert_trust_key(&self, it: &TrustKey) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO trust_keys (id, public_pem, sealed_private_key, created_at)
             VALUES (?, ?, ?, ?)",
            params![it.id, it.public_pem, it.sealed_private_key, micros(it.created_at)],
        )
    }
}
