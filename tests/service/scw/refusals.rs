//! What `scw` tells of requests that are refused.

use serde_json::json;

use super::{Key, Scw, claims, text};
use crate::UNKNOWN;

#[test]
#[ignore = "builds scw, which takes minutes"]
fn who_has_no_rights_is_told_which_are_missing_until_a_policy_gives_them() {
    let Some(mut scw) = Scw::started() else { return };
    let namespace = text(&scw.json("function namespace create name=first"), "id");
    let function = text(
        &scw.json(&format!(
            "function function create namespace-id={namespace} name=first runtime=go124"
        )),
        "id",
    );
    let (application, key) = scw.application("bot");
    let project = scw.variable("SCW_DEFAULT_PROJECT_ID");
    let token = format!("function token create function-id={function}");
    scw.caller = Some(key.clone());
    let refused = [
        ("function namespace list".to_owned(), "list function_namespace"),
        (format!("function namespace get {namespace}"), "read function_namespace"),
        (format!("function namespace delete {namespace}"), "delete function_namespace"),
        (format!("function function get {function}"), "read function"),
        (token.clone(), "create function_token"),
        ("container namespace create name=second".to_owned(), "create container_namespace"),
        ("account project list".to_owned(), "list project"),
        ("iam application list".to_owned(), "list application"),
        (format!("iam api-key get {}", key.access_key), "read api_key"),
        ("iam policy create name=all".to_owned(), "create policy"),
        ("iam log list".to_owned(), "list log"),
    ];
    for (words, right) in &refused {
        let expected = format!("scaleway-sdk-go: insufficient permissions: {right}");
        assert_eq!(scw.refused(words), json!({"error": expected}), "{words}");
        assert_eq!(scw.complaint(words), format!("{expected}\n"), "{words}");
    }

    scw.caller = None;
    scw.json(&format!(
        "iam policy create name=tokens application-id={application} \
         rules.0.permission-set-names.0=FunctionsFullAccess rules.0.project-ids.0={project}"
    ));
    scw.caller = Some(key);
    let made = scw.json(&token);
    assert_eq!(claims(&made)["jti"], made["id"]);
    assert_eq!(scw.json(&format!("function function get {function}"))["id"], json!(function));
    let (containers, right) = &refused[5];
    assert!(text(&scw.refused(containers), "error").ends_with(right));
}

#[test]
#[ignore = "builds scw, which takes minutes"]
fn keys_that_nobody_has_are_told_apart_from_what_is_no_key() {
    let Some(mut scw) = Scw::started() else { return };
    let access_key = scw.variable("SCW_ACCESS_KEY");
    scw.caller = Some(Key { access_key: access_key.clone(), secret_key: UNKNOWN.to_owned() });
    let denied = scw.complaint("function namespace list");
    assert_eq!(denied, "scaleway-sdk-go: denied authentication: API key does not exist\n");
    scw.caller = Some(Key { access_key, secret_key: "nothing".to_owned() });
    let denied = text(&scw.refused("function namespace list"), "error");
    assert!(denied.contains("invalid secret key format"), "{denied}");
}

#[test]
#[ignore = "builds scw, which takes minutes"]
fn arguments_that_are_wrong_are_named_with_what_was_expected() {
    let Some(scw) = Scw::started() else { return };
    let namespace = text(&scw.json("function namespace create name=first"), "id");
    let cases = [
        ("function namespace create name=a/b".to_owned(), "name", "constraint"),
        ("function function list".to_owned(), "namespace_id", "required"),
        (
            format!(
                "function token create namespace-id={namespace} expires-at=2020-01-01T00:00:00Z"
            ),
            "expires_at",
            "constraint",
        ),
        ("container token create container-id=nonsense".to_owned(), "container_id", "format"),
        (
            "iam user create member.email=ada member.username=ada".to_owned(),
            "member.email",
            "format",
        ),
    ];
    for (words, argument, reason) in cases {
        let error = scw.refused(&words);
        assert_eq!(error["message"], format!("invalid arguments '{argument}'"), "{words}");
        let detail = &error["error"]["details"][0];
        assert_eq!(
            (&detail["argument_name"], &detail["reason"]),
            (&json!(argument), &json!(reason))
        );
        assert_eq!(error["hint"], detail["help_message"], "{words}");
        assert_ne!(error["hint"], "", "{words}");
    }
    scw.gone("function namespace get nonsense", "Namespace was not found");
    let taken = scw.complaint("function namespace create name=first");
    assert_eq!(taken, "Namespace already exist\n");
    let unknown = scw.complaint("function namespace create name=a/b");
    assert_eq!(
        unknown,
        "Invalid arguments 'name'\n\nDetails:\n- 'name' does not respect constraints\n\n\
         Hint:\nExpected 1 to 63 letters, digits, `-`, `_` and `.`\n"
    );
    for absent in [
        "function cron list",
        "function runtime list",
        "function deploy name=first runtime=go124 zip-file=/dev/null",
        "container domain list",
    ] {
        let error = scw.refused(absent).to_string();
        assert!(error.contains("there is nothing at this path"), "{absent}: {error}");
    }
}
