//! SIP and SIPS addresses of record (RFC 3261 §19.1): `sip:user@host`, with an optional port.
//!
//! Owns: the canonical form: scheme and host in lower case, user as written (RFC 3261 compares it with case).
//! Does not own: parameters and headers. An address of record has none, so a URI with any is refused.

use std::fmt;

/// A SIP or SIPS address of record in canonical form.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SipUri(String);

/// A text that is not `sip:` or `sips:`, a user, `@`, a host and perhaps a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a SIP identity is sip: or sips:, user, @, host, perhaps : and a port; no parameters (sip:alice@example.org)"
)]
pub struct InvalidSipUri;

impl SipUri {
    /// Reads a URI whose scheme is sip or sips.
    pub fn parse(text: &str) -> Result<Self, InvalidSipUri> {
        let (scheme, rest) = text.split_once(':').ok_or(InvalidSipUri)?;
        let scheme = scheme.to_ascii_lowercase();
        let (user, host_port) = rest.split_once('@').ok_or(InvalidSipUri)?;
        let (host, port) = match host_port.split_once(':') {
            Some((host, port)) => (host, Some(port.parse::<u16>().map_err(|_| InvalidSipUri)?)),
            None => (host_port, None),
        };
        let user_ok = !user.is_empty() && user.bytes().all(is_user_byte);
        if !matches!(scheme.as_str(), "sip" | "sips") || !user_ok || !is_host(host) || port == Some(0) {
            return Err(InvalidSipUri);
        }
        let host = host.to_ascii_lowercase();
        Ok(Self(match port {
            Some(port) => format!("{scheme}:{user}@{host}:{port}"),
            None => format!("{scheme}:{user}@{host}"),
        }))
    }
}

/// Unreserved and user-unreserved characters of RFC 3261 §25.1, without the escape.
fn is_user_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.!~*'()&=+$,/".contains(&byte)
}

/// A host name: labels of letters, digits and inner hyphens, 253 bytes at most.
pub(super) fn is_host(host: &str) -> bool {
    host.len() <= 253
        && host.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= 63
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

impl fmt::Display for SipUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Shows that it is a SIP URI, never whose: identities do not belong in logs.
impl fmt::Debug for SipUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SipUri(…{} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s10_scheme_and_host_are_folded_and_the_user_is_kept() {
        assert_eq!(
            SipUri::parse("SIPS:Bob@Pbx.Example.ORG:5061").unwrap().to_string(),
            "sips:Bob@pbx.example.org:5061"
        );
    }

    #[test]
    fn s10_parameters_passwords_and_empty_parts_are_refused() {
        for wrong in [
            "sip:alice@example.org;transport=tcp",
            "sip:alice:pw@example.org",
            "sip:@example.org",
            "sip:alice@",
            "sip:alice@example.org:0",
            "sip:alice@example.org:70000",
            "sip:alice",
            "sip:al ice@example.org",
            "sip:alice@-example.org",
            "sip:alice@exa..mple",
        ] {
            assert_eq!(SipUri::parse(wrong), Err(InvalidSipUri), "{wrong}");
        }
    }
}
