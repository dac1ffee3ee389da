//! `issuer inspect --trust`: what a gateway that follows the feed would decide, and why.

use std::fs::{self, File};
use std::process::Output;

use serde_json::{Value, json};
use testkit::api::{good, id};
use testkit::processes::text_of;
use testkit::service::Service;

use crate::{Scene, make_token};

/// `issuer inspect` with a configuration and these options, of a token on its standard input.
fn inspect(service: &Service, configuration: &Value, options: &[&str], token: &Value) -> Output {
    let file = service.folder.join("filter.json");
    fs::write(&file, configuration.to_string()).unwrap();
    // No pipe: a command that refuses its options doesn't read one to its end.
    let input = service.folder.join("token");
    fs::write(&input, token["token"].as_str().unwrap()).unwrap();
    let mut command = service.bare_command(&["inspect", "-", "--config"]);
    command.arg(&file).args(options).stdin(File::open(input).unwrap()).output().unwrap()
}

#[track_caller]
fn expect(output: &Output, status: i32, said: &str) {
    let text = text_of(output);
    assert_eq!(output.status.code(), Some(status), "{text}");
    assert!(text.contains(said), "expected {said:?}, found\n{text}");
}

#[test]
fn a_token_is_judged_by_the_feed_of_the_service_or_of_published_files() {
    let mut service = Service::started();
    let client = service.client();
    let Scene { namespace, function } = Scene::make(&client, "shop");
    let key = service.run(&["trust", "key"]);
    let configuration = json!({
        "namespace_id": namespace, "application_id": function,
        "trust": {"cluster": "issuer", "public_keys": [key]},
    });
    let [kept, ended] = [(); 2].map(|()| make_token(&client, &function));
    good(client.delete(&client.functions(&format!("/tokens/{}", id(&ended)))));
    let folder = service.folder.join("published");
    let folder = folder.to_str().unwrap().to_owned();
    service.run(&["trust", "publish", &folder]);
    for from in [format!("http://{}", service.address), folder.clone()] {
        let ask = |token| inspect(&service, &configuration, &["--trust", &from], token);
        expect(&ask(&kept), 0, "admitted (allowed)");
        expect(&ask(&kept), 0, "1 revocations");
        expect(&ask(&ended), 1, "refused (revoked)");
    }
    // What can't be judged is said.
    expect(&inspect(&service, &configuration, &[], &kept), 2, "its keys come with the trust feed");
    let mut with_key = configuration.clone();
    with_key["public_key"] = kept["public_key"].clone();
    let output = inspect(&service, &with_key, &[], &ended);
    expect(&output, 0, "whether the trust feed revokes the token");
    let by_route = json!({"protect": "route", "trust": configuration["trust"]});
    expect(&inspect(&service, &by_route, &[], &kept), 2, "is named by each route");
    // What is wrong with the feed is said.
    let ask =
        |service: &Service, from: &str| inspect(service, &configuration, &["--trust", from], &kept);
    expect(&ask(&service, "https://issuer.test"), 2, "http://");
    expect(&ask(&service, "nowhere"), 2, "is it a published feed?");
    let mut strange = configuration.clone();
    strange["namespace_id"] = json!(crate::UNKNOWN);
    let from = format!("http://{}", service.address);
    let output = inspect(&service, &strange, &["--trust", &from], &kept);
    expect(&output, 2, "does it know this namespace?");
    service.stop();
    expect(&ask(&service, &from), 2, "refused");
    let plain = json!({"namespace_id": namespace, "public_key": key});
    expect(&inspect(&service, &plain, &["--trust", &folder], &kept), 2, "follows no feed");
}
