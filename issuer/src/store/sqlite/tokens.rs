//! Tokens, and how many there are: nothing else writes these two tables.
//!
//! A page of a list is found by counts of blocks: those before the page are added up, and what is
//! skipped of one block is at most 1,024 rows. Neither the page nor the total takes longer for
//! a million tokens than it takes to read a thousand small rows.

use namespace_jwt_core::time::UnixTime;
use rusqlite::{Row, ToSql, params};
use uuid::Uuid;

use super::rows::{self, micros};
use super::transaction::SqliteTransaction;
use crate::iam::action::Action;
use crate::iam::decision::{Authorized, Extent};
use crate::model::Product;
use crate::model::page::{Order, Page, PageRequest};
use crate::model::token::{Token, TokenFilter, TokenRecord, TokenRecordFilter, TokenSubject};
use crate::store::StoreError;

/// How many numbers a block has, as a power of two: as the migration has it.
const BLOCK_BITS: u32 = 10;

/// What tokens are counted by.
#[derive(Clone, Copy)]
enum Counted<'a> {
    Application(Uuid),
    Namespace(Uuid),
    /// All of a product in a project and a region.
    Project(Product, Uuid, &'a str),
}

impl Counted<'_> {
    fn key(&self) -> (&'static str, Uuid, &str) {
        match *self {
            Self::Application(id) => ("application", id, ""),
            Self::Namespace(id) => ("namespace", id, ""),
            Self::Project(product, id, region) => (product.name(), id, region),
        }
    }
}

/// What a list is of, where that is named.
struct Named {
    counted: Counted<'static>,
    namespace_id: Uuid,
    /// The condition on its tokens.
    which: &'static str,
    id: Uuid,
}

/// Where a page begins.
struct Start {
    /// The block that its first token is in.
    block: i64,
    /// How many tokens of the block come before.
    skip: u64,
}

