//! What an operation may know of the request that asked for it.

use std::net::IpAddr;

use uuid::Uuid;

/// Which request asked for an operation, from where and by what program: for the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestContext {
    /// The request's id, which its answer carries and its log line has.
    pub id: Uuid,
    /// The client's address, behind the proxies that are trusted.
    pub address: IpAddr,
    /// What the client calls itself: at most 256 characters of printable ASCII, often none.
    pub user_agent: String,
}
