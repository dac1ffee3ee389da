//! The real service is killed, started again, restored from a backup: while it is away the last
//! good state stays, and when it is back it is followed.

use std::time::Duration;

use serde_json::json;
use testkit::http::Request;
use testkit::upstream::Upstream;

use crate::gateway::Workers;
use crate::issuer::Issuer;
use crate::load::Load;

const PACE: Duration = Duration::from_millis(20);

#[test]
fn an_issuer_that_is_killed_and_comes_back_is_followed_again_and_no_request_is_refused() {
    let mut issuer = Issuer::start();
    let upstream = Upstream::start();
    let envoy = issuer.gateway(&upstream, json!({"refresh_seconds": 1}));
    let gone = issuer.make_token();
    let load = Load::start(&envoy, "main", &issuer.make_tokens(100), PACE);
    let mut workers = Workers::of(&envoy, "main");
    issuer.delete(&gone);
    workers.wait_for(&Request::with_token(&gone.token), "revoked");
    for _ in 0..2 {
        issuer.service.kill();
        std::thread::sleep(Duration::from_secs(2));
        let reasons = workers.decisions(&Request::with_token(&gone.token));
        assert_eq!(reasons, ["revoked"], "while the issuer is down");
        issuer.service.start();
        let token = issuer.make_token();
        let request = Request::with_token(&token.token);
        workers.wait_for(&request, "allowed");
        issuer.delete(&token);
        workers.wait_for(&request, "revoked");
    }
    // A clean end answers whoever waits.
    issuer.service.restart();
    let token = issuer.make_token();
    issuer.delete(&token);
    workers.wait_for(&Request::with_token(&token.token), "revoked");
    load.end_with_none_refused();
    let failed = envoy.counter("wasmcustom.namespace_jwt.trust.refused.no_answer")
        + envoy.counter("wasmcustom.namespace_jwt.trust.refused.error_status");
    assert!(failed > 0, "nothing was counted");
}

#[test]
fn a_restored_backup_is_followed_and_what_was_deleted_since_comes_back_unless_it_is_revoked() {
    let mut issuer = Issuer::start();
    let upstream = Upstream::start();
    let envoy = issuer.gateway(&upstream, json!({"refresh_seconds": 1}));
    let [before, since, later] = [(); 3].map(|()| issuer.make_token());
    let request = |token: &crate::issuer::Made| Request::with_token(&token.token);
    let load = Load::start(&envoy, "main", &issuer.make_tokens(50), PACE);
    let mut workers = Workers::of(&envoy, "main");
    issuer.delete(&before);
    issuer.service.run(&["backup", "copy.db"]);
    issuer.delete(&since);
    workers.wait_for(&request(&before), "revoked");
    workers.wait_for(&request(&since), "revoked");
    issuer.service.stop();
    issuer.service.run(&["restore", "copy.db"]);
    issuer.service.start();
    // The database has it again, and so have gateways.
    workers.wait_for(&request(&since), "allowed");
    assert_eq!(workers.decisions(&request(&before)), ["revoked"]);
    issuer.delete(&later);
    workers.wait_for(&request(&later), "revoked");
    load.end_with_none_refused();
    issuer.service.stop();
    issuer.service.run(&["restore", "copy.db", "--revoke-issued-before", "now"]);
    issuer.service.start();
    workers.wait_for(&request(&since), "revoked");
    workers.wait_for(&request(&later), "revoked");
}
