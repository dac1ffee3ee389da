//! Rows of the database as values. What no version of this program writes is refused by name.

use std::time::Duration;

use namespace_jwt_core::time::UnixTime;
use rusqlite::Row;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::model::Product;
use crate::model::api_key::ApiKey;
use crate::model::application::{Application, Privacy};
use crate::model::bearer::Bearer;
use crate::model::namespace::Namespace;
use crate::model::namespace_key::{KeyState, NamespaceKey};
use crate::model::project::Project;
use crate::model::region::Region;
use crate::model::token::{Token, TokenRecord, TokenSubject};
use crate::model::trust::{PublicKey, TrustKey};
use crate::model::variables::Variables;
use crate::store::StoreError;
use crate::store::change::Founding;

/// A row that can't be read.
pub enum Bad {
    /// SQLite says why.
    Sqlite(rusqlite::Error),
    /// This column holds what no version of this program writes.
    Column(&'static str),
}

impl From<rusqlite::Error> for Bad {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Bad> for StoreError {
    fn from(bad: Bad) -> Self {
        match bad {
            Bad::Sqlite(error) => super::store_error(error),
            Bad::Column(name) => Self::Corrupt(format!("something in a column `{name}`")),
        }
    }
}

/// A time in the database.
pub fn micros(time: UnixTime) -> i64 {
    i64::try_from(time.since_epoch().as_micros()).unwrap_or(i64::MAX)
}

/// A whole second in the database.
pub fn seconds(time: UnixTime) -> i64 {
    i64::try_from(time.since_epoch().as_secs()).unwrap_or(i64::MAX)
}

/// A list or a map in the database.
pub fn json(value: &impl Serialize) -> String {
    // Strings, numbers and maps with strings as keys have a JSON form.
    serde_json::to_string(value).unwrap_or_default()
}

/// The two columns of environment variables.
pub fn variables_json(variables: &Variables) -> (String, String) {
    (json(&variables.plain), json(&variables.secret))
}

/// Ids, as SQL compares them: in hexadecimal without hyphens.
pub fn ids_json<'i>(ids: impl IntoIterator<Item = &'i Uuid>) -> String {
    json(&ids.into_iter().map(|id| id.simple().to_string()).collect::<Vec<_>>())
}

/// Ids that a list is restricted to, unless there are none.
pub fn some_ids(ids: &[Uuid]) -> Option<String> {
    (!ids.is_empty()).then(|| ids_json(ids))
}

pub fn founding(row: &Row<'_>) -> Result<Founding, Bad> {
    Ok(Founding {
        organization_id: row.get("id")?,
        owner_id: row.get("owner_id")?,
        created_at: time(row, "created_at")?,
        api_url: row.get("api_url")?,
        sealed_check: row.get("sealed_check")?,
    })
}

pub fn product(row: &Row<'_>) -> Result<Product, Bad> {
    named(row, "product", Product::from_name)
}

pub fn api_key(row: &Row<'_>) -> Result<ApiKey, Bad> {
    Ok(ApiKey {
        access_key: row.get("access_key")?,
        bearer: bearer(row)?.ok_or(Bad::Column("user_id"))?,
        organization_id: row.get("organization_id")?,
        default_project_id: row.get("default_project_id")?,
        description: row.get("description")?,
        creation_ip: row.get("creation_ip")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
        expires_at: optional_time(row, "expires_at")?,
    })
}

/// The user or the application in a row that has columns for both.
pub fn bearer(row: &Row<'_>) -> Result<Option<Bearer>, Bad> {
    let user = row.get::<_, Option<_>>("user_id")?.map(Bearer::User);
    let application = row.get::<_, Option<_>>("application_id")?.map(Bearer::Application);
    Ok(user.or(application))
}

pub fn project(row: &Row<'_>) -> Result<Project, Bad> {
    Ok(Project {
        id: row.get("id")?,
        organization_id: row.get("organization_id")?,
        name: row.get("name")?,
        description: row.get("description")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

pub fn namespace(row: &Row<'_>) -> Result<Namespace, Bad> {
    Ok(Namespace {
        id: row.get("id")?,
        product: product(row)?,
        region: named(row, "region", Region::parse)?,
        organization_id: row.get("organization_id")?,
        project_id: row.get("project_id")?,
        name: row.get("name")?,
        description: row.get("description")?,
        variables: variables(row)?,
        tags: from_json(row, "tags")?,
        vpc_integration: row.get("vpc_integration")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

pub fn namespace_key(row: &Row<'_>) -> Result<NamespaceKey, Bad> {
    Ok(NamespaceKey {
        id: row.get("id")?,
        namespace_id: row.get("namespace_id")?,
        state: named(row, "state", KeyState::from_name)?,
        algorithm: row.get("algorithm")?,
        public_pem: row.get("public_pem")?,
        sealed_private_key: row.get("sealed_private_key")?,
        created_at: time(row, "created_at")?,
        activates_at: optional_time(row, "activates_at")?,
        retired_at: optional_time(row, "retired_at")?,
        ends_at: optional_time(row, "ends_at")?,
    })
}

pub fn application(row: &Row<'_>) -> Result<Application, Bad> {
    Ok(Application {
        id: row.get("id")?,
        namespace_id: row.get("namespace_id")?,
        product: product(row)?,
        region: named(row, "region", Region::parse)?,
        name: row.get("name")?,
        description: row.get("description")?,
        privacy: privacy(row)?,
        domain_name: row.get("domain_name")?,
        variables: variables(row)?,
        tags: from_json(row, "tags")?,
        settings: from_json(row, "settings")?,
        created_at: time(row, "created_at")?,
        updated_at: time(row, "updated_at")?,
    })
}

pub fn token(row: &Row<'_>) -> Result<Token, Bad> {
    let namespace_id = row.get("namespace_id")?;
    let application_id = row.get::<_, Option<_>>("application_id")?;
    Ok(Token {
        id: row.get("id")?,
        subject: application_id
            .map_or(TokenSubject::Namespace(namespace_id), TokenSubject::Application),
        namespace_id,
        key_id: row.get("key_id")?,
        description: row.get("description")?,
        expires_at: optional_time(row, "expires_at")?,
        created_at: time(row, "created_at")?,
        bearer_id: row.get("bearer_id")?,
    })
}

pub fn token_record(row: &Row<'_>) -> Result<TokenRecord, Bad> {
    let (address, user_agent) = (row.get("ip")?, row.get("user_agent")?);
    Ok(TokenRecord { token: token(row)?, address, user_agent })
}

pub fn public_key(row: &Row<'_>) -> Result<PublicKey, Bad> {
    Ok(PublicKey {
        id: row.get("id")?,
        state: named(row, "state", KeyState::from_name)?,
        algorithm: row.get("algorithm")?,
        public_pem: row.get("public_pem")?,
    })
}

pub fn trust_key(row: &Row<'_>) -> Result<TrustKey, Bad> {
    Ok(TrustKey {
        id: row.get("id")?,
        public_pem: row.get("public_pem")?,
        sealed_private_key: row.get("sealed_private_key")?,
        created_at: time(row, "created_at")?,
    })
}

pub fn privacy(row: &Row<'_>) -> Result<Privacy, Bad> {
    named(row, "privacy", Privacy::from_name)
}

/// A number that counts something.
pub fn number(row: &Row<'_>, column: &'static str) -> Result<u64, Bad> {
    u64::try_from(row.get::<_, i64>(column)?).map_err(|_| Bad::Column(column))
}

/// A whole second, if there is one.
pub fn optional_second(row: &Row<'_>, column: &'static str) -> Result<Option<UnixTime>, Bad> {
    let second = row.get::<_, Option<i64>>(column)?;
    let second = second.map(u64::try_from).transpose().map_err(|_| Bad::Column(column))?;
    Ok(second.map(UnixTime::from_secs))
}

fn variables(row: &Row<'_>) -> Result<Variables, Bad> {
    Ok(Variables {
        plain: from_json(row, "environment_variables")?,
        secret: from_json(row, "secret_environment_variables")?,
    })
}

/// A value that has a name.
pub fn named<T>(
    row: &Row<'_>,
    column: &'static str,
    value: impl Fn(&str) -> Option<T>,
) -> Result<T, Bad> {
    value(&row.get::<_, String>(column)?).ok_or(Bad::Column(column))
}

/// A value in JSON.
pub fn from_json<T: DeserializeOwned>(row: &Row<'_>, column: &'static str) -> Result<T, Bad> {
    serde_json::from_str(&row.get::<_, String>(column)?).map_err(|_| Bad::Column(column))
}

/// A time.
pub fn time(row: &Row<'_>, column: &'static str) -> Result<UnixTime, Bad> {
    optional_time(row, column)?.ok_or(Bad::Column(column))
}

/// A time, if there is one.
pub fn optional_time(row: &Row<'_>, column: &'static str) -> Result<Option<UnixTime>, Bad> {
    let time = row.get::<_, Option<i64>>(column)?.map(|micros| {
        let micros = u64::try_from(micros).map_err(|_| Bad::Column(column))?;
        Ok(UnixTime::new(Duration::from_micros(micros)))
    });
    time.transpose()
}
