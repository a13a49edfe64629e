//! Limits: rates, connections, headers, time (P2, P3, T9, invariant 9).

use std::time::Duration;

use paravox_gateway::{GatewayConfig, RateConfig};
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::server::{ANNA, BEN, Reply, config, soon, start_with};

fn rates(change: impl FnOnce(&mut RateConfig)) -> GatewayConfig {
    let mut config = config();
    change(&mut config.rates);
    config
}

#[tokio::test]
async fn p3_an_address_that_asks_too_often_is_told_when_to_come_back_whatever_it_writes_into_headers() {
    let server = start_with(rates(|rates| {
        rates.per_address_per_s = 1;
        rates.per_address_burst = 5;
    }))
    .await;
    let mut refused = None;
    for n in 0..10 {
        let request = server.request(Method::GET, "/v1/.well-known/jwks.json");
        let request = request
            .header("forwarded", format!("for=192.0.2.{n}"))
            .header("x-forwarded-for", format!("192.0.2.{n}"));
        let reply = Reply::of(request.send().await.unwrap()).await;
        if reply.status == 429 {
            refused = Some(reply);
        }
    }
    let refused = refused.expect("five at once are allowed, not ten");
    assert_eq!(refused.code(), "PVX-4019");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert_eq!(server.get("x", "/livez").await.status, 200, "operators are let in");
}

#[tokio::test]
async fn a_devices_rate_is_its_own() {
    let server = start_with(rates(|rates| {
        rates.per_device_per_s = 1;
        rates.per_device_burst = 3;
    }))
    .await;
    let (anna, ben) = server.two().await;
    let mut last = 0;
    for _ in 0..5 {
        last = server.get(&anna.access, "/v1/me").await.status;
    }
    assert_eq!(last, 429);
    server.get(&ben.access, "/v1/me").await.expect(200);
}

#[tokio::test]
async fn t9_codes_for_one_number_are_limited_alike_for_users_and_others() {
    let server = start_with(rates(|rates| rates.registrations_per_identity_per_hour = 2)).await;
    let ask = async |number: &str| {
        let body = json!({"identity": number, "device": {"name": "x", "kind": "phone"}});
        server.post_as_nobody("/v1/registrations", body).await
    };
    server.phone(ANNA).await;
    ask(ANNA).await.expect(202);
    let user = ask(ANNA).await.expect(429);
    assert_eq!(user.code(), "PVX-4020");
    ask(BEN).await.expect(202);
    ask(BEN).await.expect(202);
    assert_eq!(ask(BEN).await.expect(429).plain(), user.plain());
}

#[tokio::test]
async fn p2_a_connection_that_is_one_too_many_is_told_so() {
    let server = start_with(GatewayConfig { connections_max: 2, ..config() }).await;
    let _first = TcpStream::connect(server.address).await.unwrap();
    let _second = TcpStream::connect(server.address).await.unwrap();
    let mut third = TcpStream::connect(server.address).await.unwrap();
    let mut text = String::new();
    soon("the refusal", third.read_to_string(&mut text)).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 503"), "{text}");
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("Content-Length: {}", body.len())));
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["code"], "PVX-4032");
}

#[tokio::test]
async fn p2_an_address_has_a_limit_of_its_own_and_gives_its_places_back() {
    let server = start_with(GatewayConfig { connections_per_address_max: 1, ..config() }).await;
    let first = TcpStream::connect(server.address).await.unwrap();
    let mut second = TcpStream::connect(server.address).await.unwrap();
    let mut text = String::new();
    soon("the refusal", second.read_to_string(&mut text)).await.unwrap();
    assert!(text.contains("PVX-4032"));
    drop(first);
    soon("a place", async {
        while server.client.get(server.url("/livez")).send().await.is_ok_and(|reply| reply.status() != 200) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn p2_headers_that_come_too_slowly_end_the_connection() {
    let server = start_with(GatewayConfig { header_read_ms_max: 200, ..config() }).await;
    for begun in ["GET /livez HTTP/1.1\r\nhost: x\r\n", "", "P", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut socket = TcpStream::connect(server.address).await.unwrap();
        socket.write_all(begun.as_bytes()).await.unwrap();
        let mut bytes = Vec::new();
        soon("the end", socket.read_to_end(&mut bytes)).await.unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("200 OK"), "{begun:?}");
    }
}

#[tokio::test]
async fn p2_a_body_that_comes_too_slowly_ends_the_request() {
    let server = start_with(GatewayConfig { request_ms_max: 200, ..config() }).await;
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    let head = "POST /v1/registrations HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{";
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut bytes = vec![0; 4_096];
    let read = soon("the refusal", socket.read(&mut bytes)).await.unwrap();
    let text = String::from_utf8_lossy(&bytes[..read]);
    assert!(text.starts_with("HTTP/1.1 408") && text.contains("PVX-4018"), "{text}");
}

#[tokio::test]
async fn p2_too_many_headers_are_refused() {
    let server = start_with(GatewayConfig { headers_max: 20, ..config() }).await;
    let mut request = server.request(Method::GET, "/v1/.well-known/jwks.json");
    for n in 0..40 {
        request = request.header(format!("x-{n}"), "x");
    }
    let status = request.send().await.unwrap().status().as_u16();
    assert_eq!(status, 431);
}

#[tokio::test]
async fn http_2_without_tls_is_spoken() {
    let server = start_with(config()).await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let reply = client.get(server.url("/livez")).send().await.unwrap();
    assert_eq!((reply.version(), reply.status().as_u16()), (reqwest::Version::HTTP_2, 200));
}
