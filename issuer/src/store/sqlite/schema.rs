//! The numbered migrations of a SQLite file, and what tells one of ours from another's.

use std::fmt;

use rusqlite::{Connection, TransactionBehavior, params};
use uuid::Uuid;

use crate::model::trust::TokenId;

/// `njwt` in ASCII, in the header of every file of ours.
const APPLICATION_ID: i64 = 0x6e6a_7774;

/// Each step of the schema, the first one first. A step that was released is never changed.
const MIGRATIONS: [Step; 5] = [
    Step { sql: include_str!("../../../migrations/sqlite/0001_service.sql"), finish: None },
    Step {
        sql: include_str!("../../../migrations/sqlite/0002_trust.sql"),
        finish: Some(begin_scopes),
    },
    Step { sql: include_str!("../../../migrations/sqlite/0003_containers_v1.sql"), finish: None },
    Step { sql: include_str!("../../../migrations/sqlite/0004_token_numbers.sql"), finish: None },
    Step { sql: include_str!("../../../migrations/sqlite/0005_iam.sql"), finish: None },
];

/// One step of the schema.
struct Step {
    sql: &'static str,
    /// What SQL alone can't do, afterwards.
    finish: Option<fn(&Connection) -> rusqlite::Result<()>>,
}

/// Begins the scopes of the namespaces that there are and were, and the log of revoked tokens.
fn begin_scopes(connection: &Connection) -> rusqlite::Result<()> {
    let mut old = connection.prepare(
        "SELECT token_id, namespace_id, key_id, expires_at, revoked_at FROM revocations_before
         ORDER BY revoked_at, token_id",
    )?;
    let mut new = connection.prepare(
        "INSERT INTO revocations (record, token_id, namespace_id, key_id, expires_at, revoked_at)
         VALUES (?, ?, ?, ?, ?, ?)",
    )?;
    let mut rows = old.query([])?;
    while let Some(row) = rows.next()? {
        let id = TokenId::from(row.get::<_, Uuid>(0)?);
        let (namespace_id, key_id): (Uuid, Uuid) = (row.get(1)?, row.get(2)?);
        let (expires_at, revoked_at): (Option<i64>, i64) = (row.get(3)?, row.get(4)?);
        let record = id.record();
        new.execute(params![record, id.as_str(), namespace_id, key_id, expires_at, revoked_at])?;
    }
    drop(rows);
    drop((old, new));
    connection.execute_batch(
        "DROP TABLE revocations_before;
         INSERT INTO scopes (id, sequence, changed, epoch, records)
         SELECT x'', 1, 1, 1, count(*) FROM revocations;
         INSERT INTO scopes (id, sequence, changed, epoch, records)
         SELECT DISTINCT namespace_id, 1, 1, 1, (SELECT count(*) FROM revocations
             WHERE revocations.namespace_id = namespace_keys.namespace_id)
         FROM namespace_keys;",
    )
}

/// The version of the schema that this program works with.
pub fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Brings a file to the newest version, in one transaction under SQLite's own lock: another
/// program that does the same waits, and finds it done.
///
/// # Errors
///
/// [`SchemaError`]; the file is as it was.
pub fn migrate(connection: &mut Connection) -> Result<(), SchemaError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    let done = usize::try_from(found).unwrap_or(usize::MAX);
    for step in MIGRATIONS.iter().skip(done) {
        transaction.execute_batch(step.sql)?;
        if let Some(finish) = step.finish {
            finish(&transaction)?;
        }
    }
    if found < newest() {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", newest())?;
    }
    Ok(transaction.commit()?)
}

/// Whether a file is of the newest version.
///
/// # Errors
///
/// [`SchemaError`], if it is not ours, newer than this program, or has tables or triggers that
/// this program didn't make.
pub fn is_newest(connection: &Connection) -> Result<bool, SchemaError> {
    let is_newest = version(connection)? == newest();
    if is_newest {
        let mut model = Connection::open_in_memory()?;
        migrate(&mut model)?;
        if shape(connection)? != shape(&model)? {
            return Err(SchemaError::Altered);
        }
    }
    Ok(is_newest)
}

/// What a file has tables, indexes and triggers of, but for SQLite's own.
fn shape(connection: &Connection) -> Result<Vec<(String, Option<String>)>, SchemaError> {
    let sql = "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY name";
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The version of a file of ours: 0 if there is nothing in it.
fn version(connection: &Connection) -> Result<i64, SchemaError> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let (application, found) = (pragma("application_id")?, pragma("user_version")?);
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (application, found) {
        (0, 0) if tables == 0 => Ok(0),
        (APPLICATION_ID, 1..) if found <= newest() => Ok(found),
        (APPLICATION_ID, _) => Err(SchemaError::Newer { found }),
        _ => Err(SchemaError::Foreign),
    }
}

