//! From which address a request comes, behind proxies too, and how many connections it may open
//! (wire.md, section 7).

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
    sync::Arc,
};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{Extensions, HeaderMap},
    middleware::Next,
    response::{IntoResponse, Response},
};
use ipnet::{AddrParseError, IpNet};

use crate::{
    engine::Engine,
    socketio::{is_for_sockets, is_of_session},
};

/// The header in which proxies write for whom they ask. One alone is read: a proxy that writes one
/// lets through whatever a client wrote into the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`, which most write.
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// Where proxies are whose word is taken: an IP address, or a network such as 10.0.0.0/8.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedProxy(IpNet);

impl FromStr for TrustedProxy {
    type Err = AddrParseError;

    fn from_str(text: &str) -> Result<Self, AddrParseError> {
        let address = text.parse().map(|address: IpAddr| IpNet::from(address.to_canonical()));
        address.or_else(|_| text.parse()).map(Self)
    }
}

/// Proxies whose word is taken for where a request comes from.
#[derive(Debug)]
pub(crate) struct TrustedProxies {
    proxies: Vec<TrustedProxy>,
    header: ForwardedHeader,
}

impl TrustedProxies {
    /// Trusts these, in this header.
    pub(crate) fn new(proxies: Vec<TrustedProxy>, header: ForwardedHeader) -> Self {
        Self { proxies, header }
    }

    /// The last address, counted from us, that isn't a trusted proxy's: what stands before it may
    /// be made up. Where there is none that can be read, the proxy that wrote it.
    fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        // A listener on `::` is told of IPv4 in IPv6's form.
        let mut client = peer.to_canonical();
        if !self.trusts(client) {
            return client;
        }
        let name = match self.header {
            ForwardedHeader::XForwardedFor => "x-forwarded-for",
            ForwardedHeader::Forwarded => "forwarded",
        };
        let values = headers.get_all(name).iter().rev();
        for hop in values.flat_map(|value| value.as_bytes().rsplit(|byte| *byte == b',')) {
            let hop = std::str::from_utf8(hop).unwrap_or_default();
            let hop = match self.header {
                ForwardedHeader::XForwardedFor => Some(hop),
                ForwardedHeader::Forwarded => forwarded_for(hop),
            };
            let Some(address) = hop.and_then(node_address) else { return client };
            client = address;
            if !self.trusts(client) {
                break;
            }
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.proxies.iter().any(|TrustedProxy(network)| network.contains(&address))
    }
}

/// The `for` of one hop of `Forwarded` (RFC 7239, section 4).
fn forwarded_for(hop: &str) -> Option<&str> {
    hop.split(';').find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then(|| value.trim().trim_matches('"'))
    })
}

/// The address of a node, with or without its port.
fn node_address(node: &str) -> Option<IpAddr> {
    let node = node.trim();
    let bracketed = || node.strip_prefix('[')?.split_once(']').map(|(address, _)| address);
    let address = node.parse().ok();
    let address = address.or_else(|| node.parse().ok().map(|node: SocketAddr| node.ip()));
    address.or_else(|| bracketed()?.parse().ok()).map(|address: IpAddr| address.to_canonical())
}

/// Lets an address open so many connections a second and no more. Where the application that mounts
/// the router doesn't say where a request comes from ([`ConnectInfo`]), nothing is counted.
pub(crate) async fn throttle(
    State((engine, proxies)): State<(Arc<Engine>, Arc<TrustedProxies>)>,
    request: Request,
    next: Next,
) -> Response {
    if opens_connection(&request)
        && let Some(peer) = peer(request.extensions())
        && let Err(error) = engine.count_connection(proxies.client(peer, request.headers()))
    {
        return error.into_response();
    }
    next.run(request).await
}

fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip())
}

/// Whether a request begins an Engine.IO session.
fn opens_connection(request: &Request) -> bool {
    is_for_sockets(request) && !is_of_session(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client_of(header: ForwardedHeader, peer: &str, headers: &[(&str, &str)]) -> String {
        let trusted = ["10.0.0.0/8", "192.0.2.7", "fd00::/8"].map(|proxy| proxy.parse().unwrap());
        let mut request = Request::builder();
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).unwrap();
        let proxies = TrustedProxies::new(trusted.into(), header);
        proxies.client(peer.parse().unwrap(), request.headers()).to_string()
    }

    #[test]
    fn the_last_address_that_is_no_trusted_proxy_is_the_client() {
        let client = |peer, value| {
            client_of(ForwardedHeader::XForwardedFor, peer, &[("x-forwarded-for", value)])
        };
        assert_eq!(client("203.0.113.5", "198.51.100.1"), "203.0.113.5", "not a proxy of ours");
        assert_eq!(client("10.1.1.1", "198.51.100.1"), "198.51.100.1");
        assert_eq!(
            client("10.1.1.1", "6.6.6.6, 198.51.100.1"),
            "198.51.100.1",
            "6.6.6.6 is made up"
        );
        assert_eq!(client("10.1.1.1", "6.6.6.6, 198.51.100.1, 192.0.2.7,10.9.9.9"), "198.51.100.1");
        assert_eq!(client("::ffff:10.1.1.1", "::ffff:198.51.100.1"), "198.51.100.1");
        assert_eq!(client("fd00::1", "2001:db8::5"), "2001:db8::5");
        assert_eq!(client("10.1.1.1", "[2001:db8::5]:4711"), "2001:db8::5");
        let two = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "198.51.100.1, 10.9.9.9")];
        assert_eq!(client_of(ForwardedHeader::XForwardedFor, "10.1.1.1", &two), "198.51.100.1");
        assert_eq!(client("10.1.1.1", "192.0.2.7"), "192.0.2.7", "a proxy that asks for itself");
        // Nobody else to blame.
        assert_eq!(client("10.1.1.1", "198.51.100.1, unknown, 10.9.9.9"), "10.9.9.9");
        assert_eq!(client("10.1.1.1", "unknown"), "10.1.1.1");
        assert_eq!(client("10.1.1.1", "6.6.6.6, unknown"), "10.1.1.1");
        assert_eq!(client("10.1.1.1", ""), "10.1.1.1");
    }

    #[test]
    fn one_header_is_read_and_not_the_other() {
        let both =
            [("x-forwarded-for", "198.51.100.1"), ("forwarded", "for=198.51.100.2;proto=http")];
        assert_eq!(client_of(ForwardedHeader::XForwardedFor, "10.1.1.1", &both), "198.51.100.1");
        assert_eq!(client_of(ForwardedHeader::Forwarded, "10.1.1.1", &both), "198.51.100.2");
        let value = "for=6.6.6.6, For=\"[2001:db8::5]:4711\";proto=https, for=10.9.9.9";
        assert_eq!(
            client_of(ForwardedHeader::Forwarded, "10.1.1.1", &[("forwarded", value)]),
            "2001:db8::5"
        );
    }

    #[test]
    fn only_what_begins_a_session_opens_a_connection() {
        for (uri, opens) in [
            ("/socket.io/?EIO=4&transport=polling", true),
            ("/socket.io/?EIO=4&transport=websocket&xsid=1", true),
            ("/socket.io/?EIO=4&transport=polling&sid=abc", false),
            ("/api/projects", false),
        ] {
            let request = Request::builder().uri(uri).body(axum::body::Body::empty()).unwrap();
            assert_eq!(opens_connection(&request), opens, "{uri}");
        }
    }
}
