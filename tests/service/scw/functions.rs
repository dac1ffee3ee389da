//! `scw function`: namespaces, functions and tokens.

use serde_json::{Value, json};

use super::{Scw, claims, ids, text};
use crate::UNKNOWN;

#[test]
#[ignore = "builds scw, which takes minutes"]
fn functions_and_their_namespaces_are_made_changed_and_deleted() {
    let Some(scw) = Scw::started() else { return };
    let made = scw.json(
        "function namespace create name=by-scw description=first tags.0=one tags.1=two \
         environment-variables.PLAIN=text secret-environment-variables.0.key=HIDDEN \
         secret-environment-variables.0.value=unseen",
    );
    let namespace = text(&made, "id");
    assert_eq!(made["status"], "ready");
    assert_eq!(made["project_id"], scw.variable("SCW_DEFAULT_PROJECT_ID"));
    assert_eq!(made["organization_id"], scw.variable("SCW_DEFAULT_ORGANIZATION_ID"));
    assert_eq!(made["region"], scw.variable("SCW_DEFAULT_REGION"));
    assert_eq!(made["tags"], json!(["one", "two"]));
    assert_eq!(made["environment_variables"], json!({"PLAIN": "text"}));
    assert_eq!(made["secret_environment_variables"][0]["key"], "HIDDEN");
    assert!(!made.to_string().contains("unseen"));
    assert_eq!(scw.json(&format!("function namespace get {namespace}")), made);
    assert_eq!(scw.json("function namespace list name=by-scw"), json!([made]));

    let changed = scw.json(&format!("function namespace update {namespace} description=second"));
    assert_eq!(changed["description"], "second");
    for kept in ["tags", "environment_variables", "secret_environment_variables"] {
        assert_eq!(changed[kept], made[kept], "{kept}");
    }
    let other = text(&scw.json("function namespace create name=other"), "id");
    assert_eq!(ids(&scw.json("function namespace list order-by=name_asc")), [&*namespace, &*other]);
    // In each of its regions: they have the same here, and it asks them one after the other.
    assert!(ids(&scw.json("function namespace list region=all")).contains(&other));

    functions(&scw, &namespace);

    let deleted = scw.json(&format!("function namespace delete {namespace}"));
    assert_eq!((&deleted["id"], &deleted["status"]), (&json!(namespace), &json!("deleting")));
    scw.gone(&format!("function namespace get {namespace}"), "Namespace was not found");
    assert_eq!(ids(&scw.json("function namespace list")), [other]);
}

fn functions(scw: &Scw, namespace: &str) {
    let made = scw.json(&format!(
        "function function create namespace-id={namespace} name=first runtime=python312 \
         handler=handler.handle privacy=private timeout=30s"
    ));
    let function = text(&made, "id");
    assert_eq!((&made["status"], &made["privacy"]), (&json!("ready"), &json!("private")));
    assert_eq!(
        (&made["timeout"], &made["http_option"]),
        (&json!("30.000000000s"), &json!("enabled"))
    );
    assert_eq!(scw.json(&format!("function function get {function}")), made);
    assert_eq!(
        scw.json(&format!("function function list namespace-id={namespace}")),
        json!([made])
    );

    // The zero value of each enum goes along: that changes nothing.
    let changed = scw.json(&format!("function function update {function} memory-limit=512"));
    assert_eq!(changed["memory_limit"], 512);
    for kept in ["privacy", "runtime", "handler", "timeout", "http_option", "sandbox"] {
        assert_eq!(changed[kept], made[kept], "{kept}");
    }
    let changed = scw.json(&format!("function function update {function} privacy=public"));
    assert_eq!(changed["privacy"], "public");
    assert_eq!(scw.json(&format!("function function deploy {function}"))["status"], "ready");

    let deleted = scw.json(&format!("function function delete {function}"));
    assert_eq!(deleted["status"], "deleting");
    let gone = "Function was not found";
    scw.gone(&format!("function function get {function}"), gone);
    scw.gone(&format!("function function delete {function}"), gone);
    assert_eq!(scw.json(&format!("function function list namespace-id={namespace}")), json!([]));
}

#[test]
#[ignore = "builds scw, which takes minutes"]
fn tokens_are_made_listed_and_deleted() {
    let Some(scw) = Scw::started() else { return };
    let namespace = text(&scw.json("function namespace create name=tokens"), "id");
    let function = text(
        &scw.json(&format!(
            "function function create namespace-id={namespace} name=first runtime=python312 privacy=private"
        )),
        "id",
    );
    let endless = scw.json(&format!("function token create function-id={function}"));
    let ending = scw.json(&format!(
        "function token create namespace-id={namespace} expires-at=+1h description=ends"
    ));
    assert_eq!((&endless["status"], &endless["function_id"]), (&json!("ready"), &json!(function)));
    let found = claims(&endless);
    assert_eq!(found["jti"], endless["id"]);
    assert_eq!((&found["iss"], &found["aud"]), (&json!("SCALEWAY"), &json!("functions")));
    assert_eq!(
        found["application_claim"],
        json!([{"namespace_id": "", "application_id": function}])
    );
    assert_eq!((&found["exp"], &endless["expires_at"]), (&Value::Null, &Value::Null));

    let found = claims(&ending);
    assert_eq!(found["jti"], ending["id"]);
    assert_eq!(
        found["application_claim"],
        json!([{"namespace_id": namespace, "application_id": ""}])
    );
    let lifetime = found["exp"].as_u64().unwrap() - found["iat"].as_u64().unwrap();
    assert!((3590..=3600).contains(&lifetime), "{found}");
    assert_eq!(
        (&ending["description"], &ending["public_key"]),
        (&json!("ends"), &endless["public_key"])
    );

    for token in [&endless, &ending] {
        let read = scw.json(&format!("function token get {}", text(token, "id")));
        assert_eq!((&read["token"], &read["public_key"]), (&json!("<hidden>"), &json!("")));
        for kept in ["id", "status", "description", "expires_at", "function_id", "namespace_id"] {
            assert_eq!(read[kept], token[kept], "{kept}");
        }
    }
    let (first, second) = (text(&endless, "id"), text(&ending, "id"));
    let listed = |which: &str| ids(&scw.json(format!("function token list {which}").trim_end()));
    assert_eq!(listed(""), [&*first, &*second]);
    assert_eq!(listed("order-by=created_at_desc"), [&*second, &*first]);
    assert_eq!(listed(&format!("function-id={function}")), [&*first]);
    assert_eq!(listed(&format!("namespace-id={namespace}")), [&*second]);
    assert!(scw.human("function token list").contains("<hidden>"));

    assert_eq!(scw.json(&format!("function token delete {first}"))["status"], "deleting");
    let gone = "Token was not found";
    scw.gone(&format!("function token get {first}"), gone);
    scw.gone(&format!("function token delete {first}"), gone);
    assert_eq!(listed(""), [&*second]);
    scw.json(&format!("function namespace delete {namespace}"));
    scw.gone(&format!("function token get {second}"), gone);
    scw.gone(&format!("function token create function-id={UNKNOWN}"), "Function was not found");
}
