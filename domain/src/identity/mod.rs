//! Identities: every form of name that a party can have, each in one canonical form (S10).
//!
//! Owns: the forms, their parsing and their canonical text; the keyed look-up key that stands for an identity where its
//! text must not appear.
//! Does not own: whose identity it is (`party`), nor whether a number is withheld (`call::Other`).
//! Invariant: two texts that name the same thing have the same canonical form, and so the same key.

mod e164;
mod email;
mod sip;
mod username;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::e164::{E164, InvalidNumber};
pub use self::email::{Email, InvalidEmail};
pub use self::sip::{InvalidSipUri, SipUri};
pub use self::username::{InvalidUserName, UserName};
use crate::digest::{Digest, SecretKey};
use crate::id::{Id, IdentityKeyText, PartyId};

/// The longest text that is looked at, in bytes. RFC 5321 allows 254 for an address; no form needs more.
pub const IDENTITY_BYTES_MAX: usize = 254;

/// A name of a party, in canonical form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// A telephone number (ITU-T E.164), also when it was written as a tel URI (RFC 3966).
    Number(E164),
    /// A SIP or SIPS address of record (RFC 3261 §19.1).
    Sip(SipUri),
    /// An e-mail address (RFC 5321).
    Email(Email),
    /// A name within this installation: `user:alice`.
    UserName(UserName),
    /// An id that the server allocated.
    Party(PartyId),
}

/// Why a text is no identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIdentity {
    /// Longer than any form allows.
    #[error("an identity has at most {IDENTITY_BYTES_MAX} bytes; this one has {bytes}")]
    TooLong {
        /// The length that was found.
        bytes: usize,
    },
    /// Looks like a telephone number, and is none.
    #[error(transparent)]
    Number(#[from] InvalidNumber),
    /// Begins like a SIP URI, and is none.
    #[error(transparent)]
    Sip(#[from] InvalidSipUri),
    /// Has an @, and is no e-mail address.
    #[error(transparent)]
    Email(#[from] InvalidEmail),
    /// Begins with `user:`, and is no user name.
    #[error(transparent)]
    UserName(#[from] InvalidUserName),
    /// None of the forms.
    #[error(
        "an identity is a number with its country code (+442079460001), a tel, sip or sips URI, an e-mail address, \
         `user:` and a name, or an id that begins with pty_"
    )]
    UnknownForm,
}

impl Identity {
    /// Reads any form.
    pub fn parse(text: &str) -> Result<Self, InvalidIdentity> {
        if text.len() > IDENTITY_BYTES_MAX {
            return Err(InvalidIdentity::TooLong { bytes: text.len() });
        }
        let scheme = text.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
        match scheme.as_deref() {
            Some("tel") => Ok(Self::Number(E164::from_tel_uri(text)?)),
            Some("sip" | "sips") => Ok(Self::Sip(SipUri::parse(text)?)),
            Some("user") => Ok(Self::UserName(UserName::parse(&text["user:".len()..])?)),
            Some(_) => Err(InvalidIdentity::UnknownForm),
            None if text.starts_with("pty_") => {
                text.parse().map(Self::Party).map_err(|_| InvalidIdentity::UnknownForm)
            }
            None if text.contains('@') => Ok(Self::Email(Email::parse(text)?)),
            None if text.starts_with(|c: char| c == '+' || c.is_ascii_digit()) => {
                Ok(Self::Number(E164::parse(text)?))
            }
            None => Err(InvalidIdentity::UnknownForm),
        }
    }

    /// The key under which the directory knows this identity. Keyed, so that nobody who sees a key can try numbers
    /// against it (abuse case A8).
    pub fn key(&self, secret: &SecretKey) -> LookupKey {
        let mut text = [0_u8; IDENTITY_BYTES_MAX + 8];
        let mut cursor = &mut text[..];
        let room = cursor.len();
        // Cannot fail: every canonical form fits. If it ever did, the whole text would still go into the key below.
        if std::io::Write::write_fmt(&mut cursor, format_args!("{self}")).is_ok() {
            let used = room - cursor.len();
            LookupKey(Digest::keyed(secret, &text[..used]).truncated())
        } else {
            LookupKey(Digest::keyed(secret, self.to_string().as_bytes()).truncated())
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Sip(uri) => uri.fmt(f),
            Self::Email(email) => email.fmt(f),
            Self::UserName(name) => write!(f, "user:{name}"),
            Self::Party(party) => party.fmt(f),
        }
    }
}

impl Serialize for Identity {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Identity {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// A keyed digest that stands for an identity in stream names, indices and databases.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LookupKey(pub u128);

impl LookupKey {
    /// The key as an id-like text: 26 base-32 digits behind `idk_`.
    fn as_id(self) -> IdentityKeyText {
        IdentityKeyText::from_bits(self.0)
    }
}

impl fmt::Display for LookupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_id().fmt(f)
    }
}

impl fmt::Debug for LookupKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_id().fmt(f)
    }
}

impl std::str::FromStr for LookupKey {
    type Err = crate::id::InvalidId;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.parse::<IdentityKeyText>()?.bits()))
    }
}

impl Serialize for LookupKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.as_id().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for LookupKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IdentityKeyText::deserialize(deserializer).map(|text| Self(text.bits()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn canonical(text: &str) -> String {
        Identity::parse(text)
            .map_or_else(|error| format!("refused: {error}"), |identity| identity.to_string())
    }

    #[test]
    fn s10_each_form_has_one_canonical_text() {
        assert_eq!(canonical("+442079460001"), "+442079460001");
        assert_eq!(canonical("tel:+44-20-7946-0001"), "+442079460001");
        assert_eq!(canonical("SIP:Alice@Example.ORG"), "sip:Alice@example.org");
        assert_eq!(canonical("Bob@EXAMPLE.org"), "Bob@example.org");
        assert_eq!(canonical("user:Alice"), "user:alice");
    }

    #[test]
    fn s10_what_has_no_form_is_refused_with_the_forms_that_exist() {
        assert!(canonical("alice").contains("country code"));
        assert!(canonical("http://example.org").contains("country code"));
        assert!(canonical(&"9".repeat(300)).contains("at most 254"));
    }

    #[test]
    fn a8_the_key_depends_on_the_secret_and_on_nothing_but_the_canonical_form() {
        let (one, two) = (SecretKey([1; 32]), SecretKey([2; 32]));
        let number = Identity::parse("+442079460001").unwrap();
        let uri = Identity::parse("tel:+442079460001").unwrap();
        assert_eq!(number.key(&one), uri.key(&one));
        assert_ne!(number.key(&one), number.key(&two));
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_the_canonical_text_is_a_fixed_point(text in "\\PC{0,80}") {
            if let Ok(identity) = Identity::parse(&text) {
                prop_assert_eq!(Identity::parse(&identity.to_string()), Ok(identity));
            }
        }

        #[test]
        fn texts_that_look_like_identities_never_panic(text in "(\\+|tel:\\+|sip:|sips:|user:|pty_)?[a-zA-Z0-9@.:;=<>\\-]{0,40}") {
            if let Ok(identity) = Identity::parse(&text) {
                prop_assert_eq!(Identity::parse(&identity.to_string()), Ok(identity));
            }
        }
    }
}
