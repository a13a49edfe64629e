//! Access tokens: who a device is, signed, for minutes.
//!
//! Owns: the claims and their check.
//! Invariant: issuer, audience, `iat`, `nbf` and `exp` are there and right; no claim is there twice or unknown (A3).
//! Time: the instant comes in with each call.

use paravox_domain::digest::Digest;
use paravox_domain::id::{DeviceId, PartyId};
use paravox_domain::time::{Instant, Span};
use serde::{Deserialize, Serialize};

use super::{Credentials, jws};

/// What an access token proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// The device.
    pub device: DeviceId,
    /// Its party.
    pub party: PartyId,
    /// When the token ceases to be good.
    pub expires: Instant,
}

/// Why an access token is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// It is not one of ours, or was tampered with.
    #[error("the access token is not one that this server gave out")]
    Invalid,
    /// It was good once.
    #[error("the access token has expired: get another one with the refresh token")]
    Expired,
}

/// The claims (RFC 9068), times in whole seconds.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: DeviceId,
    /// The party.
    pty: PartyId,
    iat: i64,
    nbf: i64,
    exp: i64,
}

impl Credentials {
    /// A token for a device, good from `now` for so long.
    pub fn access_token(&self, device: DeviceId, party: PartyId, now: Instant, lifetime: Span) -> String {
        let seconds = now.micros().div_euclid(1_000_000);
        let claims = Claims {
            iss: &self.issuer,
            aud: &self.audience,
            sub: device,
            pty: party,
            iat: seconds,
            nbf: seconds,
            exp: seconds.saturating_add(lifetime.micros() / 1_000_000),
        };
        let key = self.newest();
        // Strings and numbers only: this cannot fail. If it ever did, the token would be refused.
        let claims = serde_json::to_vec(&claims).unwrap_or_default();
        jws::sign(&key.kid, &key.signing, &claims)
    }

    /// Checks a token. `leeway` is how far the clock of the gateway that made it may be ahead.
    pub fn check_access(&self, token: &str, now: Instant, leeway: Span) -> Result<Access, AccessError> {
        let name = Digest::of(token.as_bytes()).0;
        let access = if let Some(access) = self.verified.get(&name) {
            access
        } else {
            let access = self.verify(token, now, leeway)?;
            self.verified.insert(name, access);
            access
        };
        if now >= access.expires { Err(AccessError::Expired) } else { Ok(access) }
    }

    fn verify(&self, token: &str, now: Instant, leeway: Span) -> Result<Access, AccessError> {
        let parts = jws::parts(token).ok_or(AccessError::Invalid)?;
        let key = self.key(&parts.kid).ok_or(AccessError::Invalid)?;
        if !parts.is_signed_by(&key.verifying) {
            return Err(AccessError::Invalid);
        }
        let claims: Claims<'_> = serde_json::from_slice(&parts.claims).map_err(|_| AccessError::Invalid)?;
        let second = |seconds: i64| Instant(seconds.saturating_mul(1_000_000));
        let from = second(claims.nbf.max(claims.iat));
        let ordered = claims.iat <= claims.exp && claims.nbf <= claims.exp;
        if claims.iss != self.issuer || claims.aud != self.audience || !ordered || from > now + leeway {
            return Err(AccessError::Invalid);
        }
        Ok(Access { device: claims.sub, party: claims.pty, expires: second(claims.exp) })
    }
}

#[cfg(test)]
mod tests {
    use paravox_domain::digest::SecretKey;
    use paravox_domain::id::Id as _;

    use super::*;
    use crate::credentials::CredentialKey;

    const NOW: Instant = Instant(1_795_446_000_000_000);
    const LEEWAY: Span = Span::seconds(5);

    fn ring(kids: &[&str]) -> Credentials {
        let keys = kids
            .iter()
            .map(|kid| CredentialKey { kid: (*kid).to_owned(), secret: SecretKey([9; 32]).derive(kid) })
            .collect();
        Credentials::new("paravox:test", "paravox", keys).unwrap()
    }

