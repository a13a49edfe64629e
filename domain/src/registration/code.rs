//! One-time codes: derived from the registration's id under a secret key, so that nothing secret is kept anywhere.
//!
//! Owns: the code of a registration (six digits, as in RFC 4226), and the digest by which a presented one is compared.
//! Does not own: how many tries there are, nor for how long (`decide`).
//! Invariant: the journal holds the keyed digest only; without the key it tells nothing of the code.

use crate::digest::{Digest, SecretKey};
use crate::id::{Id, RegistrationId};

/// The number of digits of a code.
pub const CODE_DIGITS: usize = 6;

/// Makes and compares one-time codes.
#[derive(Clone, Debug)]
pub struct Codes {
    code: SecretKey,
    digest: SecretKey,
}

impl Codes {
    /// Codes under this secret.
    pub fn new(secret: &SecretKey) -> Self {
        Self { code: secret.derive("one-time codes"), digest: secret.derive("digests of one-time codes") }
    }

    /// The code of a registration: six decimal digits.
    pub fn code(&self, registration: RegistrationId) -> String {
        let bits = Digest::keyed(&self.code, &registration.bits().to_be_bytes()).truncated();
        format!("{:06}", bits % 1_000_000)
    }

    /// The digest of a code that somebody presents for a registration. Whatever was presented has one.
    pub fn digest(&self, registration: RegistrationId, presented: &str) -> Digest {
        let mut input = registration.bits().to_be_bytes().to_vec();
        input.extend_from_slice(presented.as_bytes());
        Digest::keyed(&self.digest, &input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s10_a_code_has_six_digits_and_belongs_to_one_registration() {
        let codes = Codes::new(&SecretKey([3; 32]));
        let (one, two) = (RegistrationId::from_bits(1), RegistrationId::from_bits(2));
        let code = codes.code(one);
        assert_eq!(code.len(), CODE_DIGITS);
        assert!(code.bytes().all(|byte| byte.is_ascii_digit()));
        assert_eq!(codes.digest(one, &code), codes.digest(one, &code));
        assert_ne!(codes.digest(one, &code), codes.digest(two, &code));
        assert_ne!(codes.digest(one, &code), codes.digest(one, "000000x"));
    }
}
