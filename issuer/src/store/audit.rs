//! The audit log, as a store reads it.

use uuid::Uuid;

use super::StoreError;
use crate::iam::decision::Authorized;
use crate::model::audit::{AuditRecord, LogFilter};
use crate::model::page::{Page, PageRequest};

/// The part of a transaction that reads the audit log.
///
/// A store numbers entries from 1 on in the order of their commits, and leaves no number out. So
/// nothing is ever put in before an entry that was read, and a gap means that somebody removed
/// what stood there.
pub trait AuditLog {
    /// The number of the last entry; 0 where there is none.
    fn last_audit_number(&mut self) -> Result<u64, StoreError>;

    /// The next entries after a number, in the order of their numbers: at most so many, and no
    /// further ones once they hold a megabyte of text. None is given only if there is none.
    fn audit_entries(&mut self, after: u64, limit: u32) -> Result<Vec<AuditRecord>, StoreError>;

    /// An entry.
    fn audit_entry(&mut self, id: Uuid) -> Result<Option<AuditRecord>, StoreError>;

    /// The entries that the caller may see and the filter lets through.
    fn audit_page(
        &mut self,
        by: &Authorized,
        filter: &LogFilter,
        newest_first: bool,
        page: PageRequest,
    ) -> Result<Page<AuditRecord>, StoreError>;
}
