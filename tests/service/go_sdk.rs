//! The official SDK for Go works unmodified, with nothing set but what the init file has. `scw` and
//! the Terraform provider stand on it, and it alone has containers v1.

use std::process::Command;

use testkit::go;
use testkit::service::Service;

use crate::passes;

#[test]
fn the_official_go_sdk_does_what_scw_and_terraform_do_with_it() {
    let Some(program) = go::program("tests/service/go_sdk", "the official SDK for Go") else {
        return;
    };
    passes(&Service::started(), Command::new(program));
}
