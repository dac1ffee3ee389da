//! How much SQLite's file takes.

use namespace_jwt_core::time::UnixTime;
use namespace_jwt_issuer::model::Product;
use namespace_jwt_issuer::model::trust::Compaction;
use namespace_jwt_issuer::store::{StoreError, read, write};

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
    assert_eq!(refused, Err(StoreError::LogFull { records: 1_000_000 }));
    let id = second.id;
    let found = read::<_, StoreError>(&*store, move |transaction| transaction.token(id)).await;
    assert_eq!(found, Ok(Some(second)));
}

#[tokio::test]
async fn the_limit_goes_by_what_is_there_after_a_compaction() {
    let database = SqliteFile::new();
    let (store, organization) = (database.store(), Organization(uuid::Uuid::new_v4()));
    found(&*store, organization).await.unwrap();
    let (_, key) = organization.new_namespace(&*store, "one").await;
    let token = organization.new_token(&*store, &key, None, None).await;
    // Somebody else has written in the table.
    database.execute("UPDATE scopes SET records = 1000000 WHERE id = x''");
    let delete = Step::DeleteToken(token, Product::Functions);
    let refused = organization.make(&*store, &delete).await;
    assert_eq!(refused, Err(StoreError::LogFull { records: 1_000_000 }));
    let compaction = write::<_, StoreError>(&*store, |transaction| {
        transaction.compact_logs(UnixTime::from_secs(0))
    });
    assert_eq!(compaction.await, Ok(Compaction { dropped: 0, records: 0 }));
    organization.make(&*store, &delete).await.unwrap();
}
