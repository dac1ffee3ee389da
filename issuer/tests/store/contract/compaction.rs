//! Logs that are begun anew.

use std::time::Duration;

use namespace_jwt_core::time::UnixTime;
use namespace_jwt_issuer::model::Product;
use namespace_jwt_issuer::model::trust::{Compaction, Record, TokenId, TrustScope};
use namespace_jwt_issuer::store::change::RevokedId;
use namespace_jwt_issuer::store::{StoreError, read, write};

use super::feed::state;
use super::kept::get;
use super::{Database, founded};
use crate::sample::{NOW, Step, earlier, later};

const DAY: u64 = 86_400;
const MINUTES: u64 = 60;

/// Changes something in a transaction of its own.
macro_rules! done {
    ($store:expr, $method:ident $(, $argument:expr)*) => {
        write::<_, StoreError>(&*$store, move |transaction| transaction.$method($($argument),*))
            .await
            .unwrap()
    };
}

pub async fn compaction_drops_what_no_gateway_needs(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let (namespace, key) = organization.new_namespace(&*store, "one").await;
    let (quiet, quiet_key) = organization.new_namespace(&*store, "two").await;
    let revoke = async |key, expires_at| -> Record {
        let token = organization.new_token(&*store, key, None, expires_at).await;
        let step = Step::DeleteToken(token.clone(), Product::Functions);
        organization.make(&*store, &step).await.unwrap();
        TokenId::from(token.id).record()
    };
    let expired = revoke(&key, Some(later(1))).await;
    let lasting = revoke(&key, Some(later(2))).await;
    let endless = revoke(&key, None).await;
    let elsewhere = revoke(&quiet_key, None).await;
    // Nobody knows with which key, so nobody knows when it is over.
    let unknown = RevokedId { expires_at: Some(earlier(DAY)), ..organization.revoked_id(None) };
    let of = Some((namespace.id, Product::Functions));
    let known = RevokedId { namespace: of, ..unknown.clone() };
    for it in [&unknown, &known] {
        organization.make(&*store, &Step::RevokeId(it.clone())).await.unwrap();
    }
    let unknown = unknown.id.record();

    let scopes = [namespace.id, quiet.id].map(TrustScope::Namespace);
    let before = [state(&store, scopes[0]).await, state(&store, scopes[1]).await];
    let at = later(1 + DAY);
    let just_before = UnixTime::new(at.since_epoch() - Duration::from_micros(1));
    assert_eq!(done!(store, compact_logs, just_before), Compaction { dropped: 0, records: 6 });
    assert_eq!(state(&store, scopes[0]).await, before[0], "nothing was to be dropped");

    assert_eq!(done!(store, compact_logs, at), Compaction { dropped: 1, records: 5 });
    let after = state(&store, scopes[0]).await;
    assert_eq!(before[0].log.records, [expired, lasting, endless, unknown, unknown]);
    assert_eq!(after.log.records, [lasting, endless, unknown, unknown]);
    assert!(after.sequence > before[0].sequence && after.epoch > before[0].epoch);
    assert_eq!(after.epoch, after.sequence);
    assert_eq!(state(&store, scopes[1]).await, before[1], "another namespace's log stays");
    let all = state(&store, TrustScope::All).await;
    assert_eq!(all.log.records, [lasting, endless, elsewhere, unknown, unknown]);
    // The next record comes behind them, under a number that none had.
    let more = revoke(&key, None).await;
    let end = after.log.end;
    let read_on = get!(store, scope_state, scopes[0], Some(end)).unwrap().log;
    assert_eq!((read_on.held, read_on.records), (4, vec![more]));

    // Without an expiry it is dropped when the key is revoked, which tells more.
    organization.make(&*store, &Step::DeleteNamespace(namespace)).await.unwrap();
    assert_eq!(done!(store, compact_logs, at), Compaction { dropped: 2, records: 4 });
    let after = state(&store, scopes[0]).await;
    assert_eq!(after.log.records, [lasting, unknown, unknown]);
}

pub async fn a_log_that_ended_is_read_for_ten_minutes(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let (namespace, key) = organization.new_namespace(&*store, "one").await;
    let scope = TrustScope::Namespace(namespace.id);
    let mut ended = Vec::new();
    for round in 1..=2 {
        for expires_at in [Some(later(round)), None] {
            let token = organization.new_token(&*store, &key, None, expires_at).await;
            let step = Step::DeleteToken(token, Product::Functions);
            organization.make(&*store, &step).await.unwrap();
        }
        ended.push(state(&store, scope).await);
        let at = later(DAY + round);
        assert_eq!(done!(store, compact_logs, at).dropped, 1);
    }
    let [first, second] = ended.try_into().unwrap();
    let now = state(&store, scope).await;
    let (end, last) = (later(DAY + 1 + 10 * MINUTES), later(DAY + 10 * MINUTES));
    for (epoch, at, expected) in [
        (first.epoch, last, Some(&first.log.records)),
        (first.epoch, end, None),
        (second.epoch, end, Some(&second.log.records)),
        (now.epoch, end, Some(&now.log.records)),
        (now.epoch + 1, NOW, None),
    ] {
        assert_eq!(get!(store, log_of_epoch, scope, epoch, at).as_ref(), expected, "{epoch}");
    }
    let epoch = now.epoch;
    assert_eq!(get!(store, log_of_epoch, TrustScope::Namespace(key.id), epoch, NOW), None);
}

pub async fn after_a_restore_no_number_comes_again(database: &impl Database) {
    let (store, organization) = founded(database).await;
    let (namespace, key) = organization.new_namespace(&*store, "one").await;
    let token = organization.new_token(&*store, &key, None, None).await;
    let step = Step::DeleteToken(token, Product::Functions);
    organization.make(&*store, &step).await.unwrap();
    let scopes = [TrustScope::All, TrustScope::Namespace(namespace.id)];
    let micros = |time: UnixTime| u64::try_from(time.since_epoch().as_micros()).unwrap();
    // The second time the clock stands where it stood an hour before.
    for (clock, expected) in [(NOW, micros(NOW)), (earlier(3600), micros(NOW) + 1)] {
        let mut before = Vec::new();
        for scope in scopes {
            before.push(state(&store, scope).await);
        }
        done!(store, continue_after_restore, clock);
        for (scope, before) in scopes.into_iter().zip(before) {
            let after = state(&store, scope).await;
            assert_eq!((after.sequence, after.epoch), (expected, expected), "{scope:?}");
            assert_eq!(after.log.records, before.log.records);
            let epoch = before.epoch;
            assert_eq!(get!(store, log_of_epoch, scope, epoch, NOW), None);
        }
    }
    let changed = get!(store, changed_scopes, 1);
    assert_eq!(changed.namespaces, [(namespace.id, changed.sequence)]);
}