/// Why a file isn't used.
#[derive(Debug)]
pub enum SchemaError {
    /// It is a database of another program.
    Foreign,
    /// Somebody else changed its tables, or gave it triggers.
    Altered,
    /// A newer version of this program wrote it.
    Newer {
        /// The version of its schema.
        found: i64,
    },
    /// SQLite can't read or write it.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for SchemaError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => f.write_str(
                "expected a database of this program, found another's; name another file",
            ),
            Self::Altered => f.write_str(
                "expected the tables of this program alone, found others or changed ones; take a \
                 backup that `issuer backup` made",
            ),
            Self::Newer { found } => write!(
                f,
                "expected a database of version {} or older, found version {found}; use the \
                 version of this program that wrote it, or a newer one",
                newest()
            ),
            Self::Sqlite(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SchemaError {}

#[cfg(test)]
mod tests {
    use rusqlite::types::ValueRef;

    use super::*;

    #[test]
    fn what_a_savepoint_may_take_back_is_kept_in_memory() {
        // As .cargo/config.toml has it built.
        let connection = Connection::open_in_memory().unwrap();
        let sql = "SELECT sqlite_compileoption_used('STMTJRNL_SPILL=126976')";
        assert!(connection.query_row(sql, [], |row| row.get::<_, bool>(0)).unwrap());
    }

    #[test]
    fn an_empty_file_is_filled_once() {
        let mut connection = Connection::open_in_memory().unwrap();
        assert!(!is_newest(&connection).unwrap());
        migrate(&mut connection).unwrap();
        assert!(is_newest(&connection).unwrap());
        migrate(&mut connection).unwrap();
    }

    #[test]
    fn a_file_that_somebody_gave_a_trigger_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        let trigger = "CREATE TRIGGER t AFTER INSERT ON tokens BEGIN DELETE FROM tokens; END";
        connection.execute_batch(trigger).unwrap();
        assert!(matches!(is_newest(&connection), Err(SchemaError::Altered)));
    }

    #[test]
    fn a_file_of_version_1_keeps_what_it_has() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(MIGRATIONS[0].sql).unwrap();
        connection
            .execute_batch(
                "PRAGMA application_id = 0x6e6a7774;
                 PRAGMA user_version = 1;
                 INSERT INTO organizations VALUES (x'01', x'02', 3, '', x'');
                 INSERT INTO projects VALUES (x'01', x'01', 'p', '', 0, 0);",
            )
            .unwrap();
        // A namespace that is there, one without revoked tokens, and one that was deleted.
        let ids = [1, 2, 3].map(Uuid::from_u128);
        let key = |id: Uuid| Uuid::from_u128(id.as_u128() + 10);
        for id in ids {
            let sql = "INSERT INTO namespace_keys VALUES (?, ?, 'active', 'RS256', 'pem', x'', 5)";
            connection.execute(sql, params![key(id), id]).unwrap();
        }
        for id in &ids[..2] {
            let sql = "INSERT INTO namespaces VALUES (?, 'functions', 'fr-par', x'01', x'01', ?,
                '', '{}', '{}', '[]', 0, 7, 8)";
            connection.execute(sql, params![id, id.to_string()]).unwrap();
        }
        let gone = [(40, 0, Some(9), 2), (30, 0, None, 2), (50, 2, None, 1)];
        for (token, at, expires_at, revoked_at) in gone {
            let sql = "INSERT INTO revocations VALUES (?, ?, ?, ?, ?)";
            let (token, id) = (Uuid::from_u128(token), ids[at]);
            connection.execute(sql, params![token, id, key(id), expires_at, revoked_at]).unwrap();
        }

        // A container, and tokens for it and for its namespace.
        let settings = r#"{"health_check":{"failure_threshold":3,"interval":"1.5s",
            "http":{"path":"/live"}},"scaling_option":{"concurrent_requests_threshold":50}}"#;
        let sql = "INSERT INTO applications VALUES (x'0a', ?, 'containers', 'fr-par', 'c', '',
            'public', '', '{}', '{}', '[]', ?, 7, 8)";
        connection.execute(sql, params![ids[0], settings]).unwrap();
        for (token, application, at) in [(61, Some(10), 9), (62, None, 8), (63, Some(10), 7)] {
            let sql = "INSERT INTO tokens VALUES (?, ?, ?, ?, '', ?, NULL, NULL)";
            let application = application.map(|id: u8| vec![id]);
            let token = Uuid::from_u128(token);
            connection.execute(sql, params![token, ids[0], application, key(ids[0]), at]).unwrap();
        }

        migrate(&mut connection).unwrap();
        assert!(is_newest(&connection).unwrap());
        let found: String = connection
            .query_row("SELECT settings FROM applications", [], |row| row.get(0))
            .unwrap();
        let found: serde_json::Value = serde_json::from_str(&found).unwrap();
        let expected = serde_json::json!({
            "liveness_probe": {
                "failure_threshold": 3,
                "interval": {"secs": 1, "nanos": 500_000_000},
                "timeout": {"secs": 1, "nanos": 0},
                "check": {"Http": "/live"},
            },
            "startup_probe": null,
            "scaling_option": {"concurrent_requests_threshold": 50},
        });
        assert_eq!(found, expected);
        let mut query =
            connection.prepare("SELECT number, id FROM tokens ORDER BY number").unwrap();
        let found = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let expected = [(1, 63), (2, 62), (3, 61)].map(|(n, id)| (n, Uuid::from_u128(id)));
        assert_eq!(found.map(Result::unwrap).collect::<Vec<(i64, Uuid)>>(), expected);
        let mut query = connection.prepare("SELECT kind, block, tokens FROM token_counts").unwrap();
        let found = query
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .unwrap()
            .map(Result::unwrap);
        let expected = [("application", 0, 2), ("functions", 0, 3), ("namespace", 0, 1)]
            .map(|(kind, block, tokens)| (kind.to_owned(), block, tokens));
        assert_eq!(found.collect::<Vec<(String, i64, i64)>>(), expected);
        let mut query = connection
            .prepare("SELECT token_id, record, namespace_id, expires_at FROM revocations")
            .unwrap();
        let found = query
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            .unwrap()
            .map(Result::unwrap);
        // `printf %s 00000000-0000-0000-0000-000000000032 | sha256sum`, and so on.
        let expected: [(String, [u8; 8], Uuid, Option<i64>); 3] = [
            (50, 0x8cc2_d5a2_6f66_caee, ids[2], None),
            (30, 0xbcd7_049b_5c32_bd84, ids[0], None),
            (40, 0xeb87_2750_7d15_ae81, ids[0], Some(9)),
        ]
        .map(|(id, record, of, end): (u128, u64, _, _)| {
            (Uuid::from_u128(id).to_string(), record.to_be_bytes(), of, end)
        });
        assert_eq!(found.collect::<Vec<_>>(), expected);
        let mut query = connection
            .prepare("SELECT id, sequence, changed, epoch, records FROM scopes ORDER BY id")
            .unwrap();
        let found = query
            .query_map([], |row| {
                let numbers: [i64; 4] = [row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?];
                Ok((row.get::<_, Vec<u8>>(0)?, numbers))
            })
            .unwrap()
            .map(Result::unwrap);
        let scope = |id: Uuid, records| (id.as_bytes().to_vec(), [1, 1, 1, records]);
        let expected =
            [(vec![], [1, 1, 1, 3]), scope(ids[0], 2), scope(ids[1], 0), scope(ids[2], 1)];
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    /// Takes the steps after one version up to another.
    fn advance(connection: &Connection, versions: std::ops::Range<usize>) {
        let end = versions.end;
        for step in &MIGRATIONS[versions] {
            connection.execute_batch(step.sql).unwrap();
            if let Some(finish) = step.finish {
                finish(connection).unwrap();
            }
        }
        connection.pragma_update(None, "application_id", APPLICATION_ID).unwrap();
        connection.pragma_update(None, "user_version", i64::try_from(end).unwrap()).unwrap();
    }

    /// The rows of a query, each as text.
    fn rows(connection: &Connection, sql: &str) -> Vec<String> {
        let mut query = connection.prepare(sql).unwrap();
        let columns = query.column_count();
        let found = query.query_map([], |row| {
            let texts = (0..columns).map(|at| {
                Ok(match row.get_ref(at)? {
                    ValueRef::Null => "none".to_owned(),
                    ValueRef::Integer(number) => number.to_string(),
                    ValueRef::Real(number) => number.to_string(),
                    ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                    ValueRef::Blob(bytes) => format!("{bytes:x?}"),
                })
            });
            Ok(texts.collect::<rusqlite::Result<Vec<_>>>()?.join(" "))
        });
        found.unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn who_called_before_there_was_iam_still_calls_and_tokens_are_counted_by_project() {
        let mut connection = Connection::open_in_memory().unwrap();
        // As the service has it while it migrates.
        connection.pragma_update(None, "foreign_keys", true).unwrap();
        advance(&connection, 0..1);
        connection
            .execute_batch(
                "INSERT INTO organizations VALUES (x'01', x'02', 3, '', x'');
                 INSERT INTO projects VALUES (x'01', x'01', 'p', '', 0, 0);
                 INSERT INTO projects VALUES (x'03', x'01', 'q', '', 0, 0);
                 INSERT INTO users VALUES (x'02', x'01', 'owner', 4, 5);
                 INSERT INTO api_keys VALUES ('SCWA', x'aa', x'02', x'01', x'03', 'd', 6, 7);
                 INSERT INTO api_keys VALUES ('SCWB', x'bb', x'02', x'01', x'01', '', 8, NULL);
                 INSERT INTO audit VALUES (5, x'0e', 9, x'01', x'02', 'SCWA', '::1', 'a', NULL,
                     'created', 'function_token', '60');",
            )
            .unwrap();
        let namespaces = [
            ("x'11'", "functions", "fr-par", "x'01'"),
            ("x'12'", "containers", "fr-par", "x'03'"),
            ("x'13'", "containers", "fr-par", "x'01'"),
            ("x'14'", "containers", "nl-ams", "x'01'"),
        ];
        for (id, product, region, project) in namespaces {
            let sql = format!(
                "INSERT INTO namespaces VALUES ({id}, '{product}', '{region}', x'01', {project},
                     'n', '', '{{}}', '{{}}', '[]', 0, 7, 8);
                 INSERT INTO namespace_keys VALUES ({id}, {id}, 'active', 'RS256', '', x'', 5);"
            );
            connection.execute_batch(&sql).unwrap();
        }
        connection
            .execute_batch(
                "INSERT INTO applications VALUES (x'21', x'11', 'functions', 'fr-par', 'f', '',
                     'private', '', '{}', '{}', '[]', '{}', 7, 8)",
            )
            .unwrap();
        // More than a block of numbers of one namespace.
        let mut tokens = vec![("x'11'", "x'21'"), ("x'11'", "NULL"), ("x'13'", "NULL")];
        tokens.extend(vec![("x'12'", "NULL"); 1_024]);
        tokens.push(("x'14'", "NULL"));
        for (at, (namespace, application)) in tokens.into_iter().enumerate() {
            let sql = format!(
                "INSERT INTO tokens VALUES (?, {namespace}, {application}, {namespace}, '', ?,
                     NULL, x'02')"
            );
            connection.execute(&sql, params![Uuid::from_u128(at as u128), at as i64]).unwrap();
        }
        advance(&connection, 1..4);
        connection.execute_batch("UPDATE users SET not_before = 11").unwrap();

        migrate(&mut connection).unwrap();
        assert!(is_newest(&connection).unwrap());
        assert_eq!(rows(&connection, "PRAGMA foreign_key_check"), [""; 0]);
        assert_eq!(rows(&connection, "PRAGMA integrity_check"), ["ok"]);
        assert_eq!(
            rows(&connection, "SELECT * FROM users"),
            ["[2] [1] owner  owner    en_US [] 0 none 4 5 none 11"]
        );
        assert_eq!(
            rows(&connection, "SELECT * FROM api_keys ORDER BY access_key"),
            [
                "SCWA [aa] [2] none [1] [3] d none 6 6 7",
                "SCWB [bb] [2] none [1] [1]  none 8 8 none",
            ]
        );
        assert_eq!(
            rows(&connection, "SELECT * FROM token_counts ORDER BY kind, id, region, block"),
            [
                "application [21]  0 1",
                "containers [1] fr-par 0 1",
                "containers [1] nl-ams 1 1",
                "containers [3] fr-par 0 1020",
                "containers [3] fr-par 1 4",
                "functions [1] fr-par 0 2",
                "namespace [11]  0 1",
                "namespace [12]  0 1020",
                "namespace [12]  1 4",
                "namespace [13]  0 1",
                "namespace [14]  1 1",
            ]
        );
        let found =
            rows(&connection, "SELECT count(*), count(bearer_id), count(audit_number) FROM tokens");
        assert_eq!(found, ["1028 1028 0"]);
        assert_eq!(
            rows(&connection, "SELECT * FROM audit"),
            ["5 [e] 9 [1] [2] SCWA ::1 a none created function_token 60"]
        );
        // The tables that others point to are those that are there now.
        for sql in [
            "INSERT INTO api_keys SELECT 'SCWC', x'cc', x'04', NULL, x'01', x'01', '', NULL, 0, 0, 0",
            "DELETE FROM users",
        ] {
            assert!(connection.execute(sql, []).is_err(), "{sql}");
        }
    }

    #[test]
    fn a_file_of_another_program_or_a_newer_version_is_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE theirs (id)").unwrap();
        assert!(matches!(migrate(&mut connection), Err(SchemaError::Foreign)));
        assert!(connection.prepare("SELECT * FROM tokens").is_err());

        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection.pragma_update(None, "user_version", newest() + 1).unwrap();
        let error = migrate(&mut connection).unwrap_err();
        assert!(matches!(error, SchemaError::Newer { found } if found == newest() + 1), "{error}");
    }
}
