//! The official SDKs for JavaScript work unmodified, with nothing set but what the init file has.

use testkit::node::Node;
use testkit::service::Service;

use crate::passes;

#[test]
fn the_official_npm_sdks_do_all_that_they_can() {
    let Some(node) = Node::with_packages("tests/service/node_sdk", "the official npm SDKs") else {
        return;
    };
    passes(&Service::started(), node.command("main.mjs"));
}
