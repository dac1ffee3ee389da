//! `scw container`, which asks for v1beta1: namespaces, containers and tokens.

use serde_json::json;

use super::{Scw, claims, ids, text};
use crate::UNKNOWN;

#[test]
#[ignore = "builds scw, which takes minutes"]
fn containers_and_their_tokens_are_made_changed_and_deleted_and_waited_for() {
    let Some(scw) = Scw::started() else { return };
    let made = scw.json("container namespace create name=by-scw --wait");
    let namespace = text(&made, "id");
    assert_eq!(made["status"], "ready");
    let changed = scw.json(&format!("container namespace update {namespace} tags.0=one --wait"));
    assert_eq!((&changed["tags"], &changed["name"]), (&json!(["one"]), &json!("by-scw")));
    assert_eq!(scw.json(&format!("container namespace get {namespace}")), changed);
    assert_eq!(ids(&scw.json("container namespace list")), [&*namespace]);
    // The products' namespaces are apart.
    assert_eq!(scw.json("function namespace list"), json!([]));

    let container = containers(&scw, &namespace);
    tokens(&scw, &namespace, &container);

    let deleted = scw.json(&format!("container container delete {container}"));
    assert_eq!(deleted["status"], "deleting");
    scw.gone(&format!("container container get {container}"), "Container was not found");
    assert_eq!(scw.json(&format!("container container list namespace-id={namespace}")), json!([]));
    // It waits until there is nothing. With `-o json` it crashes for that nothing, and ends with 0.
    assert_eq!(scw.human(&format!("container namespace delete {namespace} --wait")), "-\n");
    scw.gone(&format!("container namespace get {namespace}"), "Namespace was not found");
    assert_eq!(scw.json("container namespace list"), json!([]));
}

fn containers(scw: &Scw, namespace: &str) -> String {
    let made = scw.json(&format!(
        "container container create namespace-id={namespace} name=first privacy=private \
         registry-image=registry.test/image:1 port=8000 command.0=serve args.0=--fast \
         scaling-option.concurrent-requests-threshold=20 health-check.http.path=/health \
         health-check.failure-threshold=3 health-check.interval=10s --wait"
    ));
    let container = text(&made, "id");
    assert_eq!((&made["status"], &made["privacy"]), (&json!("ready"), &json!("private")));
    assert_eq!(
        (&made["registry_image"], &made["port"]),
        (&json!("registry.test/image:1"), &json!(8000))
    );
    assert_eq!((&made["command"], &made["args"]), (&json!(["serve"]), &json!(["--fast"])));
    assert_eq!(made["scaling_option"], json!({"concurrent_requests_threshold": 20}));
    let check =
        json!({"http": {"path": "/health"}, "failure_threshold": 3, "interval": "10.000000000s"});
    assert_eq!(made["health_check"], check);
    assert_eq!(scw.json(&format!("container container get {container}")), made);
    assert_eq!(
        scw.json(&format!("container container list namespace-id={namespace}")),
        json!([made])
    );

    let changed =
        scw.json(&format!("container container update {container} description=second --wait"));
    assert_eq!(changed["description"], "second");
    for kept in ["privacy", "port", "command", "args", "scaling_option", "health_check", "sandbox"]
    {
        assert_eq!(changed[kept], made[kept], "{kept}");
    }
    let deployed = scw.json(&format!("container container deploy {container} --wait"));
    assert_eq!(deployed["status"], "ready");
    container
}

fn tokens(scw: &Scw, namespace: &str, container: &str) {
    let one = scw.json(&format!("container token create container-id={container} expires-at=+1h"));
    let all = scw.json(&format!("container token create namespace-id={namespace}"));
    let found = claims(&one);
    assert_eq!(found["jti"], one["id"]);
    assert_eq!(
        found["application_claim"],
        json!([{"namespace_id": "", "application_id": container}])
    );
    assert!(found["exp"].is_u64());
    let found = claims(&all);
    assert_eq!(found["jti"], all["id"]);
    assert_eq!(
        found["application_claim"],
        json!([{"namespace_id": namespace, "application_id": ""}])
    );

    let (first, second) = (text(&one, "id"), text(&all, "id"));
    let read = scw.json(&format!("container token get {first}"));
    assert_eq!((&read["token"], &read["container_id"]), (&json!("<hidden>"), &json!(container)));
    assert_eq!(read["expires_at"], one["expires_at"]);
    assert_eq!(
        ids(&scw.json(&format!("container token list container-id={container}"))),
        [&*first]
    );
    assert_eq!(ids(&scw.json("container token list")), [&*first, &*second]);
    assert_eq!(scw.json(&format!("container token delete {first}"))["status"], "deleting");
    scw.gone(&format!("container token get {first}"), "Token was not found");
    assert_eq!(ids(&scw.json("container token list")), [&*second]);
    let none = format!("container token create container-id={UNKNOWN}");
    scw.gone(&none, "Container was not found");
}