impl SqliteTransaction<'_> {
    /// Adds a token, and the number of the entry of the audit log that tells of it.
    pub(super) fn insert_token(&self, it: &Token, audit_number: i64) -> Result<(), StoreError> {
        let application_id = match it.subject {
            TokenSubject::Namespace(_) => None,
            TokenSubject::Application(id) => Some(id),
        };
        self.execute(
            "INSERT INTO tokens (id, namespace_id, application_id, key_id, description, created_at,
                 expires_at, bearer_id, audit_number)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                it.id,
                it.namespace_id,
                application_id,
                it.key_id,
                it.description,
                micros(it.created_at),
                it.expires_at.map(micros),
                it.bearer_id,
                audit_number,
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
        let sql = "SELECT product, project_id, region FROM namespaces WHERE id = ?";
        let place = self.one(sql, [namespace_id], |row| {
            Ok((rows::product(row)?, row.get(1)?, row.get::<_, String>(2)?))
        })?;
        let (product, project_id, region) = place.ok_or(StoreError::Missing)?;
        let subject = match application_id {
            Some(id) => Counted::Application(id),
            None => Counted::Namespace(namespace_id),
        };
        for counted in [subject, Counted::Project(product, project_id, &region)] {
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

    /// How many tokens a function or container has.
    pub(super) fn count_tokens_of(&self, application_id: Uuid) -> Result<u64, StoreError> {
        let sql = "SELECT coalesce(sum(tokens), 0) FROM token_counts
             WHERE kind = 'application' AND id = ?";
        self.count(sql, [application_id])
    }

    /// A page of the tokens that a filter lets through, of what there is a permission for.
    pub(super) fn token_page(
        &self,
        by: &[Authorized],
        filter: &TokenFilter,
        page: PageRequest,
    ) -> Result<Page<Token>, StoreError> {
        let region = filter.region.as_str();
        let visible = Visible::of(by)?;
        let named = match self.named(filter)? {
            Some(named) if !self.sees_namespace(&visible, named.namespace_id, region)? => {
                return Ok(Page { items: Vec::new(), total: 0 });
            }
            named => named,
        };
        let counted = named.as_ref().map(|named| named.counted);
        let blocks = self.blocks(counted, &visible, region, filter.newest_first)?;
        let (start, total) = start(&blocks, page);
        let mut items = Vec::new();
        let Some(Start { block: first, mut skip }) = start else {
            return Ok(Page { items, total });
        };
        // Where nothing is named, there may be tokens that somebody else may see, or of another
        // region.
        let own = format!(
            "EXISTS (SELECT 1 FROM namespaces WHERE namespaces.id = tokens.namespace_id
                AND organization_id = :organization AND region = :region AND {VISIBLE})"
        );
        let which = named.as_ref().map_or(own.as_str(), |named| named.which);
        let order = if filter.newest_first { "number DESC" } else { "number" };
        let sql = format!(
            "SELECT * FROM tokens WHERE {which} AND number >= :from AND number < :end
             ORDER BY {order} LIMIT :size OFFSET :skip"
        );
        // Block by block: what lies between those that hold something isn't read.
        for (block, _) in blocks.into_iter().skip_while(|(block, _)| *block != first) {
            let read = u32::try_from(items.len()).unwrap_or(u32::MAX);
            let size = page.size.saturating_sub(read);
            if size == 0 {
                break;
            }
            let (from, end) = (block << BLOCK_BITS, block.saturating_add(1) << BLOCK_BITS);
            let skipped = i64::try_from(std::mem::take(&mut skip)).unwrap_or(i64::MAX);
            let mut parameters: Vec<(&str, &dyn ToSql)> =
                vec![(":from", &from), (":end", &end), (":size", &size), (":skip", &skipped)];
            match &named {
                Some(named) => parameters.push((":id", &named.id)),
                None => {
                    parameters.push((":region", &region));
                    parameters.extend(visible.parameters());
                }
            }
            items.extend(self.all(&sql, parameters.as_slice(), rows::token)?);
        }
        Ok(Page { items, total })
    }

    /// What a filter names, if it names anything. An application that isn't there, or not in the
    /// namespace that is named beside it, is in a namespace that nobody sees.
    fn named(&self, filter: &TokenFilter) -> Result<Option<Named>, StoreError> {
        Ok(match (filter.namespace_id, filter.application_id) {
            (None, None) => None,
            (Some(id), None) => Some(Named {
                counted: Counted::Namespace(id),
                namespace_id: id,
                which: "namespace_id = :id AND application_id IS NULL",
                id,
            }),
            (namespace_id, Some(id)) => {
                let sql = "SELECT namespace_id FROM applications WHERE id = ?";
                let found: Option<Uuid> = self.one(sql, [id], |row| Ok(row.get(0)?))?;
                let found = found.filter(|found| namespace_id.is_none_or(|it| it == *found));
                Some(Named {
                    counted: Counted::Application(id),
                    namespace_id: found.unwrap_or_default(),
                    which: "application_id = :id",
                    id,
                })
            }
        })
    }

    /// The blocks in which there are tokens, and how many, in the order of the list.
    fn blocks(
        &self,
        counted: Option<Counted<'_>>,
        visible: &Visible,
        region: &str,
        newest_first: bool,
    ) -> Result<Vec<(i64, u64)>, StoreError> {
        let order = if newest_first { "DESC" } else { "ASC" };
        let read = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, rows::number(row, "tokens")?));
        if let Some(counted) = counted {
            let (kind, id, region) = counted.key();
            let sql = format!(
                "SELECT block, tokens FROM token_counts WHERE kind = ? AND id = ? AND region = ?
                 ORDER BY block {order}"
            );
            return self.all(&sql, params![kind, id, region], read);
        }
        let sql = format!(
            "SELECT block, sum(tokens) AS tokens
             FROM (SELECT id AS project_id, kind AS product, region, block, tokens FROM token_counts
                 WHERE kind IN ('functions', 'containers')
                 AND id IN (SELECT id FROM projects WHERE organization_id = :organization))
             WHERE region = :region AND {VISIBLE} GROUP BY block ORDER BY block {order}"
        );
        let mut parameters: Vec<(&str, &dyn ToSql)> = vec![(":region", &region)];
        parameters.extend(visible.parameters());
        self.all(&sql, parameters.as_slice(), read)
    }

    fn sees_namespace(
        &self,
        visible: &Visible,
        id: Uuid,
        region: &str,
    ) -> Result<bool, StoreError> {
        let sql = format!(
            "SELECT 1 FROM namespaces WHERE id = :id AND region = :region
             AND organization_id = :organization AND {VISIBLE}"
        );
        let mut parameters: Vec<(&str, &dyn ToSql)> = vec![(":id", &id), (":region", &region)];
        parameters.extend(visible.parameters());
        Ok(self.one(&sql, parameters.as_slice(), |_| Ok(()))?.is_some())
    }

    pub(super) fn find_token_record(&self, id: Uuid) -> Result<Option<TokenRecord>, StoreError> {
        self.one(&format!("{RECORDS} WHERE tokens.id = ?"), [id], rows::token_record)
    }

    /// A page of the tokens that somebody made, with what is known of where.
    pub(super) fn token_record_page(
        &self,
        by: &[Authorized],
        filter: &TokenRecordFilter,
        now: UnixTime,
        order: Order,
        page: PageRequest,
    ) -> Result<Page<TokenRecord>, StoreError> {
        let visible = Visible::of(by)?;
        let conditions = format!(
            "FROM ({RECORDS} WHERE tokens.bearer_id = :bearer
                AND (:expired IS NULL
                    OR :expired = (expires_at IS NOT NULL AND expires_at <= :now))
                AND namespaces.organization_id = :organization AND {VISIBLE})"
        );
        let now = micros(now);
        let mut parameters: Vec<(&str, &dyn ToSql)> =
            vec![(":bearer", &filter.bearer_id), (":expired", &filter.is_expired), (":now", &now)];
        parameters.extend(visible.parameters());
        self.page(&conditions, &parameters, order, page, rows::token_record)
    }
}

