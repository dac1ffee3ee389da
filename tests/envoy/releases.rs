//! The environment of a VM in Envoy's releases. Before 1.39 Envoy leaves it out of what tells
//! one VM from another, so a listener can get another one's, or its own from before an update.

use serde_json::{Value, json};
use testkit::envoy::{Envoy, Filter, Outcome, Plan};
use testkit::http::{Http1, Request};
use testkit::protected::*;
use testkit::upstream::Upstream;

const BEFORE: [&str; 2] = ["1.36.4", "1.38.2"];
const SINCE: &str = "1.40.0";
const RELEASES: [&str; 3] = [BEFORE[0], BEFORE[1], SINCE];

/// What the log says of a configuration that would stand on another listener's variables.
const REFUSED: &str = ": expected a `vm_id` in `vm_config` that goes with no other environment, or the plugin \
     configuration to have";
/// What it says where variables are missing that another listener's VM never had.
const NEVER_GOT: &str =
    "(before 1.39 Envoy may hand a VM without a `vm_id` another listener's environment";

/// No `vm_id`, as most configurations are written.
fn shared(filter: Filter) -> Filter {
    filter.vm_id("")
}

fn public() -> Filter {
    shared(Filter::unconfigured().env("SCW_PUBLIC", "true"))
}

fn namespace(filter: Filter, namespace: &str) -> Filter {
    shared(filter)
        .env("SCW_NAMESPACE_ID", namespace)
        .env("SCW_PUBLIC_KEY", &namespace_key().public_pem())
}

fn private() -> Filter {
    namespace(Filter::unconfigured(), NAMESPACE)
}

fn configured(changes: Value) -> Filter {
    Filter::new(&configuration_with(changes))
}

fn token(namespace: &str, application: &str) -> Request {
    let changes = json!({"application_claim": [grant(namespace, application)]});
    Request::with_token(&namespace_key().token(&claims_with(changes)))
}

/// Who a listener lets in: nobody's request, and tokens for the namespace, for another one,
/// and for the application.
type Admits = [bool; 4];

const EVERYONE: Admits = [true; 4];
const WHOLE_NAMESPACE: Admits = [false, true, false, false];
const OTHERS: Admits = [false, false, true, false];
const WITH_APPLICATION: Admits = [false, true, false, true];

fn admits(envoy: &Envoy, listener: &str) -> Admits {
    [Request::get(), token(NAMESPACE, ""), token(OTHER_NAMESPACE, ""), token("", APPLICATION)]
        .map(|request| envoy.ask(listener, request).is_from_upstream())
}

/// Two listeners that differ in their environments alone, or in that and in members that the
/// environment may stand in for.
fn pairs() -> Vec<(&'static str, [(Filter, Admits); 2])> {
    let application =
        || configured(json!({"public": false})).env("SCW_APPLICATION_ID", APPLICATION);
    let host = |names: &[&str]| {
        shared(names.iter().fold(Filter::unconfigured(), |filter, name| filter.host_env(name)))
    };
    vec![
        ("public and private", [(public(), EVERYONE), (private(), WHOLE_NAMESPACE)]),
        (
            "two namespaces",
            [
                (namespace(Filter::unconfigured(), OTHER_NAMESPACE), OTHERS),
                (private(), WHOLE_NAMESPACE),
            ],
        ),
        (
            "public, and a configuration that doesn't say whether it is",
            [(public(), EVERYONE), (configured(json!({})), WHOLE_NAMESPACE)],
        ),
        (
            "an application, and a configuration without",
            [
                (shared(application()), WITH_APPLICATION),
                (configured(json!({"public": false})), WHOLE_NAMESPACE),
            ],
        ),
        (
            "public, and a configuration with a part of the members",
            [
                (public(), EVERYONE),
                (
                    namespace(Filter::new(&json!({"namespace_id": NAMESPACE})), OTHER_NAMESPACE),
                    WHOLE_NAMESPACE,
                ),
            ],
        ),
        (
            "variables of Envoy's own, and not all of them",
            [
                (host(&["SCW_PUBLIC", "SCW_NAMESPACE_ID", "SCW_PUBLIC_KEY"]), EVERYONE),
                (host(&["SCW_NAMESPACE_ID", "SCW_PUBLIC_KEY"]), WHOLE_NAMESPACE),
            ],
        ),
        (
            "an empty variable",
            [
                (shared(application().env("SCW_APPLICATION_ID", "")), WHOLE_NAMESPACE),
                (shared(application()), WITH_APPLICATION),
            ],
        ),
    ]
}

