//! A token that is deleted over the API is refused on every worker within a second, and nobody
//! else's request notices.

use std::time::{Duration, Instant};

use serde_json::json;
use testkit::envoy::Envoy;
use testkit::upstream::Upstream;

use crate::issuer::Issuer;
use crate::load::{Load, Times, tell};

/// How many different good tokens come in meanwhile.
const TOKENS: usize = 300;

/// How often each connection is asked.
const PACE: Duration = Duration::from_millis(10);

/// `DELETIONS` says how many tokens are deleted, for `make test-long`: that many, and then the
/// times are held to what is promised. Else a machine that is busy with other tests has its say.
fn deletions(usual: usize) -> (usize, bool) {
    let asked = std::env::var("DELETIONS").ok().filter(|it| !it.is_empty());
    let asked = asked.map(|it| it.parse().expect("DELETIONS: a number"));
    (asked.unwrap_or(usual), asked.is_some())
}

/// What a busy machine may add to a promise.
const BUSY: Duration = Duration::from_secs(4);

/// Deletes tokens one by one, and gives how long after the API's answer each connection refused.
fn measure(issuer: &Issuer, envoy: &Envoy, count: usize) -> Times {
    let load = Load::start(envoy, "main", &issuer.make_tokens(TOKENS), PACE);
    let mut times = Vec::new();
    for n in 0..count {
        let token = issuer.make_token();
        let watch = load.watch(&token.token);
        // Not in step with whatever the gateway and the service do by themselves.
        std::thread::sleep(Duration::from_millis(37 * (n as u64 % 7)));
        issuer.delete(&token);
        let refused = watch.until_refused(Instant::now(), "revoked");
        times.extend(refused.into_iter().max());
        std::thread::sleep(PACE * 2);
        watch.assert_never_admitted_again();
    }
    let report = load.end_with_none_refused();
    let times = Times::new(times);
    tell(&format!(
        "{count} deletions, until every worker refuses: {times}; {} good requests admitted \
         meanwhile, the slowest in {:.0?}",
        report.admitted, report.slowest
    ));
    times
}

#[test]
fn a_deleted_token_is_refused_on_every_worker_within_a_second() {
    let _alone = crate::alone();
    let issuer = Issuer::start();
    let upstream = Upstream::start();
    let envoy = issuer.gateway(&upstream, json!({}));
    let (count, strict) = deletions(20);
    let times = measure(&issuer, &envoy, count);
    let (p99, most) = (Duration::from_millis(500), Duration::from_secs(1));
    if strict {
        assert!(times.p99() <= p99 && times.most() <= most, "{times}");
    }
    assert!(times.most() <= most + BUSY, "{times}");
}

#[test]
fn a_gateway_that_polls_refuses_a_second_after_its_next_question() {
    let _alone = crate::alone();
    let issuer = Issuer::start();
    let upstream = Upstream::start();
    let envoy = issuer.gateway(&upstream, json!({"wait_seconds": 0, "refresh_seconds": 1}));
    let (count, strict) = deletions(8);
    let times = measure(&issuer, &envoy, count);
    let most = Duration::from_secs(2);
    assert!(times.most() <= if strict { most } else { most + BUSY }, "{times}");
}
