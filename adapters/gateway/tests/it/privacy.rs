//! Numbers, names and tokens stay out of traces and errors (L1).

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::json;

use crate::server::{ANNA, BEN, start};

#[derive(Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Where all tests of this program trace to, from the first use on: what any of them leaks is found.
fn sink() -> Sink {
    static SINK: OnceLock<Sink> = OnceLock::new();
    let install = || {
        let sink = Sink::default();
        let writer = sink.clone();
        let filter = "paravox_gateway=trace,paravox_domain=trace,axum=trace,hyper=trace,hyper_util=trace,tower_http=trace";
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
            .with_writer(move || writer.clone())
            .init();
        sink
    };
    SINK.get_or_init(install).clone()
}

#[tokio::test]
async fn l1_no_number_name_code_or_token_is_traced_or_repeated_in_a_refusal() {
    let sink = sink();
    let server = start().await;
    let (anna, ben) = server.two().await;
    let (_, session) = server.session(&anna, &ben).await;
    let path = format!("/v1/sessions/{session}/messages");
    server.post(&anna.access, &path, json!({"text": "canary-text"})).await.expect(201);
    let mut refusals = Vec::new();
    let report =
        json!({"on_behalf_of": BEN, "other": {"identity": ANNA}, "stage": "canary-stage", "canary-field": 1});
    refusals.push(server.post(&anna.access, "/v1/call-notifications", report).await);
    refusals.push(server.report(&anna, ANNA, "calling", "attempt").await);
    refusals.push(server.get("canary-token", "/v1/me").await);
    refusals.push(server.get(&anna.access, &format!("/v1/calls?cursor={ANNA}")).await);
    refusals.push(server.get(&anna.access, &format!("/v1/calls/{ANNA}")).await);
    for query in
        ["canary=1", "limit=canary", "limit=1&limit=%2B442079460001", "unknown:%20canary=1", "invalid=canary"]
    {
        refusals.push(server.get(&anna.access, &format!("/v1/calls?{query}")).await);
    }
    refusals.push(server.post_text(&anna.access, &path, format!(r#"{{"text": "{ANNA}"#)).await);
    let (id, _) = server.claim(ANNA).await;
    refusals.push(
        server.post_as_nobody(&format!("/v1/registrations/{id}/proof"), json!({"code": "9876543"})).await,
    );
    for reply in &refusals {
        assert!(reply.status >= 400, "{reply:?}");
        for canary in ["2079460001", "2079460002", "canary", "9876543"] {
            assert!(!reply.body.to_string().contains(canary), "{canary}: {:?}", reply.body);
        }
    }
    let traced = String::from_utf8(sink.0.lock().unwrap().clone()).unwrap();
    assert!(traced.contains("request_id=req_"), "something was traced");
    for canary in ["2079460001", "2079460002", "canary", &anna.access, &anna.refresh] {
        assert!(!traced.contains(canary), "{canary}");
    }
}
