//! The options that say where an installation's files are, which all commands on them take.

use std::path::PathBuf;

use namespace_jwt_issuer::authority::Authority;
use namespace_jwt_issuer::authority::keys::Keys;
use namespace_jwt_issuer::inspect::display::excerpt;
use namespace_jwt_issuer::installation::Installation;
use namespace_jwt_issuer::serve::now;

use super::options::{Given, Said};
use super::{Failure, failure};

/// The options as they were given.
pub struct Database {
    /// `--database`.
    pub url: Given<String>,
    /// `--secrets-key-file`.
    pub secrets_key_file: Given<PathBuf>,
}

impl Database {
    pub fn new() -> Self {
        let secrets_key_file = Given::new("--secrets-key-file");
        Self { url: Given::new("--database"), secrets_key_file }
    }

    /// The files that they name.
    pub fn installation(self, init_file: Option<PathBuf>) -> Result<Installation, Failure> {
        let url = self.url.or_variable("ISSUER_DATABASE")?;
        let database = match &url {
            Some(Said { text, by }) => sqlite_file(text, by)?,
            None => PathBuf::from("issuer.db"),
        };
        let secrets_key_file = self.secrets_key_file.or_variable("ISSUER_SECRETS_KEY_FILE")?;
        Ok(Installation::beside(database, secrets_key_file, init_file))
    }
}

/// The operations on an installation's database.
pub async fn authority(installation: &Installation) -> Result<Authority, Failure> {
    let opened = installation.open().await?;
    // Nothing is made by a command that has a host name.
    Ok(Authority::new(opened.store, Keys::new(opened.secrets), now, String::new()))
}

/// The file that `sqlite:FILE` names.
fn sqlite_file(url: &str, by: &str) -> Result<PathBuf, Failure> {
    if ["postgres:", "postgresql:"].iter().any(|scheme| url.starts_with(scheme)) {
        // What follows may hold a password.
        return failure(format!(
            "`{by}`: expected sqlite:FILE, found a postgres:// URL: this version doesn't know \
             PostgreSQL yet; use a SQLite file"
        ));
    }
    let file = url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:"));
    match file {
        // SQLite's names for databases that no second process sees.
        Some(file) if !file.is_empty() && !file.starts_with(':') && !file.ends_with('/') => {
            Ok(PathBuf::from(file))
        }
        _ => failure(format!(
            "`{by}`: expected sqlite: and the name of a file, such as sqlite:issuer.db, \
             found {}",
            excerpt(url)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_is_a_sqlite_file() {
        for (url, file) in [
            ("sqlite:issuer.db", "issuer.db"),
            ("sqlite:/var/lib/issuer/issuer.db", "/var/lib/issuer/issuer.db"),
            ("sqlite:///var/lib/issuer.db", "/var/lib/issuer.db"),
            ("sqlite://data/issuer.db", "data/issuer.db"),
        ] {
            assert_eq!(sqlite_file(url, "--database").ok().unwrap(), PathBuf::from(file));
        }
        for (url, words) in [
            ("postgres://user:s3cret@host/db", "PostgreSQL"),
            ("postgresql://host/db", "PostgreSQL"),
            ("issuer.db", "expected sqlite:"),
            ("sqlite:", "expected sqlite:"),
            ("sqlite::memory:", "expected sqlite:"),
            ("mysql://host/db", "expected sqlite:"),
        ] {
            let Err(Failure(message)) = sqlite_file(url, "--database") else { panic!("{url}") };
            assert!(message.contains(words) && !message.contains("s3cret"), "{message}");
        }
    }
}