/// An Envoy of that release, whose own environment is there to be handed over.
fn plan(upstream: &Upstream, release: &str) -> Plan {
    Plan::new(upstream)
        .release(release)
        .process_env("SCW_PUBLIC", "true")
        .process_env("SCW_NAMESPACE_ID", NAMESPACE)
        .process_env("SCW_PUBLIC_KEY", &namespace_key().public_pem())
}

#[test]
fn no_listener_serves_by_another_one_s_environment() {
    let upstream = Upstream::start();
    let turned = pairs().into_iter().map(|(what, [first, second])| (what, [second, first]));
    for (what, [(first, of_first), (second, of_second)]) in pairs().into_iter().chain(turned) {
        for release in BEFORE {
            let plan = plan(&upstream, release)
                .listener("first", first.clone())
                .listener("second", second.clone());
            let envoy = match plan.try_start() {
                Ok(envoy) => envoy,
                Err(log) => {
                    let told = log.contains(REFUSED) || log.contains(NEVER_GOT);
                    assert!(told, "{what} in {release}:\n{log}");
                    continue;
                }
            };
            // Where the first has no variables, none is left that could open the second.
            for (listener, its_own) in [("first", of_first), ("second", of_second)] {
                let admitted = admits(&envoy, listener);
                let fewer = admitted.iter().zip(its_own).all(|(admits, own)| own || !admits);
                assert!(fewer, "{what} in {release}: {listener} admits {admitted:?}");
            }
        }
    }
}

/// All pairs in one Envoy, each listener with the `vm_id` that `vm_id` makes of its name.
fn all_are_apart(upstream: &Upstream, release: &str, vm_id: fn(&str) -> &str) {
    let listeners = || {
        let numbered = pairs().into_iter().enumerate();
        numbered.flat_map(|(n, (what, pair))| {
            let named = |(m, (filter, own))| (format!("{n}-{m}, {what}"), filter, own);
            pair.into_iter().enumerate().map(named).collect::<Vec<_>>()
        })
    };
    let add = |plan: Plan, (name, filter, _): (String, Filter, _)| {
        plan.listener(&name, filter.vm_id(vm_id(&name)))
    };
    let envoy = listeners().fold(plan(upstream, release), add).start();
    for (name, _, own) in listeners() {
        assert_eq!(admits(&envoy, &name), own, "{name} in {release}");
    }
}

#[test]
fn since_1_39_the_environment_keeps_them_apart() {
    all_are_apart(&Upstream::start(), SINCE, |_| "");
}

#[test]
fn a_vm_id_keeps_them_apart_in_every_release() {
    for release in RELEASES {
        all_are_apart(&Upstream::start(), release, |name| name);
    }
}

#[test]
fn the_plugin_configuration_keeps_them_apart_in_every_release() {
    let upstream = Upstream::start();
    let whole = json!({"public": false, "application_id": APPLICATION});
    // A variable that stands in for no member is nobody's.
    let private = shared(configured(whole)).env("SCW_NAMESPACE_ID", OTHER_NAMESPACE);
    for release in RELEASES {
        let envoy = plan(&upstream, release)
            .listener("public", shared(Filter::new(&json!({"public": true}))))
            .listener("private", private.clone())
            .start();
        assert_eq!(admits(&envoy, "public"), EVERYONE, "{release}");
        assert_eq!(admits(&envoy, "private"), WITH_APPLICATION, "{release}");
    }
}

#[test]
fn an_update_of_the_environment_alone_is_never_taken_for_done() {
    let upstream = Upstream::start();
    for release in BEFORE {
        // The update of a variable: Envoy says that it succeeded, and nothing changes. Hence
        // there is no such listener to begin with.
        let log = Plan::new(&upstream).release(release).listener("main", public()).refuses();
        assert!(log.contains(REFUSED) && log.contains(&format!("in Envoy {release}: ")), "{log}");
        // Nor does one begin by an update.
        let mut envoy = Plan::new(&upstream)
            .release(release)
            .listener("main", configured(json!({})))
            .listeners_from_file()
            .start();
        for filter in [public(), private()] {
            envoy.update_listener("main", &filter, Outcome::Rejected);
            assert_eq!(admits(&envoy, "main"), WHOLE_NAMESPACE, "{release}");
        }
        // With an id for each environment, an update is what it says.
        for (filter, expected) in [
            (public().vm_id("public"), EVERYONE),
            (private().vm_id("private"), WHOLE_NAMESPACE),
            (namespace(Filter::unconfigured(), OTHER_NAMESPACE).vm_id("other"), OTHERS),
        ] {
            envoy.update_listener("main", &filter, Outcome::Accepted);
            envoy.read_listeners();
            assert_eq!(admits(&envoy, "main"), expected, "{release}");
        }
    }
    let mut envoy = Plan::new(&upstream)
        .release(SINCE)
        .listener("main", public())
        .listeners_from_file()
        .start();
    for (filter, expected) in [
        (private(), WHOLE_NAMESPACE),
        (public(), EVERYONE),
        (namespace(Filter::unconfigured(), OTHER_NAMESPACE), OTHERS),
    ] {
        envoy.update_listener("main", &filter, Outcome::Accepted);
        envoy.read_listeners();
        assert_eq!(admits(&envoy, "main"), expected);
    }
}

