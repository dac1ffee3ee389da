//! SQLite as one implementation of the store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use namespace_jwt_issuer::model::token::TokenRecord;
use namespace_jwt_issuer::store::sqlite::{Opening, Sqlite};
use namespace_jwt_issuer::store::{Store, StoreError, read};
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

use crate::contract::{AuditRow, Database, Revocation, contract};
use crate::folder::Folder;
use crate::sample::{Organization, found};

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

    fn password(&self, user_id: Uuid) -> Option<String> {
        let sql = "SELECT password FROM users WHERE id = ?";
        self.connection().query_row(sql, [user_id], |row| row.get(0)).unwrap()
    }

    fn add_organization(&self, it: Organization) {
        let (id, owner) = (it.0, it.owner());
        self.connection()
            .execute("INSERT INTO organizations VALUES (?, ?, 0, '', x'')", params![id, owner])
            .unwrap();
        self.add_project(it, id);
        self.connection()
            .execute("INSERT INTO users VALUES (?, ?, 'owner', '', 'owner', '', '', '', '', '[]', 0, NULL, 0, 0,
             NULL, NULL)", params![owner, id])
            .unwrap();
    }

    fn add_project(&self, organization: Organization, id: Uuid) {
        let sql = "INSERT INTO projects VALUES (?, ?, 'p', '', 0, 0)";
        self.connection().execute(sql, params![id, organization.0]).unwrap();
    }
}

contract!(SqliteFile);

#[tokio::test]
async fn a_token_from_before_records_were_kept_has_no_address() {
    let database = SqliteFile::new();
    let (store, organization) = (database.store(), Organization(Uuid::new_v4()));
    found(&*store, organization).await.unwrap();
    let (_, key) = organization.new_namespace(&*store, "one").await;
    let token = organization.new_token(&*store, &key, None, None).await;
    // As a migration leaves it.
    database.execute("UPDATE tokens SET audit_number = NULL");
    let id = token.id;
    let record = read::<_, StoreError>(&*store, move |it| it.token_record(id)).await;
    assert_eq!(record, Ok(Some(TokenRecord { token, address: None, user_agent: None })));
}
