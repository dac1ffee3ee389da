//! What is published, and what isn't.

use namespace_jwt_issuer::feed::{Feed, Log};
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

#[tokio::test]
async fn those_who_ask_for_a_log_share_it_also_when_its_epoch_is_over() {
    let service = Service::new().await;
    let namespace = service.namespace("one").await;
    let scope = TrustScope::Namespace(namespace.id);
    let Service { authority, operator, .. } = &service;
    let token = service.token(&namespace, Some(at(HOUR))).await.unwrap();
    let id = TokenId::from(token.token.id);
    authority.revoke_id(operator, id.clone(), None, None, false).await.unwrap();
    let feed = Feed::new(Arc::new(service.another()));
    let epoch = async || authority.scope_state(scope, None).await.unwrap().unwrap().epoch;
    let log = async |epoch| feed.log(scope, epoch).await.unwrap();
    let first = epoch().await;
    let places = |log: &Log| log.pieces().map(|piece| piece.as_ptr()).collect::<Vec<_>>();
    // Nobody has asked for the checkpoint.
    let [one, other] = [log(first).await.unwrap(), log(first).await.unwrap()];
    assert_eq!(one.whole()[..], id.record());
    assert_eq!(places(&one), places(&other));
    go_to(HOUR + DAY);
    assert_eq!(authority.compact_logs().await.unwrap().dropped, 1);
    let fresh = Feed::new(Arc::new(service.another()));
    assert_ne!(epoch().await, first);
    let [one, other] = [(); 2].map(|()| fresh.log(scope, first));
    let (one, other) = (one.await.unwrap().unwrap(), other.await.unwrap().unwrap());
    assert_eq!(one.whole()[..], id.record());
    assert_eq!(places(&one), places(&other));
    assert_eq!(fresh.log(scope, epoch().await).await.unwrap().unwrap().length(), 0);
    assert!(fresh.log(scope, u64::MAX).await.unwrap().is_none());
    let unknown = TrustScope::Namespace(Uuid::new_v4());
    assert!(fresh.log(unknown, first).await.unwrap().is_none());
}