/// What the module can't tell, and SECURITY.md does: one `vm_id` for two environments.
#[test]
fn a_vm_id_that_two_environments_share_mixes_them_before_1_39() {
    let upstream = Upstream::start();
    for (release, expected) in
        [(BEFORE[0], EVERYONE), (BEFORE[1], EVERYONE), (SINCE, WHOLE_NAMESPACE)]
    {
        let envoy = plan(&upstream, release)
            .listener("first", public().vm_id("same"))
            .listener("second", private().vm_id("same"))
            .start();
        assert_eq!(admits(&envoy, "first"), EVERYONE, "{release}");
        assert_eq!(admits(&envoy, "second"), expected, "{release}");
    }
}

/// What the module needs of the proxy, and exports to it, but for one function: the rest of a
/// plugin's configuration.
fn without(function: &str) -> Value {
    let needed = [
        "environ_get",
        "random_get",
        "environ_sizes_get",
        "proxy_log",
        "proxy_get_log_level",
        "proxy_get_current_time_nanoseconds",
        "proxy_get_buffer_bytes",
        "proxy_get_header_map_pairs",
        "proxy_get_property",
        "proxy_remove_header_map_value",
        "proxy_send_local_response",
        "proxy_define_metric",
        "proxy_increment_metric",
        "proxy_call_foreign_function",
        "proxy_set_property",
        "proxy_get_shared_data",
        "proxy_set_shared_data",
        "_initialize",
        "proxy_on_memory_allocate",
        "proxy_on_context_create",
        "proxy_on_configure",
        "proxy_on_request_headers",
        "proxy_on_delete",
    ];
    assert!(needed.contains(&function), "{function}");
    let allowed = needed.into_iter().filter(|name| *name != function);
    let allowed: serde_json::Map<_, _> = allowed.map(|it| (it.to_owned(), json!({}))).collect();
    json!({"capability_restriction_config": {"allowed_capabilities": allowed}})
}

#[test]
fn a_proxy_that_may_not_be_asked_gets_no_say_through_variables() {
    let upstream = Upstream::start();
    let restriction = without("proxy_get_property");
    for release in RELEASES {
        let plan = || Plan::new(&upstream).release(release);
        let variables = private().vm_id("main").plugin(restriction.clone());
        let log = plan().listener("main", variables).refuses();
        assert!(log.contains("SCW_PUBLIC_KEY, SCW_NAMESPACE_ID: expected a proxy that"), "{log}");
        assert!(log.contains("(`proxy_get_property`)"), "{log}");
        let members = configured(json!({})).plugin(restriction.clone());
        let envoy = plan().listener("main", members).start();
        assert_eq!(admits(&envoy, "main"), WHOLE_NAMESPACE, "{release}");
    }
}

/// With `allow_on_headers_stop_iteration` a request that is only held up goes on with its body.
#[test]
fn a_request_that_can_be_neither_judged_nor_answered_goes_nowhere() {
    let upstream = Upstream::start();
    for release in RELEASES {
        for unanswered in [
            &["proxy_send_local_response"][..],
            &["proxy_send_local_response", "proxy_get_header_map_pairs"],
        ] {
            let mut plugin = without(unanswered[0]);
            plugin["allow_on_headers_stop_iteration"] = json!(true);
            let allowed = &mut plugin["capability_restriction_config"]["allowed_capabilities"];
            for function in unanswered {
                allowed.as_object_mut().unwrap().remove(*function);
            }
            let filter = configured(json!({})).plugin(plugin);
            let envoy = Plan::new(&upstream).release(release).listener("main", filter).start();
            let before = upstream.requests();
            for request in [
                "POST / HTTP/1.1\r\nhost: h\r\ncontent-length: 4\r\n\r\nbody",
                "POST / HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
                "GET / HTTP/1.1\r\nhost: h\r\n\r\n",
            ] {
                let mut connection = Http1::open(envoy.address("main"));
                let response = connection.exchange(request.as_bytes(), false);
                assert_eq!(response.status, 503, "{release}: {request}");
            }
            assert_eq!(upstream.requests(), before, "{release}");
        }
    }
}
