//! `issuer policy test`: what it says is what the service does.

use serde_json::json;
use testkit::processes::text_of;

use super::{Organization, answers, iam};

impl Organization {
    /// Whether somebody could do something, as the command says; and all that it says.
    #[track_caller]
    fn could(&self, who: &str, arguments: &[&str]) -> (bool, String) {
        let mut command = self.service.command(&["policy", "test", "--as", who]);
        let output = command.args(arguments).output().unwrap();
        let said = text_of(&output);
        let is_allowed = match output.status.code() {
            Some(0) => true,
            Some(1) => false,
            other => panic!("{arguments:?}: {other:?}: {said}"),
        };
        let verdict = if is_allowed { "allowed: " } else { "denied: " };
        assert!(said.lines().any(|line| line.starts_with(verdict)), "{said}");
        (is_allowed, said)
    }
}

#[test]
fn it_names_the_rule_that_allows_or_what_is_needed() {
    let organization = Organization::new();
    let project = organization.project("shop");
    let application = organization.application("deploy");
    let rules = json!([{
        "permission_set_names": ["FunctionsFullAccess"], "project_ids": [project],
        "condition": "request.ip == '192.0.2.7'",
    }]);
    let policy = organization.policy(&json!({"application_id": application}), &rules);
    let mint = "create:function_token";
    for (arguments, expected) in [
        (vec![mint, &project, "--ip", "192.0.2.7"], Ok(format!("policy {policy}"))),
        (vec![mint, "--ip", "192.0.2.7"], Ok(format!("in project {project}\n"))),
        (vec![mint, &project, "--ip", "192.0.2.8"], Err(", which isn't true".to_owned())),
        (vec![mint, &project], Err(", which can't be evaluated".to_owned())),
        (
            vec![mint, &organization.id, "--ip", "192.0.2.7"],
            Err("one of AllProductsFullAccess, FunctionsFullAccess".to_owned()),
        ),
        (vec!["list:log"], Err("AuditTrailReadOnly, IAMManager".to_owned())),
    ] {
        let (is_allowed, said) = organization.could(&application, &arguments);
        let words = match &expected {
            Ok(words) | Err(words) => words,
        };
        assert_eq!(is_allowed, expected.is_ok(), "{arguments:?}: {said}");
        assert!(said.contains(words), "{words} in {said}");
    }
    // Where one name is of several actions, each is answered.
    let mut command = organization.service.command(&["policy", "test", "--as", &application]);
    let output = command.args(["create:revocation", "--ip", "192.0.2.7"]).output().unwrap();
    let said = text_of(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for words in [
        "allowed: create:revocation of functions' tokens, in project ",
        "denied: create:revocation of containers' tokens, in organization ",
        "denied: create:revocation for all namespaces at once, in organization ",
        "needs   the operator of this machine",
    ] {
        assert!(said.contains(words), "{words} in {said}");
    }
}

#[test]
fn it_knows_who_is_owner_expired_or_locked() {
    let organization = Organization::new();
    let owner_key = &organization.service.variables()["SCW_ACCESS_KEY"];
    let (is_allowed, said) = organization.could(owner_key, &["delete:user"]);
    assert!(is_allowed && said.contains("the owner may do everything"), "{said}");

    let user = organization.user("ada");
    let rules = json!([organization.everywhere(&["IAMManager"])]);
    organization.policy(&json!({"user_id": user}), &rules);
    let (key, _) = organization.key(&json!({"user_id": user}));
    assert!(organization.could(&user, &["list:user"]).0);
    assert!(organization.could(&key, &["list:user"]).0);
    let body = json!({"expires_at": "2100-01-01T00:00:00Z"});
    answers(&organization.owner.patch(&iam(&format!("/api-keys/{key}")), &body), 200);
    let then = ["list:user", "--at", "2100-01-01T00:00:00Z"];
    let (is_allowed, said) = organization.could(&key, &then);
    assert!(!is_allowed && said.contains("the API key has expired"), "{said}");
    answers(&organization.owner.post(&iam(&format!("/users/{user}/lock")), &json!({})), 200);
    for who in [&user, &key] {
        let (is_allowed, said) = organization.could(who, &["list:user"]);
        assert!(!is_allowed && said.contains("the user is locked"), "{said}");
    }
}

#[test]
fn it_says_that_nobody_gains_rights() {
    let organization = Organization::new();
    let helpdesk = organization.application("helpdesk");
    let rules = json!([organization.everywhere(&["IAMUserManager"])]);
    organization.policy(&json!({"application_id": helpdesk}), &rules);
    let [weak, strong] = ["weak", "strong"].map(|name| organization.user(name));
    let rules = json!([organization.everywhere(&["FunctionsReadOnly"])]);
    organization.policy(&json!({"user_id": strong}), &rules);
    let except = "except  where somebody would gain rights by it: this caller may not";
    let (_, said) = organization.could(&helpdesk, &["edit:user", &weak]);
    assert!(!said.contains(except), "{said}");
    let (_, said) = organization.could(&helpdesk, &["edit:user", &strong]);
    assert!(
        said.contains(&format!("{except} read function"))
            || said.contains(&format!("{except} list ")),
        "{said}"
    );
}

#[test]
fn what_the_service_would_refuse_is_denied() {
    let organization = Organization::new();
    let owner = &organization.owner;
    let access_key = &organization.service.variables()["SCW_ACCESS_KEY"];
    let owner_id = owner.get(&iam(&format!("/api-keys/{access_key}"))).json()["user_id"].clone();
    let sets = |names: &[&str]| -> serde_json::Value {
        names.iter().map(|set| organization.everywhere(&[set])).collect()
    };
    let (keys, _) = organization.caller("keys", &sets(&["IAMApplicationManager"]));
    let (policies, _) = organization.caller("policies", &sets(&["IAMPolicyManager"]));
    let (users, _) = organization.caller("users", &sets(&["IAMUserManager"]));
    let [weak, strong] = ["weak", "strong"].map(|name| organization.application(name));
    let rules = sets(&["FunctionsReadOnly"]);
    let attached = organization.policy(&json!({"application_id": strong}), &rules);
    let for_nobody = organization.policy(&json!({"no_principal": true}), &rules);
    let but = "but     somebody would gain rights by it: this caller may not";
    let whose = "of applications";
    for (who, question, is_allowed, words) in [
        // Keys of applications are enough for a list.
        (&keys, vec!["list:api_key"], true, whose),
        (&keys, vec!["create:api_key", &weak], true, whose),
        (&keys, vec!["create:api_key", &strong], false, but),
        (&policies, vec!["create:policy", &attached], false, but),
        (&policies, vec!["create:policy", &for_nobody], true, "by "),
        (&users, vec!["delete:user", owner_id.as_str().unwrap()], false, "the owner"),
    ] {
        let (answer, said) = organization.could(who, &question);
        assert_eq!(answer, is_allowed, "{question:?}: {said}");
        assert!(said.contains(words), "{words} in {said}");
    }

    // A user agent is compared as the service keeps it.
    let mut rule = organization.everywhere(&["FunctionsReadOnly"]);
    rule["condition"] = json!("request.user_agent == 'Caf??'");
    let (caller, _) = organization.caller("conditional", &json!([rule]));
    let question = ["list:function", "--user-agent", "Café"];
    assert!(organization.could(&caller, &question).0);
}

#[test]
fn what_it_doesn_t_know_it_says() {
    let organization = Organization::new();
    let refused = |arguments: &[&str]| {
        organization.service.refused(&[&["policy", "test"], arguments].concat())
    };
    for (arguments, words) in [
        (&["create:function_token"][..], "`--as` is required"),
        (&["--as", crate::UNKNOWN, "list:user"], "User, application or API key was not found"),
        (&["--as", "ada", "list:user"], "User, application or API key was not found"),
        (&["--as", "ada", "create:function_tokn"], "did you mean `create:function_token`?"),
        (&["--as", "ada", "mint"], "there are call:container, "),
        (&["--as", "ada", "list:user", "shop"], "RESOURCE"),
        (&["--as", "ada", "list:user", "--ip", "localhost"], "expected an IP address"),
    ] {
        let said = refused(arguments);
        assert!(said.contains(words), "{arguments:?}: {said}");
    }
    let (application, _) = organization.caller("some", &json!([]));
    let said = refused(&["--as", &application, "list:user", crate::UNKNOWN]);
    assert!(said.contains("Resource was not found"), "{said}");
}
