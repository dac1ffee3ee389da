//! The official Python SDK works unmodified, with nothing set but what the init file has.

use testkit::processes::{python_with_modules, text_of};
use testkit::root;
use testkit::service::Service;

use crate::passes;

#[test]
fn the_official_python_sdk_does_all_that_it_can_with_functions_containers_and_tokens() {
    let script = python_with_modules(&root("tests/service/python_sdk.py"));
    passes(&Service::started(), script);
}

#[test]
fn the_official_python_sdk_does_all_that_it_can_with_iam() {
    let script = python_with_modules(&root("tests/service/python_iam.py"));
    passes(&Service::started(), script);
}

/// What a script says that has the SDK and the init file's variables, and has to succeed.
#[track_caller]
pub fn with_sdk(script: &str, arguments: &[&str], service: &Service) -> String {
    let mut script = python_with_modules(&root(script));
    script.args(arguments);
    let output = service.official_client(script).output().expect("python3 runs");
    let said = text_of(&output);
    assert!(output.status.success(), "{said}");
    said
}
