//! routes.yaml: one filter in front of the applications of several namespaces.

use testkit::envoy::wait_for;

use crate::issuer::Issuer;
use crate::shipped::{ROUTES, Shipped};

/// The status and the reason code of one request more.
fn decision(
    shipped: &Shipped,
    asked: &mut usize,
    path: &str,
    token: Option<&str>,
) -> (u16, String) {
    let status = shipped.get(path, token).status;
    let line = shipped.access_log_line(*asked);
    *asked += 1;
    (status, line["decision"].as_str().unwrap_or("none").to_owned())
}

#[test]
fn each_route_takes_the_tokens_of_its_own_application() {
    let issuer = Issuer::start();
    let forgotten = "routes:\n                        - match: { path: /forgotten }\n                          route: { cluster: orders }\n";
    let shipped = ROUTES.plan(&issuer).change("routes:\n", forgotten).start("routes");
    let [orders, invoices] = issuer.functions.each_ref().map(|it| Some(it.token.as_str()));
    let mut asked = 0;
    for (path, token, expected) in [
        ("/healthz", None, (200, "public")),
        ("/healthz", orders, (200, "public")),
        ("/orders", None, (403, "missing_token")),
        ("/orders", orders, (200, "allowed")),
        ("/orders/1", orders, (200, "allowed")),
        // Each namespace's keys vouch for it alone.
        ("/orders", invoices, (403, "bad_signature")),
        ("/invoices", orders, (403, "bad_signature")),
        ("/invoices", invoices, (200, "allowed")),
        ("/invoices/../orders/1", invoices, (403, "bad_signature")),
        ("/invoices/%2e%2e/orders/1", invoices, (403, "bad_signature")),
        ("/invoices%2f..%2forders", invoices, (400, "none")),
        ("/healthz/../orders", None, (403, "missing_token")),
        // No metadata, or no route at all.
        ("/forgotten", None, (403, "unprotected_route")),
        ("/forgotten", orders, (403, "unprotected_route")),
        ("/", None, (403, "unprotected_route")),
        ("/", orders, (403, "unprotected_route")),
        ("/ordersx", orders, (403, "unprotected_route")),
        ("/healthz/x", orders, (403, "unprotected_route")),
    ] {
        let found = decision(&shipped, &mut asked, path, token);
        assert_eq!((found.0, found.1.as_str()), expected, "{path}: {}", shipped.envoy.log());
    }
}

/// What needs no token needs no issuer, and a route without metadata is closed all the same.
#[test]
fn before_the_issuer_was_heard_of_only_public_routes_are_open() {
    let issuer = Issuer::start();
    let shipped = ROUTES.plan(&issuer).without_issuer().start("routes-alone");
    let orders = Some(issuer.functions[0].token.as_str());
    let mut asked = 0;
    for (path, token, expected) in [
        ("/healthz", None, (200, "public")),
        ("/", orders, (403, "unprotected_route")),
        ("/orders", None, (503, "trust_unavailable")),
        ("/orders", orders, (503, "trust_unavailable")),
    ] {
        let found = decision(&shipped, &mut asked, path, token);
        assert_eq!((found.0, found.1.as_str()), expected, "{path}: {}", shipped.envoy.log());
    }
}

/// The feed of all namespaces isn't for everybody.
#[test]
fn without_the_access_key_the_log_says_what_the_issuer_answers() {
    let issuer = Issuer::start();
    let mut plan = ROUTES.plan(&issuer).without_waiting();
    plan.environment.retain(|(name, _)| *name != "NAMESPACE_JWT_TRUST_ACCESS_KEY");
    let shipped = plan.start("routes-without-key");
    wait_for("a line about 401", || {
        let log = shipped.envoy.log();
        log.contains("cluster issuer answers with 401; it is tried again").then_some(())
    });
    assert_eq!(shipped.ask(), Some(503), "{}", shipped.envoy.log());
}
