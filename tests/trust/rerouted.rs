//! `protect: "route"` is only as good as the route: what Envoy does when another one is chosen
//! after the first. The module can't notice.

use serde_json::{Value, json};
use testkit::envoy::Plan;
use testkit::http::{Request, send, text};
use testkit::protected::*;
use testkit::upstream::Upstream;

use crate::gateway::decision;
use crate::route::{listener, route};

/// A filter that sets a header and has the route chosen anew.
fn lua() -> Value {
    json!({
        "name": "envoy.filters.http.lua",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": "
                function envoy_on_request(handle)
                  handle:headers():replace('x-goes-to', 'b')
                  handle:clearRouteCache()
                end
            "},
        },
    })
}

/// A route that answers with its name.
fn named(name: &str, metadata: Option<Value>) -> Value {
    let mut route = route("/", metadata);
    route["direct_response"]["body"] = json!({"inline_string": name});
    route
}

/// The metadata is that of the route which was chosen at first, and the request goes where it is
/// sent later: to the private `b` as if it were the public `a`. Hence the filter stands before
/// every other one, and none behind it leads elsewhere.
#[test]
fn envoy_hands_over_the_metadata_of_the_route_that_another_filter_leaves() {
    let upstream = Upstream::start();
    let mut b = named("b", Some(json!({"namespace_id": NAMESPACE})));
    b["match"]["headers"] = json!([{"name": "x-goes-to", "string_match": {"exact": "b"}}]);
    let routes = [b, named("a", Some(json!({"public": true})))];
    let configuration = configuration_with(json!({"protect": "route"}));
    for release in ["1.36.4", "1.38.2", "1.40.0"] {
        for (what, place, reached) in
            [("alone", None, "a"), ("behind Lua", Some(0), "b"), ("before Lua", Some(1), "b")]
        {
            let plan = Plan::new(&upstream).release(release);
            let plan = listener(plan, "main", &configuration, &routes);
            let envoy = plan
                .adjust("main", |manager| {
                    let filters = manager["http_filters"].as_array_mut().unwrap();
                    place.into_iter().for_each(|place| filters.insert(place, lua()));
                })
                .start();
            let answer = send(envoy.address("main"), &Request::get());
            let found = (decision(&answer), text(&answer.body));
            assert_eq!(found, ("public".to_owned(), reached.to_owned()), "{what} in {release}");
            // A request that the client itself sends to b is judged as one.
            let direct = Request::get().header("x-goes-to", "b");
            let answer = send(envoy.address("main"), &direct);
            assert_eq!(decision(&answer), "missing_token", "{what} in {release}");
        }
    }
}

/// The filter itself changes a header: it removes the token, and a route that asked for it fits no
/// more. Hence no route matches on a token's header.
#[test]
fn a_route_that_asks_for_a_token_header_is_left_when_the_token_is_removed() {
    let upstream = Upstream::start();
    let mut with = named("with", Some(json!({"namespace_id": NAMESPACE})));
    with["match"]["headers"] = json!([{"name": "x-auth-token", "present_match": true}]);
    let routes = [with, named("without", None)];
    let token = namespace_key().token(&claims());
    for (forward, reached) in [(true, "with"), (false, "without")] {
        let changes = json!({"protect": "route", "forward_token": forward});
        let configuration = configuration_with(changes);
        let envoy = listener(Plan::new(&upstream), "main", &configuration, &routes).start();
        let answer = send(envoy.address("main"), &Request::with_token(&token));
        let found = (decision(&answer), text(&answer.body));
        assert_eq!(found, ("allowed".to_owned(), reached.to_owned()), "forward_token: {forward}");
    }
}
