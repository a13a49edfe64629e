//! Tokens over HTTP: refresh, reuse, revocation, keys (A3).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use paravox_domain::time::Span;
use serde_json::{Value, json};

use crate::server::{ANNA, BEN, start};

#[tokio::test]
async fn a_refresh_token_gives_a_new_pair_and_the_last_answer_can_be_asked_for_again() {
    let server = start().await;
    let anna = server.phone(ANNA).await;
    let body = json!({"refresh_token": anna.refresh});
    let first = server.post_as_nobody("/v1/tokens", body.clone()).await.expect(200);
    assert_ne!(first.body["refresh_token"], anna.refresh);
    assert_eq!(first.header("cache-control"), "no-store");
    let again = server.post_as_nobody("/v1/tokens", body).await.expect(200);
    assert_eq!(again.body["refresh_token"], first.body["refresh_token"], "the answer was lost");
    let access = first.body["access_token"].as_str().unwrap();
    server.get(access, "/v1/me").await.expect(200);
}

#[tokio::test]
async fn a_refresh_token_that_was_replaced_long_ago_puts_the_device_out() {
    let server = start().await;
    let anna = server.phone(ANNA).await;
    let body = json!({"refresh_token": anna.refresh});
    let next = server.post_as_nobody("/v1/tokens", body.clone()).await.expect(200);
    server.world.clock.advance(Span::seconds(61));
    assert_eq!(server.post_as_nobody("/v1/tokens", body).await.expect(401).code(), "PVX-4013");
    let stolen = json!({"refresh_token": next.body["refresh_token"]});
    assert_eq!(server.post_as_nobody("/v1/tokens", stolen).await.expect(401).code(), "PVX-1101");
    assert_eq!(server.get(&anna.access, "/v1/me").await.expect(401).code(), "PVX-1101");
}

#[tokio::test]
async fn a_device_that_was_put_out_neither_reads_nor_writes() {
    let server = start().await;
    let (one, two) = (server.phone(ANNA).await, server.phone(ANNA).await);
    server.get(&two.access, "/v1/me").await.expect(200);
    server.delete(&one.access, &format!("/v1/devices/{}", two.device)).await.expect(204);
    assert_eq!(server.get(&two.access, "/v1/me").await.expect(401).code(), "PVX-1101");
    let reply = server.report(&two, BEN, "calling", "attempt").await.expect(401);
    assert_eq!(reply.code(), "PVX-1101");
    let devices = server.get(&one.access, "/v1/devices").await.expect(200);
    let revoked: Vec<&Value> =
        devices.body["data"].as_array().unwrap().iter().map(|one| &one["revoked"]).collect();
    assert_eq!(revoked, [&Value::Null, &json!("asked")]);
}

#[tokio::test]
async fn a3_tokens_that_are_bent_old_or_somebody_elses_are_refused() {
    let server = start().await;
    let anna = server.phone(ANNA).await;
    let parts: Vec<&str> = anna.access.split('.').collect();
    let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let claims = parts[1];
    for (bad, why) in [
        (format!("{}.{claims}.", encode(r#"{"alg":"none","kid":"k2","typ":"at+jwt"}"#)), "alg none"),
        (
            format!("{}.{claims}.{}", encode(r#"{"alg":"HS256","kid":"k2","typ":"at+jwt"}"#), parts[2]),
            "alg swapped",
        ),
        (
            format!(
                "{}.{claims}.{}",
                encode(r#"{"alg":"EdDSA","kid":"../../etc/passwd","typ":"at+jwt"}"#),
                parts[2]
            ),
            "a path",
        ),
        (
            format!(
                "{}.{claims}.{}",
                encode(r#"{"alg":"EdDSA","kid":"' OR 1=1 --","typ":"at+jwt"}"#),
                parts[2]
            ),
            "SQL",
        ),
        (
            format!("{}.{claims}.{}", encode(r#"{"alg":"EdDSA","kid":"k1","typ":"at+jwt"}"#), parts[2]),
            "another key",
        ),
        (format!("{}.{}.{}", parts[0], encode("{}"), parts[2]), "other claims"),
        (anna.refresh.clone(), "a refresh token"),
        ("pvs_0123456789abcdef0123456789abcdef".to_owned(), "an unknown service key"),
        ("x".to_owned(), "anything"),
    ] {
        let reply = server.get(&bad, "/v1/me").await.expect(401);
        assert_eq!(reply.code(), "PVX-4011", "{why}");
        assert!(reply.header("www-authenticate").starts_with("Bearer"));
    }
    server.world.clock.advance(Span::seconds(900));
    assert_eq!(server.get(&anna.access, "/v1/me").await.expect(401).code(), "PVX-4012");
}

#[tokio::test]
async fn the_public_keys_are_served_and_check_a_token() {
    let server = start().await;
    let anna = server.phone(ANNA).await;
    let keys = server.get("x", "/.well-known/jwks.json").await.expect(200);
    assert_eq!(server.get("x", "/v1/.well-known/jwks.json").await.body, keys.body);
    let key = &keys.body["keys"][0];
    assert_eq!((&key["kid"], &key["kty"], &key["crv"]), (&json!("k2"), &json!("OKP"), &json!("Ed25519")));
    let x: [u8; 32] = URL_SAFE_NO_PAD.decode(key["x"].as_str().unwrap()).unwrap().try_into().unwrap();
    let (signed, signature) = anna.access.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let key = ed25519_dalek::VerifyingKey::from_bytes(&x).unwrap();
    key.verify_strict(signed.as_bytes(), &signature.as_slice().try_into().unwrap()).unwrap();
}
