//! The service as its shipped files run it: with Docker Compose, in the image of its own, under
//! systemd.
//!
//! There is no Docker engine here. What Compose starts in containers is started without them; the
//! image's last stage is made as its recipe says, and the program runs in it, confined as the
//! engine would do it; systemd itself runs, where the user may start one.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unreachable,
    clippy::unwrap_used,
    reason = "a test that can't go on says so by panicking"
)]

mod compose;
mod confined;
mod image;
mod recipe;
mod system_calls;
mod systemd;
mod unit;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testkit::api::{Client, good, member};
use testkit::service::read_variables;

/// The commands in a file's head that go on after this, each on a line of its own.
fn commands_after(text: &str, begin: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix('#')?.trim().strip_prefix(begin));
    lines.map(str::to_owned).collect()
}

/// Waits until what listens on a port of this machine says that it is ready.
fn wait_until_ready(port: u16, log: impl Fn() -> String) {
    let client = client(port, "");
    let end = Instant::now() + Duration::from_secs(30);
    while !client.try_send("GET", "/ready", None).is_ok_and(|answer| answer.status == 200) {
        assert!(Instant::now() < end, "it isn't ready\n{}", log());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A client with the key of an init file, or with none.
fn client(port: u16, init_file: &str) -> Client {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let variables = read_variables(init_file);
    let variable = |name| variables.get(name).map(String::as_str);
    let key = variable("SCW_SECRET_KEY");
    Client::new(address, variable("SCW_DEFAULT_REGION").unwrap_or_default(), "").with_key(key)
}

/// A function in a namespace, and a token for it: what takes a key, a signature, a hash of a
/// secret and the disk.
fn make_a_token(client: &Client, namespace_id: &str) -> Value {
    let function = json!({
        "name": "first",
        "namespace_id": namespace_id,
        "runtime": "node22",
        "secret_environment_variables": [{"key": "A", "value": "secret"}],
    });
    let function = good(client.post(&client.functions("/functions"), &function));
    let token = json!({"function_id": member(&function, "id")});
    good(client.post(&client.functions("/tokens"), &token))
}
