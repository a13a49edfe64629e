//! The form of requests and refusals (P1, conventions).

use std::sync::atomic::Ordering;

use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{ANNA, Reply, config, start, start_with};

const PATH: &str = "/v1/registrations";

#[tokio::test]
async fn every_refusal_is_a_problem_document_with_the_requests_id() {
    let server = start().await;
    let anna = server.phone(ANNA).await;
    let requests = [
        (server.request(Method::GET, "/nowhere"), 404, "PVX-4005"),
        (server.request(Method::PUT, "/v1/me"), 405, "PVX-4006"),
        (server.request(Method::GET, "/v1/me"), 401, "PVX-4010"),
        (server.request(Method::POST, PATH).body("x"), 415, "PVX-4008"),
        (server.request(Method::GET, "/v1/calls?limit=0").bearer_auth(&anna.access), 400, "PVX-4003"),
        (server.request(Method::GET, "/v1/calls?limit=1&limit=2").bearer_auth(&anna.access), 400, "PVX-4003"),
        (server.request(Method::GET, "/v1/calls?since=now").bearer_auth(&anna.access), 400, "PVX-4003"),
        (server.request(Method::GET, "/v1/calls?cursor=AAAA").bearer_auth(&anna.access), 400, "PVX-4003"),
        (server.request(Method::GET, "/v1/sessions?open=maybe").bearer_auth(&anna.access), 400, "PVX-4003"),
    ];
    for (request, status, code) in requests {
        let reply = Reply::of(request.send().await.unwrap()).await.expect(status);
        assert_eq!(reply.header("content-type"), "application/problem+json");
        assert_eq!(reply.code(), code);
        assert_eq!(reply.body["type"], format!("urn:paravox:problem:{code}"));
        assert_eq!(reply.body["status"], status);
        assert_eq!(reply.body["request_id"], reply.header("x-request-id"));
        assert!(reply.body["request_id"].as_str().unwrap().starts_with("req_"));
        for field in ["title", "detail", "retryable", "errors"] {
            assert!(!reply.body[field].is_null(), "{code}: {field}");
        }
        if status == 405 {
            assert_eq!(reply.header("allow"), "GET,HEAD");
        }
    }
}

#[tokio::test]
async fn p1_json_that_is_deep_double_broken_or_out_of_range_is_refused() {
    let server = start().await;
    let deep = format!(r#"{{"identity":{}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    for (body, status) in [
        ("", 400),
        ("{", 400),
        ("null", 422),
        ("[]", 422),
        (r#"{"identity":1e400}"#, 400),
        (r#"{"identity":"\ud800"}"#, 400),
        (
            r#"{"identity":"+442079460001","identity":"+442079460002","device":{"name":"x","kind":"phone"}}"#,
            422,
        ),
        (r#"{"identity":"+442079460001","device":{"name":"x","kind":"phone"}} {}"#, 400),
        (r#"{"identity":"+442079460001","device":{"name":"x","name":"y","kind":"phone"}}"#, 422),
        (r#"{"identity":"+442079460001","device":{"name":"","kind":"phone"}}"#, 422),
        (r#"{"identity":"+442079460001","device":{"name":"a\u0000b","kind":"phone"}}"#, 422),
        (deep.as_str(), 422),
    ] {
        let request = server.request(Method::POST, PATH).header("content-type", "application/json");
        let reply = Reply::of(request.body(body.to_owned()).send().await.unwrap()).await;
        assert_eq!(reply.status, status, "{body:.60}: {:?}", reply.body);
    }
    let broken = server.request(Method::POST, PATH).header("content-type", "application/json");
    let reply = Reply::of(broken.body(vec![b'"', 0xff, b'"']).send().await.unwrap()).await;
    assert!(reply.status == 400 || reply.status == 422);
    assert_eq!(server.world.asked("start"), 0);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_cut_off_whether_its_length_is_told_or_not() {
    let server = start_with(paravox_gateway::GatewayConfig { body_bytes_max: 1_000, ..config() }).await;
    let text = json!({"identity": "x".repeat(2_000)}).to_string();
    let told =
        server.request(Method::POST, PATH).header("content-type", "application/json").body(text.clone());
    assert_eq!(Reply::of(told.send().await.unwrap()).await.expect(413).code(), "PVX-4007");
    let chunks = text
        .into_bytes()
        .chunks(100)
        .map(|chunk| Ok::<_, std::io::Error>(chunk.to_vec()))
        .collect::<Vec<_>>();
    let stream = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    let untold = server.request(Method::POST, PATH).header("content-type", "application/json").body(stream);
    assert_eq!(Reply::of(untold.send().await.unwrap()).await.expect(413).code(), "PVX-4007");
}

#[tokio::test]
async fn a_writer_that_is_away_is_told_with_a_time_to_come_back() {
    let server = start().await;
    server.world.no_writer.store(true, Ordering::SeqCst);
    let body = json!({"identity": ANNA, "device": {"name": "x", "kind": "phone"}});
    let reply = server.post_as_nobody(PATH, body).await.expect(503);
    assert_eq!(
        (reply.code(), reply.header("retry-after"), &reply.body["retryable"]),
        ("PVX-4025", "2", &Value::Bool(true))
    );
}

#[tokio::test]
async fn every_answer_carries_its_requests_id_and_each_has_its_own() {
    let server = start().await;
    let one = server.get("x", "/livez").await;
    let two = server.get("x", "/livez").await;
    assert!(one.header("x-request-id").starts_with("req_"));
    assert_ne!(one.header("x-request-id"), two.header("x-request-id"));
}