/// Tokens, their namespaces, and from where each was made.
const RECORDS: &str = "SELECT tokens.*, audit.ip, audit.user_agent FROM tokens
    JOIN namespaces ON namespaces.id = tokens.namespace_id
    LEFT JOIN audit ON audit.number = tokens.audit_number";

/// Whether what is of a `product` and a `project_id` may be seen.
const VISIBLE: &str = "CASE product
    WHEN 'functions' THEN :functions = '*' OR lower(hex(project_id)) IN
        (SELECT value FROM json_each(CASE :functions WHEN '*' THEN '[]' ELSE :functions END))
    ELSE :containers = '*' OR lower(hex(project_id)) IN
        (SELECT value FROM json_each(CASE :containers WHEN '*' THEN '[]' ELSE :containers END))
    END";

/// The projects in which tokens of each product may be seen: `*` for all, else their ids in JSON.
struct Visible {
    organization_id: Uuid,
    functions: String,
    containers: String,
}

impl Visible {
    fn of(by: &[Authorized]) -> Result<Self, StoreError> {
        let organization_id = by.first().ok_or(StoreError::NotPermitted)?.scope().organization_id;
        let none = "[]".to_owned();
        let mut visible = Self { organization_id, functions: none.clone(), containers: none };
        for it in by {
            let Action::Token(product, _) = it.action() else {
                return Err(StoreError::NotPermitted);
            };
            let projects = match it.extent() {
                Extent::Organization => "*".to_owned(),
                Extent::Projects(ids) => rows::ids_json(ids),
            };
            match product {
                Product::Functions => visible.functions = projects,
                Product::Containers => visible.containers = projects,
            }
        }
        Ok(visible)
    }

    fn parameters(&self) -> [(&str, &dyn ToSql); 3] {
        [
            (":organization", &self.organization_id),
            (":functions", &self.functions),
            (":containers", &self.containers),
        ]
    }
}

/// Where a page begins, unless it is behind the end, and how many tokens there are.
fn start(blocks: &[(i64, u64)], page: PageRequest) -> (Option<Start>, u64) {
    let (mut start, mut before) = (None, 0_u64);
    for &(block, tokens) in blocks {
        let end = before.saturating_add(tokens);
        if start.is_none() && end > page.offset() {
            start = Some(Start { block, skip: page.offset().saturating_sub(before) });
        }
        before = end;
    }
    (start, before)
}
