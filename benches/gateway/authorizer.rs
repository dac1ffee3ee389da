//! What one would build instead: a service that Envoy's `ext_authz` asks about each request. It
//! knows a list of revoked ids and nothing else, and says yes or no in as few bytes as HTTP has.
//!
//! It is a process of its own, this program with [`ARGUMENT`], so that its time is its own and
//! it can be stopped.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::thread;

use serde_json::{Value, json};
use testkit::measure::process::on_processor;

/// What makes this program that service.
pub const ARGUMENT: &str = "--authorizer";

/// The header in which Envoy tells a token's id.
pub const TOKEN_ID: &str = "x-token-id";

/// Its process, as who measures it sees it.
pub struct Authorizer {
    process: Child,
    pub address: SocketAddr,
}

impl Authorizer {
    /// One that knows these ids. It shares a processor with the load: Envoy has the other.
    pub fn start(revoked: &[String]) -> Self {
        let program = std::env::current_exe().expect("this program");
        let mut process = on_processor(1, program.to_str().expect("UTF-8"))
            .arg(ARGUMENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this program runs");
        let mut input = process.stdin.take().expect("a pipe");
        input.write_all(revoked.join("\n").as_bytes()).expect("it reads");
        drop(input);
        let mut line = String::new();
        let output = process.stdout.take().expect("a pipe");
        BufReader::new(output).read_line(&mut line).expect("a line");
        let address = line.trim().parse().expect("the address where it listens");
        Self { process, address }
    }

    pub fn process(&self) -> u32 {
        self.process.id()
    }

    /// Ends it as the kernel would.
    pub fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ends");
    }
}

impl Drop for Authorizer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Envoy's filter that asks it, through this cluster.
pub fn ext_authz(cluster: &str, failure_mode_allow: bool) -> Value {
    json!({
        "name": "envoy.filters.http.ext_authz",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
            "failure_mode_allow": failure_mode_allow,
            "allowed_headers": {"patterns": [{"exact": TOKEN_ID}]},
            "http_service": {"server_uri": {
                "uri": "http://authorizer", "cluster": cluster, "timeout": "2s",
            }},
        },
    })
}

/// Serves until it is killed: a thread for each of Envoy's few connections.
pub fn serve() {
    let revoked: HashSet<String> =
        std::io::stdin().lines().map(|line| line.expect("a list of ids")).collect();
    let revoked: &'static HashSet<String> = Box::leak(Box::new(revoked));
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    println!("{}", listener.local_addr().expect("an address"));
    for stream in listener.incoming() {
        let stream = stream.expect("a connection");
        thread::spawn(move || answer_all(stream, revoked));
    }
}

/// Answers each request of a connection. None has a body.
fn answer_all(mut stream: TcpStream, revoked: &HashSet<String>) {
    stream.set_nodelay(true).expect("a socket");
    let mut buffer = Vec::with_capacity(4096);
    let mut part = [0; 4096];
    loop {
        while let Some(end) = buffer.windows(4).position(|it| it == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]);
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            let id = lines.find(|(name, _)| *name == TOKEN_ID).map(|(_, id)| id);
            let status = match id.is_some_and(|id| !revoked.contains(id)) {
                true => "200 OK",
                false => "403 Forbidden",
            };
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
            buffer.drain(..end + 4);
        }
        match stream.read(&mut part) {
            Ok(read @ 1..) => buffer.extend_from_slice(&part[..read]),
            _ => return,
        }
    }
}
