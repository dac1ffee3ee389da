//! The API is what it says of itself: schemathesis makes requests of the description, good and bad
//! ones, and each answer has to be in there.

use serde_json::json;
use testkit::api::{good, id};
use testkit::processes::{python_with, text_of};
use testkit::root;
use testkit::service::Service;

use crate::{Scene, make_container, make_token, tell};

/// How many requests are made up for each operation. `make test-long` makes more.
const EXAMPLES: &str = "4";

#[test]
fn every_answer_is_in_the_description() {
    let service = Service::started();
    let client = service.client();
    // Something to find.
    let scene = Scene::make(&client, "described");
    make_token(&client, &scene.function);
    make_container(&client, "described");
    let project = good(client.post("/account/v3/projects", &json!({"name": "described"})));
    assert_eq!(id(&project).len(), 36);

    let examples = std::env::var("EXAMPLES").unwrap_or_else(|_| EXAMPLES.to_owned());
    let variables = service.variables();
    let output = python_with("schemathesis", &root("tests/service/schemathesis_run.py"))
        .args([&variables["SCW_API_URL"], &examples])
        .env("SCW_SECRET_KEY", &variables["SCW_SECRET_KEY"])
        .current_dir(&service.folder)
        .output()
        .expect("python3 runs");
    let said = text_of(&output);
    assert!(output.status.success(), "{said}");
    let cases = said.lines().find(|line| line.contains(" generated, "));
    tell(&format!("the API's description: {}", cases.unwrap_or_else(|| panic!("{said}"))));
    assert!(!said.contains(&variables["SCW_SECRET_KEY"]), "the key in the output");
}
