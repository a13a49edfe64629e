//! The web service for messages, over a real socket.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use paravox_domain::identity::E164;
use paravox_domain::ports::{Sms as _, SmsError};
use paravox_sms::{WebhookConfig, WebhookError, WebhookSms};
use serde_json::{Value, json};

type Seen = Arc<Mutex<Vec<(Option<String>, Option<String>, Value)>>>;

async fn take(State(seen): State<Seen>, headers: HeaderMap, Json(body): Json<Value>) -> StatusCode {
    let header =
        |name| headers.get(name).map(|value: &axum::http::HeaderValue| value.to_str().unwrap().to_owned());
    let status = if body["text"] == "refuse" {
        StatusCode::UNPROCESSABLE_ENTITY
    } else if body["text"] == "later" {
        StatusCode::SERVICE_UNAVAILABLE
    } else if body["text"] == "hang" {
        std::future::pending().await
    } else {
        StatusCode::ACCEPTED
    };
    seen.lock().unwrap().push((header("idempotency-key"), header("authorization"), body));
    status
}

async fn service() -> (String, Seen) {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let seen = Seen::default();
    let router = Router::new().route("/messages", post(take)).with_state(Arc::clone(&seen));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/messages", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, seen)
}

fn number() -> E164 {
    E164::parse("+442079460001").unwrap()
}

#[tokio::test]
async fn s10_a_message_is_posted_with_its_key_and_token() {
    let (url, seen) = service().await;
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    std::fs::write(&token_file, "secret\n").unwrap();
    let config = WebhookConfig { url, token_file: Some(token_file), timeout_ms: 5_000 };
    let sms = WebhookSms::new(&config).unwrap();
    sms.send("reg_1", number(), "Your code is 123456.").await.unwrap();
    let seen = seen.lock().unwrap();
    let (key, token, body) = &seen[0];
    assert_eq!(key.as_deref(), Some("reg_1"));
    assert_eq!(token.as_deref(), Some("Bearer secret"));
    assert_eq!(*body, json!({"to": "+442079460001", "text": "Your code is 123456."}));
}

#[tokio::test]
async fn l1_an_error_tells_whether_to_try_again_and_holds_no_number() {
    let (url, _) = service().await;
    let config = |url: &str| WebhookConfig { url: url.to_owned(), token_file: None, timeout_ms: 300 };
    let sms = WebhookSms::new(&config(&url)).unwrap();
    let refused = sms.send("k", number(), "refuse").await.unwrap_err();
    assert!(matches!(refused, SmsError::Refused { .. }));
    let later = sms.send("k", number(), "later").await.unwrap_err();
    assert!(matches!(later, SmsError::Unavailable(_)));
    let hung = tokio::time::timeout(Duration::from_secs(10), sms.send("k", number(), "hang")).await;
    let hung = hung.expect("the limit of the client ends it").unwrap_err();
    assert!(matches!(hung, SmsError::Unavailable(_)));
    let nobody = WebhookSms::new(&config("http://127.0.0.1:1/?token=secret")).unwrap();
    let nobody = nobody.send("k", number(), "x").await.unwrap_err();
    for error in [refused, later, hung, nobody] {
        let text = format!("{error} {error:?}");
        assert!(!text.contains("2079460001") && !text.contains("secret"), "{text}");
    }
}

#[tokio::test]
async fn what_is_configured_wrongly_is_told_at_the_start() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let config = |url: &str, token: Option<&str>| WebhookConfig {
        url: url.to_owned(),
        token_file: token.map(Into::into),
        timeout_ms: 1_000,
    };
    for url in ["", "sms.example.org", "file:///etc/passwd"] {
        assert!(matches!(WebhookSms::new(&config(url, None)), Err(WebhookError::Url { .. })), "{url}");
    }
    let missing = WebhookSms::new(&config("https://sms.example.org", Some("/nowhere/token")));
    assert!(matches!(missing, Err(WebhookError::Token { .. })));
}
