//! The address that a request came from, behind proxies.
//!
//! The connection's peer is certain. `X-Forwarded-For` is what somebody wrote: only the proxies
//! that are trusted are believed, and each of them vouches for one address alone, that of the
//! peer it had itself, which it puts behind what was there. So the list is walked from the
//! right, as long as the address that was reached is a trusted proxy.
//!
//! Where the walk can't go on (the list ends; an element isn't an address) the answer is
//! the last address that it reached. That may be too near, a proxy in place of its client; it is never
//! an address that a stranger chose. The other choice, to look further left, would be:
//! what stands left of an element that can't be read was vouched for by nobody. An empty element
//! ends the walk too, though RFC 9110 §5.6.1 lets lists have them, for the same reason.

use std::error::Error;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use axum::http::{HeaderMap, HeaderName};
use ipnet::{IpNet, Ipv4Net};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies whose `X-Forwarded-For` is believed. By default there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    /// The client's address, for a request with `headers` on a connection from `peer`.
    pub fn client_address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut reached = peer.to_canonical();
        let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
        let elements = lines.flat_map(|line| line.as_bytes().rsplit(|&byte| byte == b','));
        for element in elements {
            if !self.contains(reached) {
                break;
            }
            let Some(address) = forwarded(element) else { break };
            reached = address;
        }
        reached
    }

    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

impl FromStr for TrustedProxies {
    type Err = TrustedProxiesError;

    /// Reads addresses and networks in CIDR notation, with commas between them. An empty text is
    /// no proxy.
    fn from_str(text: &str) -> Result<Self, TrustedProxiesError> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        text.split(',').map(|element| network(element.trim())).collect::<Result<_, _>>().map(Self)
    }
}

/// Why a list of trusted proxies can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustedProxiesError {
    /// An element, which this holds, is neither an address nor a network.
    NotANetwork(String),
    /// A network has bits behind its prefix.
    BitsBehindPrefix {
        /// The network as it stands in the list.
        found: String,
        /// The network without those bits.
        network: IpNet,
    },
    /// A network, which this holds, has all addresses in it.
    Everybody(String),
}

impl fmt::Display for TrustedProxiesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotANetwork(found) => write!(
                f,
                "expected addresses and networks such as `10.0.0.0/8,2001:db8::1`, with commas \
                 between them, and found {found:?}"
            ),
            Self::BitsBehindPrefix { found, network } => write!(
                f,
                "expected a network without bits behind its prefix, and found `{found}`: write \
                 `{network}`, or the address alone"
            ),
            Self::Everybody(found) => write!(
                f,
                "expected the networks of your own proxies, and found `{found}`, which is \
                 everybody: any client could then choose the address that is logged for it"
            ),
        }
    }
}

impl Error for TrustedProxiesError {}

fn network(text: &str) -> Result<IpNet, TrustedProxiesError> {
    let found = || text.to_owned();
    let network = match text.parse::<IpNet>() {
        Ok(network) => network,
        Err(_) => match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address),
            Err(_) => return Err(TrustedProxiesError::NotANetwork(found())),
        },
    };
    let network = canonical(network);
    if network.addr() != network.network() {
        let network = network.trunc();
        return Err(TrustedProxiesError::BitsBehindPrefix { found: found(), network });
    }
    if network.prefix_len() == 0 {
        return Err(TrustedProxiesError::Everybody(found()));
    }
    Ok(network)
}

/// A network of IPv4-mapped addresses as one of IPv4: addresses are compared in that form.
fn canonical(network: IpNet) -> IpNet {
    let (IpAddr::V4(address), IpNet::V6(mapped)) = (network.addr().to_canonical(), network) else {
        return network;
    };
    let prefix = mapped.prefix_len().checked_sub(96);
    let ipv4 = prefix.and_then(|prefix| Ipv4Net::new(address, prefix).ok());
    ipv4.map_or(network, IpNet::V4)
}

