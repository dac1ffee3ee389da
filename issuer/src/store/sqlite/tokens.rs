//! Tokens, and how many there are: nothing else writes these two tables.
//!
//! A page of a list is found by counts of blocks: those before the page are added up, and what is
//! skipped of one block is at most 1,024 rows. Neither the page nor the total takes longer for
//! a million tokens than it takes to read a thousand small rows.

use rusqlite::{ToSql, params};
use uuid::Uuid;

use super::rows::{self, micros};
use super::transaction::SqliteTransaction;
use crate::model::page::{Page, PageRequest};
use crate::model::token::{Token, TokenFilter, TokenSubject};
use crate::store::StoreError;

/// How many numbers a block has, as a power of two: as the migration has it.
const BLOCK_BITS: u32 = 10;

/// What tokens are counted by.
#[derive(Clone, Copy)]
enum Counted<'a> {
    Application(Uuid),
    Namespace(Uuid),
    /// All of an organization's in a region.
    Organization(Uuid, &'a str),
}

impl Counted<'_> {
    fn key(&self) -> (&'static str, Uuid, &str) {
        match *self {
            Self::Application(id) => ("application", id, ""),
            Self::Namespace(id) => ("namespace", id, ""),
            Self::Organization(id, region) => ("organization", id, region),
        }
    }
}

/// Where a page begins.
struct Start {
    /// The block that its first token is in.
    block: i64,
    /// How many tokens of the block come before.
    skip: u64,
}

