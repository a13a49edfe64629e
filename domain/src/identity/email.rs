//! E-mail addresses (RFC 5321), in the unquoted form that people have.
//!
//! Owns: the canonical form: the domain in lower case, the local part as written.
//! Does not own: whether mail arrives there; that is proven by sending some.

use std::fmt;

use super::sip::is_host;

/// An e-mail address in canonical form.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(String);

/// A text that is not a local part, `@` and a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an e-mail address is a local part of at most 64 bytes, @, and a domain (alice@example.org)")]
pub struct InvalidEmail;

impl Email {
    /// Reads `local@domain`: dot-atom local part (RFC 5322 §3.2.3), a domain of two labels or more.
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidEmail)?;
        let atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
        let local_ok =
            local.len() <= 64 && local.split('.').all(|part| !part.is_empty() && part.bytes().all(atom));
        if !local_ok || !domain.contains('.') || !is_host(domain) {
            return Err(InvalidEmail);
        }
        Ok(Self(format!("{local}@{}", domain.to_ascii_lowercase())))
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Shows that it is an address, never whose: identities do not belong in logs.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Email(…{} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s10_the_domain_is_folded_and_the_local_part_is_kept() {
        assert_eq!(Email::parse("Alice.B+x@Example.ORG").unwrap().to_string(), "Alice.B+x@example.org");
        for wrong in [
            "@example.org",
            "a@b",
            "a..b@example.org",
            "a b@example.org",
            "a@exa_mple.org",
            "a@b@example.org",
        ] {
            assert_eq!(Email::parse(wrong), Err(InvalidEmail), "{wrong}");
        }
    }
}
