//! How much SQLite's file takes.

use namespace_jwt_issuer::model::Product;
use namespace_jwt_issuer::store::{StoreError, read};

use crate::contract::Database as _;
use crate::sample::{Organization, Step, found};
use crate::sqlite::SqliteFile;

#[tokio::test]
async fn a_log_that_is_full_takes_no_more_and_nothing_is_deleted() {
    let database = SqliteFile::new();
    let (store, organization) = (database.store(), Organization(uuid::Uuid::new_v4()));
    found(&*store, organization).await.unwrap();
    let (_, key) = organization.new_namespace(&*store, "one").await;
    let [first, second] = [
        organization.new_token(&*store, &key, None, None).await,
        organization.new_token(&*store, &key, None, None).await,
    ];
    database.execute("UPDATE scopes SET records = 999999 WHERE id = x''");
    let delete = |token| Step::DeleteToken(token, Product::Functions);
    organization.make(&*store, &delete(first)).await.unwrap();
    let refused = organization.make(&*store, &delete(second.clone())).await;
    assert_eq!(refused, Err(StoreError::LogFull));
    let id = second.id;
    let found = read::<_, StoreError>(&*store, move |transaction| transaction.token(id)).await;
    assert_eq!(found, Ok(Some(second)));
}
