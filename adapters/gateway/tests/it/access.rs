//! Who may see and do what (A1, A2, A5, A6, A7; invariants 7 and 10).

use paravox_gateway::{GatewayConfig, ServiceConfig, Services};
use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{ANNA, BEN, CARL, Reply, config, start, start_with};

/// Every route that names something, with a body that fits.
fn named_routes(call: &str, session: &str, device: &str) -> Vec<(Method, String, Option<Value>)> {
    vec![
        (Method::GET, format!("/v1/calls/{call}"), None),
        (Method::GET, format!("/v1/sessions/{session}"), None),
        (Method::GET, format!("/v1/sessions/{session}/messages"), None),
        (Method::POST, format!("/v1/sessions/{session}/messages"), Some(json!({"text": "hello"}))),
        (Method::POST, format!("/v1/sessions/{session}/join"), None),
        (Method::POST, format!("/v1/sessions/{session}/keep"), Some(json!({"keep": true}))),
        (Method::POST, format!("/v1/sessions/{session}/leave"), None),
        (Method::DELETE, format!("/v1/devices/{device}"), None),
    ]
}

#[tokio::test]
async fn a1_what_is_anothers_looks_as_what_does_not_exist_on_every_route() {
    let server = start().await;
    let (anna, ben) = server.two().await;
    let carl = server.phone(CARL).await;
    let (joined, session) = server.session(&anna, &ben).await;
    let nothing = "01k9vaxr3n0000000000000000";
    let foreign = named_routes(&joined, &session, &anna.device);
    let missing =
        named_routes(&format!("call_{nothing}"), &format!("ses_{nothing}"), &format!("dev_{nothing}"));
    let garbled = named_routes("x", "ses_UPPER", "%ff");
    for ((foreign, missing), garbled) in foreign.into_iter().zip(missing).zip(garbled) {
        let mut replies = Vec::new();
        for (method, path, body) in [&foreign, &missing, &garbled] {
            let mut request = server.request(method.clone(), path).bearer_auth(&carl.access);
            if let Some(body) = body {
                request = request.json(body);
            }
            let reply = Reply::of(request.send().await.unwrap()).await.expect(404);
            assert!(!reply.body["request_id"].as_str().unwrap().is_empty());
            replies.push(reply);
        }
        assert_eq!(replies[0].plain(), replies[1].plain(), "{}", foreign.1);
        assert_eq!(replies[0].plain(), replies[2].plain(), "{}", garbled.1);
        let length = |reply: &Reply| reply.header("content-length").to_owned();
        assert_eq!(length(&replies[0]), length(&replies[1]), "{}", foreign.1);
    }
    for path in ["/v1/calls", "/v1/sessions", "/v1/sessions?open=true"] {
        let list = server.get(&carl.access, path).await.expect(200);
        assert_eq!(list.body, json!({"data": [], "next_cursor": null, "has_more": false}), "{path}");
    }
}

#[tokio::test]
async fn a2_who_left_a_session_or_whose_call_is_over_writes_no_more() {
    let server = start().await;
    let (anna, ben) = server.two().await;
    let (_, session) = server.session(&anna, &ben).await;
    server.report(&anna, BEN, "calling", "ended").await.expect(200);
    let messages = format!("/v1/sessions/{session}/messages");
    for phone in [&anna, &ben] {
        let reply = server.post(&phone.access, &messages, json!({"text": "late"})).await.expect(409);
        assert_eq!(reply.code(), "PVX-1302");
    }
}

#[tokio::test]
async fn a2_a_device_reports_for_no_party_but_its_own() {
    let server = start().await;
    let (anna, _) = server.two().await;
    let body =
        json!({"on_behalf_of": BEN, "other": {"identity": ANNA}, "role": "called", "stage": "alerting"});
    let reply = server.post(&anna.access, "/v1/call-notifications", body).await.expect(403);
    assert_eq!(reply.code(), "PVX-1201");
}

#[tokio::test]
async fn a5_a_body_that_sets_what_is_not_the_clients_to_set_is_refused() {
    let server = start().await;
    let anna = server.phone(ANNA).await;
    let report =
        json!({"on_behalf_of": ANNA, "other": {"identity": BEN}, "role": "calling", "stage": "attempt"});
    for (field, value) in [
        ("party", json!(anna.party)),
        ("call", json!("call_01k9vaxr3n0000000000000000")),
        ("reporter", json!("server")),
        ("verified", json!(true)),
        ("realm", json!("other")),
        ("devices", json!([anna.device])),
    ] {
        let mut body = report.clone();
        body[field] = value;
        let reply = server.post(&anna.access, "/v1/call-notifications", body).await.expect(422);
        assert_eq!(reply.code(), "PVX-4002", "{field}");
        assert!(!reply.body["errors"][0]["detail"].as_str().unwrap().contains(field));
    }
    let mut nested = report.clone();
    nested["other"]["party"] = json!(anna.party);
    let reply = server.post(&anna.access, "/v1/call-notifications", nested).await.expect(422);
    assert_eq!(reply.body["errors"][0]["pointer"], "/other");
    for (path, body) in [
        (
            "/v1/registrations",
            json!({"identity": BEN, "device": {"name": "x", "kind": "phone"}, "verified": true}),
        ),
        (
            "/v1/registrations",
            json!({"identity": BEN, "device": {"name": "x", "kind": "phone", "id": "dev_1"}}),
        ),
        ("/v1/tokens", json!({"refresh_token": anna.refresh, "generation": 7})),
    ] {
        assert_eq!(server.post_as_nobody(path, body).await.expect(422).code(), "PVX-4002", "{path}");
    }
    assert_eq!(server.world.asked("notify"), 0);
}

