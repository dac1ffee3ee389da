//! Each file follows an issuer's trust feed: as it is, or container.yaml without the `#` before its
//! settings.

use std::net::UdpSocket;

use testkit::http::text;

use crate::issuer::Issuer;
use crate::shipped::{CONTAINER, FILES, File, Plan, Shipped};
use crate::uncommented::uncommented;

const ISSUER_ELSEWHERE: &str = "address: issuer.example.com, port_value: 443";

/// The file that follows the issuer, and knows no key but by its feed.
fn following<'a>(file: File, issuer: &'a Issuer) -> Plan<'a> {
    let mut plan = file.plan(issuer);
    plan.environment.retain(|(name, _)| *name != "SCW_PUBLIC_KEY");
    if file.name != CONTAINER.name {
        return plan;
    }
    let text = uncommented(&plan.text);
    // The issuer itself has no TLS; tests/deployment.rs has Envoy read the rest.
    let (before, rest) = text.split_once("      transport_socket:\n").unwrap();
    let (_, after) = rest.split_once("    - name: application\n").unwrap();
    plan.text = format!("{before}    - name: application\n{after}");
    plan.change(ISSUER_ELSEWHERE, &issuer.address())
}

#[test]
fn each_file_lets_in_and_refuses_as_its_issuer_says() {
    let issuer = Issuer::start();
    let gateways = FILES.map(|file| following(file, &issuer).start("following"));
    let ([function, _], paths) = (&issuer.functions, FILES.map(|file| file.path));
    let each = |token: Option<&str>, status: u16, body: &str| {
        for (gateway, path) in gateways.iter().zip(paths) {
            let answer = gateway.wait_for_status(path, token, status);
            let found = text(&answer.body);
            assert!(found.contains(body), "{}: {found}\n{}", gateway.name, gateway.envoy.log());
        }
    };
    let token = Some(function.token.as_str());
    const FUNCTION: &str = "hello from the private function";
    each(token, 200, FUNCTION);
    each(None, 403, "no token");
    issuer.delete_token(&function.token_id);
    each(token, 403, "revoked");
    issuer.set_privacy(function, "public");
    each(None, 200, FUNCTION);
    issuer.set_privacy(function, "private");
    each(None, 403, "no token");
}

/// Envoy waits for a cluster's name by default. A resolver that is down would keep everybody out.
#[test]
fn a_container_starts_while_its_issuers_name_can_not_be_found() {
    let issuer = Issuer::start();
    // It takes questions and answers none.
    let resolver = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let port = resolver.local_addr().unwrap().port();
    let resolver_config = format!(
        "      typed_dns_resolver_config:
        name: envoy.network.dns_resolver.cares
        typed_config:
          \"@type\": type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig
          resolvers: [{{ socket_address: {{ address: 127.0.0.1, port_value: {port} }} }}]
"
    );
    let mut plan = CONTAINER.plan(&issuer);
    plan.text = uncommented(&plan.text);
    let dns = "      type: STRICT_DNS\n";
    let plan = plan.change(dns, &format!("{dns}{resolver_config}")).without_waiting();
    let shipped: Shipped = plan.start("no-resolver");
    // SCW_PUBLIC_KEY counts until the feed is there.
    assert_eq!(shipped.ask(), Some(200), "{}", shipped.envoy.log());
}
