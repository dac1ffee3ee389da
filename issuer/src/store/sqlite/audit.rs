//! The audit log, read in SQL.

use rusqlite::{Row, named_params, params};
use uuid::Uuid;

use super::iam::OF_ORGANIZATION;
use super::rows::{self, Bad, micros};
use super::transaction::{SqliteTransaction, whole};
use crate::iam::action::{Access, Action};
use crate::iam::decision::Authorized;
use crate::model::audit::{AuditRecord, LogFilter, Verb};
use crate::model::id;
use crate::model::page::{Order, OrderBy, Page, PageRequest};
use crate::store::StoreError;
use crate::store::audit::AuditLog;

/// After so many bytes of text no further entries are read into memory.
const ENOUGH: usize = 1 << 20;

impl AuditLog for SqliteTransaction<'_> {
    fn last_audit_number(&mut self) -> Result<u64, StoreError> {
        self.count("SELECT coalesce(max(number), 0) FROM audit", [])
    }

    fn audit_entries(&mut self, after: u64, limit: u32) -> Result<Vec<AuditRecord>, StoreError> {
        let sql = "SELECT * FROM audit WHERE number > ? ORDER BY number LIMIT ?";
        let mut statement = self.0.prepare_cached(sql).map_err(super::store_error)?;
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![after, limit]).map_err(super::store_error)?;
        let (mut entries, mut bytes) = (Vec::new(), 0_usize);
        while bytes < ENOUGH
            && let Some(row) = rows.next().map_err(super::store_error)?
        {
            let entry = record(row)?;
            // What a client chooses the length of.
            bytes = bytes.saturating_add(entry.user_agent.len());
            bytes = bytes.saturating_add(entry.resource_id.len());
            entries.push(entry);
        }
        Ok(entries)
    }

    fn audit_entry(&mut self, id: Uuid) -> Result<Option<AuditRecord>, StoreError> {
        self.one("SELECT * FROM audit WHERE id = ?", [id], record)
    }

    fn audit_page(
        &mut self,
        by: &Authorized,
        filter: &LogFilter,
        newest_first: bool,
        page: PageRequest,
    ) -> Result<Page<AuditRecord>, StoreError> {
        let conditions = format!(
            "FROM audit WHERE {OF_ORGANIZATION}
             AND created_at >= coalesce(:after, 0)
             AND created_at < coalesce(:before, 9223372036854775807)
             AND (:verb IS NULL OR action = :verb)
             AND (:type IS NULL OR resource_type = :type)
             AND (:search IS NULL OR resource_id = :search OR bearer_id = :bearer)"
        );
        // An id in capitals is the same id.
        let bearer = filter.search.as_deref().and_then(id::parse);
        let search = bearer.map(|id| id.to_string()).or_else(|| filter.search.clone());
        let parameters = named_params! {
            ":organization": whole(by, Action::Log(Access::List))?, ":asked": filter.organization_id,
            ":after": filter.created_after.map(micros),
            ":before": filter.created_before.map(micros),
            ":verb": filter.verb.map(Verb::name), ":type": filter.resource_type,
            ":search": search, ":bearer": bearer,
        };
        let order = Order { by: OrderBy::CreatedAt, is_descending: newest_first };
        self.page(&conditions, parameters, order, page, record)
    }
}

fn record(row: &Row<'_>) -> Result<AuditRecord, Bad> {
    let address = row.get::<_, Option<String>>("ip")?;
    let address = address.map(|text| text.parse().map_err(|_| Bad::Column("ip")));
    Ok(AuditRecord {
        number: rows::number(row, "number")?,
        id: row.get("id")?,
        created_at: rows::optional_time(row, "created_at")?.ok_or(Bad::Column("created_at"))?,
        organization_id: row.get("organization_id")?,
        bearer_id: row.get("bearer_id")?,
        access_key: row.get("access_key")?,
        address: address.transpose()?,
        user_agent: row.get("user_agent")?,
        request_id: row.get("request_id")?,
        verb: Verb::from_name(&row.get::<_, String>("action")?).ok_or(Bad::Column("action"))?,
        resource_type: row.get("resource_type")?,
        resource_id: row.get("resource_id")?,
    })
}
