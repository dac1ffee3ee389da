//! What is published, and what isn't.

use namespace_jwt_issuer::feed::Feed;
use rusqlite::Connection;

use super::*;

#[tokio::test]
async fn a_log_that_gateways_refuse_is_not_signed() {
    let service = Service::new().await;
    let database = Connection::open(service.folder.file("issuer.db")).unwrap();
    let fill = "WITH RECURSIVE numbers (number) AS
            (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < 1000001)
        INSERT INTO revocations (record, token_id, revoked_at)
            SELECT randomblob(8), number, 0 FROM numbers";
    database.execute(fill, []).unwrap();
    let feed = Feed::new(Arc::new(service.another()));
    let refused = feed.checkpoint(TrustScope::All).await.unwrap_err();
    assert_eq!(refused, Refusal::LogTooLong { records: 1_000_001 });
    assert!(refused.to_string().contains("issuer namespace rotate --compromised"), "{refused}");
}
