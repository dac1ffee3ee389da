//! What the platform answered to its official clients, this service answers too.

use testkit::processes::{python_with_modules, text_of};
use testkit::service::Service;
use testkit::vectors::recordings;

use crate::tell;

#[test]
fn recorded_conversations_go_the_same_way() {
    let Some((tool, recordings)) = recordings() else { return };
    let service = Service::started();
    let variables = service.variables();
    let output = python_with_modules(&tool)
        .args(["--base-url", &variables["SCW_API_URL"]])
        .args(["--secret-key", &variables["SCW_SECRET_KEY"]])
        .args(["--organization-id", &variables["SCW_DEFAULT_ORGANIZATION_ID"]])
        .args(["--project-id", &variables["SCW_DEFAULT_PROJECT_ID"]])
        .args(recordings)
        .output()
        .expect("python3 runs");
    let said = text_of(&output);
    assert!(output.status.success(), "{said}");
    let last = said.lines().last().unwrap_or_default();
    assert!(last.contains(" passed, 0 failed"), "{said}");
    tell(&format!("recordings: {last}"));
}
