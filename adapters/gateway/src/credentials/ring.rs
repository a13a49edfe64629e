//! The ring of keys under which credentials are made and known again.
//!
//! Owns: which keys there are, which of them makes new credentials, the public halves (RFC 7517, RFC 8037).
//! Does not own: where the secrets are kept.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ed25519_dalek::{SigningKey, VerifyingKey};
use paravox_domain::digest::SecretKey;
use serde::Serialize;

use super::Access;
use crate::bounded::Bounded;

/// Verified tokens that are remembered, so that a signature is checked once for each token and not for each request.
const REMEMBERED_MAX: usize = 65_536;

/// A secret with a name.
#[derive(Clone, Debug)]
pub struct CredentialKey {
    /// Its name: 1 to 32 of a-z, 0-9, `-`. It stands in every credential made under it.
    pub kid: String,
    /// The secret.
    pub secret: SecretKey,
}

/// Why there can be no ring of these keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// There is no key.
    #[error("there must be at least one key for credentials")]
    NoKey,
    /// A name is not as it must be.
    #[error("`{kid}` is no name for a key: 1 to 32 of a-z, 0-9 and -")]
    BadName {
        /// The name.
        kid: String,
    },
    /// Two keys have one name.
    #[error("two keys are named `{kid}`")]
    SameName {
        /// The name.
        kid: String,
    },
}

/// One key, with all that is derived from it.
pub(super) struct Key {
    pub(super) kid: String,
    pub(super) signing: SigningKey,
    pub(super) verifying: VerifyingKey,
    pub(super) refresh: SecretKey,
    pub(super) tickets: SecretKey,
}

/// Makes credentials, and knows them again.
pub struct Credentials {
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) keys: Vec<Key>,
    pub(super) verified: Bounded<[u8; 32], Access>,
}

/// Shows the names of the keys only.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kids: Vec<_> = self.keys.iter().map(|key| key.kid.as_str()).collect();
        f.debug_struct("Credentials")
            .field("issuer", &self.issuer)
            .field("kids", &kids)
            .finish_non_exhaustive()
    }
}

/// A public key (RFC 8037).
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PublicKey {
    /// The kind of key: an octet key pair.
    #[schema(example = "OKP")]
    kty: &'static str,
    /// The curve.
    #[schema(example = "Ed25519")]
    crv: &'static str,
    /// The algorithm.
    #[schema(example = "EdDSA")]
    alg: &'static str,
    /// What it is for: signatures.
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    usage: &'static str,
    /// Its name.
    kid: String,
    /// The key, in base64url.
    x: String,
}

impl Credentials {
    /// A ring of keys. The first one makes what is new; all of them are known. `issuer` and `audience` stand in every
    /// access token, and are checked.
    pub fn new(
        issuer: impl Into<String>,
        audience: impl Into<String>,
        keys: Vec<CredentialKey>,
    ) -> Result<Self, CredentialsError> {
        let mut ring: Vec<Key> = Vec::with_capacity(keys.len());
        for CredentialKey { kid, secret } in keys {
            let fits = (1..=32).contains(&kid.len())
                && kid.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
            if !fits {
                return Err(CredentialsError::BadName { kid });
            }
            if ring.iter().any(|key| key.kid == kid) {
                return Err(CredentialsError::SameName { kid });
            }
            let signing = SigningKey::from_bytes(&secret.derive("access tokens").0);
            let verifying = signing.verifying_key();
            let (refresh, tickets) = (secret.derive("refresh tokens"), secret.derive("feed tickets"));
            ring.push(Key { kid, signing, verifying, refresh, tickets });
        }
        if ring.is_empty() {
            return Err(CredentialsError::NoKey);
        }
        let verified = Bounded::new(REMEMBERED_MAX);
        Ok(Self { issuer: issuer.into(), audience: audience.into(), keys: ring, verified })
    }

    /// The key that makes what is new. The constructor has seen that there is one.
    pub(super) fn newest(&self) -> &Key {
        &self.keys[0]
    }

    /// The key of this name.
    pub(super) fn key(&self, kid: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.kid == kid)
    }

    /// The public halves.
    pub(crate) fn public_keys(&self) -> Vec<PublicKey> {
        self.keys
            .iter()
            .map(|key| PublicKey {
                kty: "OKP",
                crv: "Ed25519",
                alg: "EdDSA",
                usage: "sig",
                kid: key.kid.clone(),
                x: BASE64URL.encode(key.verifying.as_bytes()),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kid: &str) -> CredentialKey {
        CredentialKey { kid: kid.to_owned(), secret: SecretKey([1; 32]) }
    }

    #[test]
    fn a3_a_keys_name_holds_neither_path_nor_query() {
        for wrong in ["", "../a", "a'--", "A", "a.b", &"a".repeat(33)] {
            assert!(Credentials::new("i", "a", vec![key(wrong)]).is_err(), "{wrong}");
        }
        assert_eq!(Credentials::new("i", "a", Vec::new()).unwrap_err(), CredentialsError::NoKey);
        let twice = Credentials::new("i", "a", vec![key("k1"), key("k1")]);
        assert_eq!(twice.unwrap_err(), CredentialsError::SameName { kid: "k1".to_owned() });
    }

    #[test]
    fn l1_a_rings_debug_form_shows_names_only() {
        let ring = Credentials::new("i", "a", vec![key("k1")]).unwrap();
        assert_eq!(format!("{ring:?}"), r#"Credentials { issuer: "i", kids: ["k1"], .. }"#);
    }
}
