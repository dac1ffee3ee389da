//! What gateways are told, read in SQL, and the logs of revoked tokens.

use std::collections::BTreeMap;

use namespace_jwt_core::time::UnixTime;
use rusqlite::{Row, named_params, params};
use uuid::Uuid;

use super::rows::{self, Bad, micros};
use super::transaction::SqliteTransaction;
use crate::model::namespace_key::{KeyState, NamespaceKey};
use crate::model::trust::{
    ApplicationTrust, BearerTrust, ChangedScopes, Compaction, ENDED_LOG_KEPT, LogPart, LogPosition,
    NamespaceTrust, REMEMBERED, Record, ScopeState, TokenId, TrustKey, TrustScope,
};
use crate::store::feed::{Feed, LogOfId, TokenCount, TokenSet};
use crate::store::{StoreError, Transaction as _};

/// The id of the row that counts for all scopes: shorter than that of any namespace.
pub const ALL: [u8; 0] = [];

/// A row of the table `scopes`.
struct ScopeRow {
    sequence: u64,
    epoch: u64,
}

impl Feed for SqliteTransaction<'_> {
    fn scope_state(
        &mut self,
        scope: TrustScope,
        read_to: Option<LogPosition>,
    ) -> Result<Option<ScopeState>, StoreError> {
        let Some(row) = self.scope_row(scope)? else { return Ok(None) };
        let founding = self.founding()?.ok_or(StoreError::Missing)?;
        let nowhere = LogPosition { epoch: row.epoch, records: 0, number: 0 };
        let from = read_to.filter(|it| it.epoch == row.epoch).unwrap_or(nowhere);
        let found = self.log_after(scope, from.number)?;
        let length = u64::try_from(found.len()).unwrap_or(u64::MAX);
        let end = LogPosition {
            epoch: row.epoch,
            records: from.records.saturating_add(length),
            number: found.last().map_or(from.number, |(number, _)| *number),
        };
        let records = found.into_iter().map(|(_, record)| record).collect();
        Ok(Some(ScopeState {
            issuer_id: founding.organization_id,
            scope,
            sequence: row.sequence,
            epoch: row.epoch,
            log: LogPart { held: from.records, records, end },
            namespaces: self.namespaces_of(scope)?,
            applications: self.applications_of(scope)?,
            bearers: self.bearers_of(scope)?,
        }))
    }

    fn changed_scopes(&mut self, since: u64) -> Result<ChangedScopes, StoreError> {
        let all = self.scope_row(TrustScope::All)?.ok_or(StoreError::Missing)?;
        let namespaces = match all.sequence == since {
            true => Vec::new(),
            false => self.all(
                "SELECT id, sequence FROM scopes WHERE changed > ? AND id <> x'' ORDER BY id",
                [stored(since)],
                |row| Ok((row.get("id")?, rows::number(row, "sequence")?)),
            )?,
        };
        Ok(ChangedScopes { sequence: all.sequence, namespaces })
    }

    fn log_of_epoch(
        &mut self,
        scope: TrustScope,
        epoch: u64,
        now: UnixTime,
    ) -> Result<Option<Vec<Record>>, StoreError> {
        if self.scope_row(scope)?.is_some_and(|row| row.epoch == epoch) {
            let found = self.log_after(scope, 0)?;
            return Ok(Some(found.into_iter().map(|(_, record)| record).collect()));
        }
        let ended = self.one(
            "SELECT records FROM ended_logs WHERE scope_id = ? AND epoch = ? AND ended_at > ?",
            params![key_of(scope), stored(epoch), micros(before(now, ENDED_LOG_KEPT))],
            |row| Ok(row.get::<_, Vec<u8>>(0)?),
        )?;
        Ok(ended.map(|bytes| bytes.as_chunks().0.to_vec()))
    }

    fn compact_logs(&mut self, now: UnixTime) -> Result<Compaction, StoreError> {
        self.execute(
            "DELETE FROM ended_logs WHERE ended_at <= ?",
            [micros(before(now, ENDED_LOG_KEPT))],
        )?;
        let limit = micros(before(now, REMEMBERED));
        let namespaces = self.all(
            &format!("SELECT DISTINCT namespace_id FROM revocations WHERE {NOT_NEEDED}"),
            named_params! {":limit": limit},
            |row| Ok(row.get::<_, Uuid>(0)?),
        )?;
        let mut dropped: usize = 0;
        if !namespaces.is_empty() {
            let scopes = namespaces.into_iter().map(TrustScope::Namespace);
            let scopes: Vec<_> = scopes.chain([TrustScope::All]).collect();
            for scope in &scopes {
                self.keep_log(*scope, now)?;
            }
            dropped = self.changed(
                &format!("DELETE FROM revocations WHERE {NOT_NEEDED}"),
                named_params! {":limit": limit},
            )?;
            for scope in &scopes {
                self.begin_epoch(*scope)?;
            }
        }
        // The limit goes by the number that is kept, which this puts right if somebody else wrote
        // records. No namespace's log is longer than that of all.
        let records = self.count("SELECT count(*) FROM revocations", [])?;
        self.execute("UPDATE scopes SET records = ? WHERE id = x''", [stored(records)])?;
        Ok(Compaction { dropped: u64::try_from(dropped).unwrap_or(u64::MAX), records })
    }

    fn continue_after_restore(&mut self, now: UnixTime) -> Result<(), StoreError> {
        // Logs that gateways read since the backup had other records under the same numbers.
        self.execute("DELETE FROM ended_logs", [])?;
        self.execute(
            "UPDATE scopes SET sequence = max(sequence + 1, ?1), epoch = max(sequence + 1, ?1)",
            [micros(now)],
        )?;
        self.execute("UPDATE scopes SET changed = (SELECT sequence FROM scopes WHERE id = x'')", [])
    }

    fn logs_of(&mut self, id: &TokenId) -> Result<Vec<LogOfId>, StoreError> {
        self.all(
            "SELECT namespace_id, key_id IS NOT NULL AS is_of_token FROM revocations
             WHERE token_id = ? ORDER BY number",
            [id.as_str()],
            |row| {
                let (namespace_id, is_of_token) =
                    (row.get("namespace_id")?, row.get("is_of_token")?);
                Ok(LogOfId { namespace_id, is_of_token })
            },
        )
    }

    fn count_tokens(&mut self, set: TokenSet) -> Result<TokenCount, StoreError> {
        let (column, id, end) = super::revoking::condition(set);
        let count = self.one(
            &format!(
                "SELECT count(*) AS count, count(expires_at) AS expiring, max(expires_at) AS last
                 FROM tokens WHERE {column} = ?1 AND created_at < ?2"
            ),
            params![id, end],
            |row| {
                let (all, expiring) = (rows::number(row, "count")?, rows::number(row, "expiring")?);
                Ok(TokenCount {
                    all,
                    endless: all.saturating_sub(expiring),
                    last_expiry: rows::optional_time(row, "last")?,
                })
            },
        )?;
        count.ok_or(StoreError::Missing)
    }

    fn latest_mark(
        &mut self,
        namespace_id: Uuid,
        application_id: Option<Uuid>,
        bearer_id: Option<Uuid>,
    ) -> Result<Option<UnixTime>, StoreError> {
        let found = self.one(
            "SELECT max(not_before) AS not_before FROM (
                 SELECT not_before FROM namespaces WHERE id = ?1
                 UNION ALL SELECT not_before FROM applications WHERE id = ?2
                 UNION ALL SELECT not_before FROM users WHERE id = ?3
                 UNION ALL SELECT not_before FROM iam_applications WHERE id = ?3)",
            params![namespace_id, application_id, bearer_id],
            |row| rows::optional_second(row, "not_before"),
        )?;
        Ok(found.flatten())
    }

    fn namespace_ids(&mut self) -> Result<Vec<Uuid>, StoreError> {
        self.all("SELECT id FROM namespaces ORDER BY id", [], |row| Ok(row.get(0)?))
    }

    fn scheduled_keys(&mut self) -> Result<Vec<NamespaceKey>, StoreError> {
        self.all(
            "SELECT * FROM namespace_keys WHERE activates_at IS NOT NULL OR ends_at IS NOT NULL
             ORDER BY namespace_id, created_at, id",
            [],
            rows::namespace_key,
        )
    }

    fn has_tokens_after(&mut self, key_id: Uuid, time: UnixTime) -> Result<bool, StoreError> {
        let found = self.count(
            "SELECT EXISTS (SELECT 1 FROM tokens WHERE key_id = ?1 AND expires_at IS NULL)
                 OR EXISTS (SELECT 1 FROM tokens WHERE key_id = ?1 AND expires_at > ?2)",
            params![key_id, micros(time)],
        )?;
        Ok(found > 0)
    }

    fn trust_keys(&mut self) -> Result<Vec<TrustKey>, StoreError> {
        self.all("SELECT * FROM trust_keys ORDER BY created_at, id", [], rows::trust_key)
    }
}