impl SqliteTransaction<'_> {
    pub(super) fn insert_token(&self, it: &Token) -> Result<(), StoreError> {
        let application_id = match it.subject {
            TokenSubject::Namespace(_) => None,
            TokenSubject::Application(id) => Some(id),
        };
        self.execute(
            "INSERT INTO tokens (id, namespace_id, application_id, key_id, description, created_at,
                 expires_at, bearer_id)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                it.id,
                it.namespace_id,
                application_id,
                it.key_id,
                it.description,
                micros(it.created_at),
                it.expires_at.map(micros),
                it.bearer_id,
            ],
        )?;
        let block = self.0.last_insert_rowid() >> BLOCK_BITS;
        self.count_change_of(it.namespace_id, application_id, block, 1)
    }

    /// Deletes the tokens with this in a column that were made before some time, and tells how many
    /// there were.
    pub(super) fn delete_tokens(
        &self,
        column: &str,
        id: Uuid,
        end: i64,
    ) -> Result<usize, StoreError> {
        let tokens = format!("tokens WHERE {column} = ?1 AND created_at < ?2");
        let gone = self.all(
            &format!(
                "SELECT namespace_id, application_id, number >> {BLOCK_BITS}, count(*)
                 FROM {tokens} GROUP BY 1, 2, 3"
            ),
            params![id, end],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get::<_, i64>(3)?)),
        )?;
        for (namespace_id, application_id, block, count) in gone {
            self.count_change_of(namespace_id, application_id, block, count.saturating_neg())?;
        }
        self.changed(&format!("DELETE FROM {tokens}"), params![id, end])
    }

    /// Counts tokens of a namespace, made or, below zero, gone.
    fn count_change_of(
        &self,
        namespace_id: Uuid,
        application_id: Option<Uuid>,
        block: i64,
        change: i64,
    ) -> Result<(), StoreError> {
        let sql = "SELECT organization_id, region FROM namespaces WHERE id = ?";
        let place = self.one(sql, [namespace_id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (organization_id, region): (Uuid, String) = place.ok_or(StoreError::Missing)?;
        let subject = match application_id {
            Some(id) => Counted::Application(id),
            None => Counted::Namespace(namespace_id),
        };
        for counted in [subject, Counted::Organization(organization_id, &region)] {
            let (kind, id, region) = counted.key();
            let at = "kind = ?1 AND id = ?2 AND region = ?3 AND block = ?4";
            let parameters = params![kind, id, region, block, change];
            if change > 0 {
                let sql = "INSERT INTO token_counts (kind, id, region, block, tokens)
                     VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT DO UPDATE SET tokens = tokens + ?5";
                self.execute(sql, parameters)?;
                continue;
            }
            // None at all is no row.
            let sql = format!("DELETE FROM token_counts WHERE {at} AND tokens + ?5 = 0");
            if self.changed(&sql, parameters)? == 0 {
                let sql = format!("UPDATE token_counts SET tokens = tokens + ?5 WHERE {at}");
                self.execute_one(&sql, parameters)?;
            }
        }
        Ok(())
    }

    /// A page of the tokens of an organization that a filter lets through.
    pub(super) fn token_page(
        &self,
        organization_id: Uuid,
        filter: &TokenFilter,
        page: PageRequest,
    ) -> Result<Page<Token>, StoreError> {
        let none = Page { items: Vec::new(), total: 0 };
        let region = filter.region.as_str();
        let (counted, which, id) = match (filter.namespace_id, filter.application_id) {
            (None, None) => (Counted::Organization(organization_id, region), "", None),
            (Some(id), None) if self.is_namespace(id, organization_id, region)? => {
                let which = "namespace_id = :id AND application_id IS NULL AND";
                (Counted::Namespace(id), which, Some(id))
            }
            (namespace_id, Some(id)) => {
                let sql = "SELECT namespace_id FROM applications WHERE id = ?";
                let found: Option<Uuid> = self.one(sql, [id], |row| Ok(row.get(0)?))?;
                let found = found.filter(|found| namespace_id.is_none_or(|it| it == *found));
                let Some(namespace_id) = found else { return Ok(none) };
                if !self.is_namespace(namespace_id, organization_id, region)? {
                    return Ok(none);
                }
                (Counted::Application(id), "application_id = :id AND", Some(id))
            }
            (Some(_), None) => return Ok(none),
        };
        let (start, total) = self.start(counted, page, filter.newest_first)?;
        let Some(Start { block, skip }) = start else { return Ok(Page { total, ..none }) };
        let (edge, order) = match filter.newest_first {
            false => ("number >= :block", "number"),
            true => ("number < :block", "number DESC"),
        };
        let from = block.saturating_add(i64::from(filter.newest_first)) << BLOCK_BITS;
        // Where no namespace is named, there may be tokens of another organization or region.
        let own = "EXISTS (SELECT 1 FROM namespaces WHERE namespaces.id = tokens.namespace_id
            AND organization_id = :organization AND region = :region) AND";
        let own = if id.is_none() { own } else { "" };
        let sql = format!(
            "SELECT * FROM tokens WHERE {which} {own} {edge} ORDER BY {order}
             LIMIT :size OFFSET :skip"
        );
        let skip = i64::try_from(skip).unwrap_or(i64::MAX);
        let mut parameters: Vec<(&str, &dyn ToSql)> =
            vec![(":block", &from), (":size", &page.size), (":skip", &skip)];
        match &id {
            Some(id) => parameters.push((":id", id)),
            None => {
                parameters.extend([
                    (":organization", &organization_id as &dyn ToSql),
                    (":region", &region),
                ]);
            }
        }
        let items = self.all(&sql, parameters.as_slice(), rows::token)?;
        Ok(Page { items, total })
    }

    /// Where a page begins, unless it is behind the end, and how many tokens there are.
    fn start(
        &self,
        counted: Counted<'_>,
        page: PageRequest,
        newest_first: bool,
    ) -> Result<(Option<Start>, u64), StoreError> {
        let (kind, id, region) = counted.key();
        let order = if newest_first { "DESC" } else { "ASC" };
        let sql = format!(
            "SELECT block, tokens FROM token_counts WHERE kind = ? AND id = ? AND region = ?
             ORDER BY block {order}"
        );
        let blocks = self.all(&sql, params![kind, id, region], |row| {
            Ok((row.get::<_, i64>(0)?, rows::number(row, "tokens")?))
        })?;
        let (mut start, mut before) = (None, 0_u64);
        for (block, tokens) in blocks {
            let end = before.saturating_add(tokens);
            if start.is_none() && end > page.offset() {
                start = Some(Start { block, skip: page.offset().saturating_sub(before) });
            }
            before = end;
        }
        Ok((start, before))
    }

    fn is_namespace(
        &self,
        id: Uuid,
        organization_id: Uuid,
        region: &str,
    ) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM namespaces WHERE id = ? AND organization_id = ? AND region = ?";
        Ok(self.one(sql, params![id, organization_id, region], |_| Ok(()))?.is_some())
    }
}
