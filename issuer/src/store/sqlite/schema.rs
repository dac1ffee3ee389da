//! The numbered migrations of a SQLite file, and what tells one of ours from another's.

use std::fmt;

use rusqlite::{Connection, TransactionBehavior};

/// `njwt` in ASCII, in the header of every file of ours.
const APPLICATION_ID: i64 = 0x6e6a_7774;

/// Each step of the schema, the first one first. A step that was released is never changed.
const MIGRATIONS: [&str; 1] = [include_str!("../../../migrations/sqlite/0001_service.sql")];

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
        transaction.execute_batch(step)?;
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
    use super::*;

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