/// Which revocations no gateway needs: of tokens that expired long ago, and of those without an
/// expiry whose key is on the list of revoked ones. One with an unknown key is needed for good.
const NOT_NEEDED: &str = "key_id IS NOT NULL AND namespace_id IS NOT NULL
    AND (expires_at <= :limit OR expires_at IS NULL AND EXISTS (SELECT 1 FROM namespace_keys
        WHERE namespace_keys.id = revocations.key_id AND state = 'revoked'))";

impl SqliteTransaction<'_> {
    fn scope_row(&self, scope: TrustScope) -> Result<Option<ScopeRow>, StoreError> {
        let sql = "SELECT sequence, epoch FROM scopes WHERE id = ?";
        self.one(sql, [key_of(scope)], |row| {
            Ok(ScopeRow {
                sequence: rows::number(row, "sequence")?,
                epoch: rows::number(row, "epoch")?,
            })
        })
    }

    /// The records of a log, each with its number, after a number.
    fn log_after(&self, scope: TrustScope, number: u64) -> Result<Vec<(u64, Record)>, StoreError> {
        let read = |row: &Row<'_>| Ok((rows::number(row, "number")?, row.get("record")?));
        match scope {
            TrustScope::All => self.all(
                "SELECT number, record FROM revocations WHERE number > ? ORDER BY number",
                [stored(number)],
                read,
            ),
            TrustScope::Namespace(id) => self.all(
                "SELECT number, record FROM revocations WHERE namespace_id = ?1 AND number > ?2
                 UNION ALL
                 SELECT number, record FROM revocations WHERE namespace_id IS NULL AND number > ?2
                 ORDER BY number",
                params![id, stored(number)],
                read,
            ),
        }
    }

    /// Keeps a log as it is, for those who still read it.
    fn keep_log(&self, scope: TrustScope, now: UnixTime) -> Result<(), StoreError> {
        let row = self.scope_row(scope)?.ok_or(StoreError::Missing)?;
        let records = self.log_after(scope, 0)?.into_iter().flat_map(|(_, record)| record);
        self.execute(
            "INSERT INTO ended_logs (scope_id, epoch, records, ended_at) VALUES (?, ?, ?, ?)",
            params![key_of(scope), stored(row.epoch), records.collect::<Vec<_>>(), micros(now)],
        )
    }

    /// Makes of what is in a scope's log the beginning of a new one.
    fn begin_epoch(&self, scope: TrustScope) -> Result<(), StoreError> {
        match scope {
            TrustScope::All => self.execute(
                "UPDATE scopes SET sequence = sequence + 1, changed = sequence + 1,
                     epoch = sequence + 1, records = (SELECT count(*) FROM revocations)
                 WHERE id = x''",
                [],
            ),
            TrustScope::Namespace(id) => self.execute(
                "UPDATE scopes SET sequence = sequence + 1, epoch = sequence + 1,
                     changed = (SELECT sequence + 1 FROM scopes WHERE id = x''),
                     records = (SELECT count(*) FROM revocations WHERE namespace_id = ?1)
                         + (SELECT count(*) FROM revocations WHERE namespace_id IS NULL)
                 WHERE id = ?1",
                [id],
            ),
        }
    }

    fn namespaces_of(&self, scope: TrustScope) -> Result<Vec<NamespaceTrust>, StoreError> {
        let mut found: BTreeMap<Uuid, NamespaceTrust> = BTreeMap::new();
        let new = |id| NamespaceTrust { id, not_before: None, keys: vec![], revoked_keys: vec![] };
        let sql = "SELECT id, not_before FROM namespaces";
        for namespace in self.in_scope(sql, "id", scope, "id", |row| {
            let not_before = rows::optional_second(row, "not_before")?;
            Ok(NamespaceTrust { not_before, ..new(row.get("id")?) })
        })? {
            found.insert(namespace.id, namespace);
        }
        let sql = "SELECT id, namespace_id, state, algorithm, public_pem FROM namespace_keys";
        for (id, key) in self.in_scope(sql, "namespace_id", scope, "created_at, id", |row| {
            Ok((row.get("namespace_id")?, rows::public_key(row)?))
        })? {
            let namespace = found.entry(id).or_insert_with(|| new(id));
            match key.state {
                KeyState::Revoked => namespace.revoked_keys.push(key),
                KeyState::Next | KeyState::Active | KeyState::Retired => namespace.keys.push(key),
            }
        }
        Ok(found.into_values().collect())
    }

    fn applications_of(&self, scope: TrustScope) -> Result<Vec<ApplicationTrust>, StoreError> {
        let sql = "SELECT id, namespace_id, privacy, not_before FROM applications";
        self.in_scope(sql, "namespace_id", scope, "id", |row| {
            Ok(ApplicationTrust {
                id: row.get("id")?,
                namespace_id: row.get("namespace_id")?,
                privacy: rows::privacy(row)?,
                not_before: rows::optional_second(row, "not_before")?,
            })
        })
    }

    /// The marks of users and applications: of a namespace's organization alone.
    fn bearers_of(&self, scope: TrustScope) -> Result<Vec<BearerTrust>, StoreError> {
        let sql = "SELECT id, not_before FROM (
                SELECT id, organization_id, not_before FROM users
                UNION ALL SELECT id, organization_id, not_before FROM iam_applications) AS bearers
            WHERE not_before IS NOT NULL
            AND (?1 IS NULL OR EXISTS (SELECT 1 FROM namespaces WHERE namespaces.id = ?1
                AND namespaces.organization_id = bearers.organization_id)) ORDER BY id";
        let namespace_id = match scope {
            TrustScope::All => None,
            TrustScope::Namespace(id) => Some(id),
        };
        self.all(sql, [namespace_id], |row| {
            let not_before = rows::optional_second(row, "not_before")?;
            let not_before = not_before.ok_or(Bad::Column("not_before"))?;
            Ok(BearerTrust { id: row.get("id")?, not_before })
        })
    }

    /// The rows of a scope, of which a column has its namespace.
    fn in_scope<T>(
        &self,
        sql: &str,
        column: &str,
        scope: TrustScope,
        order: &str,
        read: impl Fn(&Row<'_>) -> Result<T, Bad>,
    ) -> Result<Vec<T>, StoreError> {
        match scope {
            TrustScope::All => self.all(&format!("{sql} ORDER BY {order}"), [], read),
            TrustScope::Namespace(id) => {
                self.all(&format!("{sql} WHERE {column} = ? ORDER BY {order}"), [id], read)
            }
        }
    }
}

/// The id of a scope's row.
fn key_of(scope: TrustScope) -> Vec<u8> {
    match scope {
        TrustScope::All => ALL.to_vec(),
        TrustScope::Namespace(id) => id.as_bytes().to_vec(),
    }
}

/// A number as SQLite has it.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A moment before another.
fn before(time: UnixTime, span: std::time::Duration) -> UnixTime {
    UnixTime::new(time.since_epoch().saturating_sub(span))
}
