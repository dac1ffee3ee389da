//! A copy of the feed that `issuer trust publish` makes, behind a server of plain files.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use testkit::envoy::wait_for;
use testkit::http::Request;
use testkit::processes::{self, free_ports};
use testkit::upstream::Upstream;

use crate::gateway::{self, Workers};
use crate::issuer::Issuer;
use crate::load::Load;

#[test]
fn a_server_of_plain_files_is_followed_as_long_as_they_are_published() {
    let issuer = Issuer::start();
    let upstream = Upstream::start();
    // More than a checkpoint has room for, so that the log is read, which is a file too.
    let deleted: Vec<_> = (0..70).map(|_| issuer.make_token()).collect();
    deleted.iter().for_each(|token| issuer.delete(token));
    let files = issuer.service.folder.join("files");
    let copy = files.join("trust/v1");
    std::fs::create_dir_all(files.join("trust")).unwrap();
    let publish = ["trust", "publish", copy.to_str().unwrap(), "--every", "1"];
    let folder = &issuer.service.folder;
    let mut command = issuer.service.command(&publish);
    let mut published = processes::Service::start("publish", folder, &mut command);
    let checkpoint = copy.join("namespaces").join(&issuer.namespace);
    wait_for("a published checkpoint", || checkpoint.exists().then_some(()));
    let [port] = free_ports();
    let mut command = Command::new("python3");
    command.args(["-m", "http.server", "--bind", "127.0.0.1", "--directory"]);
    command.arg(&files).arg(port.to_string());
    let _server = processes::Service::start("files", folder, &mut command);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));

    let trust = json!({"refresh_seconds": 1, "max_staleness_seconds": 15});
    let envoy = gateway::start(&upstream, address, &issuer.configuration(trust));
    let load = Load::start(&envoy, "main", &issuer.make_tokens(50), Duration::from_millis(20));
    let mut workers = Workers::of(&envoy, "main");
    let request = |token: &crate::issuer::Made| Request::with_token(&token.token);
    assert_eq!(workers.decisions(&request(&deleted[0])), ["revoked"]);
    let token = issuer.make_token();
    workers.wait_for(&request(&token), "allowed");
    issuer.delete(&token);
    workers.wait_for(&request(&token), "revoked");
    load.end_with_none_refused();
    // The files stay as they are, and become too old.
    published.stop();
    let good = issuer.make_token();
    workers.wait_for(&request(&good), "trust_unavailable");
    // It goes on where it ended.
    let mut command = issuer.service.command(&publish);
    let _published = processes::Service::start("publish-again", folder, &mut command);
    workers.wait_for(&request(&good), "allowed");
    assert_eq!(workers.decisions(&request(&token)), ["revoked"]);
}
