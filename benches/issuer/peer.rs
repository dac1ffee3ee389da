//! What one would take instead of the service: another server that issues tokens, with keys of the
//! same kinds, on the same processor.

use std::net::SocketAddr;

use testkit::envoy::wait_for;
use testkit::measure::process::on_processor;
use testkit::node::Node;
use testkit::processes::Service;
use testkit::service::free_address;

use crate::SERVER;
use crate::wrk::{self, Request, Seen};

/// oidc-provider, that answers.
pub struct Peer {
    /// It ends with this.
    _process: Service,
    address: SocketAddr,
}

impl Peer {
    /// One that signs so, unless Node or its packages can't be had.
    pub fn start(alg: &[&str]) -> Option<Self> {
        let node = Node::with_packages("benches/issuer/peer", "a peer beside the service")?;
        let plain = node.command("server.mjs");
        let address = free_address();
        let folder = plain.get_current_dir().expect("the folder of the packages");
        let mut command = on_processor(SERVER, "node");
        command.arg(folder.join("server.mjs")).arg(address.port().to_string()).args(alg);
        let process =
            Service::start(&format!("peer-{}", address.port()), &testkit::scratch(), &mut command);
        wait_for("the peer to listen", || std::net::TcpStream::connect(address).ok());
        Some(Self { _process: process, address })
    }

    /// Asks for tokens.
    pub fn mint(&self, connections: usize, seconds: u32) -> Seen {
        let headers = [
            // The id and the secret of its one client.
            ("Authorization", "Basic YmVuY2g6YmVuY2g="),
            ("Content-Type", "application/x-www-form-urlencoded"),
        ];
        let body = Some("grant_type=client_credentials");
        let address = self.address;
        let request = Request { address, path: "/token", headers: &headers, body, pages: None };
        wrk::load(&request, connections, seconds)
    }
}
