//! What operators see, and the end of the server.

use std::sync::atomic::Ordering;

use paravox_gateway::GatewayConfig;
use serde_json::json;

use crate::server::{config, soon, start, start_with};

#[tokio::test]
async fn readiness_names_each_dependency_with_its_reason() {
    let server = start().await;
    server.get("x", "/livez").await.expect(200);
    let ready = server.get("x", "/readyz").await.expect(200);
    assert_eq!(ready.body["status"], "ready");
    server.health.0.store(false, Ordering::SeqCst);
    let away = server.get("x", "/readyz").await.expect(503);
    assert_eq!(
        away.body["dependencies"][1],
        json!({"name": "postgres", "ready": false, "reason": "no route to it"})
    );
    let metrics = server.get("x", "/metrics").await.expect(200);
    assert_eq!(metrics.body, json!("paravox_up 1\n"));
}

#[tokio::test]
async fn a6_operators_routes_can_be_kept_off_the_address_of_devices() {
    let server = start_with(GatewayConfig { operator_routes: false, ..config() }).await;
    for path in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(server.get("x", path).await.expect(404).code(), "PVX-4005");
    }
}

#[tokio::test]
async fn the_server_ends_when_it_is_told_to() {
    let mut server = start().await;
    server.get("x", "/livez").await.expect(200);
    server.stop.cancel();
    soon("the end", server.serving.take().unwrap()).await.unwrap();
    assert!(server.client.get(server.url("/livez")).send().await.is_err());
}