const KEY: &str = "pvs_0123456789abcdef0123456789abcdef";
const NEXT_KEY: &str = "pvs_fedcba9876543210fedcba9876543210";

fn with_service() -> GatewayConfig {
    let service = ServiceConfig {
        name: "switch".to_owned(),
        key_digests: vec![Services::digest_of(KEY).to_string(), Services::digest_of(NEXT_KEY).to_string()],
        number_prefixes: vec!["+44207946".to_owned()],
        identities: Vec::new(),
    };
    GatewayConfig { services: vec![service], ..config() }
}

#[tokio::test]
async fn i7_a_service_reports_for_the_numbers_that_it_was_given_with_either_key() {
    let server = start_with(with_service()).await;
    let (anna, ben) = server.two().await;
    let body = |whom: &str, other: &str, role: &str| json!({"on_behalf_of": whom, "other": {"identity": other}, "role": role, "stage": "alerting"});
    let first = server.post(KEY, "/v1/call-notifications", body(ANNA, BEN, "calling")).await.expect(200);
    assert_eq!(first.body["outcome"], "waiting");
    assert_eq!(first.body["waiting"], json!({"reason": "no_partner"}));
    let second = server.post(NEXT_KEY, "/v1/call-notifications", body(BEN, ANNA, "called")).await.expect(200);
    assert_eq!(second.body["outcome"], "joined");
    let session = second.body["session"].as_str().unwrap();
    for phone in [&anna, &ben] {
        server.get(&phone.access, &format!("/v1/sessions/{session}")).await.expect(200);
    }
    let foreign =
        server.post(KEY, "/v1/call-notifications", body("+33123456781", ANNA, "calling")).await.expect(403);
    assert_eq!(foreign.code(), "PVX-4015");
}

#[tokio::test]
async fn a6_a_service_key_opens_no_route_of_devices_and_a_token_no_route_beyond() {
    let server = start_with(with_service()).await;
    for path in ["/v1/me", "/v1/devices", "/v1/calls", "/v1/sessions", "/v1/feed?after=0"] {
        assert_eq!(server.get(KEY, path).await.expect(403).code(), "PVX-4014", "{path}");
    }
    assert_eq!(server.post(KEY, "/v1/feed/tickets", json!({})).await.expect(403).code(), "PVX-4014");
    for path in ["/v1/admin", "/v1/commands", "/$JS.API.STREAM.LIST", "/v1/../metrics", "/debug"] {
        assert_eq!(server.get(KEY, path).await.status, if path.contains("..") { 200 } else { 404 }, "{path}");
    }
}

#[tokio::test]
async fn a7_a_token_in_the_query_string_is_no_credential() {
    let server = start().await;
    let anna = server.phone(ANNA).await;
    let ask = async |path: String| Reply::of(server.request(Method::GET, &path).send().await.unwrap()).await;
    for name in ["access_token", "token", "authorization"] {
        let reply = ask(format!("/v1/feed?after=0&{name}={}", anna.access)).await.expect(400);
        assert_eq!(reply.code(), "PVX-4003");
        assert!(!reply.body.to_string().contains(&anna.access));
        assert_eq!(ask(format!("/v1/me?{name}={}", anna.access)).await.expect(401).code(), "PVX-4010");
    }
}

#[tokio::test]
async fn a7_pages_of_foreign_origins_are_let_in_nowhere() {
    let server =
        start_with(GatewayConfig { allowed_origins: vec!["https://app.example.org".to_owned()], ..config() })
            .await;
    let ask = async |origin: &str| {
        let request = server.request(Method::OPTIONS, "/v1/me").header("origin", origin);
        Reply::of(request.header("access-control-request-method", "GET").send().await.unwrap()).await
    };
    assert_eq!(
        ask("https://app.example.org").await.header("access-control-allow-origin"),
        "https://app.example.org"
    );
    for origin in ["https://evil.example.org", "https://app.example.org.evil.example", "null"] {
        assert_eq!(ask(origin).await.header("access-control-allow-origin"), "", "{origin}");
    }
}
