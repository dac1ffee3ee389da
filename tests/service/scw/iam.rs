//! `scw iam`.

use std::fs;

use serde_json::{Value, json};

use super::{Key, Scw, ids, text};

/// A key that nobody has the other half of.
const SSH_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGk6NlUJL0XqIl7DU7m0B9xA8X8v0DOvy7vGPkdtDBUy";

#[test]
#[ignore = "builds scw, which takes minutes"]
fn applications_groups_and_their_members_are_made_changed_and_deleted() {
    let Some(scw) = Scw::started() else { return };
    let made = scw.json("iam application create name=first tags.0=one");
    let application = text(&made, "id");
    let changed = scw.json(&format!("iam application update {application} description=d"));
    assert_eq!((&changed["description"], &changed["tags"]), (&json!("d"), &json!(["one"])));
    assert_eq!(scw.json(&format!("iam application get {application}")), changed);
    assert_eq!(scw.json("iam application list name=first"), json!([changed]));
    let other = text(&scw.json("iam application create name=second"), "id");

    let group = text(&scw.json("iam group create name=all"), "id");
    let members = |words: &str| scw.json(words)["application_ids"].clone();
    let (add, remove) = ("iam group add-member", "iam group remove-member");
    assert_eq!(
        members(&format!("{add} {group} application-id={application}")),
        json!([application])
    );
    assert_eq!(members(&format!("{remove} {group} application-id={application}")), json!([]));
    let both = json!([application, other]);
    let of = format!("group-id={group} application-ids.0={application} application-ids.1={other}");
    assert_eq!(members(&format!("iam group add-members {of}")), both);
    assert_eq!(ids(&scw.json(&format!("iam group list application-ids.0={other}"))), [&*group]);
    let set = format!("iam group set-members group-id={group}");
    assert_eq!(members(&format!("{set} application-ids.0={other}")), json!([other]));
    assert_eq!(members(&set), json!([]));
    assert_eq!(scw.json(&format!("iam group update {group} name=every"))["name"], "every");
    assert_eq!(scw.json(&format!("iam group get {group}"))["name"], "every");
    let taken = scw.refused("iam group create name=every");
    assert_eq!(
        (&taken["message"], &taken["error"]["resource"]),
        (&json!("resource already exists"), &json!("group"))
    );

    for (kind, id) in [("group", &group), ("application", &application)] {
        let deleted = scw.json(&format!("iam {kind} delete {id}"));
        assert_eq!(deleted["message"], format!("{kind} has been successfully deleted."));
        scw.missing(&format!("iam {kind} get {id}"), kind);
        scw.missing(&format!("iam {kind} delete {id}"), kind);
    }
    assert_eq!(ids(&scw.json("iam application list")), [other]);
    scw.missing(&format!("{add} {group} application-id={application}"), "group");
}

