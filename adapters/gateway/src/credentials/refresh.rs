//! Refresh tokens: derived from a device's id and the generation of its credential, stored nowhere.
//!
//! Owns: the form (`pvr1.<key>.<device>.<generation>.<mac>`) and the derivation.
//! Does not own: which generation is current (the domain), so a token that is well made may still be refused there.

use paravox_domain::digest::{Digest, SecretKey};
use paravox_domain::id::{DeviceId, Id as _};

use super::{Credentials, same};

/// The text is not a refresh token of this server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the refresh token is not one that this server gave out")]
pub struct RefreshError;

/// The version of the form, as it stands in front of each token.
const FORM: &str = "pvr1";

fn mac(key: &SecretKey, device: DeviceId, generation: u32) -> Digest {
    let mut input = [0; 20];
    input[..16].copy_from_slice(&device.bits().to_be_bytes());
    input[16..].copy_from_slice(&generation.to_be_bytes());
    Digest::keyed(key, &input)
}

impl Credentials {
    /// The token of this generation.
    pub fn refresh_token(&self, device: DeviceId, generation: u32) -> String {
        let key = self.newest();
        format!("{FORM}.{}.{device}.{generation}.{}", key.kid, mac(&key.refresh, device, generation))
    }

    /// The device and generation that a token names, if it was made here.
    pub fn check_refresh(&self, token: &str) -> Result<(DeviceId, u32), RefreshError> {
        let mut parts = token.split('.');
        let mut next = || parts.next().ok_or(RefreshError);
        let (form, kid, device, generation, presented) = (next()?, next()?, next()?, next()?, next()?);
        if form != FORM || parts.next().is_some() {
            return Err(RefreshError);
        }
        let key = self.key(kid).ok_or(RefreshError)?;
        let device = device.parse().map_err(|_| RefreshError)?;
        let number: u32 = generation.parse().map_err(|_| RefreshError)?;
        let presented: Digest = presented.parse().map_err(|_| RefreshError)?;
        // A number has one text: no sign, no leading zero.
        let written_so = number.to_string() == generation;
        if written_so && same(&mac(&key.refresh, device, number).0, &presented.0) {
            Ok((device, number))
        } else {
            Err(RefreshError)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::CredentialKey;

    fn ring(kids: &[&str]) -> Credentials {
        let keys = kids
            .iter()
            .map(|kid| CredentialKey { kid: (*kid).to_owned(), secret: SecretKey([9; 32]).derive(kid) })
            .collect();
        Credentials::new("i", "a", keys).unwrap()
    }

    #[test]
    fn a_refresh_token_is_the_same_each_time_and_on_each_node() {
        let device = DeviceId::from_bits(77);
        let token = ring(&["k1"]).refresh_token(device, 3);
        assert_eq!(token, ring(&["k1"]).refresh_token(device, 3));
        assert_eq!(ring(&["k1"]).check_refresh(&token), Ok((device, 3)));
        assert_eq!(ring(&["k2", "k1"]).check_refresh(&token), Ok((device, 3)));
        assert_eq!(ring(&["k2"]).check_refresh(&token), Err(RefreshError));
    }

    #[test]
    fn a3_a_refresh_token_cannot_be_bent() {
        let ring = ring(&["k1"]);
        let token = ring.refresh_token(DeviceId::from_bits(77), 3);
        let other = ring.refresh_token(DeviceId::from_bits(78), 3);
        for bent in [
            token.replace(".3.", ".4."),
            token.replace(".3.", ".03."),
            token.replace(".3.", ".+3."),
            token.replace("pvr1", "pvr2"),
            format!("{token}.x"),
            token[..token.len() - 1].to_owned(),
            token.to_uppercase(),
            other.replace(&DeviceId::from_bits(78).to_string(), &DeviceId::from_bits(77).to_string()),
            String::new(),
        ] {
            assert_eq!(ring.check_refresh(&bent), Err(RefreshError), "{bent}");
        }
    }
}
