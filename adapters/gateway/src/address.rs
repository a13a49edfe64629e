//! Where a request comes from.
//!
//! Owns: the networks of trusted proxies, and what of the `Forwarded` header (RFC 7239) is believed.
//! Invariant: a limit is never keyed on what the client itself wrote (P3): an address in the header counts only if the hop
//! that added it is trusted.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use axum::http::{HeaderMap, header};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A network: an address, and how many of its leading bits count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

/// The text is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a network is an address, or an address, a slash and the number of its leading bits: 10.0.0.0/8, ::1"
)]
pub struct InvalidNetwork;

impl Network {
    /// Whether an address is in the network.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (own, other, width) = match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                (u128::from(own.to_bits()), u128::from(other.to_bits()), 32)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits(), other.to_bits(), 128),
            _ => return false,
        };
        let rest = width - u32::from(self.bits);
        own.checked_shr(rest).unwrap_or(0) == other.checked_shr(rest).unwrap_or(0)
    }
}

impl FromStr for Network {
    type Err = InvalidNetwork;
    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.parse().map_err(|_| InvalidNetwork)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Ok(width), |bits| bits.parse().map_err(|_| InvalidNetwork))?;
        if bits > width { Err(InvalidNetwork) } else { Ok(Self { address, bits }) }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The address that limits count: the peer's, or, through trusted proxies, the last one that none of them is.
pub(crate) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let mut client = peer.to_canonical();
    if trusted.is_empty() {
        return client;
    }
    let trusts = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let values: Vec<&str> =
        headers.get_all(header::FORWARDED).iter().filter_map(|value| value.to_str().ok()).collect();
    // The last hop wrote the last element: read from the end, as long as the writer of each element is trusted.
    for element in values.iter().flat_map(|value| value.split(',')).rev() {
        if !trusts(client) {
            break;
        }
        let Some(address) = forwarded_for(element) else { break };
        client = address.to_canonical();
    }
    client
}

/// The `for=` address of one element; `None` where it is hidden or malformed.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let value = element.split(';').find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then_some(value)
    })?;
    let value = value.trim_matches('"');
    let bracketed = value.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(address, _)| address);
    match bracketed {
        Some(address) => address.parse().ok(),
        None => value.parse().ok().or_else(|| value.parse::<SocketAddr>().ok().map(|socket| socket.ip())),
    }
}

/// What one subscriber has: an IPv4 address, or an IPv6 network of 64 bits.
pub(crate) fn subscriber(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits() >> 64 << 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append(header::FORWARDED, value.parse().unwrap());
        }
        let trusted: Vec<Network> = trusted.iter().map(|text| text.parse().unwrap()).collect();
        client(peer.parse().unwrap(), &headers, &trusted).to_string()
    }

    #[test]
    fn p3_what_a_client_writes_itself_does_not_count() {
        assert_eq!(seen("192.0.2.1", &["for=198.51.100.7"], &[]), "192.0.2.1");
        assert_eq!(seen("192.0.2.1", &["for=198.51.100.7"], &["10.0.0.0/8"]), "192.0.2.1");
        // The client made up the first element; the proxy added the second.
        assert_eq!(seen("10.0.0.1", &["for=203.0.113.9, for=198.51.100.7"], &["10.0.0.0/8"]), "198.51.100.7");
        assert_eq!(
            seen("10.0.0.1", &["for=203.0.113.9", "for=198.51.100.7"], &["10.0.0.0/8"]),
            "198.51.100.7"
        );
        assert_eq!(seen("10.0.0.1", &["for=203.0.113.9, for=10.2.3.4"], &["10.0.0.0/8"]), "203.0.113.9");
        assert_eq!(seen("10.0.0.1", &["for=_hidden"], &["10.0.0.0/8"]), "10.0.0.1");
        assert_eq!(
            seen("10.0.0.1", &[r#"proto=https;For="[2001:db8::1]:4711""#], &["10.0.0.0/8"]),
            "2001:db8::1"
        );
        assert_eq!(seen("::ffff:10.0.0.1", &["for=198.51.100.7:80"], &["10.0.0.0/8"]), "198.51.100.7");
    }

    #[test]
    fn networks_have_one_form() {
        assert!("10.0.0.0/33".parse::<Network>().is_err());
        assert!("::1/129".parse::<Network>().is_err());
        assert!("example.org".parse::<Network>().is_err());
        assert!("0.0.0.0/0".parse::<Network>().unwrap().contains("192.0.2.1".parse().unwrap()));
        assert!(!"0.0.0.0/0".parse::<Network>().unwrap().contains("::1".parse().unwrap()));
        assert_eq!("::1".parse::<Network>().unwrap().to_string(), "::1/128");
    }
}