    fn token(ring: &Credentials) -> String {
        ring.access_token(DeviceId::from_bits(1), PartyId::from_bits(2), NOW, Span::seconds(900))
    }

    fn signed(ring: &Credentials, claims: &str) -> Result<Access, AccessError> {
        let key = ring.newest();
        ring.check_access(&jws::sign(&key.kid, &key.signing, claims.as_bytes()), NOW, LEEWAY)
    }

    #[test]
    fn a_token_is_good_until_the_instant_of_its_expiry() {
        let ring = ring(&["k1"]);
        let token = token(&ring);
        let access = ring.check_access(&token, NOW, LEEWAY).unwrap();
        assert_eq!((access.device, access.party), (DeviceId::from_bits(1), PartyId::from_bits(2)));
        assert_eq!(access.expires, NOW + Span::seconds(900));
        assert!(ring.check_access(&token, NOW + Span::millis(899_999), LEEWAY).is_ok());
        assert_eq!(ring.check_access(&token, NOW + Span::seconds(900), LEEWAY), Err(AccessError::Expired));
    }

    #[test]
    fn a_key_that_is_replaced_is_known_until_it_is_taken_out() {
        let old = token(&ring(&["k1"]));
        assert!(ring(&["k2", "k1"]).check_access(&old, NOW, LEEWAY).is_ok());
        assert_eq!(ring(&["k2"]).check_access(&old, NOW, LEEWAY), Err(AccessError::Invalid));
        assert_eq!(ring(&["k1x", "k2"]).check_access(&old, NOW, LEEWAY), Err(AccessError::Invalid));
    }

    #[test]
    fn a3_no_part_of_a_token_can_be_changed() {
        let ring = ring(&["k1"]);
        let good = token(&ring);
        for at in (0..good.len()).step_by(5) {
            let mut bytes = good.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let bad = String::from_utf8(bytes).unwrap();
            assert_eq!(ring.check_access(&bad, NOW, LEEWAY), Err(AccessError::Invalid), "byte {at}");
        }
    }

    #[test]
    fn a3_claims_that_are_missing_wrong_twice_or_unknown_are_refused() {
        let ring = ring(&["k1"]);
        let (device, party) = (DeviceId::from_bits(1), PartyId::from_bits(2));
        let s = NOW.micros() / 1_000_000;
        let good = format!(
            r#"{{"iss":"paravox:test","aud":"paravox","sub":"{device}","pty":"{party}","iat":{s},"nbf":{s},"exp":{}}}"#,
            s + 900
        );
        assert!(signed(&ring, &good).is_ok());
        let changed = [
            good.replace("paravox:test", "paravox:other"),
            good.replace(r#""aud":"paravox","#, ""),
            good.replace(r#""iss":"paravox:test","#, ""),
            good.replace(r#""aud":"paravox""#, r#""aud":["paravox"]"#),
            good.replace(r#""aud":"paravox""#, r#""aud":"other""#),
            good.replace(r#""aud""#, r#""aud":"paravox","aud""#),
            good.replace(r#""sub""#, r#""role":"operator","sub""#),
            good.replace(&format!(r#""nbf":{s},"#), ""),
            good.replace(&format!(r#""iat":{s},"#), ""),
            good.replace(&format!(r#","exp":{}"#, s + 900), ""),
            good.replace(&format!(r#""nbf":{s}"#), &format!(r#""nbf":{}"#, s + 60)),
            good.replace(&format!(r#""iat":{s}"#), &format!(r#""iat":{}"#, s + 60)),
            good.replace(&format!(r#""exp":{}"#, s + 900), r#""exp":1e400"#),
            good.replace(&device.to_string(), &party.to_string()),
        ];
        for claims in changed {
            assert_eq!(signed(&ring, &claims), Err(AccessError::Invalid), "{claims}");
        }
        let expired = good.replace(&s.to_string(), &(s - 2_000).to_string());
        assert_eq!(
            signed(&ring, &expired.replace(&(s + 900).to_string(), &(s - 1_000).to_string())),
            Err(AccessError::Expired)
        );
    }
}
