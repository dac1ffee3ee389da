//! The official Python SDK works unmodified, with nothing set but what the init file has.

use testkit::processes::{python_with_modules, text_of};
use testkit::root;
use testkit::service::Service;

#[test]
fn the_official_python_sdk_does_all_that_it_can_with_functions_containers_and_tokens() {
    let service = Service::started();
    let variables = service.variables();
    let mut script = python_with_modules(&root("tests/service/python_sdk.py"));
    for (name, _) in std::env::vars_os() {
        // A proxy that the machine has would be asked for loopback too.
        let name = name.to_str().unwrap_or_default().to_owned();
        if name.starts_with("SCW_") || name.to_ascii_lowercase().ends_with("_proxy") {
            script.env_remove(name);
        }
    }
    let output = script.envs(&variables).output().expect("python3 runs");
    let said = text_of(&output);
    assert!(output.status.success(), "{said}");
    assert!(said.ends_with("all passed\n"), "{said}");
    assert!(!said.contains(&variables["SCW_SECRET_KEY"]), "the key in the output");
}
