//! The official Python SDK works unmodified, with nothing set but what the init file has.

use testkit::processes::{python_with_modules, text_of};
use testkit::root;
use testkit::service::Service;

#[test]
fn the_official_python_sdk_does_all_that_it_can_with_functions_containers_and_tokens() {
    let service = Service::started();
    let said = with_sdk("tests/service/python_sdk.py", &[], &service);
    assert!(said.ends_with("all passed\n"), "{said}");
    assert!(!said.contains(&service.variables()["SCW_SECRET_KEY"]), "the key in the output");
}

/// What a script says that has the SDK and the init file's variables, and has to succeed.
#[track_caller]
pub fn with_sdk(script: &str, arguments: &[&str], service: &Service) -> String {
    let mut script = python_with_modules(&root(script));
    for (name, _) in std::env::vars_os() {
        // A proxy that the machine has would be asked for loopback too.
        let name = name.to_str().unwrap_or_default().to_owned();
        if name.starts_with("SCW_") || name.to_ascii_lowercase().ends_with("_proxy") {
            script.env_remove(name);
        }
    }
    let output = script.args(arguments).envs(service.variables()).output().expect("python3 runs");
    let said = text_of(&output);
    assert!(output.status.success(), "{said}");
    said
}
