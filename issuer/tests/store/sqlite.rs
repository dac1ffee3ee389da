//! SQLite as one implementation of the store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use namespace_jwt_issuer::store::Store;
use namespace_jwt_issuer::store::sqlite::{Opening, Sqlite};
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use crate::contract::{AuditRow, Database, Revocation, contract};
use crate::folder::Folder;
use crate::sample::Organization;

/// A file, open.
pub struct SqliteFile {
    store: Arc<Sqlite>,
    path: PathBuf,
    _folder: Folder,
}

impl SqliteFile {
    fn connection(&self) -> Connection {
        connection(&self.path)
    }

    pub fn execute(&self, sql: &str) {
        self.connection().execute(sql, []).unwrap();
    }

    fn all<T>(&self, sql: &str, row: impl Fn(&Row<'_>) -> rusqlite::Result<T>) -> Vec<T> {
        let connection = self.connection();
        let mut statement = connection.prepare(sql).unwrap();
        statement.query_map([], row).unwrap().map(Result::unwrap).collect()
    }
}

/// A connection beside the store's own.
pub fn connection(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.pragma_update(None, "foreign_keys", true).unwrap();
    connection
}

impl Database for SqliteFile {
    fn new() -> Self {
        let folder = Folder::new();
        let path = folder.file("issuer.db");
        let store = Arc::new(Sqlite::open(&path, Opening::CreateOrMigrate).unwrap());
        Self { store, path, _folder: folder }
    }

    fn store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.store) as Arc<dyn Store>
    }

    fn audit(&self) -> Vec<AuditRow> {
        self.all("SELECT * FROM audit ORDER BY number", |row| {
            Ok(AuditRow {
                at: u64::try_from(row.get::<_, i64>("created_at")?).unwrap(),
                organization_id: row.get("organization_id")?,
                bearer_id: row.get("bearer_id")?,
                access_key: row.get("access_key")?,
                address: row.get("ip")?,
                user_agent: row.get("user_agent")?,
                request_id: row.get("request_id")?,
                action: row.get("action")?,
                resource_type: row.get("resource_type")?,
                resource_id: row.get("resource_id")?,
            })
        })
    }

    fn revocations(&self) -> Vec<Revocation> {
        self.all("SELECT * FROM revocations", |row| {
            Ok(Revocation {
                token_id: row.get::<_, String>("token_id")?.parse().unwrap(),
                namespace_id: row.get("namespace_id")?,
                key_id: row.get("key_id")?,
            })
        })
    }

    fn add_organization(&self, it: Organization) {
        let (id, owner) = (it.0, it.owner());
        self.connection()
            .execute("INSERT INTO organizations VALUES (?, ?, 0, '', x'')", params![id, owner])
            .unwrap();
        self.add_project(it, id);
        self.connection()
            .execute("INSERT INTO users VALUES (?, ?, 'owner', 0, 0, NULL)", params![owner, id])
            .unwrap();
    }

    fn add_project(&self, organization: Organization, id: Uuid) {
        let sql = "INSERT INTO projects VALUES (?, ?, 'p', '', 0, 0)";
        self.connection().execute(sql, params![id, organization.0]).unwrap();
    }
}

contract!(SqliteFile);