#[test]
#[ignore = "builds scw, which takes minutes"]
fn policies_and_their_rules_are_made_changed_and_deleted() {
    let Some(scw) = Scw::started() else { return };
    let project = scw.variable("SCW_DEFAULT_PROJECT_ID");
    let application = text(&scw.json("iam application create name=first"), "id");
    let made = scw.json(&format!(
        "iam policy create name=rights application-id={application} rules.0.condition=true \
         rules.0.permission-set-names.0=FunctionsReadOnly rules.0.project-ids.0={project}"
    ));
    let policy = text(&made, "id");
    assert_eq!((&made["nb_rules"], &made["application_id"]), (&json!(1), &json!(application)));
    // It asks for the rules too.
    let read = scw.json(&format!("iam policy get {policy}"));
    assert_eq!(names(&read["Rules"]), ["FunctionsReadOnly"]);
    assert_eq!(read["Rules"][0]["condition"], "true");
    assert_eq!(read["Rules"][0]["project_ids"], json!([project]));
    assert_eq!(scw.json(&format!("iam rule list {policy}")), read["Rules"]);
    assert!(scw.human(&format!("iam policy get {policy}")).contains("[FunctionsReadOnly]"));
    let changed = scw.json(&format!("iam policy update {policy} description=d"));
    assert_eq!((&changed["description"], &changed["name"]), (&json!("d"), &json!("rights")));
    assert_eq!(scw.json("iam policy list policy-name=rights"), json!([changed]));

    // These two read all rules and send them back, but their conditions.
    let rules = scw.json(&format!(
        "iam rule create {policy} permission-set-names.0=ContainersReadOnly project-ids.0={project}"
    ));
    assert_eq!(names(&rules), ["FunctionsReadOnly", "ContainersReadOnly"]);
    assert_eq!(rules[0]["condition"], "");
    let rules = scw.json(&format!("iam rule delete {policy} rule-id={}", text(&rules[0], "id")));
    assert_eq!(names(&rules), ["ContainersReadOnly"]);
    // This has what is given.
    let organization = scw.variable("SCW_DEFAULT_ORGANIZATION_ID");
    let rules = scw.json(&format!(
        "iam rule update {policy} rules.0.permission-set-names.0=FunctionsFullAccess \
         rules.0.organization-id={organization} rules.0.condition=false"
    ));
    assert_eq!(names(&rules["rules"]), ["FunctionsFullAccess"]);
    assert_eq!(rules["rules"][0]["condition"], "false");

    let clone = text(&scw.json(&format!("iam policy clone policy-id={policy}")), "id");
    assert_eq!(names(&scw.json(&format!("iam rule list {clone}"))), ["FunctionsFullAccess"]);
    let deleted = scw.json(&format!("iam policy delete {policy}"));
    assert_eq!(deleted["message"], "policy has been successfully deleted.");
    scw.missing(&format!("iam policy get {policy}"), "policy");
    assert_eq!(ids(&scw.json("iam policy list")), [clone]);

    let sets = scw.json("iam permission-set list");
    for set in ["FunctionsFullAccess", "ContainersReadOnly", "IAMManager"] {
        assert!(sets.as_array().unwrap().iter().any(|it| it["name"] == set), "{set}");
    }
    let unknown = scw.refused("iam policy create name=x rules.0.permission-set-names.0=Nothing");
    assert_eq!(
        unknown["message"], "invalid arguments 'rules[0].permission_set_names'",
        "{unknown}"
    );
}

/// The permission sets of rules, one for each.
fn names(rules: &Value) -> Vec<&str> {
    let rules = rules.as_array().expect("rules");
    rules.iter().map(|rule| rule["permission_set_names"][0].as_str().expect("a name")).collect()
}

#[test]
#[ignore = "builds scw, which takes minutes"]
fn api_keys_are_made_shown_with_their_rights_and_deleted() {
    let Some(mut scw) = Scw::started() else { return };
    let organization = scw.variable("SCW_DEFAULT_ORGANIZATION_ID");
    let own = scw.json(&format!("iam api-key get {}", scw.variable("SCW_ACCESS_KEY")));
    assert!(text(&own, "entity_type").starts_with("owner "), "{own}");
    assert_eq!(own["APIKey"]["secret_key"], Value::Null);

    let application = text(&scw.json("iam application create name=first"), "id");
    let policy = scw.json(&format!(
        "iam policy create name=rights application-id={application} \
         rules.0.permission-set-names.0=IAMApplicationReadOnly rules.0.organization-id={organization}"
    ));
    let made = scw.json(&format!("iam api-key create application-id={application} expires-at=+2h"));
    let key = text(&made, "access_key");
    let read = scw.json(&format!("iam api-key get {key}"));
    assert_eq!(
        (&read["entity_type"], &read["APIKey"]["secret_key"]),
        (&json!("application"), &Value::Null)
    );
    let rights = format!("rights ({})", text(&policy, "id"));
    assert_eq!(read["policies"], json!({rights: ["IAMApplicationReadOnly"]}));
    let changed = scw.json(&format!("iam api-key update {key} description=d"));
    assert_eq!(changed["description"], "d");
    assert_eq!(changed["expires_at"], read["APIKey"]["expires_at"]);
    let listed = scw.json(&format!("iam api-key list bearer-id={application}"));
    assert_eq!(listed, json!([changed]));

    // Once a day it looks when its own key expires: each home has its day.
    scw.caller = Some(Key::of(&made));
    fs::remove_dir_all(scw.home()).unwrap();
    let warned = scw.human("iam application list");
    assert!(warned.contains("Current api key expires in 1h59m"), "{warned}");
    scw.caller = None;

    let deleted = scw.json(&format!("iam api-key delete {key}"));
    assert_eq!(deleted["message"], "api-key has been successfully deleted.");
    scw.missing(&format!("iam api-key get {key}"), "access_key");
}

