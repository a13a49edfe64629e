//! Signed tokens in compact form (RFC 7515), with the one algorithm that is spoken here: Ed25519 (RFC 8037).
//!
//! Owns: the three parts and the signature over them.
//! Does not own: what is claimed, nor the choice of a key: the caller looks the name up in its own ring.
//! Invariant: there is nothing to negotiate. A header has `alg`, `kid`, `typ` and nothing else, each once; any other
//! algorithm, any address of a key (`jku`, `x5u`), any key within (`jwk`) is refused (abuse case A3).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};

/// The type of the tokens made here (RFC 9068).
pub(super) const TYPE: &str = "at+jwt";

/// The longest token that is looked at, in bytes.
const TOKEN_BYTES_MAX: usize = 2_048;

/// The header of a token.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header<'a> {
    alg: &'a str,
    kid: &'a str,
    typ: &'a str,
}

/// The parts of a token whose form is right; nothing is verified yet.
pub(super) struct Parts<'a> {
    /// The name of the key.
    pub(super) kid: String,
    /// What is claimed.
    pub(super) claims: Vec<u8>,
    signed: &'a str,
    signature: [u8; 64],
}

/// Signs claims.
pub(super) fn sign(kid: &str, key: &SigningKey, claims: &[u8]) -> String {
    // A key's name needs no escape: its form was checked when the ring was made.
    let header = format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"{TYPE}"}}"#);
    let mut token = BASE64URL.encode(header);
    token.push('.');
    BASE64URL.encode_string(claims, &mut token);
    let signature = key.sign(token.as_bytes());
    token.push('.');
    BASE64URL.encode_string(signature.to_bytes(), &mut token);
    token
}

/// Takes a token apart; `None` for whatever has not the one form.
pub(super) fn parts(token: &str) -> Option<Parts<'_>> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let header = BASE64URL.decode(header).ok()?;
    let header: Header<'_> = serde_json::from_slice(&header).ok()?;
    if header.alg != "EdDSA" || header.typ != TYPE {
        return None;
    }
    let claims = BASE64URL.decode(claims).ok()?;
    let signature = BASE64URL.decode(signature).ok()?.try_into().ok()?;
    Some(Parts { kid: header.kid.to_owned(), claims, signed, signature })
}

impl Parts<'_> {
    /// Whether the signature is this key's. Strict: no key or signature of small order, one encoding only.
    pub(super) fn is_signed_by(&self, key: &VerifyingKey) -> bool {
        key.verify_strict(self.signed.as_bytes(), &Signature::from_bytes(&self.signature)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037, appendix A.4 and A.5.
    #[test]
    fn the_signature_is_that_of_the_standards_example() {
        let secret = BASE64URL.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let key = SigningKey::from_bytes(&secret.try_into().unwrap());
        let signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
        let signature =
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
        assert_eq!(BASE64URL.encode(key.sign(signed.as_bytes()).to_bytes()), signature);
        let signature = BASE64URL.decode(signature).unwrap().try_into().unwrap();
        let parts = Parts { kid: String::new(), claims: Vec::new(), signed, signature };
        assert!(parts.is_signed_by(&key.verifying_key()));
    }

    #[test]
    fn a3_a_header_with_anything_else_is_no_token() {
        let key = SigningKey::from_bytes(&[7; 32]);
        let forged = |header: &str| {
            let signed = format!("{}.{}", BASE64URL.encode(header), BASE64URL.encode("{}"));
            let signature = BASE64URL.encode(key.sign(signed.as_bytes()).to_bytes());
            format!("{signed}.{signature}")
        };
        assert!(parts(&forged(r#"{"alg":"EdDSA","kid":"k","typ":"at+jwt"}"#)).is_some());
        for header in [
            r#"{"alg":"none","kid":"k","typ":"at+jwt"}"#,
            r#"{"alg":"HS256","kid":"k","typ":"at+jwt"}"#,
            r#"{"alg":"ES256","kid":"k","typ":"at+jwt"}"#,
            r#"{"alg":"eddsa","kid":"k","typ":"at+jwt"}"#,
            r#"{"alg":"EdDSA","kid":"k","typ":"JWT"}"#,
            r#"{"alg":"EdDSA","kid":"k"}"#,
            r#"{"alg":"EdDSA","typ":"at+jwt"}"#,
            r#"{"alg":"none","alg":"EdDSA","kid":"k","typ":"at+jwt"}"#,
            r#"{"alg":"EdDSA","kid":"k","typ":"at+jwt","jku":"https://example.org/keys"}"#,
            r#"{"alg":"EdDSA","kid":"k","typ":"at+jwt","x5u":"https://example.org/keys"}"#,
            r#"{"alg":"EdDSA","kid":"k","typ":"at+jwt","jwk":{}}"#,
            r#"{"alg":"EdDSA","kid":"k","typ":"at+jwt","crit":["b64"],"b64":false}"#,
            "[]",
            "",
        ] {
            assert!(parts(&forged(header)).is_none(), "{header}");
        }
        assert!(parts("").is_none());
        assert!(parts("a.b.c").is_none());
        assert!(parts(&"a".repeat(5_000)).is_none());
    }
}
