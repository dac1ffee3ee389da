//! Projects: what namespaces are sorted into.

use serde_json::json;
use testkit::api::{good, id, member};
use testkit::service::Service;

use crate::{UNKNOWN, members};

const PROJECTS: &str = "/account/v3/projects";

#[test]
fn a_project_is_made_changed_and_deleted() {
    let service = Service::started();
    let client = service.client();
    let organization = service.variables()["SCW_DEFAULT_ORGANIZATION_ID"].clone();
    let body = json!({"name": "Blue house", "organization_id": organization, "description": "d"});
    let made = good(client.post(PROJECTS, &body));
    let expected = [
        "created_at",
        "description",
        "id",
        "name",
        "organization_id",
        "qualification",
        "updated_at",
    ];
    assert_eq!(members(&made), expected);
    assert_eq!((member(&made, "name"), member(&made, "description")), ("Blue house", "d"));
    assert_eq!(member(&made, "organization_id"), organization);
    assert!(made["qualification"].is_null());

    let path = format!("{PROJECTS}/{}", id(&made));
    let read = good(client.get(&path));
    let qualification = json!({"architecture_type": "unknown_architecture_type"});
    assert_eq!(read["qualification"], qualification);
    let changed = good(client.patch(&path, &json!({"name": "Red house"})));
    assert_eq!((member(&changed, "name"), member(&changed, "description")), ("Red house", "d"));
    assert_ne!(changed["updated_at"], made["updated_at"]);

    let gone = client.delete(&path);
    assert_eq!((gone.status, gone.body.len()), (204, 0));
    assert_eq!(gone.header("content-type").as_deref(), Some("application/json"));
    let missing = json!({
        "message": "resource is not found", "resource": "project_id", "resource_id": id(&made),
        "type": "not_found",
    });
    for answer in [client.get(&path), client.delete(&path), client.patch(&path, &json!({}))] {
        assert_eq!((answer.status, answer.json()), (404, missing.clone()));
    }
}

#[test]
fn projects_are_listed_by_name_and_id_page_by_page() {
    let service = Service::started();
    let client = service.client();
    let default = service.variables()["SCW_DEFAULT_PROJECT_ID"].clone();
    let mut ids = vec![default.clone()];
    for name in ["b", "a", "a"] {
        ids.push(id(&good(client.post(PROJECTS, &json!({"name": name})))).to_owned());
    }
    let list = |query: &str| {
        let found = good(client.get(&format!("{PROJECTS}?{query}")));
        let projects = found["projects"].as_array().unwrap();
        let ids: Vec<_> = projects.iter().map(|it| id(it).to_owned()).collect();
        (ids, found["total_count"].as_u64().unwrap())
    };
    assert_eq!(list(""), (ids.clone(), 4));
    assert_eq!(list("page=2&page_size=3"), (ids[3..].to_vec(), 4));
    assert_eq!(list("page=3&page_size=3"), (vec![], 4));
    assert_eq!(list("name=b"), (vec![ids[1].clone()], 1));
    assert_eq!(list("name=default"), (vec![default], 1));
    let two = format!("project_ids={}&project_ids={}&order_by=created_at_desc", ids[1], ids[3]);
    assert_eq!(list(&two), (vec![ids[3].clone(), ids[1].clone()], 2));
    assert_eq!(list("order_by=name_desc").0[1], ids[1]);
    assert_eq!(list(&format!("organization_id={UNKNOWN}")), (vec![], 0));
    for query in ["project_ids=x", "order_by=size", "page=0"] {
        assert_eq!(client.get(&format!("{PROJECTS}?{query}")).status, 400, "{query}");
    }
}

#[test]
fn a_project_with_something_in_it_stays() {
    let service = Service::started();
    let client = service.client();
    let project = id(&good(client.post(PROJECTS, &json!({"name": "full"})))).to_owned();
    let body = json!({"name": "inside", "project_id": project});
    let namespace = good(client.post(&client.functions("/namespaces"), &body));
    assert_eq!(member(&namespace, "project_id"), project);
    let path = format!("{PROJECTS}/{project}");
    let default = format!("{PROJECTS}/{}", service.variables()["SCW_DEFAULT_PROJECT_ID"]);
    for path in [&path, &default] {
        let answer = client.delete(path);
        let said = answer.json();
        assert_eq!((answer.status, member(&said, "type")), (412, "precondition_failed"), "{said}");
        assert_eq!(member(&said, "precondition"), "resource_still_in_use");
        assert!(!member(&said, "help_message").is_empty());
        assert_eq!(client.get(path).status, 200);
    }
    good(client.delete(&client.functions(&format!("/namespaces/{}", id(&namespace)))));
    assert_eq!(client.delete(&path).status, 204);
    // Nothing is made in a project that isn't there.
    let answer = client.post(&client.functions("/namespaces"), &body);
    assert_eq!((answer.status, answer.json()), (404, json!({"message": "Project was not found"})));
}

#[test]
fn what_a_project_can_t_be_is_refused() {
    let service = Service::started();
    let client = service.client();
    for (body, argument, reason) in [
        (json!({}), "name", "required"),
        (json!({"name": ""}), "name", "constraint"),
        (json!({"name": "two\nlines"}), "name", "constraint"),
        (json!({"name": "n".repeat(65)}), "name", "constraint"),
        (json!({"name": 7}), "name", "format"),
        (json!({"name": "n", "organization_id": "o"}), "organization_id", "format"),
    ] {
        let answer = client.post(PROJECTS, &body);
        let said = answer.json();
        assert_eq!((answer.status, member(&said, "type")), (400, "invalid_arguments"), "{body}");
        let fault = &said["details"][0];
        assert_eq!((&fault["argument_name"], &fault["reason"]), (&json!(argument), &json!(reason)));
    }
    let elsewhere = client.post(PROJECTS, &json!({"name": "n", "organization_id": UNKNOWN}));
    assert_eq!((elsewhere.status, member(&elsewhere.json(), "resource")), (404, "organization"));
    let answer = client.get(&format!("{PROJECTS}/not-an-id"));
    assert_eq!((answer.status, member(&answer.json(), "type")), (400, "invalid_arguments"));
}
