//! `Idempotency-Key` (invariant 5).

use serde_json::json;

use crate::server::{ANNA, BEN, start};

#[tokio::test]
async fn i5_the_same_key_and_body_get_the_first_answer_again() {
    let server = start().await;
    let (anna, ben) = server.two().await;
    let (_, session) = server.session(&anna, &ben).await;
    let path = format!("/v1/sessions/{session}/messages");
    let first = server.keyed(Some(&anna.access), &path, "k1", json!({"text": "once"})).await.expect(201);
    assert_eq!(first.header("idempotency-replayed"), "");
    // The same body, written differently.
    let request = server
        .request(reqwest::Method::POST, &path)
        .bearer_auth(&anna.access)
        .header("idempotency-key", "k1");
    let request = request.header("content-type", "application/json").body("{ \"text\" : \"on\\u0063e\" }");
    let again = crate::server::Reply::of(request.send().await.unwrap()).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(
        (&again.body, again.header("paravox-position")),
        (&first.body, first.header("paravox-position"))
    );
    let other = server.keyed(Some(&anna.access), &path, "k1", json!({"text": "twice"})).await.expect(422);
    assert_eq!(other.code(), "PVX-4022");
    let messages = server.get(&anna.access, &path).await.expect(200);
    assert_eq!(messages.body["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn i5_a_key_holds_for_one_caller_and_one_route() {
    let server = start().await;
    let (anna, ben) = server.two().await;
    let (_, session) = server.session(&anna, &ben).await;
    let path = |what: &str| format!("/v1/sessions/{session}/{what}");
    let text = json!({"text": "hello"});
    let one = server.keyed(Some(&anna.access), &path("messages"), "k", text.clone()).await.expect(201);
    let two = server.keyed(Some(&ben.access), &path("messages"), "k", text).await.expect(201);
    assert_eq!((&one.body["number"], &two.body["number"]), (&json!(1), &json!(2)));
    server.keyed(Some(&anna.access), &path("keep"), "k", json!({"keep": true})).await.expect(204);
}

#[tokio::test]
async fn i5_a_registration_and_its_proof_can_be_repeated() {
    let server = start().await;
    let body = json!({"identity": ANNA, "device": {"name": "x", "kind": "phone"}});
    let first = server.keyed(None, "/v1/registrations", "k", body.clone()).await.expect(202);
    let again = server.keyed(None, "/v1/registrations", "k", body).await.expect(202);
    assert_eq!(first.body, again.body);
    let id = first.body["registration"].as_str().unwrap();
    let code = json!({"code": crate::server::codes().code(id.parse().unwrap())});
    let path = format!("/v1/registrations/{id}/proof");
    let proven = server.keyed(None, &path, "p", code.clone()).await.expect(201);
    let again = server.keyed(None, &path, "p", code).await.expect(201);
    for field in ["party", "device", "refresh_token"] {
        assert_eq!(proven.body[field], again.body[field]);
    }
    let body = json!({"identity": BEN, "device": {"name": "x", "kind": "phone"}});
    let other = server.keyed(None, "/v1/registrations", "k", body).await.expect(202);
    assert_ne!(other.body["registration"], first.body["registration"], "somebody else's key");
}

#[tokio::test]
async fn a_request_refused_for_its_form_or_by_the_domain_is_not_remembered() {
    let server = start().await;
    let (anna, ben) = server.two().await;
    let (_, session) = server.session(&anna, &ben).await;
    let path = format!("/v1/sessions/{session}/messages");
    server.keyed(Some(&anna.access), &path, "k", json!({"txt": "x"})).await.expect(422);
    server.keyed(Some(&anna.access), &path, "k", json!({"text": ""})).await.expect(422);
    let sent = server.keyed(Some(&anna.access), &path, "k", json!({"text": "x"})).await.expect(201);
    assert_eq!(sent.header("idempotency-replayed"), "");
}

#[tokio::test]
async fn a_key_that_is_none_is_refused() {
    let server = start().await;
    let body = json!({"identity": ANNA, "device": {"name": "x", "kind": "phone"}});
    for key in ["", &"k".repeat(256)] {
        let reply = server.keyed(None, "/v1/registrations", key, body.clone()).await.expect(400);
        assert_eq!(reply.code(), "PVX-4004");
    }
    server.keyed(None, "/v1/registrations", &"k".repeat(255), body).await.expect(202);
}
