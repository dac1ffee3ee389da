//! `scw account project`.

use serde_json::json;

use super::{Scw, ids, text};

#[test]
#[ignore = "builds scw, which takes minutes"]
fn projects_are_made_renamed_and_deleted() {
    let Some(scw) = Scw::started() else { return };
    let default = scw.variable("SCW_DEFAULT_PROJECT_ID");
    // Without an id it is the default one.
    assert_eq!(scw.json("account project get")["id"], json!(default));
    let project = text(&scw.json("account project create name=first description=d"), "id");
    let changed = scw.json(&format!("account project update project-id={project} name=second"));
    assert_eq!((&changed["name"], &changed["description"]), (&json!("second"), &json!("d")));
    assert_eq!(scw.json(&format!("account project get project-id={project}"))["name"], "second");
    assert_eq!(ids(&scw.json("account project list")), [&*default, &*project]);
    assert_eq!(ids(&scw.json("account project list name=second")), [&*project]);

    let made = scw.json(&format!("function namespace create name=in-it project-id={project}"));
    assert_eq!(made["project_id"], json!(project));
    assert_eq!(
        ids(&scw.json(&format!("function namespace list project-id={project}"))),
        [text(&made, "id")]
    );
    let delete = format!("account project delete project-id={project}");
    let in_use = scw.refused(&delete);
    assert!(
        text(&in_use, "error").contains("precondition failed: resource is still in use"),
        "{in_use}"
    );
    let default = scw.complaint("account project delete");
    assert!(default.contains("an organization's default project stays"), "{default}");

    scw.json(&format!("function namespace delete {}", text(&made, "id")));
    assert_eq!(scw.json(&delete)["message"], "project has been successfully deleted.");
    scw.missing(&format!("account project get project-id={project}"), "project_id");
    scw.missing(&delete, "project_id");
}