/// One element of the header: an address, which some proxies write with the port behind it.
fn forwarded(element: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(element).ok()?.trim_matches([' ', '\t']);
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok();
    let address = (text.parse::<IpAddr>().ok())
        .or_else(|| text.parse::<SocketAddr>().ok().map(|it| it.ip()))
        .or_else(|| bracketed().map(IpAddr::V6))?;
    let address = address.to_canonical();
    // What a proxy writes that doesn't know its peer.
    let unknown = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    (!unknown.contains(&address)).then_some(address)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn trusted(list: &str) -> TrustedProxies {
        list.parse().unwrap()
    }

    fn address(proxies: &str, peer: &str, lines: &[&[u8]]) -> String {
        let lines = lines.iter().map(|line| HeaderValue::from_bytes(line).unwrap());
        let headers = lines.map(|line| (X_FORWARDED_FOR, line)).collect();
        trusted(proxies).client_address(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn the_rightmost_address_that_is_not_a_trusted_proxy_is_the_clients() {
        const PROXIES: &str = "10.0.0.0/8, 192.0.2.7 ,2001:db8::/32";
        let cases: &[(&str, &str, &[&[u8]], &str)] = &[
            ("no list", "10.0.0.1", &[], "10.0.0.1"),
            ("a stranger's list", "203.0.113.9", &[b"198.51.100.1"], "203.0.113.9"),
            ("one proxy", "10.0.0.1", &[b"198.51.100.1"], "198.51.100.1"),
            ("a single trusted address", "192.0.2.7", &[b"198.51.100.1"], "198.51.100.1"),
            ("its neighbour", "192.0.2.8", &[b"198.51.100.1"], "192.0.2.8"),
            ("what the client forged", "10.0.0.1", &[b"1.1.1.1, 198.51.100.1"], "198.51.100.1"),
            ("a forged trusted one", "10.0.0.1", &[b"10.9.9.9, 198.51.100.1"], "198.51.100.1"),
            ("two proxies", "10.0.0.1", &[b"1.1.1.1,198.51.100.1,10.0.0.2"], "198.51.100.1"),
            ("proxies alone", "10.0.0.1", &[b"10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            ("lines in order", "10.0.0.1", &[b"1.1.1.1", b"198.51.100.1"], "198.51.100.1"),
            ("a walk over lines", "10.0.0.1", &[b"198.51.100.1", b"10.0.0.2"], "198.51.100.1"),
            ("rubbish at the right", "10.0.0.1", &[b"198.51.100.1, unknown"], "10.0.0.1"),
            ("rubbish behind a proxy", "10.0.0.1", &[b"1.1.1.1, _x, 10.0.0.2"], "10.0.0.2"),
            ("rubbish left of the client", "10.0.0.1", &[b"<>, 198.51.100.1"], "198.51.100.1"),
            ("not UTF-8", "10.0.0.1", &[b"198.51.100.1, \xff"], "10.0.0.1"),
            ("an empty line", "10.0.0.1", &[b""], "10.0.0.1"),
            ("an empty element", "10.0.0.1", &[b"198.51.100.1,, 10.0.0.2"], "10.0.0.2"),
            ("an empty last line", "10.0.0.1", &[b"198.51.100.1", b""], "10.0.0.1"),
            ("nobody's address", "10.0.0.1", &[b"198.51.100.1, 0.0.0.0"], "10.0.0.1"),
            ("an octet with a zero", "10.0.0.1", &[b"198.051.100.1"], "10.0.0.1"),
            ("spaces and tabs", "10.0.0.1", &[b"1.1.1.1,\t 198.51.100.1 \t"], "198.51.100.1"),
            ("a port", "10.0.0.1", &[b"198.51.100.1:1234"], "198.51.100.1"),
            ("IPv6", "10.0.0.1", &[b"2001:db9::1"], "2001:db9::1"),
            ("IPv6 in brackets", "10.0.0.1", &[b"[2001:db9::1]"], "2001:db9::1"),
            ("IPv6 with a port", "10.0.0.1", &[b"[2001:db9::1]:443"], "2001:db9::1"),
            ("IPv6 with a zone", "10.0.0.1", &[b"fe80::1%eth0"], "10.0.0.1"),
            ("IPv4 in brackets", "10.0.0.1", &[b"[198.51.100.1]"], "10.0.0.1"),
            ("an IPv6 proxy", "2001:db8::5", &[b"198.51.100.1"], "198.51.100.1"),
            ("a mapped peer", "::ffff:203.0.113.9", &[], "203.0.113.9"),
            ("a mapped proxy", "::ffff:10.0.0.1", &[b"198.51.100.1"], "198.51.100.1"),
            ("a mapped client", "10.0.0.1", &[b"::ffff:198.51.100.1"], "198.51.100.1"),
            ("a mapped proxy in it", "10.0.0.1", &[b"1.2.3.4, ::ffff:10.0.0.2"], "1.2.3.4"),
        ];
        for (case, peer, lines, expected) in cases {
            assert_eq!(address(PROXIES, peer, lines), *expected, "{case}");
        }
    }

    #[test]
    fn without_trusted_proxies_the_peer_is_the_client() {
        for proxies in ["", " "] {
            assert_eq!(address(proxies, "127.0.0.1", &[b"198.51.100.1"]), "127.0.0.1");
        }
    }

    #[test]
    fn a_network_of_mapped_addresses_is_one_of_ipv4() {
        for proxies in ["::ffff:10.0.0.0/104", "::ffff:10.0.0.1"] {
            assert_eq!(address(proxies, "10.0.0.1", &[b"198.51.100.1"]), "198.51.100.1");
            assert_eq!(address(proxies, "11.0.0.1", &[b"198.51.100.1"]), "11.0.0.1");
        }
    }

    #[test]
    fn a_list_that_can_not_be_meant_is_refused_with_what_was_found() {
        let cases = [
            ("proxy.example", "found \"proxy.example\""),
            ("10.0.0.1,", "found \"\""),
            ("10.0.0.1 10.0.0.2", "found \"10.0.0.1 10.0.0.2\""),
            ("10.0.0.0/33", "found \"10.0.0.0/33\""),
            ("10.0.0.0/", "found \"10.0.0.0/\""),
            ("10.0.0.1:80", "found \"10.0.0.1:80\""),
            ("\x1b[2J", "found \"\\u{1b}[2J\""),
            ("10.0.0.1/8", "found `10.0.0.1/8`: write `10.0.0.0/8`"),
            ("::ffff:10.0.0.1/104", "found `::ffff:10.0.0.1/104`: write `10.0.0.0/8`"),
            ("2001:db8::1/32", "found `2001:db8::1/32`: write `2001:db8::/32`"),
            ("0.0.0.0/0", "found `0.0.0.0/0`, which is everybody"),
            ("10.0.0.0/8,::/0", "found `::/0`, which is everybody"),
            ("::ffff:0.0.0.0/96", "found `::ffff:0.0.0.0/96`, which is everybody"),
        ];
        for (list, expected) in cases {
            let error = list.parse::<TrustedProxies>().unwrap_err().to_string();
            assert!(error.starts_with("expected ") && error.contains(expected), "{error}");
        }
    }
}