#[test]
#[ignore = "builds scw, which takes minutes"]
fn users_and_ssh_keys_are_made_changed_and_deleted() {
    let Some(scw) = Scw::started() else { return };
    let owner = &scw.json("iam user list")[0];
    assert_eq!(owner["type"], "owner");
    let guest = scw.json("iam user create email=guest@issuer.test");
    assert_eq!((&guest["type"], &guest["status"]), (&json!("guest"), &json!("invitation_pending")));
    let made = scw.json(
        "iam user create member.email=ada@issuer.test member.username=ada member.password=at-least-eight",
    );
    let user = text(&made, "id");
    assert!(!made.to_string().contains("at-least-eight"));
    let changed = scw.json(&format!("iam user update {user} first-name=Ada"));
    assert_eq!(
        (&changed["first_name"], &changed["email"]),
        (&json!("Ada"), &json!("ada@issuer.test"))
    );
    let changed = scw.json(&format!("iam user update-username {user} username=lovelace"));
    assert_eq!(changed["username"], "lovelace");
    scw.json(&format!("iam user update-password {user} password=another-password"));
    assert_eq!(ids(&scw.json("iam user list type=member")), [&*user]);
    scw.json(&format!("iam user delete {user}"));
    scw.missing(&format!("iam user get {user}"), "user");
    let kept = scw.refused(&format!("iam user delete {}", text(owner, "id")));
    assert!(
        text(&kept, "error").contains("the owner of an organization can't be deleted"),
        "{kept}"
    );

    let made =
        scw.json_of(&["iam", "ssh-key", "create", "name=first", &format!("public-key={SSH_KEY}")]);
    let key = text(&made, "id");
    assert_eq!((&made["public_key"], &made["disabled"]), (&json!(SSH_KEY), &json!(false)));
    assert!(text(&made, "fingerprint").ends_with(" (ssh-ed25519)"), "{made}");
    let changed = scw.json(&format!("iam ssh-key update {key} name=second disabled=true"));
    assert_eq!((&changed["name"], &changed["disabled"]), (&json!("second"), &json!(true)));
    assert_eq!(scw.json("iam ssh-key list"), json!([changed]));
    scw.json(&format!("iam ssh-key delete {key}"));
    scw.missing(&format!("iam ssh-key get {key}"), "ssh_key");
}

#[test]
#[ignore = "builds scw, which takes minutes"]
fn the_log_has_who_did_what_and_with_which_client_and_jwts_are_tokens() {
    let Some(scw) = Scw::started() else { return };
    let owner = text(&scw.json("iam user list")[0], "id");
    let group = text(&scw.json("iam group create name=first"), "id");
    scw.json(&format!("iam group update {group} name=second"));
    scw.json(&format!("iam group delete {group}"));
    let log = scw.json("iam log list resource-type=group");
    let actions: Vec<_> = log.as_array().unwrap().iter().map(|it| text(it, "action")).collect();
    assert_eq!(actions, ["created", "updated", "deleted"]);
    let first = &log[0];
    assert_eq!((&first["bearer_id"], &first["resource_id"]), (&json!(owner), &json!(group)));
    assert!(text(first, "user_agent").ends_with(" scaleway-cli/2.41.0"), "{first}");
    assert_eq!(scw.json("iam log list resource-type=group action=created"), json!([first]));
    assert_eq!(scw.json(&format!("iam log get {}", text(first, "id"))), *first);

    let namespace = text(&scw.json("function namespace create name=first"), "id");
    let token = text(&scw.json(&format!("function token create namespace-id={namespace}")), "id");
    let jwts = scw.json(&format!("iam jwt list {owner}"));
    assert_eq!((&jwts[0]["jti"], &jwts[0]["audience_id"]), (&json!(token), &json!(owner)));
    assert_eq!(scw.json(&format!("iam jwt get {token}")), jwts[0]);
    scw.json(&format!("iam jwt delete {token}"));
    scw.missing(&format!("iam jwt get {token}"), "jwt");
    assert_eq!(scw.json(&format!("iam jwt list {owner}")), json!([]));
    scw.gone(&format!("function token get {token}"), "Token was not found");
}
